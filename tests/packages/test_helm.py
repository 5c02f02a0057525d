"""The chart, rendered by real Helm: valid Kubernetes objects that fit together, and a configuration that the region accepts."""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

import machine
from machine import BINARY, REPOSITORY, run

CHART = REPOSITORY / "deploy" / "helm" / "atoll"
HELM = "helm.sh/helm/v3/cmd/helm@v3.22.0"
VERSIONS = ("1.28.0", "1.37.0")  # Of Kubernetes: an old one and the newest whose schemas there are.
OURS = {"monitoring.coreos.com/v1"}  # Of the Prometheus operator: no schemas here, looked at by hand.
VALUES = yaml.safe_load(re.search(r"```yaml\n(.*?)```", (CHART / "README.md").read_text(), re.S)[1])  # The documented example.


@pytest.fixture(scope="module")
def helm():
    """Helm's program: the machine's own, or built once from the Go module proxy."""
    if found := shutil.which("helm"):
        return found
    program = machine.KEPT / "helm"
    if not program.exists():
        version = subprocess.run(["go", "version"], capture_output=True, text=True, check=False).stdout if shutil.which("go") else ""
        found = re.search(r"go(\d+)\.(\d+)", version)
        if not found or (int(found[1]), int(found[2])) < (1, 26):
            pytest.skip(f"no helm here, and it needs Go 1.26 or newer to be built: here is {version.strip() or 'none'}")
        machine.KEPT.mkdir(parents=True, exist_ok=True)
        machine.run_or_skip("no helm from the Go module proxy", "go", "install", "-ldflags=-s -w", HELM,
                            env=os.environ | {"GOBIN": str(machine.KEPT)}, timeout=1500)
    return str(program)


@pytest.fixture(scope="module")
def render(helm, tmp_path_factory):
    def render(values: dict, version: str = VERSIONS[-1], expect: int = 0) -> list[dict] | str:
        file = tmp_path_factory.mktemp("values") / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        done = subprocess.run([helm, "template", "us-east", CHART, "-f", file, "--kube-version", version], capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == expect, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document] if expect == 0 else done.stderr
    return render


def of_kind(objects: list[dict], kind: str) -> list[dict]:
    return [found for found in objects if found["kind"] == kind]


def merged(values: dict, **more: object) -> dict:
    return VALUES | values | more


def test_the_chart_passes_lint(helm, tmp_path):
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(VALUES))
    print(run(helm, "lint", "--strict", CHART, "-f", tmp_path / "values.yaml"))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_one_that_kubernetes_knows(render, version):
    objects = render(VALUES, version)
    kinds = {found["kind"] for found in objects}
    assert kinds == {"StatefulSet", "ConfigMap", "Service", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy",
                     "ServiceMonitor", "PrometheusRule"}
    names = [(found["kind"], found["metadata"]["name"]) for found in objects]
    assert len(names) == len(set(names))
    for found in objects:
        assert len(found["metadata"]["name"]) <= 63
        if found["apiVersion"] not in OURS:
            kubernetes_validate.validate(found, version, strict=True)
    wrong = of_kind(objects, "StatefulSet")[0] | {"spec": of_kind(objects, "StatefulSet")[0]["spec"] | {"replicas": "one"}}
    with pytest.raises(kubernetes_validate.ValidationError):  # The validator does look.
        kubernetes_validate.validate(wrong, version, strict=True)


def test_the_objects_fit_together(render):
    objects = render(VALUES)
    stateful = of_kind(objects, "StatefulSet")[0]
    pod = stateful["spec"]["template"]
    labels, container = pod["metadata"]["labels"], pod["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"kafka": 9092, "admin": 9644, "control": 9645}

    def selects(selector: dict[str, str], of: dict[str, str]) -> bool:
        return bool(selector) and selector.items() <= of.items()
    for service in of_kind(objects, "Service"):
        assert selects(service["spec"]["selector"], labels)
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(ports)
    admin = next(found for found in of_kind(objects, "Service") if found["metadata"]["name"] == stateful["spec"]["serviceName"])
    assert admin["spec"]["clusterIP"] == "None"
    monitor = of_kind(objects, "ServiceMonitor")[0]["spec"]
    matching = [found for found in of_kind(objects, "Service") if selects(monitor["selector"]["matchLabels"], found["metadata"]["labels"])]
    assert matching == [admin], "the admin service, and only that, is scraped"
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in admin["spec"]["ports"]}
    assert admin["metadata"]["labels"][monitor["jobLabel"]] == "atoll", "rules and dashboards expect this job"
    assert selects(of_kind(objects, "PodDisruptionBudget")[0]["spec"]["selector"]["matchLabels"], labels)
    policy = of_kind(objects, "NetworkPolicy")[0]["spec"]
    assert selects(policy["podSelector"]["matchLabels"], labels)
    rules = {rule["ports"][0]["port"]: rule for rule in policy["ingress"]}
    assert set(rules) == set(ports) and rules["admin"]["from"] and "from" not in rules["kafka"]
    for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz"), ("startupProbe", "/livez")):
        assert container[probe]["httpGet"] == {"path": path, "port": "admin"}
    assert pod["spec"]["terminationGracePeriodSeconds"] > 10, "longer than the drain"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    given = {volume["name"] for volume in pod["spec"]["volumes"]} | {
        claim["metadata"]["name"] for claim in stateful["spec"]["volumeClaimTemplates"]}
    assert mounted == given
    assert container["args"] == json.loads(re.search(r"^CMD (\[.*\])$", (REPOSITORY / "deploy/Dockerfile").read_text(), re.M)[1])
    assert container["securityContext"]["readOnlyRootFilesystem"] and pod["spec"]["securityContext"]["runAsUser"] == 65532


def test_the_region_accepts_its_configuration(render, tmp_path):
    values = merged({"region": {"name": "us-east", "ordinal": 1, "advertiseHost": "kafka.example", "spec": {"storage": {"retention": "1d"}}}})
    for number, chosen in enumerate((VALUES, values)):
        text = next(found["data"]["region.yaml"] for found in of_kind(render(chosen), "ConfigMap") if "region.yaml" in found["data"])
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        assert run(BINARY, "config", "validate", file).startswith("ok: region us-east with 1 link(s)")
    region, link = yaml.safe_load_all(text)
    assert region["spec"]["listeners"]["kafka"] == {"bind": "0.0.0.0:9092", "advertise": "kafka.example:9092"}
    assert region["spec"]["storage"] == {"durability": "fsync", "segmentBytes": "1GiB", "retention": "1d"}, "merged, not replaced"
    assert link["metadata"]["name"] == "from-eu-west"


def test_a_changed_configuration_restarts_the_pod_and_nothing_else_does(render):
    def checksum(values: dict) -> str:
        return of_kind(render(values), "StatefulSet")[0]["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
    assert checksum(VALUES) == checksum(merged({}, dashboards={"enabled": False}))
    assert checksum(VALUES) != checksum(merged({}, links={}))


def test_rules_and_dashboards_are_the_repositorys_own(render, tmp_path):
    machine.need("promtool")
    objects = render(VALUES)
    rules = of_kind(objects, "PrometheusRule")[0]["spec"]
    assert rules == yaml.safe_load((REPOSITORY / "dashboards/alerts.yaml").read_text())
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    elsewhere = render(merged({}, prometheusRule={"enabled": True, "runbooks": "https://git.example/atoll/"}))
    links = re.findall(r"runbook_url: (\S*)", yaml.safe_dump(of_kind(elsewhere, "PrometheusRule"), width=1000))
    assert links and all(link.startswith("https://git.example/atoll/docs/") for link in links)
    run("promtool", "check", "rules", tmp_path / "rules.yaml")
    dashboards = {name: text for found in of_kind(objects, "ConfigMap") for name, text in found["data"].items() if name.endswith(".json")}
    assert set(dashboards) == {f"atoll-{path.name}" for path in (REPOSITORY / "dashboards/grafana").glob("*.json")}
    for name, text in dashboards.items():
        assert json.loads(text)["title"], name


def test_optional_objects_are_left_out_and_wrong_values_are_refused(render):
    few = render({"region": {"name": "us-east", "ordinal": 1}, "networkPolicy": {"enabled": False}, "podDisruptionBudget": {"enabled": False},
                  "serviceAccount": {"create": False}})
    assert {found["kind"] for found in few} == {"StatefulSet", "ConfigMap", "Service"}
    for wrong, said in (({"region": {"name": "us-east", "ordinal": 0}}, "ordinal"), ({"region": {"name": "US East", "ordinal": 1}}, "name"),
                        (merged({}, links={"from-eu-west": {}}), "source"), (merged({}, terminationGracePeriodSeconds=5), "terminationGracePeriodSeconds")):
        assert said in render(wrong, expect=1)
