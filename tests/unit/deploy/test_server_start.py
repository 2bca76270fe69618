"""How a private server is started: again when it ended at once, and with its last words when it never comes up."""

from __future__ import annotations

import os

import pytest

from deploy.local import processes
from deploy.local.processes import Program, Server


class Shell(Server):
    """A script that answers once it has made the file `up`."""

    def __init__(self, folder, script):
        super().__init__()
        self._folder, self._script = folder, script

    def prepare(self):
        (self._folder / "up").unlink(missing_ok=True)

    def program(self):
        environment = {"PATH": os.environ["PATH"]}
        return Program(("sh", "-c", self._script), environment, self._folder / "log", directory=self._folder)

    def answers(self):
        return (self._folder / "up").exists()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(processes, "_START_AGAIN_S", (0.0, 0.0, 0.0))


def test_a_server_that_ended_at_once_is_started_again(tmp_path):
    server = Shell(tmp_path, "echo try >> tries; [ $(wc -l < tries) -ge 3 ] || exit 1; touch up; exec sleep 600")
    server.start()

    assert server.stands
    assert 3 == len((tmp_path / "tries").read_text().split())
    server.kill()
    assert not server.stands


def test_one_that_never_comes_up_says_why(tmp_path):
    server = Shell(tmp_path, "echo the port is taken; exit 1")

    with pytest.raises(RuntimeError, match=r"server did not start(?s:.)*the port is taken"):
        server.start()
    assert not server.stands


def test_a_server_that_died_by_itself_does_not_stand(tmp_path):
    server = Shell(tmp_path, "touch up; exec sleep 600")
    server.start()
    server.process.kill()
    server.process.wait()

    assert not server.stands
    server.start()
    assert server.stands
    server.kill()
