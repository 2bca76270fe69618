"""The list of settings for people, made from the settings themselves."""

from __future__ import annotations

import json
from typing import Any

import click
from pydantic.fields import FieldInfo

from schemas.settings import Settings

_HEAD = """\
# Settings

Every setting of every process is an environment variable, validated at start: a process that cannot use one says
which and ends. This page is made from `schemas/settings.py` by `feedline settings --markdown > docs/settings.md`.

`make run` chooses `DATABASE_URL`, `AMQP_URL` and `SECRET_KEY` itself when they are not set (private servers under
`.local/`), and lets feeds be pulled from loopback.

| Variable | Default | Range | Meaning |
|---|---|---|---|
"""


def as_markdown() -> str:
    """Return the text of `docs/settings.md`."""
    rows = []
    for name, default, limits, meaning in _rows():
        shown = f"`{default}`" if default not in ("required", "") else default
        rows.append(f"| `{name}` | {shown} | {limits} | {meaning} |\n")
    return _HEAD + "".join(rows)


def as_text() -> str:
    """Return the list for a terminal."""
    return "".join(
        f"{name}\n    {meaning}\n    {'required' if default == 'required' else f'default: {default or chr(45)}'}\n"
        for name, default, _, meaning in _rows()
    )


def _rows() -> list[tuple[str, str, str, str]]:
    return [
        (name.upper(), _default(field), _limits(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.default
    if isinstance(value, tuple):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _limits(field: FieldInfo) -> str:
    found = {name: getattr(rule, name) for rule in field.metadata for name in ("ge", "le") if hasattr(rule, name)}
    if "ge" in found and "le" in found:
        return f"{found['ge']} to {found['le']}"
    return f"from {found['ge']}" if "ge" in found else ""


@click.command("settings")
@click.option("--markdown", is_flag=True, help="As docs/settings.md.")
def show_settings(markdown: bool) -> None:
    """List every setting: variable, default, meaning."""
    click.echo(as_markdown() if markdown else as_text(), nl=False)
