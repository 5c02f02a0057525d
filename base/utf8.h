// UTF-8, judged byte by byte: for text that came from a file or a peer and is shown to people or
// put into JSON. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace atl {

// How long the sequence at the front of `text` (not empty) is; 0: it is no UTF-8, or a control
// character other than tab and line ends.
size_t TextSequenceLength(std::string_view text);
// Whether all of it is such text.
bool IsText(std::string_view text);
// Each byte that is not part of such text becomes U+FFFD.
std::string ReplaceBadText(std::string_view text);

}  // namespace atl
