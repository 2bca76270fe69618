"""The folder of a local stack: one launcher, kept secrets and ports, a marker of its own."""

from __future__ import annotations

import errno
import shutil
import socket
import threading

import pytest

from deploy.local.folder import AlreadyRunning, Incomplete, Local
from deploy.local.quick_boot import quick_boot


@pytest.fixture
def local(tmp_path):
    local = Local(tmp_path / ".local")
    local.lock()
    yield local
    local.unlock()


def test_a_secret_is_made_once_and_readable_by_its_owner_alone(local):
    first = local.secret("secret-key")
    assert first == local.secret("secret-key")
    assert 32 <= len(first)
    assert 0o600 == (local.folder / "secret-key").stat().st_mode & 0o777


def test_a_second_launcher_is_refused(local):
    with pytest.raises(AlreadyRunning, match="Feedline already runs here"):
        Local(local.folder).lock()


def test_a_launcher_waits_for_one_that_is_stopping(local):
    local.note("stopping")
    second, in_time = Local(local.folder), threading.Event()

    def wait():
        second.lock()
        in_time.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    local.unlock()
    assert in_time.wait(60)
    waiting.join()
    second.unlock()
    local.lock()


def test_the_next_launcher_gets_in_when_the_first_has_gone(tmp_path):
    for _ in range(2):
        local = Local(tmp_path)
        local.lock()
        local.unlock()


def test_a_copy_of_the_folder_has_a_marker_of_its_own(local, tmp_path):
    shutil.copytree(local.folder, tmp_path / "copy")
    assert local.marker == Local(local.folder).marker
    assert local.marker != Local(tmp_path / "copy").marker


def test_a_port_is_kept_while_it_is_free_and_changed_when_it_is_taken(local):
    port = local.port("amqp")
    assert port == local.port("amqp")
    with socket.create_server(("127.0.0.1", port)):
        assert port != local.port("amqp")


def test_two_names_never_share_a_port(local):
    assert 20 == len({local.port(f"port-{number}") for number in range(20)})


def test_an_untried_rabbitmq_boots_its_own_way(tmp_path):
    script = tmp_path / "rabbitmq_server-4.1.0" / "sbin" / "rabbitmq-server"
    quick = quick_boot(script, tmp_path, "feedline@localhost")
    assert ({}, "") == (quick.environment, quick.arguments)


@pytest.mark.parametrize("needed", ["postgres/password", "secret-key"])
@pytest.mark.parametrize("lost", ["missing", "empty"])
def test_data_without_the_file_that_it_needs_is_told_and_nothing_is_changed(local, needed, lost):
    for name in ("postgres/data", "rabbitmq/data"):
        (local.folder / name).mkdir(parents=True)
    for name in ("postgres/password", "rabbitmq/password", "secret-key"):
        (local.folder / name).write_text("kept")
    local.check()
    if lost == "missing":
        (local.folder / needed).unlink()
    else:
        (local.folder / needed).write_text("\n")
    before = sorted(local.folder.rglob("*"))

    with pytest.raises(Incomplete, match=f"{needed} is {lost}. Nothing was changed"):
        local.check()
    assert before == sorted(local.folder.rglob("*"))


def test_a_log_is_put_aside_while_its_process_goes_on_writing(local):
    path = local.log("edge-1")
    with path.open("ab", buffering=0) as written:
        written.write(b"old" * 10)
        local.rotate(most_bytes=20)
        written.write(b"new")
        local.rotate(most_bytes=20)

    assert (b"new", b"old" * 10) == (path.read_bytes(), path.with_suffix(".log.1").read_bytes())


def test_where_there_is_no_room_to_put_a_log_aside_it_is_cut(local, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    path = local.log("edge-1")
    path.write_bytes(b"x" * 30)

    local.rotate(most_bytes=20)

    assert b"" == path.read_bytes()
