"""How many examples a property is tried with: pytest's own run takes 100, `make test-fast` ten.

No deadline: a machine that is busy with other work is not a failure.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("full", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=10)
settings.load_profile("full")
