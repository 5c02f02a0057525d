// What standard output is. Colour only where a person looks, and never against NO_COLOR.
#pragma once

namespace atl::cli {

bool OutputIsTerminal();
// A terminal that takes colours, and NO_COLOR (https://no-color.org) is unset or empty.
bool UseColour();

}  // namespace atl::cli
