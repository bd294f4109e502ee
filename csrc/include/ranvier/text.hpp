// Messages of errors, put together without a temporary string for each piece: with the code that
// destroys those on every way out, messages were 2 % of the extension.
#pragma once

#include <string>
#include <string_view>

namespace ranvier {

// throw std::invalid_argument(Text("expected ") + wanted + "; got " + to_string(shape));
class Text {
  public:
    explicit Text(std::string_view first);
    operator const std::string&() const { return text_; }
    void add(std::string_view piece);

  private:
    std::string text_;
};

Text&& operator+(Text&& text, std::string_view piece);
Text&& operator+(Text&& text, const char* piece);
Text&& operator+(Text&& text, const std::string& piece);
Text&& operator+(Text&& text, char piece);

}  // namespace ranvier
