"""Every documented command is executed: the pages, typed from top to bottom on a machine of their own.

A command that this machine can't run stands in ELSEWHERE with the test that runs it; what stands in neither fails.
"""
from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml

import clients
import documents
import wire
from documents import Command, File
from harness import BINARY, REPOSITORY, link, wait_mirrored
from newcomer import Newcomer

PAGES = {str(path.relative_to(REPOSITORY)): path.read_text() for path in documents.pages(REPOSITORY)}
RUNBOOK = "docs/runbooks/failover.md"

# What is not run here: (the test that does, words of its own by which it does).
DEB = "tests/packages/test_deb.py::test_it_installs_runs_upgrades_is_removed_and_purged"
COMPOSE = "tests/packages/test_compose.py::test_two_regions_mirror_each_other_and_prometheus_sees_both"
HELM = "tests/packages/test_helm.py::test_every_object_is_one_that_kubernetes_knows"
IMAGE = "tests/packages/test_image.py::test_it_serves_as_nobody_special_is_healthy_and_stops_clean"
ELSEWHERE = {
    "deploy/quickstart.sh": ("tests/e2e/test_docs.py::test_the_quickstart_runs_to_its_end", "deploy/quickstart.sh"),
    # The runner of all tests is what runs this one, after it has installed and built as the pages say.
    "tests/run.sh": (".ci/run", "tests/run.sh"),
    "deploy/install-deps.sh build && cmake --preset release && cmake --build --preset release --target atoll":
        ("tests/run.sh", 'cmake --build --preset "$preset" --target "$target"'),
    "cpack --config build/release/CPackConfig.cmake -B build/release": (DEB, '"cpack", "--config", CONFIG'),
    "apt-get install ./build/release/atoll_*.deb": (DEB, "root.install(first)"),
    "docker build -f deploy/Dockerfile -t atoll .": (IMAGE, '"deploy" / "Dockerfile", "-t", "atoll"'),
    "docker compose -f deploy/compose.yaml up -d --build": (COMPOSE, "documents.steps"),
    "docker compose -f deploy/compose.yaml run --rm client sh -c 'echo hello | kcat -P -b us-east:9092 -t orders'":
        (COMPOSE, "documents.steps"),
    "docker compose -f deploy/compose.yaml run --rm client kcat -C -b eu-west:9092 -t orders -e": (COMPOSE, "documents.steps"),
    "docker compose -f deploy/compose.yaml exec eu-west atoll status": (COMPOSE, "documents.steps"),
    "helm install us-east deploy/helm/atoll -f us-east.yaml": (HELM, '"template", "us-east", CHART, "-f"'),
    "helm install eu-west deploy/helm/atoll -f eu-west.yaml": (HELM, '"template", "us-east", CHART, "-f"'),
}


@pytest.fixture
def newcomer(tmp_path):
    newcomer = Newcomer(tmp_path / "machine")
    yield newcomer
    newcomer.discard()


# --- where a page begins, and what happens between its sections ---

def git_folder(newcomer: Newcomer) -> None:
    """README, "Links kept in git": somebody's repository, ahead of what runs; somebody's MirrorMaker 2."""
    folder = newcomer.checkout / "git" / "eu-west"
    folder.mkdir(parents=True)
    text = (newcomer.checkout / "deploy/regions/eu-west.yaml").read_text()
    assert "rpo: 30s" in text
    (folder / "region.yaml").write_text(text.replace("rpo: 30s", "rpo: 20s"))
    (newcomer.checkout / "mm2.properties").write_text(
        "clusters = east, west\neast.bootstrap.servers = k1:9092\nwest.bootstrap.servers = k2:9092\neast->west.enabled = true\neast->west.topics = orders\n")


def start(region: str) -> Command:
    return Command("a page's beginning", region, f"atoll serve --config deploy/regions/{region}.yaml")


def two_regions(newcomer: Newcomer) -> None:
    """us-east owns `orders`, which the group `workers` has read in part; eu-west mirrors both."""
    for region in ("us-east", "eu-west"):
        newcomer.type(start(region))
    kafka = f"127.0.0.1:{newcomer.ports['19092']}"
    clients.produce(kafka, "orders", [b"x"] * 100)
    with wire.Connection(kafka) as connection:
        assert connection.commit_offset("workers", "orders", 0, 1) == wire.OK
    look(newcomer, "29644", "failover plan --link from-us-east", r"\borders +4 .* 1/1\b")


def look(newcomer: Newcomer, port: str, question: str, answer: str) -> None:
    """Until one region tells so of itself, and nothing stands in the way of what comes next."""
    newcomer.type(Command("between sections", answer, f"atoll {question} --endpoint http://127.0.0.1:{port} | grep -E {shlex.quote(answer)}"))


def us_east_is_lost(newcomer: Newcomer) -> None:
    newcomer.end("us-east", kill=True)


def us_east_is_back(newcomer: Newcomer) -> None:
    newcomer.type(start("us-east"))
    look(newcomer, "19644", "ownership show", "orders +eu-west")


BEFORE = {
    ("README.md", "By hand"): Newcomer.end,  # The section before has left its two running.
    ("README.md", "Links kept in git"): git_folder,
    (RUNBOOK, ""): two_regions,
    (RUNBOOK, "1. What would it cost?"): us_east_is_lost,
    (RUNBOOK, "3. The old region comes back"): us_east_is_back,
    (RUNBOOK, "4. Home again"): lambda newcomer: look(newcomer, "19644", "promote --dry-run --link from-eu-west", "^0 blocking"),
}


# --- the tests ---

def test_every_block_says_what_it_is_and_every_section_named_here_is_there():
    for page, text in PAGES.items():
        fences = re.findall(r"^\s*```", text, re.M)
        found = documents.blocks(text)
        assert len(fences) == 2 * len(found), f"{page}: a fence that is indented or not closed"
        assert {block.language for block in found} <= documents.LANGUAGES, page
    for page, section in BEFORE:
        assert not section or f"## {section}\n" in PAGES[page], f"{page} has no section {section}"


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if documents.steps(page, text)])
def test_a_page_is_typed_from_top_to_bottom(newcomer, page):
    entered = {None}
    for step in documents.steps(page, PAGES[page]):
        sections = [section for section in dict.fromkeys(("", step.section)) if section not in entered]
        entered.update(sections)
        for section in sections:
            BEFORE.get((page, section), lambda _: None)(newcomer)
        if isinstance(step, File):
            newcomer.write(step.path, step.text)
        elif step.bare not in ELSEWHERE:
            newcomer.type(step)


def test_what_runs_elsewhere_is_documented_and_does_run_there():
    documented = {step.bare for page, text in PAGES.items() for step in documents.steps(page, text) if isinstance(step, Command)}
    for command, (where, words) in ELSEWHERE.items():
        assert command in documented, f"no page says {command} any more"
        file, _, test = where.partition("::")
        text = (REPOSITORY / file).read_text()
        assert words in text and (not test or f"def {test}(" in text), f"{where} does not run {command}"


def test_whole_documents_of_yaml_are_valid(tmp_path):
    region = "apiVersion: atoll/v1\nkind: Region\nmetadata: {name: here}\nspec: {ordinal: 9, dataDir: ./data, listeners: {kafka: {bind: \"127.0.0.1:0\"}}}\n"
    validated = 0
    for page, text in PAGES.items():
        for block in documents.blocks(text):
            if block.language != "yaml" or "apiVersion: atoll/v1" not in block.text:
                continue
            kinds = [document["kind"] for document in yaml.safe_load_all(block.text)]
            file = tmp_path / "documented.yaml"
            file.write_text(block.text if "Region" in kinds else f"{region}---\n{block.text}")
            done = subprocess.run([BINARY, "config", "validate", file], capture_output=True, text=True, timeout=20, check=False)
            assert done.returncode == 0, f"{page}:\n{block.text}\n{done.stdout}{done.stderr}"
            validated += 1
    assert validated


# --- commands inside sentences ---

# What stands for the reader's own in them.
NAMES = {"LINK": "from-us-east", "L": "from-us-east", "X": "from-us-east", "TOPIC": "orders", "T": "orders", "TOPIC...": "orders",
         "GROUP": "workers", "KEY": "spec.storage", "ID": "1", "N": "1"}
# A sentence may leave an argument out; it may not name what is not there.
LEFT_OUT = re.compile(r"is required$|required \w+ missing$", re.M)
# Not ended by themselves, or by what they would take away of the others.
MENTIONED = {"atoll serve", "atoll completion"}


def spoken() -> dict[str, str]:
    """Each command in a sentence, one alternative at a time, with a page that says it."""
    found = {}
    for page, text in PAGES.items():
        for span in documents.spans(text):
            if re.match(r"atoll [a-z]", span) and not span.endswith("/"):
                alternatives = re.search(r"(\w[\w-]*(?:\|\w[\w-]*)+)", span)
                for one in alternatives[1].split("|") if alternatives else [""]:
                    found[span.replace(alternatives[1], one) if alternatives else span] = page
    return found


def test_every_command_in_a_sentence_is_one_that_the_program_takes(ring, tmp_path):
    us_east, eu_west = ring.pair(control=True)
    clients.produce(us_east.kafka, "orders", [b"x"] * 10)
    wait_mirrored(us_east, eu_west, "orders")
    (tmp_path / "mm2.properties").write_text("clusters = a, b\na.bootstrap.servers = k1:9092\nb.bootstrap.servers = k2:9092\na->b.enabled = true\n")
    names = NAMES | {"FILE": str(eu_west.config), "FILE_OR_DIR": str(eu_west.config), "FILE_OR_FOLDER": str(eu_west.config),
                     "DATADIR": str(eu_west.data), "http://SOURCE-ADMIN": f"http://{us_east.admin}"}
    commands = spoken()
    assert len(commands) > 40
    for command, page in commands.items():
        words = [names.get(word, word) for word in re.sub(r"[][]", "", command).split()[1:]]
        verbs = [word for word in command.split()[1:] if re.fullmatch(r"[a-z][a-z-]*", word)]
        mentioned = len(verbs) == len(words) or any(command.startswith(one) for one in MENTIONED)
        arguments = [*verbs[:2], "--help"] if mentioned else words
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, cwd=tmp_path,
                              env=os.environ | {"ATOLL_ENDPOINT": f"http://{eu_west.admin}"}, check=False)
        assert "Run with --help" not in done.stderr or LEFT_OUT.search(done.stderr), f"{page}: {command}\n{done.stderr}"
        assert not mentioned or done.returncode == 0, f"{page}: {command}\n{done.stderr}"


# --- the quickstart ---

STANDINS = {"deploy/install-deps.sh": "#!/bin/sh\n", "bin/cmake": "#!/bin/sh\n",
            "bin/apt-cache": '#!/bin/sh\nseq -f "Package: %.0f of an index" 120000\n'}


def test_the_quickstart_runs_to_its_end(newcomer):
    """Only what it installs, builds and reads of this machine is played; regions, clients, crash and moves are real."""
    for name, text in STANDINS.items():
        path = newcomer.checkout / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    script = newcomer.checkout / "deploy/quickstart.sh"
    text = script.read_text()
    assert "python=/usr/bin/python3" in text
    script.write_text(text.replace("python=/usr/bin/python3", f"python={sys.executable}"))
    done = subprocess.run(["deploy/quickstart.sh"], cwd=newcomer.checkout, capture_output=True, text=True, timeout=240, check=False,
                          env=os.environ | {"PATH": f"{newcomer.checkout}/bin:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "Both regions are stopped" in done.stdout
