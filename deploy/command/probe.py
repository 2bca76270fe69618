"""`feedline probe`: is the process of this host alive, or ready? For health checks of images that have no curl."""

from __future__ import annotations

import urllib.error
import urllib.request

import click

_TIMEOUT_S = 2.0


@click.command()
@click.option("--ready", is_flag=True, help="Ask whether it can take work, not just whether it lives.")
@click.option(
    "--port", envvar="MONITOR_PORT", type=click.IntRange(1, 65535), required=True, help="[default: MONITOR_PORT]"
)
def probe(port: int, *, ready: bool) -> None:
    """Ask a process's monitor on this host; exit 1 with its reason when all is not well."""
    path = "readyz" if ready else "healthz"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=_TIMEOUT_S) as answer:
            click.echo(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise click.ClickException(error.read().decode(errors="replace")) from None
    except OSError as error:
        raise click.ClickException(f"nobody answers on port {port}: {error}") from None
