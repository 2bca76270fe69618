"""Load a role's modules, hold until standard input closes, become the role: `python -m deploy.local.held PRELOAD ROLE`.

Loading takes a second of each process and RabbitMQ takes several to boot: the local stack does both at once. A role
that is started again finds its standard input closed and does not hold.
"""

from __future__ import annotations

import gc
import runpy
import sys
from importlib import import_module


def main() -> None:
    """Become `python -m ROLE…`."""
    _, preload, module, *arguments = sys.argv
    gc.disable()  # what modules make stays: to look through it again and again is a seventh of the loading
    import_module(preload)
    gc.enable()
    sys.stdin.read()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
