"""deploy/kubernetes: every pod is restricted and watched, and what selects finds what it is to select."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.cli import cli
from stream_kpis.monitoring.rules import prometheus_rule
from stream_kpis.settings import Role, Settings, load
from stream_kpis.stream.waiting import looking
from tests.deploy.files import ROOT, document, documents

FOLDER = "deploy/kubernetes"
BASE, MONITORING = documents(FOLDER), documents(f"{FOLDER}/monitoring")
WORKLOADS = {found["metadata"]["name"]: found for found in BASE if found["kind"] in ("StatefulSet", "Deployment")}
each = pytest.mark.parametrize("name", WORKLOADS)


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [found for found in (*BASE, *MONITORING) if found["kind"] == kind]


def pod_of(name: str) -> dict[str, Any]:
    pod: dict[str, Any] = WORKLOADS[name]["spec"]["template"]["spec"]
    return pod


def container_of(name: str) -> dict[str, Any]:
    (container,) = pod_of(name)["containers"]
    found: dict[str, Any] = container
    return found


def labels_of(name: str) -> dict[str, str]:
    labels: dict[str, str] = WORKLOADS[name]["spec"]["template"]["metadata"]["labels"]
    return labels


def selected(selector: Mapping[str, str]) -> set[str]:
    return {name for name in WORKLOADS if selector.items() <= labels_of(name).items()}


def test_two_workers_that_keep_their_names_and_two_exporters() -> None:
    replicas = {name: (found["kind"], found["spec"]["replicas"]) for name, found in WORKLOADS.items()}
    assert replicas == {"stream-kpis-worker": ("StatefulSet", 2), "stream-kpis-exporter": ("Deployment", 2)}


@each
def test_a_pod_meets_the_restricted_standard(name: str) -> None:
    """As the namespace enforces it, with a root that cannot be written to beside."""
    pod, container = pod_of(name), container_of(name)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (namespace,) = of_kind("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@each
def test_a_pod_has_limits_and_probes(name: str) -> None:
    container = container_of(name)
    assert container["resources"]["requests"].keys() == container["resources"]["limits"].keys() == {"cpu", "memory"}
    assert container.keys() >= {"startupProbe", "livenessProbe", "readinessProbe"}


@each
def test_the_variables_of_services_are_not_taken_for_settings(name: str) -> None:
    """A service stream-kpis gives each pod STREAM_KPIS_PORT=tcp://..., which is no port."""
    assert pod_of(name)["enableServiceLinks"] is False


@each
def test_it_runs_with_settings_that_there_are(name: str) -> None:
    container = container_of(name)
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    mounted = Path(environment.pop("STREAM_KPIS_CONFIG"))
    settings = load(ROOT / FOLDER / mounted.name, environment)
    assert settings.role is Role(name.removeprefix("stream-kpis-"))
    assert callable(looking(settings)), "docs/page.md says that the page lists who waits here"
    assert container["args"][0] in cli.commands
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"settings": str(mounted.parent), "tmp": "/tmp"}
    assert settings.role is Role.EXPORTER or str(settings.health_file).startswith(f"{mounts['tmp']}/")


def test_probes_of_the_exporter_ask_its_port_for_what_it_serves() -> None:
    container = container_of("stream-kpis-exporter")
    assert container["ports"] == [{"name": "http", "containerPort": Settings().port}]
    asked = {kind: container[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {ask["port"] for ask in asked.values()} == {"http"}
    assert asked["livenessProbe"]["path"] == "/healthz", "values that are old are no reason to read all cells again"
    assert asked["readinessProbe"]["path"] == asked["startupProbe"]["path"] == "/readyz"


@each
def test_every_selector_finds_its_pods_and_no_others(name: str) -> None:
    assert selected(WORKLOADS[name]["spec"]["selector"]["matchLabels"]) == {name}


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget"])
def test_services_and_budgets_find_one_workload_each(kind: str) -> None:
    selectors = [found["spec"]["selector"] for found in of_kind(kind)]
    found = [selected(selector.get("matchLabels", selector)) for selector in selectors]
    assert sorted(map(sorted, found)) == [["stream-kpis-exporter"], ["stream-kpis-worker"]]


def test_a_page_goes_on_asking_the_exporter_that_works_for_it() -> None:
    (service,) = [found for found in of_kind("Service") if found["metadata"]["name"] == "stream-kpis"]
    assert service["spec"]["sessionAffinity"] == "ClientIP"


def test_the_network_is_closed_but_for_what_is_needed() -> None:
    policies = {found["metadata"]["name"]: found["spec"] for found in of_kind("NetworkPolicy")}
    everything, exporter = policies["stream-kpis"], policies["stream-kpis-exporter"]
    assert selected(everything["podSelector"]["matchLabels"]) == set(WORKLOADS)
    assert everything["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in everything
    assert [rule["ports"][0]["port"] for rule in everything["egress"]] == [53, 9092]
    assert selected(exporter["podSelector"]["matchLabels"]) == {"stream-kpis-exporter"}
    assert [rule["ports"] for rule in exporter["ingress"]] == [[{"protocol": "TCP", "port": "http"}]]


@pytest.mark.parametrize("folder", [FOLDER, f"{FOLDER}/monitoring"])
def test_kustomize_takes_every_file(folder: str) -> None:
    kustomization = document(f"{folder}/kustomization.yaml")
    generated = {file for made in kustomization.get("configMapGenerator", ()) for file in made["files"]}
    there = {path.name for path in (ROOT / folder).glob("*.yaml")} - {"kustomization.yaml"}
    assert {*kustomization["resources"], *generated} == there


def test_prometheus_finds_the_exporters_as_the_job_that_the_alerts_ask_for() -> None:
    (monitor,), services = of_kind("ServiceMonitor"), of_kind("Service")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    (service,) = [found for found in services if wanted <= found["metadata"].get("labels", {}).items()]
    assert selected(service["spec"]["selector"]) == {"stream-kpis-exporter"}
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "stream-kpis"
    assert [end["port"] for end in monitor["spec"]["endpoints"]] == [port["name"] for port in service["spec"]["ports"]]


def test_the_committed_rules_are_those_of_prometheus_without_the_operator() -> None:
    committed = (ROOT / FOLDER / "monitoring" / "rules.yaml").read_text("utf-8")
    wanted = prometheus_rule((ROOT / "deploy" / "prometheus" / "rules.yml").read_text("utf-8"))
    again = f"stream-kpis rules --kubernetes --output {FOLDER}/monitoring/rules.yaml"
    assert committed == wanted, f"write it anew: {again}"
