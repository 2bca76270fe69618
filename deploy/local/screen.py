"""What the launcher shows: a line for each step, notices about children, and one screen when all is ready."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import click


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ready screen tells."""

    edge_url: str
    api_url: str
    dashboard_url: str
    """With the link that signs in once."""
    feed_hash: str
    rows: list[tuple[str, str]]
    """Further lines: a name and what there is to know."""
    token_file: str


@dataclass(slots=True)
class Screen:
    """Writes to standard output; colours only on a terminal (click strips them elsewhere)."""

    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Never fail on a terminal that cannot show a character."""
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")

    def begin(self, title: str) -> None:
        """Say what is about to happen."""
        self.started = time.monotonic()
        click.echo(f"\n{click.style('  Feedline', bold=True)}  {click.style(title, dim=True)}\n")

    def done(self, step: str, detail: str = "") -> None:
        """Report a finished step."""
        seconds = click.style(f"{time.monotonic() - self.started:5.1f} s", dim=True)
        click.echo(f"  {click.style('✓', fg='green')} {step:<22} {detail:<34}{seconds}")

    def notice(self, line: str) -> None:
        """Report something that deserves a look."""
        click.echo(
            f"  {click.style('!', fg='yellow', bold=True)} {click.style(time.strftime('%H:%M:%S'), dim=True)} {line}"
        )

    def trouble(self, line: str) -> None:
        """Report why it does not go on."""
        click.echo(f"  {click.style('✗', fg='red', bold=True)} {line}", err=True)

    def ready(self, facts: Facts) -> None:
        """Show the one screen; it fits a terminal of 80 columns and 24 lines."""
        rule = click.style("─" * 76, dim=True)
        seconds = time.monotonic() - self.started
        title = click.style("Feedline is running", bold=True, fg="green")
        click.echo(f"\n{rule}\n  {title}  ready in {seconds:.1f} s, Ctrl-C stops it\n")
        rows = [
            ("Webhook edge", facts.edge_url),
            ("API", f"{facts.api_url}   (browse {facts.api_url}/api/docs)"),
            ("Demo feed hash", facts.feed_hash),
            *facts.rows,
        ]
        for name, value in rows:
            click.echo(f"  {click.style(f'{name:<16}', dim=True)}{value}")
        self._paste("Open the dashboard (this link signs in once, within five minutes):", facts.dashboard_url)
        self._paste("Send an item (paste this into another terminal):", _post(facts))
        self._paste("See what is stored:", _list(facts))
        click.echo(rule)

    def _paste(self, title: str, line: str) -> None:
        """Show a command at the left edge, on one line: it survives being copied."""
        click.echo(f"\n  {click.style(title, bold=True)}\n{click.style(line, fg='cyan')}")


def listed(parts: Iterable[str]) -> str:
    """Return "a, b and c"."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def _post(facts: Facts) -> str:
    return (
        f"curl -H 'jetti-webhook-hash: {facts.feed_hash}' -H 'content-type: application/json'"
        """ -d '[{"externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10}]'"""
        f" {facts.edge_url}/webhooks/inventory-feeds/parse-webhooks.json"
    )


def _list(facts: Facts) -> str:
    return (
        f"""curl -H "authorization: Bearer $(cat '{facts.token_file}')" """
        f"'{facts.api_url}/api/inventory-feed-variants.json?externalId=1234'"
    )
