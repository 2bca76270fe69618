"""Wherever Feedline is deployed on more than one machine, two watchers run: one is active, the other takes over."""

from pathlib import Path

import yaml

DEPLOY = Path(__file__).parents[3] / "deploy"


def test_compose_and_kubernetes_run_two_watchers():
    watch = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())["services"]["watch"]
    resources = yaml.safe_load_all((DEPLOY / "kubernetes" / "base" / "watch.yaml").read_text())
    (deployment,) = [one for one in resources if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    assert (["watch"], 2) == (watch["command"], watch["deploy"]["replicas"])
    assert (["watch"], 2) == (container["args"], deployment["spec"]["replicas"])
    assert "EDGE_URL" in watch["environment"]


def test_the_api_knows_the_webhooks_address_wherever_it_is_deployed():
    """Without it nobody could try the webhook in a sandbox."""
    compose = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())["services"]["api"]["environment"]
    base = yaml.safe_load((DEPLOY / "kubernetes" / "base" / "kustomization.yaml").read_text())
    unit = (DEPLOY / "systemd" / "feedline-api.service").read_text()

    assert compose["EDGE_URL"].endswith(":-http://edge:8080}")
    assert "EDGE_URL=http://feedline-edge" in base["configMapGenerator"][0]["literals"]
    assert " EDGE_URL=http://127.0.0.1:8080\n" in unit
