// Nodes of recurrent layers.
#pragma once

#include "ranvier/nodes.hpp"
#include "ranvier/rnn.hpp"

namespace ranvier {

// One direction of a recurrent layer. params, in this order: kernel [F, G U], recurrent kernel
// [U, G U], bias if there is one, and if `batch` > 0 (stateful) the states [batch, U], h and then
// c, which each pass begins with and leaves behind.
struct RnnPart {
    RnnSpec spec;
    index_t batch = 0;
};

// inputs: x [B, T, F] and, if there is one, the mask [B, T].
template <class T>
NodePtr<T> make_rnn(const RnnPart& part, std::uint64_t seed);

enum class Merge : int { concat, sum, ave, mul };

// Two directions over one x; the second one's output is turned round in time. params: the first's,
// then the second's.
template <class T>
NodePtr<T> make_bidirectional(const RnnPart& first, const RnnPart& second, Merge merge,
                              std::uint64_t seed);

}  // namespace ranvier
