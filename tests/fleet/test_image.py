"""The image as it is deployed: built by buildah from the machine's own packages, run by runc, read-only, as user 10001.

Needs root, buildah and runc (`make test-fleet` installs them). No registry is asked: pip fetches the wheels beforehand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from deploy.container.base import write
from deploy.local.processes import free_port

CHECKOUT = Path(__file__).parents[2]
LOCKS = ("--requirement", "requirements-run.txt", "--requirement", "deploy/container/requirements-build.txt")


def command(*words: str | Path, timeout_s: float = 300) -> str:
    """Run a command in the checkout; returns what it printed, raises with all of it when it fails."""
    done = subprocess.run(
        [str(word) for word in words], cwd=CHECKOUT, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def root_file_system(tmp_path_factory) -> Path:
    """The built image's file system."""
    folder = tmp_path_factory.mktemp("image")
    wheels = folder / "wheels"
    command(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary", ":all:"),
        *("--no-deps", *LOCKS, "--dest", wheels),  # the locks name all: the build, which resolves, would say what lacks
    )
    write(folder / "base.tar")
    storage = ("--root", folder / "storage", "--runroot", folder / "run", "--storage-driver", "vfs")
    base = command("buildah", *storage, "from", "scratch")
    command("buildah", *storage, "add", "--quiet", base, folder / "base.tar", "/")
    command("buildah", *storage, "commit", "--quiet", base, "localhost/base:test")
    command(
        *("buildah", *storage, "build", "--quiet", "--isolation", "chroot", "--format", "docker"),
        *("--build-arg", "BASE=localhost/base:test", "--build-arg", "PIP_NO_INDEX=1"),
        *("--build-arg", "PIP_FIND_LINKS=/wheels", "--volume", f"{wheels}:/wheels:ro"),
        *("--file", "deploy/container/Dockerfile", "--tag", "localhost/feedline:test", "."),
    )
    image = command("buildah", *storage, "from", "localhost/feedline:test")
    return Path(command("buildah", *storage, "mount", image))


class Container:
    """One role as runc runs it: the host's network, nothing writable but /tmp."""

    def __init__(self, folder: Path, root: Path, arguments: list[str], environment: dict[str, str]) -> None:
        self.name = f"feedline-{uuid.uuid4().hex[:12]}"
        self._state = ("--root", str(folder / "state"))
        command("runc", *self._state, "spec", "--bundle", folder)
        spec = json.loads((folder / "config.json").read_text())
        spec["root"] = {"path": str(root), "readonly": True}
        spec["process"] |= {
            "terminal": False,
            "user": {"uid": 10001, "gid": 10001},
            "cwd": "/tmp",
            "args": ["feedline", *arguments],
            "env": [
                "PATH=/opt/feedline/bin:/usr/bin:/bin",
                *(f"{name}={value}" for name, value in environment.items()),
            ],
            "capabilities": {},
        }
        spec["mounts"].append(
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]}
        )
        spec["linux"]["namespaces"] = [one for one in spec["linux"]["namespaces"] if one["type"] != "network"]
        (folder / "config.json").write_text(json.dumps(spec))
        self.process = subprocess.Popen(
            ["runc", *self._state, "run", "--bundle", str(folder), self.name], stdin=subprocess.DEVNULL
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the role."""
        return subprocess.run(
            ["runc", *self._state, "exec", self.name, *words], capture_output=True, text=True, timeout=60, check=False
        )

    def stop(self) -> int:
        """Ask the role to stop; returns its exit status."""
        command("runc", *self._state, "kill", self.name, "TERM")
        return self.process.wait(timeout=40)


async def test_a_worker_in_the_image_works_beside_the_others_read_only_as_its_own_user(
    root_file_system, tmp_path, fleet, trial, until
):
    port = str(free_port())
    async with trial() as measure:
        worker = Container(tmp_path, root_file_system, ["worker"], {**fleet.environment, "MONITOR_PORT": port})
        try:

            async def ready() -> bool:
                return worker.run("feedline", "probe", "--ready", "--port", port).returncode == 0

            await until(ready, "the worker is ready")
            assert "10001" == worker.run("id", "-u").stdout.strip()
            assert "Read-only file system" in worker.run("touch", "/opt/feedline/mark").stderr
            await until(lambda: fleet.consumed_by(4), "four workers consume, the image's among them")
            await measure("a fourth worker joins, from the image")
            assert 0 == worker.stop()
            await measure("the worker from the image leaves")
        finally:
            if worker.process.poll() is None:
                worker.process.kill()


def test_the_image_holds_neither_tests_nor_linters_nor_pip(root_file_system):
    installed = {path.name.partition("-")[0].lower() for path in root_file_system.rglob("*.dist-info")}

    assert "feedline" in installed
    assert set() == installed & {"pytest", "ruff", "mypy", "hypothesis", "pip", "setuptools", "schemathesis"}
    assert not os.access(root_file_system / "opt/feedline/bin/pip", os.X_OK)
