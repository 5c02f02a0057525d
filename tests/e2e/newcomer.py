"""Somebody with a fresh machine, a checkout and a page: types what the page says, and nothing else.

The machine is a folder. Paths of a system (/etc/atoll) are paths below it, the ports that the pages name are free ports of this
machine, and `systemctl` and `journalctl` are played here by the lines of the units themselves.
"""
from __future__ import annotations

import contextlib
import os
import pathlib
import pty
import re
import shutil
import subprocess
import time

import documents
from harness import BINARY, READY, REPOSITORY, START_SECONDS, STOP_SECONDS, wait_until
from ports import free_port

PORTS = ("9092", "9644", "9645", "19092", "19644", "19645", "29092", "29644", "29645")
FOLDERS = ("/etc/atoll", "/var/lib/atoll", "/usr/share/doc/atoll/examples")
UNITS = BINARY.parents[1] / "package"  # atoll@.service, as the build makes it.
# What only looks. A reader looks again: a record needs a moment to the other region, a status to be news.
LOOKS = re.compile(r"kcat -C|curl (?!.*POST)|atoll (status|events|doctor|verify|diff|(link|mirror|topic|group|quarantine|failover) (list|status|"
                   r"describe|show|plan|drill)|ownership show)\b")
LOOK_SECONDS = 30


class Newcomer:
    def __init__(self, machine: pathlib.Path) -> None:
        self.machine = machine
        self.checkout = machine / "home" / "atoll"
        self.ports = {port: str(free_port()) for port in PORTS}
        self.serving: dict[str, subprocess.Popen[str]] = {}
        replaced = [*FOLDERS, "/usr/bin/atoll", *PORTS]
        self._replaced = re.compile(r"(?<![\w.])(" + "|".join(map(re.escape, replaced)) + r")\b")
        # `apt-get install` and a build have been.
        for folder in (*FOLDERS, "/usr/bin", "/tmp"):
            (machine / folder[1:]).mkdir(parents=True)
        (self.checkout / "build/release/bin").mkdir(parents=True)
        for place in (machine / "usr/bin", self.checkout / "build/release/bin"):
            (place / "atoll").symlink_to(BINARY)
        shutil.copytree(REPOSITORY / "deploy", self.checkout / "deploy")
        (self.checkout / "tests").symlink_to(REPOSITORY / "tests")
        for path in (*(self.checkout / "deploy/regions").iterdir(), self.checkout / "deploy/quickstart.sh"):
            path.write_text(self.adapt(path.read_text()))
        for path in (self.checkout / "deploy/regions").iterdir():
            shutil.copy(path, machine / "usr/share/doc/atoll/examples")
        self.write("/etc/atoll/region.yaml", (REPOSITORY / "deploy/package/region.yaml").read_text())
        self.environment = {name: os.environ[name] for name in ("LANG", "TERM", "USER") if name in os.environ} | {
            "PATH": f"{machine}/usr/bin:/usr/bin:/bin", "HOME": str(machine / "home")}

    def adapt(self, text: str) -> str:
        """A page's text for this machine, in one pass."""
        def here(found: re.Match[str]) -> str:
            name = found[1]
            return self.ports.get(name) or (str(BINARY) if name == "/usr/bin/atoll" else f"{self.machine}{name}")
        return self._replaced.sub(here, text)

    def write(self, path: str, text: str) -> None:
        (self.machine / path[1:]).write_text(self.adapt(text))

    # --- typing ---

    def type(self, command: documents.Command) -> None:
        """Until it ends as the page says, or fails for that it does not."""
        text, printed, code = self.adapt(command.text), "", None
        deadline = time.monotonic() + (LOOK_SECONDS if LOOKS.match(command.text) else 0)
        while True:
            if text.startswith("atoll serve "):
                self.serve(text, self.checkout)
                return
            if text.startswith(("systemctl ", "journalctl ")):
                code, printed = 0, self.systemd(command.bare.split())
            else:
                code, printed = self.shell(text)
            missing = documents.first_difference(command.expected, printed)
            if code == command.exit_code and missing is None:
                return
            assert time.monotonic() < deadline, (
                f"{command.page}, {command.section}: {command.text}\nexit {code}, the page says {command.exit_code}; the page shows "
                f"{missing!r}, printed was:\n{printed}\n{self.logs()}")
            time.sleep(0.2)

    def shell(self, text: str) -> tuple[int, str]:
        """(exit code, both streams). What is exported is there for the next one; a question is answered with the link's name."""
        exported = self.machine / "tmp" / "exported"
        link = re.search(r"--link (\S+)", text)
        master, slave = pty.openpty()
        try:
            os.write(master, f"{link[1] if link else ''}\n".encode())
            done = subprocess.run(["bash", "-c", f"trap 'env -0 > {exported}' EXIT\n{text}\n"], stdin=slave, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=90, env=self.environment, cwd=self.checkout, check=False)
        finally:
            os.close(master), os.close(slave)
        self.environment = dict(line.split("=", 1) for line in exported.read_text().split("\0") if line)
        return done.returncode, done.stdout

    # --- what runs ---

    def serve(self, text: str, folder: pathlib.Path) -> None:
        """In another terminal; returns when the ready line is there."""
        with (self.machine / "tmp" / "log").open("a") as log:
            process = subprocess.Popen(["bash", "-c", f"exec {text}"], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=log, env=self.environment, cwd=folder)
        self.serving[text.split("#")[0].strip()] = process
        line = self._first_line(process)
        assert READY.match(line), f"{text}: no ready line but {line!r}\n{self.logs()}"

    def _first_line(self, process: subprocess.Popen[str]) -> str:
        os.set_blocking(process.stdout.fileno(), False)
        return wait_until(lambda: process.stdout.readline() or process.poll() is not None and "ended", "a ready line", START_SECONDS)

    def end(self, what: str = "", kill: bool = False) -> None:
        """Whatever serves with `what` in its command line."""
        for text in [text for text in self.serving if what in text]:
            process = self.serving.pop(text)
            process.kill() if kill else process.terminate()
            code = process.wait(STOP_SECONDS)
            process.stdout.close()
            assert kill or code == 0, f"{text} stopped with {code}\n{self.logs()}"

    def systemd(self, words: list[str]) -> str:
        """`systemctl enable --now|reload UNIT...`, `journalctl -u UNIT`: what systemd would do with the units' own lines."""
        if words[:2] == ["journalctl", "-u"]:
            return self.logs()
        verb, units = words[1], [word for word in words[2:] if not word.startswith("-")]
        assert verb in ("enable", "reload") and (verb == "reload" or "--now" in words), f"nobody plays {words} here"
        for unit in units:
            name, _, instance = unit.partition("@")
            text = (UNITS / f"{name}@.service" if instance else REPOSITORY / f"deploy/{name}.service").read_text().replace("%i", instance)
            line = {key: self.adapt(value) for key, value in re.findall(r"^(\w+)=(.*)$", text, re.M)}
            if verb == "reload":
                process = self.serving[line["ExecStart"]]
                os.kill(process.pid, 0)
                subprocess.run(["bash", "-c", line["ExecReload"]], env={"MAINPID": str(process.pid)}, check=True)
                continue
            folder = pathlib.Path(line["WorkingDirectory"])
            folder.mkdir(exist_ok=True)  # StateDirectory=
            subprocess.run(line["ExecStartPre"].split(), check=True, stdout=subprocess.DEVNULL)
            self.serve(line["ExecStart"], folder)
        return ""

    def logs(self) -> str:
        log = self.machine / "tmp" / "log"
        ended = [f"{text} ended with {process.returncode}" for text, process in self.serving.items() if process.poll() is not None]
        return "\n".join([*(log.read_text().splitlines()[-40:] if log.exists() else []), *ended])

    def discard(self) -> None:
        for process in self.serving.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
            process.stdout.close()
