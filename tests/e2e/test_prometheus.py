"""A real Prometheus scrapes live regions through a gap, a divergence, a stall, refused writes and moves; every expression that is
shipped is asked: no error, no empty answer, no metric or label that is not exported. The page of metrics is checked beside."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import confluent_kafka
import pytest
import yaml

import batch
import clients
import fake_kafka
import metrics_doc
import promql
import wire
from etcd import Etcd
from harness import create_topic, link, wait_mirrored, wait_until
from ports import free_port
from test_dashboards import ALERTS, NAMES, load, panels, rules

VARIABLES = {"$job": ".+", "$instance": ".+", "$link": ".+", "$topic": ".+", "$__rate_interval": "20s"}
SPANS = {"[1m]": "[20s]", "[5m]": "[20s]", "[10m]": "[20s]", "[1h]": "[20s]"}  # The test has no hour to wait.
LINK = "from-us-east"


def filled(expression: str) -> str:
    for name, value in (VARIABLES | SPANS).items():
        expression = expression.replace(name, value)
    return " ".join(expression.split())


def operands(expression: str) -> list[str]:
    """What a rule compares, without the comparison: it must return data also while nothing is wrong. What is subtracted or
    combined stays together as far as brackets hold it."""
    sides = re.split(r"\s(?:and on \([^)]*\)|and|or|[<>=!]=?\s*(?:bool)?)\s(?![^()]*\)|[\"~])", expression)
    sides = [side.strip() for side in sides if not re.fullmatch(r"[\d.]+", side.strip())]
    return [side for side in sides if side.count("(") == side.count(")")]


class Prometheus:
    def __init__(self, folder: pathlib.Path, targets: dict[str, str]) -> None:
        folder.mkdir()
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [str(ALERTS)],
            "scrape_configs": [{"job_name": "atoll", "static_configs": [
                {"targets": [address], "labels": {"region": name}} for name, address in targets.items()]}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.address = f"127.0.0.1:{free_port()}"
        self.log = (folder / "prometheus.log").open("wb")
        self.began = time.time()
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={self.address}"], stdout=self.log, stderr=self.log, env=os.environ)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()

    def ask(self, path: str, **parameters: str) -> object:
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}?{query}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression: str) -> list[dict]:
        return self.ask("query", query=expression)["result"]

    def query_range(self, expression: str) -> list[dict]:
        """Over all that it has scraped."""
        return self.ask("query_range", query=expression, start=str(self.began), end=str(time.time()), step="1")["result"]


class World:
    """us-east and eu-west mirror each other; ap-south is alone, in lease mode."""

    def __init__(self, prometheus: Prometheus, regions: list) -> None:
        self.prometheus, self.regions = prometheus, regions
        self.us_east, self.eu_west, self.ap_south = regions

    def exported(self) -> dict[str, set[str]]:
        """Every metric that was scraped, with its labels."""
        found: dict[str, set[str]] = {}
        for series in self.prometheus.ask("series", **{"match[]": '{job="atoll"}'}):
            found.setdefault(series["__name__"], set()).update(series)
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from harness import Ring
    folder = tmp_path_factory.mktemp("prometheus")
    ring = Ring(folder)
    with contextlib.ExitStack() as stack:
        stack.callback(ring.discard)
        etcd = stack.enter_context(Etcd(folder, members=1))
        poisoned = stack.enter_context(fake_kafka.FakeKafka("poisoned"))
        rewritten = stack.enter_context(fake_kafka.FakeKafka("rewritten"))
        us_east = ring.region("us-east").listen_for_control()
        eu_west = ring.region("eu-west").listen_for_control()
        ap_south = ring.region("ap-south")
        ap_south.spec = {"lease": {"etcd": etcd.clients, "ttl": "3s"}}
        us_east.links = [link(eu_west)]
        eu_west.links = [link(us_east, onGap="skip"), link(poisoned.address, region="liar", kind="kafka"),
                         link(rewritten.address, region="forger", kind="kafka")]
        for region in ring.regions:
            region.start()
        prometheus = Prometheus(folder / "server", {region.name: region.admin for region in ring.regions})
        stack.callback(prometheus.stop)
        # From before anything happens: what rises or restarts shall be seen.
        wait_until(lambda: len(prometheus.query('count_over_time(up{job="atoll"}[20s]) >= 2')) == 3, "all are scraped", 60, 0.25)
        cause_divergence(eu_west, poisoned, rewritten)
        assert us_east.api("POST", "/-/reload")[0] == 200
        create_topic(us_east, "orders", 2)
        create_topic(eu_west, "invoices", 2)
        for region, topic in ((us_east, "orders"), (eu_west, "invoices")):
            stack.callback(clients.Background(region.kafka, topic, per_second=300).stop)
        cause_gap(us_east, eu_west)
        cause_moves(us_east, eu_west)
        wait_mirrored_partitions(eu_west)
        with eu_west.wire() as connection:
            assert connection.produce("orders", 0, batch.make([b"to a mirror"])).error != wire.OK
        stack.enter_context(member(us_east, "billing", "orders"))
        wait_until(lambda: prometheus.query('count_over_time(up{job="atoll"}[20s]) >= 12'), "the regions are scraped", 40, 0.25)
        yield World(prometheus, ring.regions)


@contextlib.contextmanager
def member(region, group: str, topic: str):
    """A member that has committed where it is."""
    client = confluent_kafka.Consumer({"bootstrap.servers": region.kafka, "group.id": group, "enable.auto.commit": False,
                                       "auto.offset.reset": "earliest", "log_level": 0})
    try:
        client.subscribe([topic])
        message = wait_until(lambda: client.poll(0.2), f"{group} reads")
        client.commit(message=message, asynchronous=False)
        yield client
    finally:
        client.close()


def cause_divergence(eu_west, poisoned, rewritten) -> None:
    """The restart comes first: counters begin again with the process."""
    rewritten.append(0, [b"one history"])
    wait_until(lambda: eu_west.mirror("from-forger", "rewritten").get("appliedEnd") == 1, "the first history is mirrored")
    eu_west.stop()
    rewritten.logs[0].clear()
    rewritten.append(0, [b"another one"])
    eu_west.start()
    eu_west.wait_state("from-forger", "rewritten", "diverged")
    poisoned.logs[0].append(batch.flip(batch.make([b"bad"], epoch=0), 70))
    eu_west.wait_state("from-liar", "poisoned", "halted")


def cause_gap(us_east, eu_west) -> None:
    create_topic(us_east, "trimmed")
    clients.produce(us_east.kafka, "trimmed", [b"x"] * 10)
    eu_west.wait_state(LINK, "trimmed", "caught_up")
    eu_west.cli("mirror", "pause", "trimmed", "--link", LINK)
    eu_west.wait_state(LINK, "trimmed", "paused")
    clients.produce(us_east.kafka, "trimmed", [b"never mirrored"] * 10)
    with us_east.wire() as connection:
        assert connection.delete_records("trimmed", 0, 20) == wire.OK
    eu_west.cli("mirror", "resume", "trimmed", "--link", LINK)
    wait_until(lambda: eu_west.events("gap", "trimmed"), "the gap is recorded")


def cause_moves(us_east, eu_west) -> None:
    """A forced one, of a topic of which the old owner has more, and a planned one."""
    for topic in ("seized", "handed"):
        create_topic(us_east, topic)
        clients.produce(us_east.kafka, topic, [b"x"] * 10)
        eu_west.wait_state(LINK, topic, "caught_up")
    eu_west.cli("mirror", "pause", "seized", "--link", LINK)
    eu_west.wait_state(LINK, "seized", "paused")
    clients.produce(us_east.kafka, "seized", [b"not mirrored"] * 5)
    eu_west.cli("failover", "run", "seized", "--link", LINK, "--force", "--yes")
    eu_west.cli("promote", "handed", "--link", LINK, "--yes")
    wait_until(lambda: us_east.metric("atoll_quarantine_records", topic="seized") == 5, "the old owner's tail is set aside")


def wait_mirrored_partitions(eu_west) -> None:
    wait_until(lambda: eu_west.mirror(LINK, "orders", 1).get("appliedEnd"), "orders is mirrored")
    wait_until(lambda: (eu_west.metric("atoll_mirror_verified_partitions", link=LINK, result="equal") or 0) >= 2, "mirrors are compared")


def wait_quietly(ask, seconds: float = 10) -> object:
    """The result of `ask` once it isn't empty; empty when it stays so."""
    deadline = time.monotonic() + seconds
    while not (result := ask()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return result


def shipped() -> list[tuple[str, str, bool, str]]:
    """(where, expression, asked for one moment, legend)"""
    found = []
    for name in NAMES:
        dashboard = load(name)
        for panel in panels(dashboard):
            found += [(f"{name}: {panel['title']}", filled(target["expr"]), bool(target.get("instant")), target["legendFormat"])
                      for target in panel["targets"]]
        found += [(f"{name}: annotation {one['name']}", filled(one["expr"]), False, one["titleFormat"])
                  for one in dashboard["annotations"]["list"] if one["name"] != "Pauses"]  # No whole link is paused here.
    return found


def test_every_panel_has_data_and_its_legend_names_labels_that_are_there(world):
    failures = []
    for where, expression, instant, legend in shipped():
        ask = world.prometheus.query if instant else world.prometheus.query_range
        result = wait_quietly(lambda: ask(expression))
        if not result:
            failures.append(f"{where}: no data from {expression}")
            continue
        there = {label for series in result for label in series["metric"]}
        if missing := set(re.findall(r"{{(\w+)}}", legend)) - there:
            failures.append(f"{where}: the legend names {missing}, the result has {there}")
    assert not failures, "\n".join(failures)


def test_every_rule_can_be_asked_and_what_it_compares_is_there(world):
    failures = []
    for rule in rules():
        world.prometheus.query(rule["expr"])  # No error is what counts for the whole: it may rightly be empty.
        for operand in operands(filled(rule["expr"])):
            if "absent_over_time" not in operand and "offset 15m" not in operand and \
                    not wait_quietly(lambda: world.prometheus.query(operand)):
                failures.append(f"rule {rule['alert']}: no data from {operand}")
    assert not failures, "\n".join(failures)
    groups = world.prometheus.ask("rules")["groups"]
    unhealthy = [rule for group in groups for rule in group["rules"] if rule["health"] != "ok"]
    assert groups and not unhealthy


def test_no_expression_names_a_metric_or_label_that_is_not_exported(world):
    exported = world.exported()
    expressions = [(where, expression) for where, expression, _, _ in shipped()]
    expressions += [(rule["alert"], rule["expr"]) for rule in rules()]
    failures = []
    for where, expression in expressions:
        known: set[str] = set()
        for metric, labels in promql.metrics(expression).items():
            if metric not in exported:
                failures.append(f"{where}: {metric} is not exported")
            elif missing := labels - exported[metric]:
                failures.append(f"{where}: {metric} has no {missing}")
            known |= exported.get(metric, set())
        if missing := promql.grouped(expression) - known:
            failures.append(f"{where}: nothing in it has {missing}")
    assert not failures, "\n".join(failures)


def test_what_happened_is_what_they_show(world):
    def value(expression: str) -> float:
        (series,) = wait_quietly(lambda: world.prometheus.query(expression)) or [{"value": (0, "nan")}]
        return float(series["value"][1])
    firing = {alert["labels"]["alertname"] for alert in world.prometheus.ask("alerts")["alerts"]}
    assert {"MirrorTopicFailed", "MirrorDataGap", "MirrorDivergence", "FencedWrites"} <= firing, firing
    (stalled,) = [rule["expr"] for rule in rules() if rule["alert"] == "MirrorStalled"]
    found = wait_quietly(lambda: [series["metric"]["topic"] for series in world.prometheus.query(filled(stalled))])
    assert found == ["poisoned"], "behind, and not one record since the bad batch"
    blockers = 'sum by (reason) (atoll_failover_blockers{link="%s",reason="%s"})'
    assert value(blockers % ("from-forger", "diverged")) == 1 and value(blockers % ("from-liar", "halted")) == 1
    assert value(blockers % ("from-eu-west", "diverged")) == 0
    (question,) = [target["expr"] for panel in panels(load("overview")) if panel["title"] == "May I fail over now?"
                   for target in panel["targets"]]
    answers = {series["metric"]["link"]: series["value"][1] for series in world.prometheus.query(filled(question))}
    assert answers["from-forger"] == "0" and answers["from-liar"] == "0" and set(answers) <= {
        "from-us-east", "from-eu-west", "from-forger", "from-liar"}
    assert value(f'atoll_failover_operations_total{{link="{LINK}",mode="failover",result="done"}}') == 1
    assert value(f'atoll_failover_operations_total{{link="{LINK}",mode="promote",result="done"}}') == 1
    assert value('sum(atoll_mirror_gap_records_total{topic="trimmed"})') == 10


def test_promtool_finds_nothing_to_say_about_the_metrics(world):
    for region in world.regions:
        done = subprocess.run(["promtool", "check", "metrics"], input=region.get("/metrics"), capture_output=True, text=True,
                              timeout=30, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_of_metrics_is_what_regions_export(world):
    page = metrics_doc.render(metrics_doc.families([region.get("/metrics") for region in world.regions]))
    if os.environ.get("ATOLL_UPDATE_DOCS"):
        metrics_doc.PAGE.write_text(page)
    assert metrics_doc.PAGE.read_text() == page, "ATOLL_UPDATE_DOCS=1 writes it anew"


def test_kafka_exporters_dashboards_find_their_names(world):
    page = world.us_east.get("/metrics/kafka_exporter")
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=30, check=False)
    assert "error" not in done.stderr.lower(), done.stderr  # Their names are not what promtool would choose.
    found = metrics_doc.families([page])
    assert found["kafka_topic_partition_current_offset"].labels == {"topic", "partition"}
    assert found["kafka_consumergroup_lag"].labels == {"consumergroup", "topic", "partition"}
    assert 'kafka_consumergroup_members{consumergroup="billing"} 1\n' in page
    assert 'kafka_topic_partitions{topic="invoices"} 2\n' in page, "mirrors are shown too"


def test_series_vanish_with_their_topic(world):
    """Last: it deletes what the others look at."""
    us_east, eu_west = world.us_east, world.eu_west
    create_topic(eu_west, "short-lived")
    clients.produce(eu_west.kafka, "short-lived", [b"x"])
    wait_mirrored(eu_west, us_east, "short-lived")
    assert "short-lived" in us_east.get("/metrics") and "short-lived" in us_east.get("/metrics/kafka_exporter")
    for region in (eu_west, us_east):
        region.cli("topic", "delete", "short-lived", "--yes")
    wait_until(lambda: not any("short-lived" in region.get("/metrics") for region in (us_east, eu_west)), "its series are gone", 40)
    assert "short-lived" not in us_east.get("/metrics/kafka_exporter")
