"""A supervised child: started, watched, started again, stopped."""

from __future__ import annotations

import asyncio
import errno
import os
import signal

import pytest

from deploy.local.processes import Program
from deploy.local.supervise import Child, Events


class Owner:
    """Collects what a child's owner hears."""

    def __init__(self):
        self.notices = []
        self.changed = asyncio.Event()

    def events(self):
        return Events(notice=self.notices.append, changed=self.changed.set)


def _child(tmp_path, owner, script, *, answers=lambda: True):
    program = Program(("sh", "-c", script), {"PATH": os.environ["PATH"]}, tmp_path / "log")
    return Child("child", lambda: program, answers, owner.events())


async def _until(condition, changed):
    async with asyncio.timeout(60):
        while not condition():
            changed.clear()
            await changed.wait()


async def test_a_child_that_is_killed_is_started_again_under_a_new_pid(tmp_path):
    owner = Owner()
    child = _child(tmp_path, owner, "exec sleep 60")
    child.start()
    await child.wait_ready()
    first = child.pid
    os.kill(first, signal.SIGKILL)
    await _until(lambda: child.pid not in (first, None), owner.changed)
    assert ["child was ended by SIGKILL; it is started again in 0.25 s"] == owner.notices
    assert await child.stop(grace_s=60)


async def test_a_child_that_ignores_its_stop_signal_is_killed_after_the_grace(tmp_path):
    owner = Owner()
    child = _child(
        tmp_path, owner, f"trap '' TERM; touch {tmp_path}/armed; sleep 60", answers=(tmp_path / "armed").exists
    )
    child.start()
    await child.wait_ready()
    assert not await child.stop(grace_s=0.2)
    assert child.pid is None


async def test_a_child_that_ends_again_and_again_is_reported_to_who_waits(tmp_path):
    owner = Owner()
    child = _child(tmp_path, owner, "exit 3", answers=lambda: False)
    child.start()
    with pytest.raises(RuntimeError, match="child ended with exit code 3"):
        await child.wait_ready()
    await child.stop(grace_s=60)


async def test_a_child_that_waits_for_its_next_start_can_be_stopped(tmp_path):
    owner = Owner()
    child = _child(tmp_path, owner, "exit 1", answers=lambda: False)
    child.start()
    await _until(lambda: owner.notices, owner.changed)
    assert await child.stop(grace_s=60)
    assert child.pid is None


async def test_a_full_disk_ends_neither_the_supervision_nor_doubles_the_child(tmp_path):
    owner, full = Owner(), True

    def changed():
        owner.changed.set()
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")

    script, expected = f"echo $$ >>{tmp_path}/pids; exec sleep 60", 1
    program = Program(("sh", "-c", script), {"PATH": os.environ["PATH"]}, tmp_path / "log")

    def is_there():
        return (tmp_path / "pids").exists() and len((tmp_path / "pids").read_text().split()) == expected

    child = Child("child", lambda: program, is_there, Events(owner.notices.append, changed))
    child.start()
    await child.wait_ready()
    first, expected = child.pid, 2
    os.kill(first, signal.SIGKILL)
    await _until(lambda: child.pid not in (first, None), owner.changed)
    await child.wait_ready()
    full = False

    assert any("cannot be written down" in notice for notice in owner.notices)
    assert [str(child.pid)] == [pid for pid in (tmp_path / "pids").read_text().split() if _lives(int(pid))]
    assert await child.stop(grace_s=60)


async def test_files_that_cannot_be_made_are_tried_again_whatever_is_wrong(tmp_path):
    owner, troubles = Owner(), [OSError(errno.ENOSPC, "No space left on device"), ValueError("a broken file")]

    def make():
        if troubles:
            raise troubles.pop(0)
        return Program(("sleep", "60"), {"PATH": os.environ["PATH"]}, tmp_path / "log")

    child = Child("child", make, lambda: True, owner.events())
    child.start()
    await child.wait_ready()

    assert child.pid
    assert await child.stop(grace_s=60)


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
