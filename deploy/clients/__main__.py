"""`python -m deploy.clients FOLDER`: write the API's document and both clients into a folder, in place of older ones.

The TypeScript generator lies where `make` puts it (.local/clients); everything else comes with the dev dependencies.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson

from ingest.api.framework.openapi import document
from ingest.api.routes import OPERATIONS

HERE = Path(__file__).parent
TOOLS = HERE.parent.parent / ".local" / "clients"


def generate(folder: Path) -> None:
    """Write `openapi.json`, `python/feedline_client` and `typescript/` (types beside the packages that they need).

    Raises `RuntimeError` with the generator's words when it leaves anything of the document out.
    """
    python, typescript = folder / "python", folder / "typescript"
    for made in (folder, python, typescript):
        made.mkdir(parents=True, exist_ok=True)
    described = folder / "openapi.json"
    described.write_bytes(orjson.dumps(document(OPERATIONS, ""), option=orjson.OPT_INDENT_2))
    _run(
        *(Path(sys.executable).with_name("openapi-python-client"), "generate", "--overwrite", "--fail-on-warning"),
        *("--meta", "none", "--config", HERE / "python.yaml"),
        *("--path", described, "--output-path", python / "feedline_client"),
    )
    # What has a default may be left out of a body.
    program = TOOLS / "node_modules" / ".bin" / "openapi-typescript"
    _run(program, described, "--default-non-nullable=false", "--output", typescript / "feedline.d.ts")


def _run(*command: str | Path) -> None:
    done = subprocess.run([*map(str, command)], check=False, capture_output=True, text=True)  # noqa: S603 - a pinned generator, on paths of ours
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


if __name__ == "__main__":
    generate(Path(sys.argv[1]))
