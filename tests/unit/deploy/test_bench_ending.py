"""A comparison that is asked to stop takes its folder and its checkout with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMPARING = """
import asyncio, signal
from pathlib import Path
from deploy.bench import compare

async def run(folder, sides, plan):
    print(sides[0].code, (sides[0].code / "kept").read_text(), flush=True)
    await asyncio.Event().wait()

signal.signal(signal.SIGINT, signal.SIG_IGN)  # as what a shell starts behind itself has it
compare.HERE, compare._run = Path.cwd(), run
compare.main(["HEAD"])
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made = tmp_path / "repository"
    git("init", "--quiet", str(made), at=tmp_path)
    (made / "kept").write_text("of the commit")
    git("add", "kept", at=made)
    git("-c", "user.name=me", "-c", "user.email=me@localhost", "commit", "--quiet", "--message=kept", at=made)
    return made


def git(*arguments: str, at: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(("git", *arguments), cwd=at, env=clean, check=True, capture_output=True, text=True).stdout


def test_a_comparison_that_is_ended_by_a_signal_leaves_neither_folder_nor_worktree(repository, tmp_path):
    """By SIGTERM, which raises SIGINT there: each has to do what it is to."""
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, "-c", COMPARING], cwd=repository, env=environment, stdout=subprocess.PIPE, text=True
    ) as comparing:
        assert comparing.stdout is not None
        code, text = comparing.stdout.readline().split(" ", 1)
        assert "of the commit" == text.strip()
        comparing.terminate()
        try:
            assert 1 == comparing.wait(60)
        finally:
            comparing.kill()

    assert not Path(code).parent.exists()
    assert 1 == len(git("worktree", "list", at=repository).splitlines())
