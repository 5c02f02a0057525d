"""The command line as people meet it: help, completion, watching, colour, profiles, doctor, support bundle."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import tarfile
import time

import pytest
import yaml

import clients
import shells
import wire
from harness import BINARY, create_topic, link, wait_mirrored, wait_until

SCREEN = 44  # Lines.
LINK = "from-us-east"


def atoll(*arguments: str, expect: int | None = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment)
    assert expect is None or done.returncode == expect, f"atoll {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def subcommands(path: tuple[str, ...]) -> list[str]:
    text = atoll(*path, "--help").stdout
    if "Subcommands:" not in text:
        return []
    section = text.split("Subcommands:\n")[1].split("\n\n")[0].split("\nExamples:")[0]
    return re.findall(r"^  ([a-z][a-z-]*) ", section, re.M)


def all_commands(path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    return [path, *(deeper for verb in subcommands(path) for deeper in all_commands((*path, verb)))]


# --- help ---

def test_every_help_fits_a_screen_and_every_noun_has_examples_that_parse():
    commands = all_commands()
    assert {(), ("link",), ("link", "list"), ("config", "import"), ("completion", "fish")} <= set(commands)
    for command in commands:
        text = atoll(*command, "--help").stdout
        assert len(text.splitlines()) <= SCREEN, f"{command}: {len(text.splitlines())} lines"
        if len(command) > 1:
            continue
        assert "Examples:\n" in text, command
        for line in text.split("Examples:\n")[1].splitlines():
            words = re.match(r"\s*(?:source <\()?atoll ([a-z -]*?[a-z-]+)(?= |$|\))", line)
            assert words, line
            named = [word for word in words.group(1).split() if not word.startswith("-")]
            known = [prefix for prefix in (tuple(named[:n]) for n in range(1, len(named) + 1)) if prefix in commands]
            assert known, f"{line}: names no command"


def test_errors_say_what_to_type_next():
    assert "--help" in atoll("link", "dance", expect=2).stderr
    assert "ATOLL_ENDPOINT" in atoll("status", "--endpoint", "http://127.0.0.1:1", expect=1).stderr
    assert "atoll config example" in atoll("serve", expect=2).stderr


# --- completion ---

@pytest.fixture(params=["bash", "zsh", "fish"])
def complete(request, tmp_path):
    """complete(WORD..., NAME=VALUE...): what the shell offers behind these words; the last one is the one being typed."""
    script = tmp_path / f"atoll.{request.param}"
    script.write_text(atoll("completion", request.param).stdout)
    return lambda *words, **environment: getattr(shells, request.param)(script, *words, **environment)


def options(command: tuple[str, ...]) -> set[str]:
    return set(re.findall(r"(?<=[ ,])--[a-z-]+", atoll(*command, "--help").stdout.split("Options:\n")[1].split("\n\n")[0]))


def test_a_shell_completes_nouns_verbs_options_and_files(complete, tmp_path):
    assert complete("atoll", "sta") == ["status"]
    assert set(complete("atoll", "link", "")) == set(subcommands(("link",)))
    assert complete("atoll", "link", "pau") == ["pause"]
    assert complete("atoll", "config", "im") == ["import"]
    for name in ("mm2.properties", "mm3.properties"):
        (tmp_path / name).write_text("")
    offered = complete("atoll", "config", "import", str(tmp_path / "mm"))
    assert sorted(os.path.basename(one) for one in offered) == ["mm2.properties", "mm3.properties"]


def test_a_shell_offers_every_verb_and_option_of_every_command_and_no_other(complete):
    for command in all_commands():
        verbs = subcommands(command)
        if verbs:
            assert sorted(complete("atoll", *command, "")) == sorted(verbs), command
        assert set(complete("atoll", *command, "--")) == options(command), command


def test_a_shell_completes_behind_an_option_and_its_value(complete):
    assert complete("atoll", "--endpoint", "http://127.0.0.1:1", "link", "pau") == ["pause"]
    assert {"--endpoint", "--watch"} <= set(complete("atoll", "link", "list", "-o", "json", "--"))


def test_a_shell_completes_formats_and_profiles(complete, tmp_path):
    assert sorted(complete("atoll", "link", "list", "-o", "")) == ["json", "name", "table", "wide", "yaml"]
    assert complete("atoll", "link", "list", "--output", "y") == ["yaml"]
    home = {"XDG_CONFIG_HOME": str(tmp_path), "PATH": f"{os.path.dirname(BINARY)}:{os.environ['PATH']}"}
    atoll("profile", "set", "us", "--endpoint", "http://127.0.0.1:1", **home)
    assert complete("atoll", "link", "list", "--profile", "", **home) == ["us"]


# --- what is printed ---

# Each command that shows something, and what -o name calls it.
SHOWN = {("status",): ["eu-west"], ("link", "list"): [LINK], ("link", "status", LINK): [LINK], ("mirror", "list"): ["orders"],
         ("mirror", "describe", "orders"): ["orders-0"], ("topic", "list"): ["orders"], ("topic", "describe", "orders"): ["orders"],
         ("group", "list"): ["readers"], ("group", "describe", "readers"): ["readers"], ("group", "translate", "--link", LINK): None,
         ("failover", "plan", "--link", LINK): ["orders"], ("failover", "drill", "--link", LINK): ["orders"], ("failover", "list"): [],
         ("ownership", "show"): ["orders"], ("quarantine", "list"): [], ("verify",): [LINK], ("events",): None, ("doctor",): None,
         ("apply", "--dry-run", "-f"): [], ("diff", "-f"): []}


def test_every_command_shows_as_o_asks(ring):
    us_east, eu_west = ring.pair(control=True)
    create_topic(us_east, "orders")
    clients.produce(us_east.kafka, "orders", [b"x"] * 10)
    wait_mirrored(us_east, eu_west, "orders")
    with wire.Connection(eu_west.kafka) as connection:
        assert connection.commit_offset("readers", "orders", 0, 1) == 0
    for command, names in SHOWN.items():
        words = [*command, str(eu_west.config)] if command[-1] == "-f" else command
        def shown(form: str, *options: str) -> str:
            done = atoll(*words, "-o", form, *options, expect=None, ATOLL_ENDPOINT=f"http://{eu_west.admin}")
            assert done.returncode in (0, 3, 10), f"{command}: {done.stderr}"
            return done.stdout
        document = yaml.safe_load(shown("yaml"))
        assert type(document) is dict and document.keys() == json.loads(shown("json")).keys(), command
        named = shown("name").split("\n")[:-1]
        assert named == names if names is not None else all(named), command
        table, wide, bare = shown("table"), shown("wide"), shown("table", "--no-headers")
        assert len(wide) >= len(table) and len(bare) <= len(table), command


def test_wide_has_more_columns_and_headers_can_be_left_out(lonely):
    table, wide = lonely.cli("link", "list").stdout, lonely.cli("link", "list", "-o", "wide").stdout
    assert "REASON" not in table and "REASON" in wide.splitlines()[0]
    bare = lonely.cli("link", "list", "--no-headers").stdout
    assert bare.startswith(LINK) and len(bare.splitlines()) == 1
    lines = yaml.safe_load(lonely.cli("link", "list", "-o", "yaml").stdout)["links"]
    assert [line["name"] for line in lines] == [LINK] == lonely.cli("link", "list", "-o", "name").stdout.split()


# --- watching and colour ---

def read_for(descriptor: int, seconds: float, enough) -> str:
    text, deadline = "", time.monotonic() + seconds
    while time.monotonic() < deadline and not enough(text):
        if select.select([descriptor], [], [], 0.2)[0]:
            try:
                text += os.read(descriptor, 65536).decode()
            except OSError:
                break
    return text


def on_terminal(*arguments: str, enough, **environment: str) -> str:
    """What the command writes to a terminal until that is enough or it ends."""
    master, slave = pty.openpty()
    process = subprocess.Popen([BINARY, *arguments], stdin=slave, stdout=slave, stderr=slave, env=os.environ | {"TERM": "xterm"} | environment)
    os.close(slave)
    text = read_for(master, 20, enough)
    process.send_signal(signal.SIGINT)
    process.wait(10)
    os.close(master)
    return text


@pytest.fixture
def lonely(ring):
    """eu-west, whose source is gone: something to be red about."""
    us_east, eu_west = ring.region("us-east").start(), ring.region("eu-west")
    create_topic(us_east, "orders")
    clients.produce(us_east.kafka, "orders", [b"canary-in-a-record"] * 10)
    eu_west.links = [link(us_east)]
    eu_west.start()
    wait_mirrored(us_east, eu_west, "orders")
    us_east.kill9()
    wait_until(lambda: eu_west.cli_json("link", "status", LINK)["state"] == "source_unavailable", "the link notices")
    return eu_west


def test_watch_writes_a_document_per_line_or_redraws_a_terminal(lonely):
    environment = {"ATOLL_ENDPOINT": f"http://{lonely.admin}"}
    process = subprocess.Popen([BINARY, "link", "list", "--watch"], stdout=subprocess.PIPE, env=os.environ | environment)
    text = read_for(process.stdout.fileno(), 20, lambda text: text.count("\n") >= 2)
    process.send_signal(signal.SIGINT)
    process.wait(10)
    process.stdout.close()
    lines = text.splitlines()
    assert len(lines) >= 2 and all(json.loads(line)["links"][0]["name"] == LINK for line in lines[:2])
    screen = on_terminal("link", "list", "-w", enough=lambda text: text.count("\x1b[2J") >= 2, **environment)
    assert screen.startswith("\x1b[H\x1b[2J") and screen.count("LAST CONTACT") >= 1


def test_colour_is_for_terminals_and_not_against_no_color(lonely):
    environment = {"ATOLL_ENDPOINT": f"http://{lonely.admin}"}
    def whole(text: str) -> bool:
        return LINK in text and text.endswith("\n")
    assert "\x1b[31msource_unavailable\x1b[0m" in on_terminal("link", "list", enough=whole, **environment)
    assert "\x1b" not in on_terminal("link", "list", enough=whole, NO_COLOR="1", **environment)
    assert "\x1b" not in on_terminal("link", "list", enough=whole, TERM="dumb", **environment)
    assert "\x1b" not in lonely.cli("link", "list").stdout


# --- doctor, support bundle, profiles ---

def test_doctor_names_what_is_wrong_and_what_to_do(lonely, tmp_path):
    report = lonely.cli("doctor", expect=10).stdout
    assert re.search(rf"link {LINK} +wrong +source_unavailable", report) and f"atoll link status {LINK}" in report
    checks = {check["check"]: check["verdict"] for check in json.loads(lonely.cli("doctor", "-o", "json", expect=10).stdout)["checks"]}
    assert checks["admin API"] == checks["ready"] == checks["clock"] == checks["last reload"] == "ok"
    assert checks["open files"] in ("ok", "warning")
    bad = tmp_path / "bad.yaml"
    bad.write_text("kind: Regoin\n")
    assert "did you mean `Region`?" in lonely.cli("doctor", "--config", str(bad), expect=10).stdout
    assert "no answer from" in atoll("doctor", "--endpoint", "http://127.0.0.1:1", expect=10).stdout


def test_doctor_of_a_well_region_is_content(ring):
    region = ring.region("us-east").start()
    assert "wrong" not in region.cli("doctor", "--config", str(region.config)).stdout


def test_doctor_looks_at_peers(ring):
    us_east, eu_west = ring.pair(control=True)
    def peer(code: int) -> dict[str, str]:
        checks = json.loads(eu_west.cli("doctor", "-o", "json", expect=code).stdout)["checks"]
        return next(check for check in checks if check["check"] == "peer us-east")
    wait_until(lambda: eu_west.get("/v1/peers")["peers"][0]["clockAheadSeconds"] is not None, "a heartbeat was echoed")
    wait_until(lambda: eu_west.cli_json("link", "status", LINK)["state"] == "running", "the link runs")
    assert re.match(r"connected, atoll \d\S+, clocks differ by 0\.\d\d s$", peer(0)["detail"])
    us_east.kill9()
    wait_until(lambda: not eu_west.get("/v1/peers")["peers"][0]["connected"], "the loss is noticed")
    gone = peer(10)
    assert gone["verdict"] == "wrong" and f"atoll link status {LINK}" in gone["detail"]


def test_a_support_bundle_has_everything_but_secrets(lonely, tmp_path):
    secrets = ["canary-in-a-comment", "canary-in-json", "canary-in-a-record", "canary-in-the-environment"]
    text = lonely.config.read_text()
    lonely.config.write_text(f"# old password: {secrets[0]}\n" + text + f"# {{\"client_secret\": \"{secrets[1]}\"}} after\n")
    lonely.cli("config", "reload")
    bundle = tmp_path / "incident.tar"
    done = lonely.cli("support-bundle", "-f", str(bundle), ATOLL_TEST_SECRET=secrets[3])
    assert done.stdout == f"{bundle}\n" and "metrics.txt" in done.stderr
    with tarfile.open(bundle) as tar:
        pages = {member.name: tar.extractfile(member).read().decode() for member in tar.getmembers()}
    assert {"atoll/README", "atoll/status.json", "atoll/config.json", "atoll/metrics.txt", "atoll/events.json",
            f"atoll/link-{LINK}.json", f"atoll/mirrors-{LINK}.json"} <= pages.keys()
    assert "source_unavailable" in pages[f"atoll/link-{LINK}.json"]
    assert "atoll_link_state" in pages["atoll/metrics.txt"] and "ready" in pages["atoll/readyz.txt"]
    for name, page in pages.items():
        assert "not to be had" not in page, name
        assert not [secret for secret in secrets if secret in page], name
        if name.endswith(".json"):
            json.loads(page)
    config = json.loads(pages["atoll/config.json"])["files"][0]["text"]
    assert "# old password: [redacted]\n" in config and "kind: Link" in config


def test_profiles_give_regions_names_and_give_way_to_what_is_said(ring, tmp_path):
    one, two = ring.region("us-east").start(), ring.region("eu-west").start()
    home = {"XDG_CONFIG_HOME": str(tmp_path), "ATOLL_ENDPOINT": ""}
    def where(*arguments: str, **environment: str) -> str:
        return json.loads(atoll("status", "-o", "json", *arguments, **(home | environment)).stdout)["region"]
    atoll("profile", "set", "us", "--endpoint", f"http://{one.admin}", **home)
    atoll("profile", "set", "eu", "--endpoint", f"http://{two.admin}", **home)
    atoll("profile", "use", "eu", **home)
    assert (tmp_path / "atoll" / "profiles.yaml").exists()
    assert where() == "eu-west"
    assert where(ATOLL_PROFILE="us") == "us-east"
    assert where(ATOLL_PROFILE="us", ATOLL_ENDPOINT=f"http://{two.admin}") == "eu-west"
    assert where("--endpoint", f"http://{one.admin}") == "us-east"
    assert where("--profile", "us", ATOLL_ENDPOINT=f"http://{two.admin}") == "us-east"
    missing = atoll("status", "--profile", "mars", expect=1, **home)
    assert "no profile `mars`" in missing.stderr and not missing.stdout
    rows = json.loads(atoll("profile", "list", "-o", "json", **home).stdout)["profiles"]
    assert [(row["name"], row["inUse"]) for row in rows] == [("eu", True), ("us", False)]
    assert "atoll profile set" in atoll("profile", "use", "mars", expect=1, **home).stderr
    assert "no name" in atoll("profile", "set", "a b", "--endpoint", "http://a:1", expect=2, **home).stderr
    atoll("profile", "delete", "eu", **home)
    assert json.loads(atoll("profile", "list", "-o", "json", **home).stdout)["profiles"][0]["name"] == "us"
