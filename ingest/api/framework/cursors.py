"""Cursors: where a page of a list ended, as the text that the next page is asked for with."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def cursor(
    pattern: re.Pattern[str], read: Callable[[re.Match[str]], Any], giver: str = "the Link header"
) -> BeforeValidator:
    """Return what makes a cursor of a query parameter by `read`, refuses other texts, and describes them in OpenAPI."""

    def taken(text: Any) -> Any:
        match = pattern.fullmatch(str(text))
        if match is None:
            raise ValueError(f"expected a cursor as given by {giver}")
        return read(match)

    return BeforeValidator(taken, json_schema_input_type=Annotated[str, Field(pattern=pattern.pattern)])
