"""What a command is given in its environment."""

from __future__ import annotations

import click

from schemas.settings import secret


def given(name: str) -> str | None:
    """Return a secret of the environment, or of the file that is named there; raises click's UsageError."""
    try:
        return secret(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
