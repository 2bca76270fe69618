"""`feedline run` as its users start it, over a folder of its own, and what can be seen of it from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from deploy.local.processes import CHECKOUT, marked

START_S, PATIENCE_S = 300, 120
"""How long anything may take that other processes do, on a machine that is busy with other work."""
ENVIRONMENT = {
    "PORT": "0",
    "API_PORT": "0",
    "MONITOR_PORT": "0",
    "EDGE_PROCESSES": "1",
    "WORKER_PROCESSES": "2",
    "MONITORING": "1",
    "SSL_CERT_FILE": os.devnull,  # no process asks the outside: to read all authorities is a tenth of its start
}


class Launcher:
    """`feedline run` over one folder, started when a test needs it."""

    def __init__(self, folder: Path, **more: str):
        self.folder = folder
        self.more = more
        self.process = None
        self.output = folder / "output"

    def start(self):
        if self.process is None or self.process.poll() is not None:
            with self.output.open("wb") as output:
                self.process = subprocess.Popen(self.command(), cwd=CHECKOUT, env=self.environment(), stdout=output)
            wait(lambda: self.path.exists() or self.process.poll() is not None, self.output.read_text, START_S)
        assert self.process.poll() is None, self.output.read_text()
        return self

    def run_in_vain(self):
        """Start it where it is expected to refuse; return its exit code and what it says."""
        done = subprocess.run(
            self.command(), env=self.environment(), cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    def command(self):
        return [sys.executable, "-m", "deploy.command.main", "run", "--folder", str(self.folder / ".local")]

    def environment(self):
        unset = ("DATABASE_URL", "AMQP_URL", "SECRET_KEY", "MAKELEVEL")
        return {**{name: value for name, value in os.environ.items() if name not in unset}, **ENVIRONMENT, **self.more}

    @property
    def path(self):
        return self.folder / ".local" / "stack.json"

    @property
    def stack(self):
        return json.loads(self.path.read_text())

    def pids(self):
        return {pid for pids in self.stack["pids"].values() for pid in pids}

    def everything(self):
        """All processes of the stack, grandchildren too."""
        place = (self.folder / ".local").stat()
        random = (self.folder / ".local" / "marker").read_text()
        return marked(f"{random}-{place.st_dev}-{place.st_ino}")

    def stop(self):
        """Stop it, if it runs; return its exit code."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def wait(condition, seen, timeout_s=PATIENCE_S):
    """Wait for what other processes do; `seen` tells what is there instead."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, seen()
        time.sleep(0.05)
