"""Schemathesis talks to the live API by its OpenAPI document, with a fixed seed, and finds nothing."""

import asyncio
import sys
from pathlib import Path

import pytest

CONFIG = Path(__file__).with_name("schemathesis.toml")
KEEP_TOKEN = """
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
CREATE TRIGGER keep BEFORE UPDATE OF revoked_at ON api_tokens FOR EACH ROW EXECUTE FUNCTION keep();
"""
"""Else it lists the tokens, finds its own, and revokes it."""


@pytest.fixture
def settings(settings):
    """A worker answers, and who asks for what never comes is not kept waiting."""
    return settings.model_copy(update={"reply_timeout_ms": 1_000})


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("phase", ["coverage", "fuzzing", "stateful"])
async def test_schemathesis_finds_nothing(api, tmp_path, phase):
    await api.new_feed()
    api.execute(KEEP_TOKEN)
    arguments = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", str(api.client.make_url("/api/openapi.json"))),
        *("--header", f"Authorization: Bearer {api.token}"),  # all checks; to name them would overrule the file
        *("--phases", phase, "--max-examples", "20", "--seed", "1", "--generation-deterministic"),
        *("--suppress-health-check", "all", "--continue-on-failure"),
    ]

    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path
    )
    output, _ = await process.communicate()

    assert 0 == process.returncode, output.decode()
