"""Reads C++ just well enough for rules: text without comments, text without literals, functions.

Positions and line numbers stay those of the file: what is taken out becomes blanks.
"""
import re
from dataclasses import dataclass

RAW_STRING = re.compile(r'R"([^()\\\s]{0,16})\(')


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def split_text(text):
    """Returns (code, uncommented): both without comments, `code` with empty literals as well."""
    code, uncommented = [], []
    at = 0
    while at < len(text):
        end, kind = _token_end(text, at)
        piece = text[at:end]
        if kind == "comment":
            code.append(_blank(piece))
            uncommented.append(_blank(piece))
        elif kind == "literal":
            code.append(piece[0] + _blank(piece[1:-1]) + piece[-1] if len(piece) > 1 else piece)
            uncommented.append(piece)
        else:
            code.append(piece)
            uncommented.append(piece)
        at = end
    return "".join(code), "".join(uncommented)


def _token_end(text, at):
    """The end of the comment, the literal or the plain character that begins at `at`."""
    two = text[at:at + 2]
    if two == "//":
        end = text.find("\n", at)
        return (len(text) if end < 0 else end), "comment"
    if two == "/*":
        end = text.find("*/", at + 2)
        return (len(text) if end < 0 else end + 2), "comment"
    raw = RAW_STRING.match(text, at) if text[at] == "R" else None
    if raw:
        closing = ")" + raw.group(1) + '"'
        end = text.find(closing, raw.end())
        return (len(text) if end < 0 else end + len(closing)), "literal"
    if text[at] == '"' or (text[at] == "'" and not _is_digit_separator(text, at)):
        return _quoted_end(text, at), "literal"
    return at + 1, "code"


def _is_digit_separator(text, at):
    return bool(re.search(r"\b\d[\w']*$", text[max(0, at - 24):at]))


def _quoted_end(text, at):
    end = at + 1
    while end < len(text) and text[end] not in (text[at], "\n"):
        end += 2 if text[end] == "\\" else 1
    return min(end + 1, len(text))


def line_of(text, at):
    return text.count("\n", 0, at) + 1


@dataclass
class Function:
    name: str
    first_line: int
    last_line: int

    @property
    def lines(self):
        return self.last_line - self.first_line + 1


TYPE_OR_NAMESPACE = re.compile(
    r"^(?:template\s*<.*>\s*)?(?:inline\s+|export\s+|typedef\s+)*"
    r"(?:namespace|class|struct|enum|union|extern)\b", re.S)
NAME = re.compile(r"([\w:~]+|operator\s*\S+)\s*\($")


def _is_function_head(head):
    if TYPE_OR_NAMESPACE.match(head):
        # `struct X F() {` returns a struct; a base or attribute in parentheses does not.
        return False
    return "(" in head and head.count("(") == head.count(")")


def functions(code):
    """The outermost function bodies (lambdas and classes inside one count to it)."""
    # Preprocessor lines have braces of their own.
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: _blank(m.group()), code, flags=re.M)
    found = []
    scopes = []  # "outer" (namespace, type), "function" or "value" (an initialiser).
    boundary = 0
    start = None
    for match in re.finditer(r"[{};]|\b(?:public|private|protected)\s*:", code):
        token = match.group()
        head = code[boundary:match.start()]
        if token == "{":
            scopes.append(_scope(scopes, head))
            if scopes[-1] == "function" and "function" not in scopes[:-1]:
                stripped = head.lstrip()
                # A brace in a constructor's initialiser list has ended "the function" too early.
                if not (stripped.startswith(",") and found):
                    start = (boundary + len(head) - len(stripped), stripped)
                else:
                    found.pop()
        elif token == "}" and scopes:
            if scopes.pop() == "function" and "function" not in scopes and start:
                name = re.match(r"[^(]*\(", start[1])
                named = NAME.search(name.group()) if name else None
                found.append(Function(named.group(1) if named else start[1][:40],
                                      line_of(code, start[0]), line_of(code, match.start())))
        boundary = match.end()
    return found


def _scope(scopes, head):
    if scopes and scopes[-1] == "value":
        return "value"
    stripped = head.strip()
    if scopes and scopes[-1] == "function":
        return "function"
    if TYPE_OR_NAMESPACE.match(stripped):
        return "outer"
    return "function" if _is_function_head(stripped) else "value"
