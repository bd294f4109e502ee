// Depthwise with more than one output a channel: as many copies of the channel, each with one.
#pragma once

#include "ranvier/conv.hpp"

namespace ranvier {

inline bool repeats_channels(const ConvShape& s) {
    return s.groups > 1 && s.groups == s.c && s.co > s.c;
}

template <class T>
void repeated_forward(const ConvShape& s, const T* x, const T* w, const T* bias, Act act,
                      const ActParams& p, T* y, T* pre);
template <class T>
void repeated_backward(const ConvShape& s, const ConvBackward<T>& b);
template <class T>
void repeated_transpose(const ConvShape& s, const T* y, const T* w, const T* bias, T* x);

}  // namespace ranvier
