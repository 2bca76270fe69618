"""Every line to copy in `docs/webhook.md` works as it stands."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import orjson
import pytest

from ingest.edge.feeds import snapshot
from ingest.http.problems import ProblemError

GUIDE = (Path(__file__).parents[3] / "docs" / "webhook.md").read_text()
LINES = [block for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) if "$EDGE_URL" in block]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
async def test_a_line_to_copy_is_accepted(edge, line, tmp_path):
    (tmp_path / "items.json").write_bytes(orjson.dumps([{"externalId": "1", "inventoryQuantity": 1}]))

    process = await asyncio.create_subprocess_exec(
        *("bash", "-euc", line),
        cwd=tmp_path,
        env=os.environ | {"EDGE_URL": edge.url, "HASH": "hash-1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()

    assert 0 == process.returncode
    answer = orjson.loads(said[said.index(b"{") :])
    assert 1 == answer["accepted"]


def test_every_line_to_copy_is_tried_or_is_of_the_api():
    of_the_api = re.findall(r"curl [^\n]*\$API_URL", GUIDE)

    assert GUIDE.count("curl ") == sum(line.count("curl ") for line in LINES) + len(of_the_api)
    assert LINES


def test_every_code_that_the_edge_answers_with_is_in_the_guide():
    sources = "".join(path.read_text() for path in (Path(__file__).parents[3] / "ingest" / "edge").glob("*.py"))
    codes = set(re.findall(r'"(edge\.[a-z_.0-9]+)"', sources)) | {
        f"edge.queue.{reason}" for reason in ("disconnected", "blocked", "full", "unroutable", "timeout")
    }

    assert {"edge.body.gzip", "edge.hash.missing", "edge.items.invalid"} < codes
    assert set() == {code for code in codes if f"`{code}`" not in GUIDE}


def test_a_401_names_how_to_identify_oneself():
    with pytest.raises(ProblemError) as caught:
        snapshot([]).known(None)

    assert "jetti-webhook-hash" == caught.value.headers["WWW-Authenticate"]
