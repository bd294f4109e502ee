// Messages of errors.
#include "ranvier/text.hpp"

#include <utility>

namespace ranvier {

Text::Text(std::string_view first) : text_(first) {}
void Text::add(std::string_view piece) { text_ += piece; }

Text&& operator+(Text&& text, std::string_view piece) {
    text.add(piece);
    return std::move(text);
}
Text&& operator+(Text&& text, const char* piece) {
    return std::move(text) + std::string_view(piece);
}
Text&& operator+(Text&& text, const std::string& piece) {
    return std::move(text) + std::string_view(piece);
}
Text&& operator+(Text&& text, char piece) { return std::move(text) + std::string_view(&piece, 1); }

}  // namespace ranvier
