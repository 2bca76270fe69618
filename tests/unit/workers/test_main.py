"""What a worker process loads."""

import subprocess
import sys


def test_a_worker_does_not_load_the_watcher_its_cipher_or_what_colours_terminals():
    needless = {"workers.watch.main", "cryptography", "rich"}
    code = f"import workers.__main__, sys; print(*{needless} & set(sys.modules))"
    assert b"\n" == subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
