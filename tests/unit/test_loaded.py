"""What processes load: nothing of another role, of what colours terminals, or of a feature that is off."""

import subprocess
import sys

CODE = """
import sys
import workers.__main__, workers.service
print(*{"workers.watch.main", "cryptography", "opentelemetry", "rich"} & set(sys.modules))
import ingest.edge.main, ingest.pages.main
print(*{"opentelemetry", "rich"} & set(sys.modules))
"""


def test_workers_edge_and_pages_load_nothing_that_they_do_not_need():
    ended = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)

    assert ["", ""] == ended.stdout.splitlines()
