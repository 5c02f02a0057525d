"""A real Prometheus scrapes two live regions, and every expression that is shipped returns data from it."""
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
import yaml

import batch
import clients
import fake_kafka
import wire
from harness import REPOSITORY, create_topic, link, wait_mirrored, wait_until
from ports import free_port

OVERVIEW = REPOSITORY / "dashboards" / "grafana" / "overview.json"
ALERTS = REPOSITORY / "dashboards" / "alerts.yaml"
VARIABLES = {"$job": ".+", "$instance": ".+", "$link": ".+", "$__rate_interval": "20s"}
PANEL_KINDS = {"row", "stat", "timeseries", "table", "gauge", "bargauge", "heatmap"}


def panels() -> list[dict]:
    return [panel for panel in json.loads(OVERVIEW.read_text())["panels"] if panel["type"] != "row"]


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def operands(expression: str) -> list[str]:
    """What a rule compares, without the comparison: it must return data also while nothing is wrong."""
    sides = re.split(r"\s(?:and on \([^)]*\)|[<>=!]=?\s*(?:bool)?)\s*(?![\"~])", " ".join(expression.split()))
    sides = [side.strip() for side in sides if not re.fullmatch(r"[\d.]+", side.strip())]
    return [side.replace("[5m]", "[20s]").replace("[10m]", "[20s]") for side in sides]


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
        now = time.time()
        return self.ask("query_range", query=expression, start=str(now - 20), end=str(now), step="1")["result"]


@pytest.fixture
def world(ring, tmp_path):
    """Two regions that mirror each other under load, with a gap, a bad batch, a rewritten source and refused writes behind them."""
    us_east, eu_west = ring.region("us-east"), ring.region("eu-west")
    with fake_kafka.FakeKafka("poisoned") as poisoned, fake_kafka.FakeKafka("rewritten") as rewritten:
        us_east.links = [link(eu_west)]
        eu_west.links = [link(us_east, onGap="skip"),
                         link(poisoned.address, region="liar", kind="kafka"),
                         link(rewritten.address, region="forger", kind="kafka")]
        us_east.start(), eu_west.start()
        prometheus = Prometheus(tmp_path / "prometheus", {"us-east": us_east.admin, "eu-west": eu_west.admin})
        try:
            cause_trouble(us_east, eu_west, poisoned, rewritten)
            sent = [clients.Background(us_east.kafka, "orders"), clients.Background(eu_west.kafka, "invoices")]
            for what in ('count_over_time(up{job="atoll"}[20s]) >= 8',
                         'sum by (region) (rate(atoll_broker_requests_total{api="Produce"}[20s])) > 0'):
                wait_until(lambda one=what: len(prometheus.query(one)) == 2, f"both regions are scraped: {what}", 40, 0.25)
            yield prometheus
            for one in sent:
                one.stop()
        finally:
            prometheus.stop()


def cause_trouble(us_east, eu_west, poisoned, rewritten) -> None:
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

    create_topic(us_east, "orders", 2)
    create_topic(eu_west, "invoices", 2)
    create_topic(us_east, "trimmed")
    clients.produce(us_east.kafka, "trimmed", [b"x"] * 10)
    eu_west.wait_state("from-us-east", "trimmed", "caught_up")
    eu_west.cli("mirror", "pause", "trimmed", "--link", "from-us-east")
    eu_west.wait_state("from-us-east", "trimmed", "paused")
    clients.produce(us_east.kafka, "trimmed", [b"never mirrored"] * 10)
    with us_east.wire() as connection:
        assert connection.delete_records("trimmed", 0, 20) == wire.OK
    eu_west.cli("mirror", "resume", "trimmed", "--link", "from-us-east")
    wait_until(lambda: eu_west.events("gap", "trimmed"), "the gap is recorded")

    wait_until(lambda: eu_west.wire().partitions("orders"), "orders is mirrored")
    with eu_west.wire() as connection:
        assert connection.produce("orders", 0, batch.make([b"to a mirror"])).error != wire.OK


def test_every_shipped_expression_returns_data(world):
    failures = []
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            ask = world.query if target.get("instant") else world.query_range
            if not wait_quietly(lambda: ask(expression)):
                failures.append(f"panel {panel['title']!r}: no data from {expression}")
    for rule in rules():
        world.query(rule["expr"])  # No error is what counts for the whole: it may rightly be empty.
        for operand in operands(rule["expr"]):
            if "absent_over_time" not in operand and not wait_quietly(lambda: world.query(operand)):
                failures.append(f"rule {rule['alert']}: no data from {operand}")
    assert not failures, "\n".join(failures)
    groups = world.ask("rules")["groups"]
    unhealthy = [rule for group in groups for rule in group["rules"] if rule["health"] != "ok"]
    assert groups and not unhealthy
    firing = {alert["labels"]["alertname"] for alert in world.ask("alerts")["alerts"]}
    assert {"MirrorTopicFailed", "MirrorDataGap", "MirrorDivergence"} <= firing, firing
    metrics = {series["__name__"] for series in world.ask("series", **{"match[]": '{job="atoll"}'})}
    problems = [name for name in metrics if name.endswith(("_ms", "_millis", "_kb"))]
    assert not problems and "atoll_build_info" in metrics


def wait_quietly(ask) -> object:
    """The result of `ask` once it isn't empty; empty when it stays so."""
    deadline = time.monotonic() + 8
    while not (result := ask()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return result


def test_promtool_finds_nothing_to_say_about_the_metrics(ring):
    region = ring.region("us-east").start()
    done = subprocess.run(["promtool", "check", "metrics"], input=region.get("/metrics"), capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_loads_in_old_grafanas_and_explains_itself():
    dashboard = json.loads(OVERVIEW.read_text())
    assert dashboard["schemaVersion"] <= 30 and dashboard["uid"] and dashboard["title"]
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    cells = set()
    for panel in dashboard["panels"]:
        assert panel["type"] in PANEL_KINDS and panel["title"]
        place = panel["gridPos"]
        covered = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not covered & cells and place["x"] + place["w"] <= 24, f"{panel['title']} lies over another panel"
        cells |= covered
    for panel in panels():
        assert panel["datasource"] == "${DS_PROMETHEUS}" and panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        for target in panel["targets"]:
            expression = target["expr"]
            assert '$instance"' in expression, f"{panel['title']}: not by region"
            for rated in re.findall(r"(?:rate|increase|deriv)\([^\[]*\[([^\]]*)\]", expression):
                assert rated == "$__rate_interval", f"{panel['title']}: {rated}"


def test_every_alert_says_how_bad_whose_link_and_what_to_do():
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "warning") and rule["labels"]["link"], rule["alert"]
        annotations = rule["annotations"]
        assert annotations["summary"] and annotations["description"], rule["alert"]
        file, _, anchor = annotations["runbook_url"].partition("#")
        text = (REPOSITORY / file).read_text()
        headings = [re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
                    for line in text.splitlines() if line.startswith("#")]
        assert not anchor or anchor in headings, f"{rule['alert']}: no heading for {anchor} in {file}"
