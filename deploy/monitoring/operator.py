"""`python -m deploy.monitoring.operator`: writes the rules as the Prometheus operator wants them (`make rules`)."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

RULES = Path(__file__).with_name("rules.yaml")
RESOURCE = Path(__file__).parents[1] / "kubernetes" / "components" / "monitoring" / "rules.yaml"
_HEAD = """\
# Made of deploy/monitoring/rules.yaml by `make rules`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: feedline}
spec:
"""


def operator_resource(rules: str) -> str:
    """Return a PrometheusRule of the text of a rules file."""
    return _HEAD + indent(rules[rules.index("groups:") :], "  ")


if __name__ == "__main__":
    RESOURCE.write_text(operator_resource(RULES.read_text()))
