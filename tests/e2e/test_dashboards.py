"""Dashboards, alerts and their documents hold together. Needs no region: what they show is tested in test_prometheus.py."""
import json
import re
import subprocess
import sys

import pytest
import yaml

import grafana_schema
import metrics_doc
import promql
from harness import REPOSITORY

FOLDER = REPOSITORY / "dashboards"
NAMES = ("overview", "link", "broker")
PANEL_KINDS = {"row", "stat", "timeseries", "table", "heatmap"}
ALERTS = FOLDER / "alerts.yaml"


def load(name: str) -> dict:
    return json.loads((FOLDER / "grafana" / f"{name}.json").read_text())


def panels(dashboard: dict) -> list[dict]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def headings(file: str) -> list[str]:
    lines = (REPOSITORY / file).read_text().splitlines()
    return [re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in lines if line.startswith("#")]


def test_the_files_are_what_the_script_writes():
    done = subprocess.run([sys.executable, FOLDER / "grafana.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_loads_in_old_grafanas_and_its_panels_lie_beside_each_other(name):
    dashboard = load(name)
    assert dashboard["schemaVersion"] <= 30 and dashboard["title"] and dashboard["description"]
    assert "__inputs" not in dashboard, "an input is not filled in when the file is provisioned"
    source = dashboard["templating"]["list"][0]
    assert (source["name"], source["type"], source["query"]) == ("DS_PROMETHEUS", "datasource", "prometheus")
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    titles = [panel["title"] for panel in dashboard["panels"]]
    assert len(set(titles)) == len(titles), "two panels of one title"
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        assert panel["type"] in PANEL_KINDS and panel["title"]
        place = panel["gridPos"]
        covered = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not covered & cells and place["x"] + place["w"] <= 24, f"{panel['title']} lies over another panel"
        cells |= covered


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_explains_itself_and_asks_prometheus_as_it_should(name):
    dashboard = load(name)
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    for variable in dashboard["templating"]["list"][1:]:
        assert variable["datasource"] == "${DS_PROMETHEUS}" and variable["label"]
    for panel in panels(dashboard):
        title = panel["title"]
        assert panel["datasource"] == "${DS_PROMETHEUS}" and len(panel["description"]) > 8, title
        assert panel["fieldConfig"]["defaults"]["unit"], title
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]), title
        for target in panel["targets"]:
            expression = target["expr"]
            assert set(re.findall(r"\$(?!__)(\w+)", expression)) <= variables, title
            for metric, labels in promql.metrics(expression).items():
                assert {"job", "instance"} <= labels, f"{title}: {metric} not by region"
                if metric.endswith("_total") and metric not in promql.RATED.findall(expression):
                    assert "since" in panel["description"] or "ended" in title, f"{title}: {metric} is not rated"
            assert set(promql.RANGE.findall(expression)) <= {"$__rate_interval"}, title
            if panel["type"] == "timeseries":
                assert target["legendFormat"], title


def test_grafanas_own_schemas_know_every_key_and_value_but_the_few_named_ones():
    complaints = [(name, *one) for name in NAMES for one in grafana_schema.complaints(load(name))]
    reasons = [grafana_schema.beside_the_schema(path) for _, path, _ in complaints]
    assert not [one for one, known in zip(complaints, reasons, strict=True) if known is None]
    assert set(reasons) == set(grafana_schema.BESIDE_THE_SCHEMA), "a difference that is not there any more"


# Where in a panel, or in the dashboard itself, what is spoilt, and a part of the complaint that names it.
SPOILT = {
    "a misspelt key of the dashboard": (None, ("refesh",), "5s", "/refesh"),
    "a misspelt key of a panel": ("stat", ("gridpos",), {}, "/gridpos"),
    "a misspelt key of a kind's options": ("timeseries", ("options", "tooltip", "mod"), "multi", "options/tooltip/mod"),
    "a misspelt key of a kind's fields": ("timeseries", ("fieldConfig", "defaults", "custom", "lineWidht"), 1, "custom/lineWidht"),
    "a misspelt key of a query": ("table", ("targets", 0, "instan"), True, "targets/0/instan"),
    "a misspelt key of a mapping": ("stat", ("fieldConfig", "defaults", "mappings", 0, "form"), "0", "mappings/0/form"),
    "a misspelt key of a transformation": ("table", ("transformations", 0, "option"), {}, "/transformations"),
    "a number for a text": (None, ("title",), 5, "/title"),
    "a text for a number": ("stat", ("gridPos", "w"), "6", "grid_pos/w"),
    "a text for a truth": ("table", ("targets", 0, "instant"), "yes", "/instant"),
    "a word that is none of the choices": ("stat", ("options", "colorMode"), "backround", "color_mode"),
}


@pytest.mark.parametrize("kind, path, value, named", SPOILT.values(), ids=SPOILT.keys())
def test_a_spoilt_dashboard_is_seen(kind, path, value, named):
    before, spoilt = grafana_schema.complaints(load("overview")), load("overview")
    place = spoilt if kind is None else next(panel for panel in spoilt["panels"] if panel["type"] == kind)
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    new = [one for one in grafana_schema.complaints(spoilt) if one not in before]
    assert len(new) == 1 and named in new[0][0] and grafana_schema.beside_the_schema(new[0][0]) is None, new


def test_dashboards_have_their_own_names_and_lead_to_each_other():
    dashboards = [load(name) for name in NAMES]
    assert len({dashboard["uid"] for dashboard in dashboards}) == len(NAMES)
    assert len({dashboard["title"] for dashboard in dashboards}) == len(NAMES)
    for dashboard in dashboards:
        assert dashboard["links"][0]["tags"][0] in dashboard["tags"]


def test_every_alert_says_how_bad_whose_link_and_what_to_do():
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "warning") and rule["labels"]["link"], rule["alert"]
        annotations = rule["annotations"]
        assert annotations["summary"] and annotations["description"], rule["alert"]
        file, _, anchor = annotations["runbook_url"].partition("#")
        assert anchor in headings(file), f"{rule['alert']}: no heading for {anchor} in {file}"


def test_no_runbook_is_about_an_alert_that_is_gone():
    alerts = {rule["alert"].lower() for rule in rules()}
    assert set(headings("docs/runbooks/alerts.md")[1:]) == alerts


def test_every_alert_is_tested_both_ways():
    done = subprocess.run(["promtool", "test", "rules", "alerts_test.yaml"], cwd=FOLDER, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    fires, quiet = set(), set()
    for test in yaml.safe_load((FOLDER / "alerts_test.yaml").read_text())["tests"]:
        quiet |= {one["alertname"] for one in test.get("alert_rule_test", []) if not one["exp_alerts"]}
        for one in test.get("promql_expr_test", []):
            for sample in one.get("exp_samples", []):
                fires |= set(re.findall(r'alertname="(\w+)"', sample["labels"] + one["expr"]))
    names = {rule["alert"] for rule in rules()}
    assert names - fires == set() and names - quiet == set()


def test_the_page_of_metrics_names_every_family_of_the_sources_and_no_other():
    assert metrics_doc.names_in_page() == metrics_doc.names_in_sources()


def test_nothing_shipped_asks_for_a_metric_that_is_not_documented():
    documented = metrics_doc.names_in_page() | {"up"}
    expressions = [target["expr"] for name in NAMES for panel in panels(load(name)) for target in panel["targets"]]
    expressions += [one["expr"] for name in NAMES for one in load(name)["annotations"]["list"]]
    expressions += [variable["query"] for name in NAMES for variable in load(name)["templating"]["list"]]
    expressions += [rule["expr"] for rule in rules()]
    for expression in expressions:
        unknown = {name for name in promql.metrics(expression) if name not in documented and promql.family(name) not in documented}
        assert not unknown, expression
