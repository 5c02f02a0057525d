"""Configuration of a running region: reload, diff, apply; the schema and the reference page against the loader."""
import copy
import datetime
import json
import signal
import subprocess
import threading
import time

import jsonschema
import pytest
import yaml

import batch
import clients
import wire
from harness import BINARY, REPOSITORY, assert_same_bytes, create_topic, link, wait_mirrored, wait_until

LINK = "from-us-east"


def atoll(*arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expect, f"atoll {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def pair(ring):
    """us-east owns `orders` and `audit`; eu-west mirrors orders only."""
    us_east, eu_west = ring.region("us-east").start(), ring.region("eu-west")
    eu_west.links = [link(us_east, topics=[{"include": "orders"}])]
    for topic in ("orders", "audit"):
        create_topic(us_east, topic)
        clients.produce(us_east.kafka, topic, [b"x"] * 50)
    eu_west.start()
    wait_mirrored(us_east, eu_west, "orders")
    return us_east, eu_west


def write(region, *documents) -> None:
    region.config.write_text(yaml.safe_dump_all(documents, sort_keys=False))


def documents_of(region) -> list[dict]:
    return list(yaml.safe_load_all(region.config.read_text()))


def metric(region, name: str) -> float:
    return region.metric(f"atoll_config_last_reload_{name}")


# --- reload ---

def test_sighup_adds_changes_and_removes_links(pair):
    us_east, eu_west = pair
    region, only = documents_of(eu_west)
    before = metric(eu_west, "success_timestamp_seconds")
    changed = copy.deepcopy(only)
    changed["spec"]["topics"] = [{"include": "*"}]
    write(eu_west, region, changed)
    eu_west.process.send_signal(signal.SIGHUP)
    wait_mirrored(us_east, eu_west, "audit")  # The link goes on, with what it mirrored before.
    clients.produce(us_east.kafka, "orders", [b"y"] * 50)
    wait_mirrored(us_east, eu_west, "orders")
    assert eu_west.events("divergence", "orders") == []
    assert metric(eu_west, "successful") == 1 and metric(eu_west, "success_timestamp_seconds") > before

    added = copy.deepcopy(changed)
    added["metadata"]["name"], added["spec"]["naming"] = "copies", {"prefix": "copy."}
    write(eu_west, region, added)
    answer = eu_west.api("POST", "/-/reload")
    assert answer[0] == 200, answer
    assert [(one["action"], one["name"]) for one in answer[1]["changes"]] == [("remove", LINK), ("add", "copies")]
    assert [one["name"] for one in eu_west.get("/v1/links")["links"]] == ["copies"]
    wait_until(lambda: eu_west.mirror("copies", "copy.orders").get("state") == "caught_up", "the new link mirrors")
    assert eu_west.metric("atoll_link_state", link=LINK) is None


def test_the_mirrors_of_a_removed_link_keep_their_records_and_take_no_others(pair):
    us_east, eu_west = pair
    write(eu_west, documents_of(eu_west)[0])
    assert eu_west.cli_json("config", "reload")["changes"][0]["action"] == "remove"
    with eu_west.wire() as connection:
        assert connection.offset("orders", 0, wire.LATEST) == (wire.OK, 50)
    with pytest.raises(AssertionError):
        clients.produce(eu_west.kafka, "orders", [b"mine"], **{"message.timeout.ms": 3000})
    eu_west.links = []
    eu_west.restart()
    assert eu_west.get("/v1/topics/orders")["owner"] == 1
    # The link comes back, and goes on where it was.
    clients.produce(us_east.kafka, "orders", [b"z"] * 10)
    write(eu_west, documents_of(eu_west)[0], link(us_east, topics=[{"include": "orders"}]))
    eu_west.cli("config", "reload")
    wait_mirrored(us_east, eu_west, "orders")


def test_a_bad_file_leaves_the_running_configuration(pair):
    us_east, eu_west = pair
    good = eu_west.config.read_text()
    eu_west.config.write_text(good.replace("include: orders", "inclde: orders"))
    status, body = eu_west.api("POST", "/-/reload")
    assert status == 400 and "still runs" in body["error"]["message"]
    (problem,) = body["problems"]
    assert problem["path"] == "spec.topics[0].inclde" and problem["line"] > 0
    assert metric(eu_west, "successful") == 0
    clients.produce(us_east.kafka, "orders", [b"y"] * 10)
    wait_mirrored(us_east, eu_west, "orders")
    failed = eu_west.cli("config", "reload", expect=2).stderr
    assert f"{eu_west.config}:" in failed and "did you mean `include`?" in failed
    eu_west.config.write_text(good)
    eu_west.process.send_signal(signal.SIGHUP)
    wait_until(lambda: metric(eu_west, "successful") == 1, "a good file is taken")


def test_what_needs_a_restart_is_named_and_kept_and_what_is_fixed_is_refused(pair):
    _, eu_west = pair
    region, only = documents_of(eu_west)
    changed = copy.deepcopy(region)
    changed["spec"]["storage"]["retention"] = "1d"
    write(eu_west, changed, only)
    answer = eu_west.cli_json("config", "reload")
    (line,) = answer["restartNeeded"]
    assert line == "Region eu-west: spec.storage.retention: 7d -> 1d"
    assert eu_west.get("/v1/config")["restartNeeded"] == [line]
    assert "not in force" in eu_west.cli("diff", "-f", str(eu_west.config)).stderr
    eu_west.stop()
    eu_west.storage["retention"] = "1d"
    eu_west.start()
    assert eu_west.get("/v1/config")["restartNeeded"] == []

    changed["spec"]["ordinal"] = 9
    write(eu_west, changed, only)
    status, body = eu_west.api("POST", "/-/reload")
    assert status == 409 and "spec.ordinal: 2 -> 9" in body["error"]["message"]
    assert metric(eu_west, "successful") == 0
    only["spec"]["source"]["region"] = "elsewhere"
    write(eu_west, documents_of(eu_west)[0] | {"spec": region["spec"]}, only)
    assert eu_west.api("POST", "/-/reload")[0] == 409


def test_metrics_are_given_per_topic_above_the_number_of_the_yaml(ring):
    us_east, eu_west = ring.pair(control=True)
    for region in us_east, eu_west:
        region.spec["metrics"] = {"partitionSeries": 1}
        region.restart()
    create_topic(us_east, "orders", 2)
    for partition in range(2):
        with us_east.wire() as connection:
            connection.produce("orders", partition, batch.make([b"x"] * 10))
            assert connection.commit_offset("billing", "orders", partition, 4) == 0
    wait_mirrored(us_east, eu_west, "orders")

    def shown(at, name: str, **labels: str) -> bool:
        """Once, for the whole topic."""
        return [dict(have) for series, have in at.series() if series == name] == [{"topic": "orders"} | labels]

    wait_until(lambda: shown(us_east, "atoll_region_applied_offset", region="eu-west"), "us-east is told how far eu-west is")
    assert shown(us_east, "atoll_partition_high_watermark_offset")
    assert shown(us_east, "atoll_group_lag_records", group="billing") and us_east.metric("atoll_group_lag_records") == 12
    assert shown(eu_west, "atoll_mirror_lag_records", link=LINK)
    for region, kind in ((us_east, "partition"), (us_east, "group"), (us_east, "region"), (eu_west, "mirror")):
        assert region.metric("atoll_metrics_aggregated", kind=kind) == 1


def test_ownership_rules_are_taken_over_live(pair):
    _, eu_west = pair
    region, only = documents_of(eu_west)
    region["spec"]["ownership"] = [{"topics": "us-*", "owner": "us-east"}]
    write(eu_west, region, only)
    assert eu_west.cli_json("config", "reload")["restartNeeded"] == []
    with eu_west.wire() as connection:
        assert connection.create_topic("us-orders", 1) != wire.OK
        assert connection.create_topic("eu-orders", 1) == wire.OK


def test_links_between_regions_with_control_connections_are_changed_live(ring):
    us_east, eu_west = ring.pair(control=True)
    create_topic(us_east, "orders")
    clients.produce(us_east.kafka, "orders", [b"x"] * 10)
    wait_mirrored(us_east, eu_west, "orders")
    region, only = documents_of(eu_west)
    only["spec"]["objectives"] = {"rpo": "90s"}
    write(eu_west, region, only)
    eu_west.cli("config", "reload")
    wait_until(lambda: eu_west.cli_json("link", "status", LINK)["control"]["connected"], "connected anew")
    assert eu_west.cli_json("link", "status", LINK)["rpoTargetSeconds"] == 90
    clients.produce(us_east.kafka, "orders", [b"y"] * 10)
    wait_mirrored(us_east, eu_west, "orders")
    write(eu_west, region)
    eu_west.cli("config", "reload")
    assert eu_west.get("/v1/links")["links"] == []


def test_links_come_and_go_under_traffic_and_questions_without_a_lost_or_doubled_record(ring):
    us_east, eu_west = ring.pair(control=True)
    create_topic(us_east, "orders", 4)
    region, only = documents_of(eu_west)
    changed = copy.deepcopy(only)
    changed["spec"]["objectives"] = {"rpo": "90s"}
    stop = threading.Event()
    answers: list[int] = []

    def ask() -> None:
        while not stop.is_set():
            for path in ("/v1/links", "/metrics", f"/v1/links/{LINK}/mirrors", f"/v1/links/{LINK}", "/v1/topics", "/readyz"):
                answers.append(eu_west.api("GET", path)[0])

    def produce() -> None:
        while not stop.is_set():
            clients.produce(us_east.kafka, "orders", [b"x" * 100] * 200)

    workers = [threading.Thread(target=work) for work in (ask, ask, produce)]
    for worker in workers:
        worker.start()
    try:
        turn = 0
        while turn < 30 or len(answers) < 60 or turn % 3:  # Ends with the link as it was.
            write(eu_west, *[(region, changed), (region,), (region, only)][turn % 3])
            status, body = eu_west.api("POST", "/-/reload")
            assert status == 200, body
            turn += 1
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert set(answers) <= {200, 404}
    wait_mirrored(us_east, eu_west, "orders")
    assert_same_bytes(us_east, eu_west, "orders")
    for kind in ("divergence", "gap", "rollback"):
        assert eu_west.events(kind, "orders") == []
    eu_west.cli("status")


# --- apply and diff ---

def test_diff_and_apply_from_a_folder_and_a_restart_sees_the_same(pair, tmp_path):
    us_east, eu_west = pair
    git = tmp_path / "git"
    git.mkdir()
    wider = link(us_east, topics=[{"include": "*"}])
    (git / "links.yaml").write_text("# From git.\n" + yaml.safe_dump(wider))
    diff = eu_west.cli("diff", "-f", str(git), expect=1).stdout
    assert f"~ Link {LINK}" in diff and 'spec.topics: [{include: "orders", match: literal}] -> ' in diff
    before = eu_west.config.read_text()
    assert "dry run" in eu_west.cli("apply", "-f", str(git), "--dry-run").stdout
    assert eu_west.config.read_text() == before
    assert "1 changed" in eu_west.cli("apply", "-f", str(git)).stdout
    wait_mirrored(us_east, eu_west, "audit")
    eu_west.cli("diff", "-f", str(git))
    assert "nothing to change" in eu_west.cli("apply", "-f", str(git)).stdout
    assert "# From git." in eu_west.config.read_text()
    applied = eu_west.config.read_text()
    eu_west.stop()
    eu_west.links = [wider]
    eu_west.start()
    eu_west.config.write_text(applied)
    eu_west.cli("config", "reload")
    eu_west.cli("diff", "-f", str(git))


def test_apply_prunes_only_when_asked(pair, tmp_path):
    us_east, eu_west = pair
    other = link(us_east, name="copies", naming={"prefix": "copy."})
    file = tmp_path / "copies.yaml"
    file.write_text(yaml.safe_dump(other))
    eu_west.cli("apply", "-f", str(file))
    assert {one["name"] for one in eu_west.get("/v1/links")["links"]} == {LINK, "copies"}
    eu_west.cli("diff", "-f", str(file))
    assert f"- Link {LINK}" in eu_west.cli("diff", "-f", str(file), "--prune", expect=1).stdout
    eu_west.cli("apply", "-f", str(file), "--prune")
    assert [one["name"] for one in eu_west.get("/v1/links")["links"]] == ["copies"]


def test_apply_is_all_or_nothing_and_says_where_the_mistake_is(pair, tmp_path):
    us_east, eu_west = pair
    good, bad = link(us_east, name="good", naming={"prefix": "a."}), link(us_east, name="bad", onGap="stopp")
    file = tmp_path / "links.yaml"
    file.write_text(yaml.safe_dump_all([good, bad], sort_keys=False))
    before = eu_west.config.read_text()
    errors = eu_west.cli("apply", "-f", str(file), expect=2).stderr
    assert f"{file}:" in errors and "(did you mean `stop`?)" in errors and "nothing was changed" in errors
    eu_west.cli("diff", "-f", str(file), expect=2)
    assert eu_west.config.read_text() == before
    assert [one["name"] for one in eu_west.get("/v1/links")["links"]] == [LINK]
    assert metric(eu_west, "successful") == 1  # The files were not the mistake.
    eu_west.cli("apply", "-f", str(tmp_path / "nowhere.yaml"), expect=2)


def test_apply_refuses_to_take_over_edits_that_nobody_reloaded(pair, tmp_path):
    us_east, eu_west = pair
    file = tmp_path / "link.yaml"
    file.write_text(yaml.safe_dump(link(us_east, topics=[{"include": "*"}])))
    eu_west.config.write_text("# edited\n" + eu_west.config.read_text())
    errors = eu_west.cli("apply", "-f", str(file), expect=1).stderr
    assert "edited since they were loaded" in errors and "atoll config reload" in errors
    eu_west.cli("config", "reload")
    eu_west.cli("apply", "-f", str(file))


def test_bad_apply_requests_are_refused(pair):
    _, eu_west = pair
    for body in (None, [], {}, {"documents": []}, {"documents": [{"file": "a"}]}, {"documents": [3]},
                 {"documents": [{"file": "a", "text": 3}]}, {"documents": [{"file": "a", "text": ""}], "prune": 1}):
        status, answer = eu_west.api("POST", "/v1/config:apply", body)
        assert status == 400 and answer["error"]["message"], body


def test_applying_200_links_is_validated_within_a_second(ring, tmp_path):
    region = ring.region("us-east").start()
    links = [link("127.0.0.1:1", name=f"from-r{i}", region=f"r{i}", naming={"prefix": f"r{i}."}, paused=True,
                  topics=[{"exclude": "tmp.", "match": "prefix"}, {"include": "orders-*"}, {"include": "[a-z]+-[0-9]+", "match": "regex"}])
             for i in range(200)]
    file = tmp_path / "links.yaml"
    file.write_text(yaml.safe_dump_all(links, sort_keys=False))
    begin = time.monotonic()
    diff = region.cli("apply", "-f", str(file), "--dry-run").stdout
    seconds = time.monotonic() - begin
    assert "200 added" in diff
    print(f"apply --dry-run of 200 links ({file.stat().st_size} bytes): {seconds:.3f} s")
    assert seconds < 1.0


# --- schema, reference page, import ---

class StringTimes(yaml.SafeLoader):
    """As editors read YAML 1.2: a time is a text."""


StringTimes.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(atoll("config", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def load_all(text: str) -> list:
    return list(yaml.load_all(text, Loader=StringTimes))


def test_the_schema_takes_every_example(validator):
    files = [*REPOSITORY.glob("deploy/**/*.yaml"), *REPOSITORY.glob("docs/**/*.yaml")]
    texts = [atoll("config", "example").stdout]
    texts += [text for file in files if "apiVersion: atoll/v1" in (text := file.read_text()) and "{{" not in text]
    checked = 0
    for text in texts:
        for document in load_all(text):
            if isinstance(document, dict) and document.get("apiVersion") == "atoll/v1":
                validator.validate(document)
                checked += 1
    assert checked >= 2


@pytest.mark.parametrize("change", [
    ("ordinal: 1\n", "ordinal: 0\n"), ("ordinal: 1\n", "ordinal: 251\n"), ("ordinal: 1\n", "ordinal: one\n"),
    ("ordinal: 1\n", "ordinla: 1\n"), ("ordinal: 1\n", "\n"), ("kind: Region", "kind: Regoin"), ("kind: Region\n", ""),
    ("apiVersion: atoll/v1\n", "apiVersion: atoll/v2\n"), ("name: us-east", "name: US"),
    ("durability: fsync", "durability: fsnyc"), ("segmentBytes: 1GiB", "segmentBytes: 1GB"),
    ("segmentBytes: 1GiB", "segmentBytes: 1000"), ("retention: 7d", "retention: 7"), ("retention: 7d", "retention: 1w"),
    ("autoCreate: true", "autoCreate: 'true'"), ("defaultPartitions: 4", "defaultPartitions: '4'"),
    ("bind: \"127.0.0.1:19092\"", "bind: 127.0.0.1"), ("bind: \"127.0.0.1:19092\"", "bind: {}"),
    ("bootstrapServers: [\"127.0.0.1:29092\"]", "bootstrapServers: []"),
    ("bootstrapServers: [\"127.0.0.1:29092\"]", "bootstrapServers: a:1"),
    ("startFrom: earliest", "startFrom: yesterday"), ("startFrom: earliest", "startFrom: 2026-01-31"),
    ("onGap: stop", "onGap: wait"), ("rpo: 30s", "rpo: 30"), ("paused: false", "paused: 0"),
    ("match: prefix}", "match: exact}"), ("{exclude: \"tmp.\"", "{exclude: \"a\", include: \"tmp.\""),
    ("deletes: keep", "deletes: keep\n  colour: red"), ("prefix: \"\"", "prefix: a/b"),
], ids=lambda change: change[1].strip()[:40])
def test_schema_and_loader_refuse_the_same_mistake(validator, tmp_path, change):
    example = atoll("config", "example").stdout
    assert change[0] in example, change
    text = example.replace(change[0], change[1], 1)
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    atoll("config", "validate", str(file), expect=2)
    assert any(not validator.is_valid(document) for document in load_all(text))


def test_the_schema_takes_what_the_loader_takes(validator, tmp_path):
    for start in ("latest", "2026-01-31T08:00:00Z", "2026-01-31T08:00:00.5+01:00"):
        text = atoll("config", "example").stdout.replace("startFrom: earliest", f"startFrom: {start}")
        text = text.replace("name: us-east", 'name: "${env:ATOLL_TEST_NAME}"', 1)
        for document in load_all(text):
            validator.validate(document)


def test_the_reference_page_and_the_schema_in_docs_are_current():
    assert (REPOSITORY / "docs" / "configuration.md").read_text() == atoll("config", "docs").stdout, \
        "run: atoll config docs > docs/configuration.md"
    assert (REPOSITORY / "docs" / "atoll.schema.json").read_text() == atoll("config", "schema").stdout, \
        "run: atoll config schema > docs/atoll.schema.json"


def test_explain_names_one_key_a_section_or_the_nearest():
    assert "duration, default 7d" in atoll("config", "explain", "spec.storage.retention").stdout
    section = atoll("config", "explain", "spec.objectives").stdout
    assert "spec.objectives.rpo" in section and "spec.topics" not in section
    assert "did you mean `retention`?" in atoll("config", "explain", "retentoin", expect=2).stderr


def test_an_imported_mirror_maker_configuration_is_applied(pair, tmp_path):
    us_east, eu_west = pair
    properties = tmp_path / "mm2.properties"
    properties.write_text(
        f"clusters = east, west\neast.bootstrap.servers = {us_east.kafka}\nwest.bootstrap.servers = {eu_west.kafka}\n"
        "east->west.enabled = true\neast->west.topics = audit\nemit.heartbeats.interval.seconds = 5\n")
    done = eu_west.cli("config", "import", str(properties))
    assert "line 6: emit.heartbeats.interval.seconds: not needed" in done.stderr
    links = tmp_path / "links.yaml"
    links.write_text(done.stdout)
    eu_west.cli("config", "validate", str(links))
    eu_west.cli("apply", "-f", str(links))
    wait_until(lambda: eu_west.mirror("from-east", "east.audit").get("state") == "caught_up", "the imported link mirrors")
    properties.write_text("a = b\n")
    assert "--from" in eu_west.cli("config", "import", str(properties), expect=2).stderr
    assert datetime.datetime.fromisoformat(eu_west.get("/v1/config")["acceptedAt"].replace("Z", "+00:00"))
