"""The rules. Each yields (path, line, rule, message); the message names what to do instead."""
import re

from cpp_text import functions, line_of
from house import LEVELS, includes

MAX_FILE, MAX_HEADER, MAX_FUNCTION, MAX_COLUMNS = 600, 250, 70, 100

# (what, pattern of the include, folders that may): the invariants of absence.
RESERVED_INCLUDES = [
    ("threads", r"^(thread|future|pthread\.h)$", ["runtime", "base/failpoint.cc"]),
    ("RocksDB", r"^rocksdb/", ["checkpoint"]),
    ("protobuf", r"^google/protobuf/|\.pb\.h$", ["checkpoint", "mirror/control"]),
    ("OpenSSL", r"^openssl/|^boost/asio/ssl", ["core-broker/security", "kafka/client"]),
    ("abseil", r"^absl/", ["base"]),
    ("yaml-cpp", r"^yaml-cpp/", ["region-config"]),
    ("Asio and Beast", r"^boost/(asio|beast)|^runtime/asio\.h$",
     ["runtime", "kafka/client", "core-broker/server", "core-broker/admin", "mirror", "atoll"]),
    ("files outside base/file.h", r"^(fstream|filesystem|fcntl\.h|sys/stat\.h)$", ["base"]),
]
CO_AWAIT_FOLDERS = ["runtime", "kafka/client", "core-broker/server", "core-broker/admin", "mirror",
                    "atoll"]
# State + event -> state + actions: no Asio, no files, no clock.
PURE = {"core-broker/partition": ["producer_state", "leader_epochs"],
        "core-broker/group": ["group_state"],
        "mirror/ownership": ["ownership", "promotion", "failover_plan"],
        "mirror/pull": ["partition_mirror"]}
IMPURE_INCLUDES = re.compile(r"^boost/|^base/file\.h$|^runtime/(?!backoff\.h$)")
IMPURE_CODE = re.compile(r"\bSystemClock\b|\bWallNow\(|\bNow\(\)|\bco_await\b")
LOCAL_SINK = re.compile(r"^mirror/pull/local_sink\.(h|cc)$")

# (pattern, instead, product folders or files that may, also in tests)
BANNED = [
    (r"\bstd::(thread|jthread|async)\b|\bpthread_create\b", "a reactor, a shard or a TaskGroup",
     ["runtime", "base/failpoint.cc"], False),
    (r"\b(system|steady|high_resolution)_clock::now\b|\bgettimeofday\b|\bclock_gettime\b",
     "base/clock.h", ["base/clock.cc"], True),
    (r"\bsleep_(for|until)\b|(?<!\w)(u|nano)?sleep\s*\(", "runtime/timer.h, or a clock turned by hand",
     ["base/failpoint.cc"], True),
    (r"(?<![\w.>])s?rand\s*\(|\bstd::(random_device|mt19937)|\bdrand48\b", "base/random.h", [], True),
    (r"\bgetenv\b", "a parameter that atoll/ fills in", ["base", "atoll", "region-config/environment.cc"], False),
    (r"\b[fsv]?n?printf\s*\(|\bf?puts\s*\(|\bstd::c(out|err)\b|\bfmt::print\b",
     "base/logging.h or fmt::format", ["atoll", "base/check.cc", "base/failpoint.cc"], False),
    (r"\bdetached\b", "a TaskGroup (runtime/task_group.h)", [], True),
    (r"(?<!\w)assert\s*\(", "CHECK (base/check.h)", [], True),
    (r"\bthrow\b", "a Status (base/status.h)", [], False),
    (r"\bcatch\s*\(", "a Status; catch is for main.cc, runtime/ and around yaml-cpp",
     ["atoll/main.cc", "runtime", "region-config"], False),
    (r"\bstd::(recursive_|shared_|timed_)*mutex\b|\bstd::condition_variable", "base/mutex.h",
     ["base/mutex.h"], False),
    (r"\babsl::", "the names that base/ headers give", ["base"], False),
]
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")

# GCC 12.2 destroys aggregate temporaries twice when the statement suspends: co_await is a whole
# statement or a whole right-hand side. The second pattern does not take a block's brace (after
# `) `, `> ` or a keyword) for an initialiser's.
CO_AWAIT_BEFORE = re.compile(r"co_await\b[^;]*?(\{|(?<![\w\)\]])\[)")
CO_AWAIT_AFTER = re.compile(
    r"((?<=[\w>\)\]])\{|[=(,{]\s*\{|\breturn\s*\{|,|\.\w+\s*=)\s*co_await\b")


def _inside(path, places):
    return any(path == place or path.startswith(place + "/") for place in places)


def check_include_levels(house):
    for source in house.sources:
        if not source.is_cpp:
            continue
        library = house.library_of(source.path) if source.is_product else None
        allowed = house.reachable(library) if library else None
        for line, path, quoted in includes(source):
            if not quoted:
                continue
            if path not in house.by_path and not path.endswith(".pb.h"):
                yield source.path, line, "include", f'"{path}" does not exist from the root'
                continue
            if not source.is_product:
                continue
            yield from _check_direction(house, source, line, path, library, allowed)


def _check_direction(house, source, line, path, library, allowed):
    target_top = path.split("/", 1)[0]
    if target_top not in LEVELS:
        yield source.path, line, "include", f'"{path}" is not part of the program'
        return
    if LEVELS[target_top] > LEVELS[source.top]:
        yield source.path, line, "level", f"{source.top}/ stands below {target_top}/"
    target = house.library_of(path)
    if library is None or target is None:
        yield source.path, line, "include", "no atoll_library() holds this folder"
    elif target.name != library.name and target.name not in allowed:
        yield (source.path, line, "deps",
               f"{library.name} has no DEPS on {target.name} for \"{path}\"")


def check_library_graph(house):
    for library in house.libraries.values():
        where = library.folder + "/CMakeLists.txt"
        top = library.folder.split("/", 1)[0]
        for dep in library.deps:
            target = house.libraries.get(dep)
            if target is None:
                if dep.startswith("atoll_") and dep not in ("atoll_options", "atoll_snappy"):
                    yield where, 1, "deps", f"{library.name}: {dep} does not exist"
                continue
            if LEVELS[target.folder.split("/", 1)[0]] > LEVELS[top]:
                yield where, 1, "level", f"{library.name} may not use {dep}: it stands above"
            if library.name in house.reachable(target):
                yield where, 1, "cycle", f"{library.name} and {dep} need each other"


def check_absences(house):
    for source in house.sources:
        if not (source.is_cpp and source.is_product):
            continue
        for line, path, _ in includes(source):
            for what, pattern, places in RESERVED_INCLUDES:
                if re.search(pattern, path) and not _inside(source.path, places):
                    yield (source.path, line, "absence",
                           f"{what}: <{path}> belongs to {', '.join(places)} only")
            if (source.top == "mirror" and path.startswith("core-broker/partition/partition.h")
                    and not LOCAL_SINK.match(source.path)):
                yield (source.path, line, "absence",
                       "only mirror/pull/local_sink touches partitions: use Source and Sink")
        await_at = re.search(r"\bco_await\b", source.code)
        if await_at and not _inside(source.path, CO_AWAIT_FOLDERS):
            yield (source.path, line_of(source.code, await_at.start()), "absence",
                   f"co_await belongs to {', '.join(CO_AWAIT_FOLDERS)}")
        yield from _check_pure(source)


def _check_pure(source):
    name = source.path[len(source.folder) + 1:].rsplit(".", 1)[0]
    stems = PURE.get(source.folder, [])
    if not any(name == stem or name.startswith(stem + "_") for stem in stems):
        return
    for line, path, _ in includes(source):
        if IMPURE_INCLUDES.search(path):
            yield source.path, line, "pure", f"pure state must not know <{path}>"
    for match in IMPURE_CODE.finditer(source.code):
        yield (source.path, line_of(source.code, match.start()), "pure",
               f"pure state must not call {match.group()}: events bring the time")


def check_sizes(house):
    for source in house.sources:
        lines = source.text.splitlines()
        limit = MAX_HEADER if source.path.endswith(".h") else MAX_FILE
        if source.path.endswith((".h", ".cc", ".py", ".sh")) and len(lines) > limit:
            yield source.path, limit, "size", f"{len(lines)} lines, at most {limit}: split it"
        if not source.is_cpp:
            continue
        for number, line in enumerate(lines, 1):
            if _columns(line) > MAX_COLUMNS and "://" not in line:
                yield source.path, number, "columns", f"{len(line)} columns, at most {MAX_COLUMNS}"
        for function in functions(source.code):
            if function.lines > MAX_FUNCTION:
                yield (source.path, function.first_line, "function",
                       f"{function.name} has {function.lines} lines, at most {MAX_FUNCTION}")


def _columns(line):
    """A literal that can't be split does not count."""
    if len(line) <= MAX_COLUMNS:
        return len(line)
    return len(re.sub(r'"(?:[^"\\]|\\.){40,}"', '""', line))


def check_headers(house):
    for source in house.sources:
        if not source.path.endswith(".h"):
            continue
        if not source.text.startswith("//"):
            yield source.path, 1, "header", "begin with what it is, who owns it, which thread"
        if not re.search(r"^#pragma once$", source.text, re.M):
            yield source.path, 1, "header", "#pragma once is missing"


def check_banned(house):
    for source in house.sources:
        if source.top == "tests" and source.path.startswith("tests/tidy/"):
            continue
        for match in UNFINISHED.finditer(source.text):
            yield (source.path, line_of(source.text, match.start()), "banned",
                   f"{match.group()}: finish it, or file an issue")
        if not source.is_cpp:
            continue
        for pattern, instead, places, in_tests in BANNED:
            if _inside(source.path, places) or not (source.is_product or in_tests):
                continue
            for match in re.finditer(pattern, source.code):
                yield (source.path, line_of(source.code, match.start()), "banned",
                       f"{match.group().strip()}: use {instead}")


def check_coroutines(house):
    for source in house.sources:
        if not source.is_cpp:
            continue
        for pattern in (CO_AWAIT_BEFORE, CO_AWAIT_AFTER):
            for match in pattern.finditer(source.code):
                yield (source.path, line_of(source.code, match.start()), "co_await",
                       "GCC 12.2 miscompiles this: name a local first, "
                       "co_await alone in its statement")
        if re.search(r"\bco_await\b", source.code):
            for match in re.finditer(r"\bMutexLock\b", source.code):
                if source.is_product:
                    yield (source.path, line_of(source.code, match.start()), "lock",
                           "no lock in a file with co_await: move the locked part to a class")


def check_ranges(house):
    """In C++20 only the last temporary of a range's expression lives as long as the loop: in
    `for (x : link.snapshot()->rows)` the snapshot dies before the first turn."""
    for source in house.sources:
        if not source.is_cpp:
            continue
        for match in re.finditer(r"\bfor \(", source.code):
            header = _to_closing(source.code, match.end()).rpartition(";")
            _, colon, expression = header[2].partition(" : ")
            if colon and ")->" in expression and header[0].count(";") == 0:
                yield (source.path, line_of(source.code, match.start()), "range",
                       "what the call returned dies before the loop: "
                       "for (const auto name = call(); ... : name->member)")


def _to_closing(code, start):
    depth = 1
    for at in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return code[start:at]
    return code[start:]


ALL = [check_include_levels, check_library_graph, check_absences, check_sizes, check_headers,
       check_banned, check_coroutines, check_ranges]
