"""The files by which Feedline is deployed are valid, strictly: a misspelt field is refused.

kubectl renders what Kustomize would apply; Kubernetes' own resources are held against its published schemas, custom
ones against their types with TypeScript's compiler, which refuses fields that a type does not have.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).parents[3]
KUBERNETES = CHECKOUT / "deploy" / "kubernetes"
TOOLS = CHECKOUT / ".local" / "tools"
OVERLAYS = ("small", "prod")
TYPES = {
    "Cluster": "@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1/Cluster",
    "PodMonitor": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor",
    "PrometheusRule": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule",
    "ScaledObject": "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject",
}
"""Kind → the module of its type. RabbitMQ's operator publishes no types."""
REACHED = [
    *(("postgres", 5432), ("rabbitmq", 5672), ("rabbitmq", 15692), ("rabbitmq", 15672)),
    *(("edge", 8080), ("api", 8081), ("worker", 9100)),
    *(("a vendor", 80), ("a vendor", 443), ("a host of ours", 80), ("a host of ours", 443)),
]
"""What a part may ask for."""


def run(*words: str | Path, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False)


def rendered(overlay: str, folder: Path) -> list[dict[str, Any]]:
    """Return the resources of an overlay, as kubectl would apply them."""
    copy = folder / "kubernetes"
    shutil.copytree(KUBERNETES, copy, ignore=shutil.ignore_patterns("check"))
    place = copy / "overlays" / overlay
    shutil.copy(place / "secret.env.example", place / "secret.env")
    done = run(TOOLS / "kubectl", "kustomize", place)
    assert 0 == done.returncode, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def overlays(tmp_path_factory) -> dict[str, list[dict[str, Any]]]:
    return {name: rendered(name, tmp_path_factory.mktemp(name)) for name in OVERLAYS}


@pytest.fixture(scope="module", params=OVERLAYS)
def resources(request, overlays) -> list[dict[str, Any]]:
    return overlays[request.param]


def native(one: dict[str, Any]) -> bool:
    group = one["apiVersion"].partition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


def complaints(resources: list[dict[str, Any]], folder: Path) -> str:
    """Return what Kubernetes' schemas have against its own resources; "" when nothing."""
    file = folder / "native.yaml"
    file.write_text(yaml.safe_dump_all(one for one in resources if native(one)))
    done = run(sys.executable, "-m", "kubernetes_validate", "--strict", "--quiet", "--no-warn", file)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def typed(resources: list[dict[str, Any]]) -> str:
    """Return custom resources as a module that has none but of their types."""
    lines = []
    for number, one in enumerate(one for one in resources if one["kind"] in TYPES and not native(one)):
        lines.append(f'import type {{ I{one["kind"]} as Type{number} }} from "{TYPES[one["kind"]]}";')
        lines.append(f"export const resource{number}: Type{number} = {json.dumps(one)};")
    return "\n".join(lines)


def compiled(modules: dict[str, list[dict[str, Any]]], folder: Path) -> list[str]:
    """Return the lines that the compiler says of the custom resources of each module, which it takes all at once."""
    for name, resources in modules.items():
        (folder / f"{name}.mts").write_text(typed(resources))
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    done = run(
        *(TOOLS / "node_modules" / ".bin" / "tsc", "--noEmit", "--strict", "--skipLibCheck", "--pretty", "false"),
        *("--module", "nodenext", "--lib", "es2022", *(f"{name}.mts" for name in modules)),
        cwd=folder,
    )
    return (done.stdout + done.stderr).splitlines()


def test_every_resource_of_kubernetes_is_what_its_schema_says(resources, tmp_path):
    assert "" == complaints(resources, tmp_path)


def test_every_custom_resource_is_what_its_type_says_and_a_misspelt_field_is_refused(overlays, tmp_path):
    custom = {one["kind"] for resources in overlays.values() for one in resources if not native(one)}
    cluster, *_ = yaml.safe_load_all((KUBERNETES / "components" / "cnpg" / "cluster.yaml").read_text())
    cluster["spec"]["postgresql"]["synchronous"]["dataDurabilty"] = "required"

    told = compiled(overlays | {"misspelt": [cluster]}, tmp_path)

    assert set() == custom - TYPES.keys() - {"RabbitmqCluster"}
    assert ["misspelt.mts"] == [line.partition("(")[0] for line in told if not line.startswith(" ")], told
    assert "dataDurabilty" in "".join(told)


def test_a_misspelt_field_of_kubernetes_is_refused(resources, tmp_path):
    deployment = next(one for one in resources if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    pod["terminationGracePeriodSecond"] = pod["terminationGracePeriodSeconds"]
    try:
        assert "terminationGracePeriodSecond" in complaints([deployment], tmp_path)
    finally:
        del pod["terminationGracePeriodSecond"]


def test_every_pod_is_unprivileged_bounded_and_stops_later_than_it_drains(resources):
    settings = next(one for one in resources if one["kind"] == "ConfigMap")["data"]
    for one in (one for one in resources if one["kind"] in ("Deployment", "Job")):
        pod = one["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"] + pod.get("initContainers", []):
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert "memory" in container["resources"]["limits"]
        if one["kind"] == "Deployment":
            assert int(settings["STOP_TIMEOUT_MS"]) / 1000 + 5 < pod["terminationGracePeriodSeconds"]


Peer = dict[str, str] | str
"""The labels of a pod of our namespace, or an address outside of the cluster."""


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", [])
    )


def is_named(peer: Peer, named: dict[str, Any]) -> bool:
    """Return whether one entry of a rule's `from` or `to` means this peer."""
    if isinstance(peer, dict):
        return "namespaceSelector" not in named and "podSelector" in named and selects(named["podSelector"], peer)
    address = ipaddress.ip_address(peer)
    block = named.get("ipBlock", {})
    inside = [address in ipaddress.ip_network(one) for one in (block.get("cidr", "::/128"), *block.get("except", []))]
    return inside[0] and not any(inside[1:])


def lets(policies: list[dict[str, Any]], way: str, pod: Peer, peer: Peer, port: int) -> bool:
    """Return whether the policies of a pod let it talk to (`egress`) or hear (`ingress`) a peer; others have none."""
    if not isinstance(pod, dict):
        return True
    rules = [
        rule
        for policy in policies
        if selects(policy["spec"]["podSelector"], pod) and way.capitalize() in policy["spec"]["policyTypes"]
        for rule in policy["spec"].get(way, [])
    ]
    return any(
        any(is_named(peer, one) for one in rule.get("to" if way == "egress" else "from", []))
        and (not rule.get("ports") or port in (one["port"] for one in rule["ports"]))
        for rule in rules
    )


def test_every_part_reaches_what_it_needs_and_nothing_else(resources):
    text = json.dumps([one for one in resources if one["kind"] == "NetworkPolicy"])
    policies = json.loads(text.replace("192.0.2.0/24", "10.9.0.0/24"))  # as an operator replaces it
    inside = any(one["kind"] == "RabbitmqCluster" for one in resources)
    labels = [
        one["spec"]["template"]["metadata"]["labels"] for one in resources if one["kind"] in ("Deployment", "Job")
    ]
    pods: dict[str, Peer] = {one["app.kubernetes.io/component"]: one for one in labels}
    parts = set(pods)
    for name in ("postgres", "rabbitmq"):
        pods[name] = {"feedline.io/backend": name} if inside else "10.9.0.1"
    pods |= {"a vendor": "198.51.100.7", "a host of ours": "10.1.2.3"}
    everything = [(pods[name], port) for name, port in REACHED]

    reached = {
        part: {
            told
            for told, (peer, port) in zip(REACHED, everything, strict=True)
            if lets(policies, "egress", pods[part], peer, port) and lets(policies, "ingress", peer, pods[part], port)
        }
        for part in parts
    }

    servers, edge = {("postgres", 5432), ("rabbitmq", 5672)}, {("edge", 8080)}
    vendors, over_tls = {("a vendor", 80), ("a vendor", 443)}, {("a vendor", 443), ("a host of ours", 443)}
    metrics = {("rabbitmq", 15692)} if inside else set()
    assert reached == {
        "edge": servers,
        "api": servers | vendors | edge,
        "worker": servers | metrics,
        "pull": servers | vendors,
        "deliver": servers | vendors,
        "watch": servers | metrics | edge | over_tls,
        "migrate": servers,
    }


def test_never_more_workers_than_shards(resources):
    settings = next(one for one in resources if one["kind"] == "ConfigMap")["data"]
    largest = [one["spec"]["maxReplicaCount"] for one in resources if one["kind"] == "ScaledObject"]
    fixed = [
        one["spec"].get("replicas", 1)
        for one in resources
        if one["kind"] == "Deployment" and one["metadata"]["name"] == "feedline-worker"
    ]

    assert max(largest + fixed) <= int(settings["SHARDS"])


def test_compose_is_what_its_schema_says():
    done = run(
        *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"),
        "deploy/container/compose.yaml",
    )

    assert 0 == done.returncode, done.stdout


def test_the_linter_of_dockerfiles_has_nothing_to_say():
    done = run(Path(sys.executable).with_name("hadolint"), "deploy/container/Dockerfile")

    assert (0, "") == (done.returncode, done.stdout)


@pytest.fixture(scope="module")
def units(tmp_path_factory) -> list[Path]:
    """Copies of the units whose program exists."""
    folder = tmp_path_factory.mktemp("units")
    for unit in (CHECKOUT / "deploy" / "systemd").glob("feedline*.*"):
        if unit.suffix != ".env":
            (folder / unit.name).write_text(unit.read_text().replace("/opt/feedline/bin/feedline", "/bin/true"))
    return sorted(folder.iterdir())


ROLES = {"edge", "api", "worker", "pull", "deliver", "watch"}
CHECKS = ["migrate", "--check", "--wait-s"]


def test_every_role_waits_for_the_migrations_wherever_it_runs(resources):
    deployments = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in resources if one["kind"] == "Deployment"
    }
    pods = {name.removeprefix("feedline-"): pod["initContainers"][0]["args"][:3] for name, pod in deployments.items()}
    services = yaml.safe_load((CHECKOUT / "deploy" / "container" / "compose.yaml").read_text())["services"]
    waiting = {
        one["command"][0]
        for one in services.values()
        if one.get("depends_on", {}).get("migrate", {}).get("condition") == "service_completed_successfully"
    }
    units = {
        unit.stem.removeprefix("feedline-").rstrip("@"): unit.read_text()
        for unit in (CHECKOUT / "deploy" / "systemd").glob("feedline-*.service")
    }

    assert dict.fromkeys(ROLES, CHECKS) == pods
    assert waiting == ROLES
    assert ROLES == {
        name for name, unit in units.items() if f"ExecStartPre=/opt/feedline/bin/feedline {' '.join(CHECKS)}" in unit
    }


def test_systemd_takes_every_unit(units):
    done = run("systemd-analyze", "verify", "--man=no", *units)

    assert (0, "") == (done.returncode, done.stderr)


def test_systemd_finds_little_exposure(units):
    for unit in units:
        if unit.suffix == ".service":
            done = run("systemd-analyze", "security", "--offline=true", "--threshold=30", unit)
            assert 0 == done.returncode, done.stdout


def test_the_lock_of_the_image_has_the_versions_that_are_tested():
    def pins(file: str) -> dict[str, str]:
        lines = (CHECKOUT / file).read_text().splitlines()
        parts = (line.split(" ")[0].split("==") for line in lines if "==" in line)
        return {name.lower().replace("_", "-"): version for name, version in parts}

    tested, run_by = pins("requirements.txt"), pins("requirements-run.txt")

    assert run_by == {name: tested.get(name) for name in run_by}
    assert set() == run_by.keys() & {"pytest", "ruff", "mypy", "hypothesis", "schemathesis"}
