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
