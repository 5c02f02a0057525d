"""Every verb of the command line, for people and for programs, with its exit codes and what it says on errors."""
import json
import subprocess

import pytest

import clients
from harness import BINARY, create_topic, link, wait_mirrored

LINK = "from-us-east"
PARTITION_FIELDS = {"link", "topic", "topicId", "partition", "state", "reason", "since", "sourceEnd", "appliedEnd",
                    "lagRecords", "lagBytes", "lagSeconds", "lastContact"}


@pytest.fixture
def pair(ring):
    us_east, eu_west = ring.region("us-east").start(), ring.region("eu-west")
    eu_west.links = [link(us_east)]
    create_topic(us_east, "orders", 2)
    clients.produce(us_east.kafka, "orders", [b"x"] * 100)
    eu_west.start()
    wait_mirrored(us_east, eu_west, "orders")
    for partition in (0, 1):
        eu_west.wait_state(LINK, "orders", "caught_up", partition)
    return us_east, eu_west


def test_status_names_the_region_its_links_and_their_state(pair):
    us_east, eu_west = pair
    text = eu_west.cli("status").stdout
    assert "eu-west" in text and LINK in text and "running" in text
    status = eu_west.cli_json("status")
    assert (status["region"], status["ordinal"], status["kafka"]) == ("eu-west", 2, eu_west.kafka)
    assert status["offlinePartitions"] == [] and status["links"][0]["mirrorStates"] == {"caught_up": 2}
    us_east.kill9()
    eu_west.wait_state(LINK, "orders", "source_unavailable")
    eu_west.cli("status", expect=10)


def test_link_list_status_pause_and_resume(pair):
    _, eu_west = pair
    assert LINK in eu_west.cli("link", "list").stdout
    (only,) = eu_west.cli_json("link", "list")["links"]
    assert (only["name"], only["source"], only["kind"], only["paused"]) == (LINK, "us-east", "atoll", False)
    assert LINK in eu_west.cli("link", "status", LINK).stdout
    eu_west.cli("link", "pause", LINK)
    assert eu_west.cli_json("link", "status", LINK)["paused"] is True
    eu_west.wait_state(LINK, "orders", "paused")
    eu_west.cli("link", "resume", LINK)
    assert eu_west.cli_json("link", "status", LINK)["paused"] is False
    eu_west.wait_state(LINK, "orders", "caught_up")
    assert "nowhere" in eu_west.cli("link", "status", "nowhere", expect=1).stderr
    eu_west.cli("link", "pause", "nowhere", expect=1)


def test_mirror_list_describe_pause_and_resume(pair):
    _, eu_west = pair
    assert "orders" in eu_west.cli("mirror", "list").stdout
    rows = eu_west.cli_json("mirror", "list", "--link", LINK)["partitions"]
    assert len(rows) == 2 and all(PARTITION_FIELDS <= row.keys() for row in rows)
    assert sum(row["appliedEnd"] for row in rows) == 100
    assert "caught_up" in eu_west.cli("mirror", "describe", "orders").stdout
    eu_west.cli("mirror", "pause", "orders", "--link", LINK)
    eu_west.wait_state(LINK, "orders", "paused")
    eu_west.cli("mirror", "resume", "orders", "--link", LINK)
    eu_west.wait_state(LINK, "orders", "caught_up")
    assert "nothing" in eu_west.cli("mirror", "describe", "nothing", expect=1).stderr
    eu_west.cli("mirror", "pause", "nothing", "--link", LINK, expect=3)


def test_topic_create_list_describe_and_delete(pair):
    us_east, eu_west = pair
    us_east.cli("topic", "create", "audit", "--partitions", "3", "--config", "retention.ms=60000")
    topics = {topic["name"]: topic for topic in us_east.cli_json("topic", "list")["topics"]}
    assert topics["audit"]["partitionCount"] == 3 and topics["audit"]["link"] is None
    described = us_east.cli_json("topic", "describe", "audit")
    assert described["config"]["retention.ms"] == "60000" and len(described["partitions"]) == 3
    assert "audit" in us_east.cli("topic", "list").stdout and "60000" in us_east.cli("topic", "describe", "audit").stdout
    us_east.cli("topic", "create", "audit", expect=1)
    assert "retention" in us_east.cli("topic", "create", "b", "--config", "retention.ms=soon", expect=2).stderr
    assert "--yes" in us_east.cli("topic", "delete", "audit", expect=2).stderr
    us_east.cli("topic", "delete", "audit", "--yes")
    us_east.cli("topic", "describe", "audit", expect=1)
    mirrored = eu_west.cli_json("topic", "describe", "orders")
    assert (mirrored["link"], mirrored["owner"]) == (LINK, 1)


def test_events_filter_by_kind_and_topic(pair):
    _, eu_west = pair
    assert eu_west.cli_json("events", "--kind", "gap")["events"] == []
    eu_west.cli("events", "--topic", "orders")


def test_config_validate_names_every_mistake_with_its_place(ring):
    region = ring.region("us-east")
    region.links = [link("127.0.0.1:9092", region="eu-west")]
    region.write_config()
    assert "us-east" in region.cli("config", "validate", str(region.config)).stdout
    text = region.config.read_text().replace("ordinal: 1", "ordinal: 900").replace("dataDir:", "dataDirr:")
    region.config.write_text(text)
    errors = region.cli("config", "validate", str(region.config), expect=2).stderr.splitlines()
    assert any(f"{region.config}:" in line and "ordinal" in line for line in errors), errors
    assert any("dataDirr" in line and "dataDir" in line for line in errors), errors
    problems = json.loads(region.cli("config", "validate", str(region.config), "-o", "json", expect=2).stdout)
    assert problems["valid"] is False and all(problem["line"] > 0 for problem in problems["problems"])
    refused = subprocess.run([BINARY, "serve", "--config", str(region.config)], capture_output=True,
                             text=True, timeout=20, check=False)
    assert refused.returncode == 2 and "ordinal" in refused.stderr
    assert refused.stdout == ""


def test_config_example_loads_as_it_stands(ring):
    region = ring.region("us-east")
    region.config.write_text(region.cli("config", "example").stdout)
    region.cli("config", "validate", str(region.config))
    assert "spec.ordinal" in region.cli("config", "explain").stdout


def test_checkpoint_inspect_reads_beside_a_running_region(pair):
    _, eu_west = pair
    assert "orders" in eu_west.cli("checkpoint", "inspect", str(eu_west.data)).stdout


def test_usage_errors_are_2_and_an_unreachable_region_is_1_with_its_address(ring):
    region = ring.region("us-east")
    region.cli("link", "dance", expect=2)
    region.cli("status", "-o", "xml", expect=2)
    region.cli("serve", expect=2)
    assert region.admin in region.cli("status", expect=1).stderr
    help_text = region.cli("--help").stdout
    for noun in ("serve", "status", "link", "mirror", "topic", "config", "checkpoint"):
        assert noun in help_text


def test_health_pages_and_api_errors(pair):
    _, eu_west = pair
    assert eu_west.api("GET", "/livez")[0] == 200 and eu_west.api("GET", "/readyz")[0] == 200
    for method, path, status in (("GET", "/v1/nothing", 404), ("DELETE", "/v1/links", 405),
                                 ("GET", "/v1/links/nowhere/mirrors", 404)):
        code, body = eu_west.api(method, path)
        assert code == status and body["error"]["code"] == status and body["error"]["message"], (path, code, body)
