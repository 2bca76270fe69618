"""Cases of one test that need nothing of their own: what it starts is started once for all of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

_SHOWN = 200


def in_one_test(names: str, cases: Iterable[Any]) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Any]]:
    """As `parametrize`, within one test: a case must leave nothing that another one could see.

    Each is a subtest: all of them run, whichever fails, and what fails is told with its values.
    """
    listed = tuple(cases)
    called = [name.strip() for name in names.split(",")]

    def decorated(test: Callable[..., Awaitable[None]]) -> Callable[..., Any]:
        @functools.wraps(test)
        async def whole(subtests: pytest.Subtests, **fixtures: Any) -> None:
            for case in listed:
                given = dict(zip(called, case if len(called) > 1 else (case,), strict=True))
                with subtests.test(repr(given)[:_SHOWN]):
                    await test(**fixtures, **given)

        parameters = inspect.signature(test).parameters.values()
        subtests = inspect.Parameter("subtests", inspect.Parameter.KEYWORD_ONLY)
        kept = [one.replace(kind=one.KEYWORD_ONLY) for one in parameters if one.name not in called]
        whole.__signature__ = inspect.Signature([*kept, subtests])
        return whole

    return decorated
