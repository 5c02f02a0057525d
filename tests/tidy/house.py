"""The house: files, folders, libraries and who may include whom (docs/architecture.md)."""
import os
import re
from dataclasses import dataclass, field

from cpp_text import split_text

# A folder may include itself and what stands lower. The libraries' DEPS narrow it further.
LEVELS = {name: level for level, name in enumerate(
    ["base", "runtime", "kafka", "checkpoint", "region-config", "core-broker", "mirror", "atoll"])}
SKIPPED_FOLDERS = {".git", "build", "__pycache__", "node_modules", ".pytest_cache", "golden"}
CPP = (".h", ".cc")
TEXT = CPP + (".py", ".sh", ".cmake", ".proto", ".yaml", ".yml", "CMakeLists.txt")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)


@dataclass
class Source:
    path: str  # From the root, with "/".
    text: str
    code: str = ""  # C++ only: no comments, empty literals.
    uncommented: str = ""

    @property
    def top(self):
        return self.path.split("/", 1)[0]

    @property
    def folder(self):
        return os.path.dirname(self.path)

    @property
    def is_product(self):
        return self.top in LEVELS

    @property
    def is_cpp(self):
        return self.path.endswith(CPP)


@dataclass
class Library:
    name: str
    folder: str
    deps: list = field(default_factory=list)


class House:
    def __init__(self, root):
        self.root = root
        self.sources = [Source(path, _read(root, path)) for path in sorted(_paths(root))]
        for source in self.sources:
            if source.is_cpp:
                source.code, source.uncommented = split_text(source.text)
        self.by_path = {source.path: source for source in self.sources}
        self.libraries = {}
        for source in self.sources:
            if source.path.endswith("CMakeLists.txt") and source.is_product:
                self._read_libraries(source)

    def _read_libraries(self, source):
        text = re.sub(r"#[^\n]*", "", source.text)
        for call in re.finditer(r"\batoll_library\(([^)]*)\)", text):
            words = re.sub(r"\$\{[^}]*\}", " ", call.group(1)).split()
            deps = words[words.index("DEPS") + 1:] if "DEPS" in words else []
            folder = os.path.normpath(os.path.join(source.folder, words[1]))
            self.libraries[words[0]] = Library(words[0], folder, deps)
        for call in re.finditer(r"\badd_library\((\w+)\s+STATIC\b", text):
            if call.group(1) not in self.libraries:  # asio/: sources of its own, no folder.
                links = re.search(rf"\btarget_link_libraries\({call.group(1)} PUBLIC([^)]*)\)", text)
                self.libraries[call.group(1)] = Library(call.group(1), source.folder + "/asio",
                                                        links.group(1).split() if links else [])
        for call in re.finditer(r"\batoll_proto\((\w+)", text):  # Generated: no sources here.
            self.libraries[call.group(1)] = Library(call.group(1), source.folder + "/generated")
        program = re.search(r"\btarget_link_libraries\(atoll PRIVATE([^)]*)\)", text)
        if program:
            self.libraries["atoll"] = Library("atoll", source.folder, program.group(1).split())

    def library_of(self, path):
        """The library of a file: its folder's, or that of the nearest folder above."""
        folder = os.path.dirname(path)
        while folder:
            for library in self.libraries.values():
                if library.folder == folder and not library.name.endswith("_proto"):
                    return library
            folder = os.path.dirname(folder)
        return None

    def reachable(self, library):
        """Names of the libraries that `library` may include: DEPS and, through PUBLIC, theirs."""
        found, waiting = set(), [library.name]
        while waiting:
            for dep in self.libraries[waiting.pop()].deps:
                if dep in self.libraries and dep not in found:
                    found.add(dep)
                    waiting.append(dep)
        return found


def includes(source):
    """(line, path, is quoted) of every #include."""
    for match in INCLUDE.finditer(source.uncommented):
        line = source.uncommented.count("\n", 0, match.start(0)) + 1
        yield line, match.group(1) or match.group(2), match.group(1) is not None


def _paths(root):
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders
                      if name not in SKIPPED_FOLDERS and not os.path.islink(os.path.join(folder, name))]
        for name in files:
            if name.endswith(TEXT):
                yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")


def _read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()
