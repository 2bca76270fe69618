"""`make vendor`: fetches the scripts that the dashboard serves, at the versions of `vendored.json`, and hashes them.

A new version: write it (and the file's name) into `vendored.json`, run `make vendor`, change the names in `bare.html`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

import click

import ingest.pages

FOLDER = Path(ingest.pages.__file__).parent / "static" / "vendor"
LIST = FOLDER / "vendored.json"


def main() -> None:
    """Replace what is vendored."""
    scripts = json.loads(LIST.read_text())
    for script in scripts:
        content, licence = _packed(script)
        (FOLDER / script["file"]).write_bytes(content)
        (FOLDER / f"LICENSE.{script['package'].removesuffix('.org')}").write_bytes(licence)
        script["sha256"] = hashlib.sha256(content).hexdigest()
        click.echo(f"{script['file']}  {script['sha256']}")
    LIST.write_text(json.dumps(scripts, indent=2) + "\n")


def _packed(script: dict[str, str]) -> tuple[bytes, bytes]:
    """Return a package's script and its licence."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{script['package']}@{script['version']}"
        subprocess.run(["npm", "pack", "--silent", wanted], cwd=folder, check=True)  # noqa: S603, S607 - our own list
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            return _member(packed, script["member"]), _member(packed, "LICENSE")


def _member(packed: tarfile.TarFile, name: str) -> bytes:
    member = packed.extractfile(f"package/{name}")
    assert member is not None, f"the package has no {name}"
    return member.read()


if __name__ == "__main__":
    main()
