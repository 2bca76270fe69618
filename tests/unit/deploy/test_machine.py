"""What `deploy/machine.sh` does on machines that lack Python, and which one is taken: through a PATH of stand-ins."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from deploy.local.processes import CHECKOUT


class Machine:
    """A copy of the scripts, a PATH that holds a few real tools and what a test adds, and the distribution's folder."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "bin"
        self.path.mkdir()
        self.usr = folder / "usr" / "bin"
        self.usr.mkdir(parents=True)
        (folder / "deploy").mkdir()
        for name in ("machine.sh", "python.sh"):
            script = (CHECKOUT / "deploy" / name).read_text()
            assert "/usr/bin/python3" in script
            self._write(folder / "deploy" / name, script.replace("/usr/bin/python3", str(self.usr / "python3")))
        for tool in ("dirname", "env", "ls", "mkdir", "sh", "tail"):
            (self.path / tool).symlink_to(shutil.which(tool))

    def add(self, name, script, folder=None):
        self._write((folder or self.path) / name, f"#!/bin/sh\n{script}\n")

    @staticmethod
    def _write(program, script):
        program.write_text(script)
        program.chmod(0o755)

    def run(self, *command, **environment):
        script, *arguments = command or ("machine.sh", "python")
        return subprocess.run(
            [self.folder / "deploy" / script, *arguments],
            env={"PATH": str(self.path), **environment},
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


def test_the_distributions_python_is_taken_before_that_of_the_path(machine):
    machine.add("python3", "exit 0")
    machine.add("python3", "exit 0", machine.usr)
    assert f"{machine.usr}/python3\n" == machine.run("python.sh").stdout


@pytest.mark.parametrize("lacking", ["too old, or without venv", "none"])
def test_where_the_distributions_is_not_whole_that_of_the_path_is_taken_and_nothing_installed(machine, lacking):
    machine.add("python3", "exit 0")
    machine.add("apt-get", "echo must not run >&2; exit 9")
    if lacking != "none":
        machine.add("python3", "exit 1", machine.usr)
    assert f"{machine.path}/python3\n" == machine.run("python.sh").stdout
    done = machine.run()
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_the_distributions_is_made_whole_where_something_is_installed_anyway(machine):
    machine.add("id", "echo 0")
    machine.add("apt-get", "echo $*")
    machine.add("python3", "exit 0")
    machine.add("python3", "exit 1", machine.usr)
    assert 0 == machine.run("machine.sh", "python", "load").returncode
    log = (machine.folder / ".local" / "logs" / "apt.log").read_text().splitlines()
    assert "-q install --yes --no-install-recommends wrk python3-venv" == log[-1]


def test_a_python_that_is_asked_for_is_taken_alone(machine):
    machine.add("python3", "exit 0", machine.usr)
    machine.add("python3.13", "exit 0")
    machine.add("python3.9", '[ "$1" = -V ] && echo Python 3.9.2; exit 1')
    assert f"{machine.path}/python3.13\n" == machine.run("python.sh", PYTHON3="python3.13").stdout
    done = machine.run(PYTHON3="python3.9")
    assert (1, "Feedline needs Python 3.11 or newer; this machine's is Python 3.9.2.\n") == (
        done.returncode,
        done.stderr,
    )
