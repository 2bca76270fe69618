"""Schemathesis as a process that talks to the live API by its OpenAPI document, with a fixed seed."""

import asyncio
import os
import sys
from pathlib import Path

from hypothesis.configuration import storage_directory

HERE = Path(__file__).parent
CONFIG = HERE / "schemathesis.toml"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(HERE),
    "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
    # Where pytest's own Hypothesis keeps its tables of characters: to make them takes seconds.
    "HYPOTHESIS_STORAGE_DIRECTORY": str(storage_directory().path),
}
KEEP_TOKEN = """
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
CREATE TRIGGER keep BEFORE UPDATE OF revoked_at ON api_tokens FOR EACH ROW EXECUTE FUNCTION keep();
"""
"""Else it lists the tokens, finds its own, and revokes it."""


async def findings(api, folder):
    """Run all phases in one process, which loads and reads once; return what it printed if it found anything."""
    await api.new_feed()
    api.execute(KEEP_TOKEN)
    arguments = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", str(api.client.make_url("/api/openapi.json"))),
        *("--header", f"Authorization: Bearer {api.token}"),  # all checks; to name them would overrule the file
        *("--phases", "coverage,fuzzing,stateful", "--seed", "1", "--generation-deterministic"),
        *("--suppress-health-check", "all", "--continue-on-failure"),
        *("--request-timeout", "60"),  # a machine that is busy with other work is no finding
    ]
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder, env=ENVIRONMENT
    )
    output, _ = await process.communicate()
    return output.decode() if process.returncode else ""
