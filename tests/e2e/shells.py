"""What bash, zsh and fish offer for a command line, asked of the real shells with nobody's start-up files."""
import os
import pathlib
import pty
import select
import subprocess

# Everything that a completion function offers goes through compadd: its matches are written to $OFFERED, and the shell ends
# when the first TAB was answered. The line editor says when it reads keys.
ZSHRC = r"""
PROMPT= LISTMAX=0
autoload -Uz compinit && compinit -u -d $ZDOTDIR/dump
source $ATOLL_COMPLETION
compadd() {
  if [[ " ${@[1,(i)(-|--)]} " == *' -'[OAD]' '* ]]; then builtin compadd "$@"; return; fi
  local -a offered
  builtin compadd -A offered "$@"
  print -rl -- $offered >>$OFFERED
  builtin compadd "$@"
}
finish() { exit }
comppostfuncs=(finish)
zle-line-init() { print -n 'reads keys' }
zle -N zle-line-init
bindkey '^I' complete-word
"""


def bash(script: pathlib.Path, *words: str, **environment: str) -> list[str]:
    """What it offers behind these words; the last one is the one being typed. As in the other two."""
    line = " ".join(words)
    program = (f'source {script}; COMP_WORDS=({" ".join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}; '
               f'COMP_LINE={line!r}; _atoll; printf "%s\\n" "${{COMPREPLY[@]}}"')
    done = subprocess.run(["bash", "--norc", "-uc", program], capture_output=True, text=True, timeout=20, check=True,
                          env=os.environ | environment)
    return [word for word in done.stdout.splitlines() if word]


def fish(script: pathlib.Path, *words: str, **environment: str) -> list[str]:
    done = subprocess.run(["fish", "--no-config", "-c", 'source $argv[1]; complete --do-complete $argv[2]', str(script), " ".join(words)],
                          capture_output=True, text=True, timeout=20, check=True, env=os.environ | environment)
    assert not done.stderr, done.stderr
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


def zsh(script: pathlib.Path, *words: str, **environment: str) -> list[str]:
    """The words are typed into a terminal, and TAB."""
    home = script.parent / "zsh"
    home.mkdir(exist_ok=True)
    (home / ".zshrc").write_text(ZSHRC)
    offered = home / "offered"
    offered.write_text("")
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("zsh", ["zsh", "-d", "-i"], os.environ | environment | {
            "ZDOTDIR": str(home), "OFFERED": str(offered), "ATOLL_COMPLETION": str(script), "TERM": "xterm"})
    try:
        seen = _read_until(terminal, b"reads keys")
        os.write(terminal, " ".join(words).encode() + b"\t")
        seen += _read_until(terminal, None)
    finally:
        os.close(terminal)
        _, status = os.waitpid(child, 0)
    assert status == 0, seen
    return offered.read_text().splitlines()


def _read_until(terminal: int, mark: bytes | None) -> bytes:
    """What the terminal shows up to the mark, or up to its end."""
    seen = b""
    while mark is None or mark not in seen:
        assert select.select([terminal], [], [], 20)[0], seen
        try:
            seen += os.read(terminal, 4096)
        except OSError:  # Its last process has ended.
            assert mark is None, seen
            break
    return seen
