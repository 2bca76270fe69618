"""What `deploy/machine.sh` does on machines that lack Python, seen through a PATH of stand-ins."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from deploy.local.processes import CHECKOUT


class Machine:
    """A copy of the script with a PATH that holds a few real tools and what a test adds."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "bin"
        self.path.mkdir()
        (folder / "deploy").mkdir()
        shutil.copy(CHECKOUT / "deploy" / "machine.sh", folder / "deploy")
        for tool in ("dirname", "env", "ls", "mkdir", "sh", "tail"):
            (self.path / tool).symlink_to(shutil.which(tool))

    def add(self, name, script):
        program = self.path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def run(self):
        command = [self.folder / "deploy" / "machine.sh", "python"]
        environment = {"PATH": str(self.path)}
        return subprocess.run(
            command,
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_without_apt_one_line_says_what_to_install(machine):
    done = machine.run()
    assert 1 == done.returncode
    assert "Please install Python 3.11 or newer with venv, then run this again.\n" == done.stderr


def test_a_user_who_may_not_install_is_told_what_to_have_installed(machine):
    machine.add("id", "echo 1000")
    machine.add("apt-get", "echo must not run >&2; exit 9")
    done = machine.run()
    assert 1 == done.returncode
    assert "Please install what is missing, as root: apt-get install python3 python3-venv\n" == done.stderr


def test_an_old_python_is_named(machine):
    machine.add("python3", '[ "$1" = -V ] && echo Python 3.9.2; exit 1')
    done = machine.run()
    assert (1, "Feedline needs Python 3.11 or newer; this machine's is Python 3.9.2.\n") == (
        done.returncode,
        done.stderr,
    )


@pytest.mark.parametrize("user", ["root", "somebody with sudo"])
def test_apt_installs_what_is_missing_and_starts_no_services(machine, user):
    machine.add("id", "echo 0" if user == "root" else "echo 1000")
    if user != "root":
        machine.add("sudo", '[ "$1" = -n ] && exit 0; echo sudo; exec "$@"')
    machine.add("apt-get", 'echo "$SYSTEMD_OFFLINE $RUNLEVEL $*"')
    done = machine.run()
    assert (0, "") == (done.returncode, done.stderr)
    sudo = [] if user == "root" else ["sudo"]
    install = "1 1 -q install --yes --no-install-recommends python3 python3-venv"
    log = (machine.folder / ".local" / "logs" / "apt.log").read_text().splitlines()
    assert [*sudo, "1 1 -q update", *sudo, install] == log


def test_a_failing_apt_is_reported_with_its_last_words(machine):
    machine.add("id", "echo 0")
    machine.add("apt-get", "echo E: no network; exit 100")
    done = machine.run()
    assert 1 == done.returncode
    assert done.stderr.startswith("E: no network\napt could not install python3 python3-venv;")


def test_a_machine_that_lacks_nothing_is_left_alone(machine):
    machine.add("python3", "exit 0")
    machine.add("apt-get", "echo must not run >&2; exit 9")
    done = machine.run()
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    assert not os.path.lexists(machine.folder / ".local")
