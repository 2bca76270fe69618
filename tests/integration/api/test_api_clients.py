"""Clients made from the document in Python and TypeScript leave nothing out and lead to a stored item."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from deploy.clients.__main__ import TOOLS, generate

WAYS = Path(__file__).parent / "clients"
TOLD = ["webhook", 7, "a-1", "api.inventory_feeds.get.not_found"]


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """A folder with both clients."""
    folder = tmp_path_factory.mktemp("clients")
    generate(folder)
    return folder


async def told(*command, **environment):
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert 0 == process.returncode, (output + errors).decode()
    return output.decode()


async def test_the_python_client_leads_to_a_stored_item(clients, api, worker):
    output = await told(
        *(sys.executable, WAYS / "way.py", api.client.make_url("/"), api.token), PYTHONPATH=str(clients / "python")
    )

    assert TOLD == json.loads(output)


async def test_the_typescript_client_compiles_strictly_and_leads_to_a_stored_item(clients, api, worker):
    folder = clients / "typescript"
    shutil.copy(WAYS / "way.ts", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    await told(
        *(folder / "node_modules" / ".bin" / "tsc", "--strict", "--target", "es2022", "--module", "nodenext"),
        *("--skipDefaultLibCheck", "--lib", "es2023,dom", folder / "way.ts"),  # TypeScript's own library is not ours
    )

    output = await told("node", folder / "way.js", api.client.make_url("/"), api.token)

    assert TOLD == json.loads(output)
