"""A private Prometheus with our rules, on loopback: beside the local stack (MONITORING=1), and in the tests."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.processes import Program, Server, free_port
from deploy.monitoring.operator import RULES

_KEPT = "3d"
_ANSWER_S = 1.0


@dataclass(frozen=True, slots=True)
class Scraping:
    """How often processes are asked and rules are looked at, which rules, and where alerts go (host:port)."""

    every_ms: int = 5_000
    rules: Path = RULES
    alertmanager: str | None = None


class Prometheus(Server):
    """A Prometheus in `folder`; `tell` says which processes it asks."""

    name = "Prometheus"

    def __init__(
        self, folder: Path, environment: Mapping[str, str], log: Path | None = None, scraping: Scraping | None = None
    ) -> None:
        super().__init__()
        self.folder = folder
        self.port = 0
        self._environment = environment
        self._log = log or folder / "log"
        self._scraping = scraping or Scraping()

    @staticmethod
    def is_installed() -> bool:
        """Return whether the machine has the program."""
        return shutil.which("prometheus") is not None

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    def tell(self, monitors: Mapping[str, Sequence[str]]) -> None:
        """Ask these from now on: role → addresses of its processes' monitors."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        groups = [
            {"targets": [address.rpartition("/")[2] for address in addresses], "labels": {"role": role}}
            for role, addresses in monitors.items()
        ]
        new = self.folder / "targets.new"
        new.write_text(json.dumps(groups))
        new.replace(self.folder / "targets.json")

    def prepare(self) -> None:
        """Write the configuration; JSON is YAML."""
        self.port = self.port or free_port()
        if not (self.folder / "targets.json").exists():
            self.tell({})
        every = f"{self._scraping.every_ms}ms"
        alertmanager = self._scraping.alertmanager
        configuration = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(self._scraping.rules)],
            "scrape_configs": [
                {"job_name": "feedline", "file_sd_configs": [{"files": [str(self.folder / "targets.json")]}]}
            ],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}] if alertmanager else []},
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(configuration, indent=2))

    def program(self) -> Program:
        """Return how it is started."""
        arguments = (
            shutil.which("prometheus") or "prometheus",
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--storage.tsdb.retention.time={_KEPT}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--rules.alert.resend-delay=1s",
            "--log.level=warn",
        )
        return Program(arguments, dict(self._environment), self._log)

    def answers(self) -> bool:
        """Return whether it takes queries."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=_ANSWER_S) as answer:  # noqa: S310 - our own, http
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP
        except OSError:
            return False
