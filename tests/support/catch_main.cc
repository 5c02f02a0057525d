// The one main of all Catch2 binaries; compiled once because Catch2's implementation is heavy.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
