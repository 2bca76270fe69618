"""Schemathesis as a process that talks to the live API by its OpenAPI document, with a fixed seed."""

import asyncio
import sys
from pathlib import Path

CONFIG = Path(__file__).with_name("schemathesis.toml")
KEEP_TOKEN = """
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
CREATE TRIGGER keep BEFORE UPDATE OF revoked_at ON api_tokens FOR EACH ROW EXECUTE FUNCTION keep();
"""
"""Else it lists the tokens, finds its own, and revokes it."""


async def findings(api, folder, phase, examples):
    """Run one phase; return what it printed if it found anything, else nothing."""
    await api.new_feed()
    api.execute(KEEP_TOKEN)
    arguments = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", str(api.client.make_url("/api/openapi.json"))),
        *("--header", f"Authorization: Bearer {api.token}"),  # all checks; to name them would overrule the file
        *("--phases", phase, "--max-examples", str(examples), "--seed", "1", "--generation-deterministic"),
        *("--suppress-health-check", "all", "--continue-on-failure"),
    ]
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder
    )
    output, _ = await process.communicate()
    return output.decode() if process.returncode else ""
