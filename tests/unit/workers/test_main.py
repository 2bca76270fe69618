"""What a worker process loads."""

import subprocess
import sys


def test_a_worker_does_not_load_the_watcher_and_its_cipher():
    code = "import workers.__main__, sys; sys.exit(not {'workers.watch.main', 'cryptography'}.isdisjoint(sys.modules))"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
