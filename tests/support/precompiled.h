// Precompiled for the unit tests: what the libraries have, and Catch.
#pragma once

#include <catch2/catch.hpp>

#include "runtime/asio/precompiled.h"

// base/check.h has a macro of that name; tests use REQUIRE.
#undef CHECK
