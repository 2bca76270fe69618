"""How many examples a property is tried with, and which.

pytest's own run takes 100, always the same ones: whether a change may land does not depend on luck. `make test-fast`
takes ten. `make test-random` takes others each time, and more of them: what it finds becomes an `@example`. There is no
deadline, and none on making examples: a machine that is busy with other work is not a failure.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", patient, derandomize=True)
settings.register_profile("fast", patient, derandomize=True, max_examples=10)
settings.register_profile("random", patient, max_examples=500)
settings.load_profile("full")

_constants_of_modules = providers._get_local_constants


def _constants() -> providers.Constants:
    """Return the constants that examples are made of, beside Hypothesis' own.

    It takes those of every module that happens to be loaded: the same property then has other examples in another
    process, after another test, and after a change somewhere else.
    """
    return providers._local_constants if settings.default.derandomize else _constants_of_modules()


providers._get_local_constants = _constants
