"""The whole system is started twice, loses its launcher, and is stopped: the last of these files, for it ends it."""

from __future__ import annotations

import time

STOP_S = 60


def test_a_second_start_says_that_one_runs(launcher):
    launcher.start()
    code, words = launcher.run_in_vain()
    assert 1 == code
    assert f"Feedline already runs here (launcher: process {launcher.process.pid})." in words
    assert launcher.path.exists()


def test_after_a_kill_of_the_launcher_the_next_start_cleans_up_and_keeps_the_data(launcher):
    before = launcher.start().stack
    launcher.process.kill()
    launcher.process.wait()
    launcher.path.unlink()  # so that the next one is the new launcher's
    after = launcher.start().stack
    assert before["demoFeed"] == after["demoFeed"]
    assert before["apiToken"] == after["apiToken"]
    assert set() == {pid for pids in before["pids"].values() for pid in pids} & set(launcher.everything())


def test_sigterm_stops_everything_in_time_and_removes_stack_json(launcher):
    launcher.start()
    started = time.monotonic()
    assert 0 == launcher.stop()
    assert STOP_S > time.monotonic() - started
    assert [] == launcher.everything()
    assert not launcher.path.exists()
