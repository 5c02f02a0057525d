#!/usr/bin/env python3
"""Proves that tidy finds what it should, and only that: each violation is planted in a house of its
own and must be found with its rule, file and line."""
import os
import sys
import tempfile
import unittest

from cpp_text import functions, split_text
from tidy import violations

CLEAN = {
    "base/CMakeLists.txt": "atoll_library(atoll_base . DEPS fmt::fmt)\n",
    "runtime/CMakeLists.txt": "atoll_library(atoll_runtime . PCH DEPS atoll_base)\n",
    "kafka/CMakeLists.txt": "atoll_library(atoll_kafka_wire wire DEPS atoll_base)\n"
                            "atoll_library(atoll_kafka_client client DEPS atoll_runtime\n"
                            "  atoll_kafka_wire)\n",
    "checkpoint/CMakeLists.txt": "atoll_library(atoll_checkpoint . DEPS atoll_base)\n",
    "core-broker/CMakeLists.txt": "atoll_library(atoll_partition partition DEPS atoll_base)\n",
    "mirror/CMakeLists.txt": "atoll_library(atoll_pull pull DEPS atoll_partition)\n",
    "base/word.h": "// A word.\n#pragma once\n#include <absl/status/status.h>\n",
    "runtime/loop.h": "// A loop.\n#pragma once\n#include <thread>\n#include \"base/word.h\"\n",
    "kafka/wire/codec.h": "// A codec.\n#pragma once\n#include \"base/word.h\"\n",
    "core-broker/partition/partition.h": "// A partition.\n#pragma once\n",
    "mirror/pull/local_sink.cc": '#include "core-broker/partition/partition.h"\n',
    "kafka/client/client.cc": """#include "base/word.h"
#include "runtime/loop.h"
// co_await F({1}) and TODOs of others: comments about std::thread are no calls.
const char* kText = "co_await F({1}); std::thread";
awaitable<void> Run() {
  while (true) {
    co_await One();
    const auto result = co_await Two(std::move(request));
    const auto& [error, n] = result;
    if (error) co_return;
    map[key] = co_await Three(array[1]);
  }
}
auto kLambda = [](int* p) -> awaitable<void> {
  co_await One();
};
""".replace("TODOs", "wishes"),
}


class Tidy(unittest.TestCase):
    def violations(self, files):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**CLEAN, **files}.items():
                os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return [(path, line, rule) for path, line, rule, _ in violations(root)]

    def expect(self, path, text, line, rule):
        with self.subTest(path=path, rule=rule, text=text[:80]):
            self.assertEqual(self.violations({path: text}), [(path, line, rule)])

    def test_a_clean_house_is_clean(self):
        self.assertEqual(self.violations({}), [])

    def test_includes_point_down(self):
        cc = "kafka/wire/codec.cc"
        self.expect(cc, '\n#include "runtime/loop.h"\n', 2, "deps")
        self.expect(cc, '#include "kafka/wire/none.h"\n', 1, "include")
        self.expect(cc, '#include "codec.h"\n', 1, "include")
        self.expect("tests/unit/x_test.cc", '#include "base/none.h"\n', 1, "include")
        found = self.violations({"base/word.cc": '#include "kafka/wire/codec.h"\n'})
        self.assertEqual(found, [("base/word.cc", 1, "deps"), ("base/word.cc", 1, "level")])
        self.expect("core-broker/none/x.cc", '#include "base/word.h"\n', 1, "include")

    def test_public_dependencies_reach_through_and_nothing_else_does(self):
        self.assertEqual(self.violations({"mirror/pull/a.cc": '#include "base/word.h"\n'}), [])
        self.expect("mirror/pull/a.cc", '#include "kafka/wire/codec.h"\n', 1, "deps")

    def test_the_graph_of_libraries(self):
        self.expect("base/CMakeLists.txt", "atoll_library(atoll_base . DEPS atoll_none)\n", 1, "deps")
        found = self.violations({"base/CMakeLists.txt":
                                 "atoll_library(atoll_base . DEPS atoll_kafka_wire)\n"})
        self.assertIn(("base/CMakeLists.txt", 1, "level"), found)
        found = self.violations({"kafka/CMakeLists.txt":
                                 "atoll_library(atoll_kafka_wire wire DEPS atoll_kafka_client)\n"
                                 "atoll_library(atoll_kafka_client client DEPS atoll_kafka_wire\n"
                                 " atoll_runtime)\n"})
        self.assertIn(("kafka/wire/CMakeLists.txt", 1, "cycle"), found)

    def test_what_only_one_folder_may_know(self):
        cc = "core-broker/partition/x.cc"
        for header in ("thread", "rocksdb/db.h", "google/protobuf/message.h", "openssl/ssl.h",
                       "absl/status/status.h", "yaml-cpp/yaml.h", "boost/asio/post.hpp",
                       "fstream"):
            self.expect(cc, f"#include <{header}>\n", 1, "absence")
        self.expect(cc, '#include "checkpoint/state.pb.h"\n'.replace('"', '<', 1).replace('"', '>'),
                    1, "absence")
        self.expect(cc, "Task F() { co_await G(); }\n", 1, "absence")
        self.expect("mirror/pull/x.cc", '#include "core-broker/partition/partition.h"\n', 1,
                    "absence")

    def test_pure_state_knows_no_asio_files_or_clock(self):
        cc = "mirror/pull/partition_mirror_locate.cc"
        self.expect(cc, "#include <boost/asio/post.hpp>\n", 1, "pure")
        self.expect(cc, "auto t = SystemClock();\n", 1, "pure")
        self.expect("core-broker/partition/leader_epochs.cc", '#include "base/file.h"\n'.replace(
            '"', '<', 1).replace('"', '>'), 1, "pure")
        self.expect("core-broker/partition/producer_state.cc", "auto t = clock.Now();\n", 1, "pure")

    def test_sizes(self):
        self.expect("base/x.cc", "\n" * 601, 600, "size")
        self.expect("base/x.h", "//\n#pragma once\n" + "\n" * 249, 250, "size")
        self.expect("deploy/x.py", "\n" * 601, 600, "size")
        self.expect("deploy/x.sh", "\n" * 601, 600, "size")
        self.expect("base/x.cc", "\nint a;" + " " * 95 + "b\n", 2, "columns")
        self.assertEqual(self.violations({"base/x.cc": f'F("{"x" * 120}");\n// http://{"x" * 120}\n',
                                          "base/y.cc": "\n" * 600}), [])

    def test_function_sizes(self):
        body = "  x();\n" * 69
        self.expect("base/x.cc", f"\nvoid F() {{\n{body}}}\n", 2, "function")
        self.expect("base/x.cc", f"struct S {{\n  S()\n      : a_{{1}}, b_(2) {{\n{body}  }}\n}};\n", 2,
                    "function")
        self.expect("tests/unit/x_test.cc", f'TEST_CASE("a", "[b]") {{\n{body}}}\n', 1, "function")
        fits = "  x();\n" * 68
        self.assertEqual(self.violations({"base/x.cc": f"void F() {{\n{fits}}}\n"}), [])

    def test_headers_say_what_they_are(self):
        self.expect("base/x.h", "#pragma once\n", 1, "header")
        self.expect("base/x.h", "// What it is.\n", 1, "header")

    def test_banned_calls(self):
        for call in ("std::thread t;", "std::async(f);", "system_clock::now();",
                     "steady_clock::now();", "sleep_for(t);", "usleep(1);", "::sleep(1);",
                     "rand();", "std::random_device d;", 'getenv("X");', 'printf("x");',
                     "std::cout;", "detached;", "assert(x);", "throw x;", "catch (...)",
                     "absl::Status s;", "std::mutex m;", 'std::snprintf(p, 1, "");'):
            self.expect("core-broker/partition/x.cc", f"\n{call}\n", 2, "banned")
        for word in ("TO" + "DO", "FIX" + "ME", "X" + "XX"):
            self.expect("base/x.cc", f"\n// {word}: later\n", 2, "banned")
            self.expect("deploy/x.sh", f"# {word}\n", 1, "banned")
        self.expect("tests/unit/x_test.cc", "sleep_for(t);\n", 1, "banned")
        self.assertEqual(self.violations({
            "tests/unit/x_test.cc": "std::thread t;\n",
            "runtime/x.cc": "std::thread t;\ntry {} catch (...) {}\n",
            "base/clock.cc": "steady_clock::now();\n",
            "base/x.cc": "fmt::format(x); Sleep(1); operand(); throw_if_cancelled(); Random rand;\n",
        }), [])

    def test_co_await_forms_that_gcc_12_miscompiles(self):
        for statement in ("co_await F([x] { return x; });",
                          "co_await F({.a = s});",
                          "co_await F(Options{1});",
                          "co_await F(Options{\n1});",
                          "Options o{co_await G()};",
                          "Options o{1, co_await G()};",
                          "Options o{.a = co_await G()};",
                          "Options o = {co_await G()};",
                          "return F({co_await G()});",
                          "F(1, co_await G());",
                          "if (co_await G()) {}"):
            found = self.violations({"runtime/x.cc": f"Task F() {{\n  {statement}\n}}\n"})
            with self.subTest(statement):
                self.assertIn(("runtime/x.cc", 2, "co_await"), found)

    def test_a_range_is_no_member_of_what_a_call_returned(self):
        for loop, wrong in (("for (auto& row : link.snapshot()->rows) {", True),
                            ("for (auto& [id, topic] : F(a, b)->at(\n1)) {", True),
                            ("for (const auto s = link.snapshot(); auto& row : s->rows) {", False),
                            ("for (auto& link : all()) out.push_back(link->snapshot()->rows);", False),
                            ("for (int i = a ? b : c; i < F()->size; ++i) {", False)):
            found = self.violations({"runtime/x.cc": f"void F() {{\n  {loop}\n}}\n"})
            with self.subTest(loop):
                self.assertEqual(("runtime/x.cc", 2, "range") in found, wrong)

    def test_no_lock_beside_co_await(self):
        self.expect("runtime/x.cc", "Task F() {\n  MutexLock lock(&m);\n  co_await G();\n}\n", 2,
                    "lock")


class CppText(unittest.TestCase):
    def test_comments_and_literals_are_blanked_in_place(self):
        text = 'a /* { */ "b{\\"" // c\nR"x(d}")x" \'{\' 1\'000 e'
        code, uncommented = split_text(text)
        self.assertEqual(len(code), len(text))
        self.assertNotRegex(code, "[{}bcd]")
        self.assertIn("1'000 e", code)
        self.assertIn('R"x(d}")x"', uncommented)
        self.assertNotIn("c", uncommented)

    def test_functions_are_the_outermost_bodies(self):
        code = """namespace a {
constexpr std::array kX{
    std::pair{F("a"), 1},
};
struct S final : Base<int> {
  int f() const { return 1; }
  int member_{0};
  S() : x_{1}, y_(2) {
    if (x) { g([] { return 1; }); }
  }
  enum class E { kA };
};
template <class T>
  requires std::is_integral_v<T>
T Template(T t) noexcept {
  return t;
}
#define MACRO(x) do { f(x); \\
  } while (false)
bool operator==(const A& a, const A& b) { return true; }
}
"""
        found = [(f.name, f.first_line, f.last_line) for f in functions(code)]
        self.assertEqual(found, [("f", 6, 6), ("S", 8, 10), ("Template", 13, 17),
                                 ("operator==", 20, 20)])


if __name__ == "__main__":
    sys.exit(unittest.main())
