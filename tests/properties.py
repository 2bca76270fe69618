"""How many examples a property is tried with, and which.

pytest's own run takes 100, always the same ones: whether a change may land does not depend on luck. `make test-fast`
takes ten. `make test-random` takes others each time, and more of them: what it finds becomes an `@example`. There is no
deadline, and none on making examples: a machine that is busy with other work is not a failure.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", patient, derandomize=True)
settings.register_profile("fast", patient, derandomize=True, max_examples=10)
settings.register_profile("random", patient, max_examples=500)
settings.load_profile("full")
