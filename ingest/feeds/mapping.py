"""How a pulled file is read: the format settings of a feed and the mapping expressions that make items of its records.

Everything here is data: small, declarative, validated when a feed is saved, described in OpenAPI. No code is evaluated.
`ingest/pull/mapping` compiles it; `docs/pull.md` explains it to users.
"""

from __future__ import annotations

import codecs
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    WithJsonSchema,
    field_serializer,
    model_validator,
)

from ingest.feeds.jsonpaths import STAR, json_path
from ingest.feeds.pagination import Pagination
from ingest.feeds.transforms import DataModel, Transform, sound_pattern
from ingest.feeds.xpaths import check_xpath, item_path
from schemas.items import ATTRIBUTES, BadAttributes

_KEYS = frozenset(("externalId", "vendorSku", "barcode"))
_ENCODINGS = (
    frozenset(
        [
            "ascii",
            "utf-8",
            "utf-8-sig",
            "utf-16",
            "utf-16-le",
            "utf-16-be",
            "utf-32",
            "utf-32-le",
            "utf-32-be",
            "big5",
            "cp932",
            "shift_jis",
            "euc_jp",
            "euc_kr",
            "gb18030",
            "gbk",
            "gb2312",
            "koi8-r",
            "koi8-u",
            "mac-roman",
            "cp437",
            "cp850",
            "cp852",
            "cp866",
            "cp874",
            "cp949",
        ]
    )
    | {f"cp125{n}" for n in range(9)}
    | {f"iso8859-{n}" for n in range(1, 17)}
)


def encoding_name(value: str) -> str:
    """Return Python's name of a character encoding; raises ValueError for an unknown one or one that is not text."""
    try:
        name = codecs.lookup(value.strip()).name
    except (LookupError, UnicodeError):
        raise ValueError(f"unknown encoding {value[:40]!r}") from None
    if name not in _ENCODINGS:
        raise ValueError(f"encoding {value[:40]!r} is not supported")
    return name


def _delimiter(value: Any) -> Any:
    return {"\\t": "\t", "tab": "\t"}.get(value.lower(), value) if isinstance(value, str) else value


def _sound_delimiter(value: str) -> str:
    if value.isalnum() or value in '"\r\n\0 .-+':
        raise ValueError("expected one character that separates columns, such as , ; | or a tab")
    return value


def _escape(value: Any) -> Any:
    return {"backslash": "\\", "\\\\": "\\"}.get(value, value) if isinstance(value, str) else value


Path = Annotated[
    str | Annotated[int, Field(ge=1, le=10_000)],
    Field(
        description="a CSV column by name or position (1 is the first), an XPath, or a JSON path, relative to the item"
    ),
]
Scalar = Annotated[str, Field(max_length=65_535)] | int | float | bool | None


class Expression(DataModel):
    """Where an attribute's value comes from. Just a path, or a list of them, may stand alone."""

    path: Path | Annotated[list[Path], Field(min_length=1, max_length=10)] | None = Field(
        None, description="the source; of several, the first that is not empty"
    )
    constant: Scalar = Field(None, description="the same value for every item, instead of a path")
    default: Scalar = Field(None, description="the value when the source is missing or empty")
    transforms: Annotated[list[Transform], Field(max_length=8)] = Field(
        default_factory=list, description="applied in order"
    )
    when_empty: Literal["keep", "clear"] = Field(
        "keep", description="what an empty or missing source does: keep the stored value, or clear it"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == ("constant" not in self.model_fields_set):
            raise ValueError("expected either a path or a constant")
        if self.path is None and self.model_fields_set & {"default", "transforms", "when_empty"}:
            raise ValueError("a constant has no default, transforms or whenEmpty")
        return self

    @property
    def paths(self) -> tuple[str | int, ...]:
        """Return the sources, in order; none for a constant."""
        if self.path is None:
            return ()
        return tuple(self.path) if isinstance(self.path, list) else (self.path,)


def _expression(value: Any) -> Any:
    return {"path": value} if isinstance(value, str | int | list) and not isinstance(value, bool) else value


def _attribute(name: str) -> str:
    if name not in ATTRIBUTES:
        raise ValueError(f"{name[:60]!r} is not an item attribute: expected one of {', '.join(ATTRIBUTES)}")
    return name


Attribute = Annotated[str, AfterValidator(_attribute), WithJsonSchema({"type": "string", "enum": list(ATTRIBUTES)})]
Mapping = dict[Attribute, Annotated[Expression, BeforeValidator(_expression)]]
"""Item attribute → where its value comes from."""
Prefixed = dict[
    Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,49}$")],
    Annotated[str, Field(min_length=1, max_length=500)],
]


Duplicates = Literal["last", "first", "sum", "max", "reject"]
"""What becomes of several rows of one `externalId` in one file."""


class Format(DataModel):
    """How a feed's file is read and mapped; these are attributes of the feed (camelCase there)."""

    delimiter: (
        Annotated[str, BeforeValidator(_delimiter), Field(min_length=1, max_length=1), AfterValidator(_sound_delimiter)]
        | None
    ) = Field(None, description="between CSV columns; detected when not given")
    csv_has_header: StrictBool = Field(True, description="whether the first row names the columns")
    csv_skip_rows: Annotated[int, Field(ge=0, le=1_000, strict=True)] = Field(
        0, description="rows before the header (or the first item) that are no part of the table, such as a title"
    )
    csv_escape: Annotated[Literal["\\", "none"], BeforeValidator(_escape)] | None = Field(
        None, description='what escapes a quote inside quotes beside another quote: "\\"; none: a backslash is text'
    )
    decimal_notation: Literal["decimal", "comma"] = Field("decimal", description="the decimal sign of numbers in text")
    encoding: Annotated[str, AfterValidator(encoding_name)] | None = Field(
        None, description="the file's character encoding; declared by the file or detected when not given"
    )
    archive_member: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(sound_pattern)] | None = Field(
        None, description="pattern (RE2) of the name of the file that is meant in a zip archive with several"
    )
    bad_attributes: BadAttributes = Field(
        "skipAttribute",
        description="what a wrong price or descriptive attribute costs: itself (the stored value stays), or its item; "
        "a wrong key or quantity always costs the item",
    )
    duplicates: Duplicates = Field(
        "last", description="which of the rows of one externalId in one file counts; sum, max: of their quantities"
    )
    item_path: Annotated[str, Field(min_length=1, max_length=300)] | None = Field(
        None, description="the XPath of the item elements, or the JSON path of the items"
    )
    namespaces: Annotated[Prefixed, Field(max_length=20)] = Field(
        default_factory=dict, description="XML namespace prefixes used in paths: prefix → URI"
    )
    pagination: Pagination | None = Field(None, description="where the next page of a JSON API is")
    mapping: Annotated[Mapping, Field(max_length=len(ATTRIBUTES))] = Field(
        default_factory=dict, description="item attribute → source; empty: columns and fields named like attributes"
    )

    @field_serializer("mapping", "pagination")
    def _as_sent(self, value: Any) -> Any:
        """Say just what was said: a constant null is not the same as none at all."""
        if isinstance(value, dict):
            return {name: self._as_sent(expression) for name, expression in value.items()}
        return value and value.model_dump(mode="json", by_alias=True, exclude_unset=True)


class FormatSettings(Format):
    """The same for one kind of file, checked that all of it goes together."""

    resource_type: Literal["ftpCsv", "xml", "api"] = Field(description="CSV, XML or JSON")

    @model_validator(mode="after")
    def _fits_type(self) -> Self:
        if self.mapping and not ("externalId" in self.mapping and self.mapping["externalId"].paths):
            raise ValueError("mapping: externalId is required: nothing else tells items apart")
        if self.pagination is not None and self.duplicates != "last":
            raise ValueError("pagination does not go with duplicates other than last: pages are read one by one")
        if self.pagination is not None and self.resource_type != "api":
            raise ValueError(f"pagination does not go with {self.resource_type}")
        if self.resource_type == "xml":
            if self.item_path is None:
                raise ValueError("itemPath is required for xml: the XPath of one item, such as /products/product")
            item_path(self.item_path, self.namespaces)
        elif self.item_path is not None:
            if self.resource_type == "ftpCsv":
                raise ValueError("itemPath does not go with ftpCsv")
            json_path(self.item_path)
        for attribute, expression in self.mapping.items():
            self._check_expression(attribute, expression)
        return self

    def _check_expression(self, attribute: str, expression: Expression) -> None:
        if attribute in _KEYS and (expression.default is not None or expression.constant is not None):
            raise ValueError(f"mapping: {attribute}: expected a path, and no default: keys tell items apart")
        for path in expression.paths:
            self._check(attribute, path)

    def _check(self, attribute: str, path: str | int) -> None:
        if self.resource_type == "ftpCsv":
            wrong = isinstance(path, str) and (not path.strip() or len(path) > 255)  # noqa: PLR2004
            if wrong or (not self.csv_has_header and not str(path).isdecimal()):
                raise ValueError(f"mapping: {attribute}: expected a column's name, or its position without a header")
            return
        if isinstance(path, int):
            raise ValueError(f"mapping: {attribute}: expected a path, got a number")  # noqa: TRY004
        try:
            if self.resource_type == "xml":
                check_xpath(path, self.namespaces, item_path(self.item_path or "", self.namespaces))
            else:
                self._check_json(path)
        except ValueError as error:
            raise ValueError(f"mapping: {attribute}: {error}") from None

    def _check_json(self, path: str) -> None:
        further_out = json_path(self.item_path or "$").steps[:-1].count(STAR)
        if json_path(path).up > further_out:
            found = f"{further_out} [*] around the items" if further_out else "no [*] around the items"
            raise ValueError(f"{path!r} leads further out than itemPath, which has {found}")
