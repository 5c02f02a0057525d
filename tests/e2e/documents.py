"""The pages of documentation and what stands in their fenced blocks.

The convention: a block of `sh` is commands and comments; a block of `console` is commands behind `$ ` and what they print.
A command ends with exit code 0, or with N where its comment says `exit N`. A block of `yaml` that begins with `# /PATH` is that
file. Every other block is `text`.
"""
from __future__ import annotations

import dataclasses
import pathlib
import re
import subprocess

LANGUAGES = {"sh", "console", "yaml", "text"}
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.M | re.S)
HEADING = re.compile(r"^##+ (.*)$", re.M)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
EXIT = re.compile(r"#.*\bexit (\d+)\b")
PAGES = ("README.md", "docs/**/*.md", "deploy/**/*.md", "dashboards/**/*.md")


@dataclasses.dataclass(frozen=True)
class Command:
    page: str
    section: str
    text: str
    expected: tuple[str, ...] = ()  # Lines of output that the page shows.

    @property
    def exit_code(self) -> int:
        said = EXIT.search(self.text)
        return int(said[1]) if said else 0

    @property
    def bare(self) -> str:
        """Without the comments: what a table of commands names it by."""
        return "\n".join(re.sub(r"(^|\s+)#\s.*$", "", line) for line in self.text.splitlines()).strip()


@dataclasses.dataclass(frozen=True)
class File:
    """What the page tells to write before it goes on."""
    section: str
    path: str
    text: str


@dataclasses.dataclass(frozen=True)
class Block:
    language: str
    text: str
    section: str


def pages(repository: pathlib.Path) -> list[pathlib.Path]:
    return sorted({page for pattern in PAGES for page in repository.glob(pattern)})


def blocks(text: str) -> list[Block]:
    headings = [(0, ""), *((found.start(), found[1]) for found in HEADING.finditer(text))]
    def section(at: int) -> str:
        return next(title for start, title in reversed(headings) if start <= at)
    return [Block(found[1], found[2], section(found.start())) for found in FENCE.finditer(text)]


def spans(text: str) -> list[str]:
    """Code inside a sentence."""
    return SPAN.findall(FENCE.sub("", text))


def parses(script: str) -> bool:
    return subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False).returncode == 0


def commands_of_script(script: str) -> list[str]:
    """Each command as the fewest lines that bash takes as a whole: a loop is one."""
    found, pending = [], ""
    for line in script.splitlines():
        pending += line + "\n"
        if not pending.rstrip("\n").endswith("\\") and parses(pending):
            if not re.fullmatch(r"\s*(#.*)?\s*", pending):
                found.append(pending.rstrip("\n"))
            pending = ""
    assert not pending, f"no whole command: {pending}"
    return found


def steps(page: str, text: str) -> list[Command | File]:
    """What a reader of the page types and writes, from its beginning to its end."""
    found: list[Command | File] = []
    for block in blocks(text):
        if block.language == "sh":
            found += [Command(page, block.section, command) for command in commands_of_script(block.text)]
        elif block.language == "console":
            first, *rest = re.split(r"^\$ ", block.text, flags=re.M)
            assert not first, f"{page}: a console block begins with output: {first}"
            for one in rest:
                command, *lines = one.rstrip("\n").split("\n")
                found.append(Command(page, block.section, command, tuple(line for line in lines if line.strip())))
        elif named := re.match(r"# (/\S+)\n", block.text):
            found.append(File(block.section, named[1], block.text))
    return found


def first_difference(expected: tuple[str, ...], printed: str) -> str | None:
    """A shown line that the output lacks. A line of headings must be there whole, of any other its first word, in this order."""
    def headings(line: str) -> list[str] | None:
        words = re.split(r"\s{2,}", line.strip())
        return words if len(words) > 1 and all(word[:1].isupper() for word in words) else None
    lines = iter(printed.splitlines())
    for shown in expected:
        if shown.strip() == "...":
            continue
        columns, first = headings(shown), shown.split()[0]
        if not any((headings(line) == columns if columns else line.split()[:1] == [first]) for line in lines):
            return shown
    return None
