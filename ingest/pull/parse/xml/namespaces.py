"""XPath 1.0 has no default namespace: names without a prefix are put into the document's."""

from __future__ import annotations

from ingest.feeds.xpaths import tokens

DEFAULT = "default-namespace"
"""The prefix that stands for the document's default namespace."""


def with_default_namespace(path: str) -> str:
    """Return an XPath whose unprefixed element names are in the document's default namespace.

    That `<feed xmlns="…">` then matches nothing is what people stumble over.
    """
    found = tokens(path)
    written = []
    begins = True  # an operand may begin here, so a name is no operator (XPath 1.0, section 3.7)
    for position, (kind, text) in enumerate(found):
        before = found[position - 1][1] if position else ""
        after = found[position + 1][1] if position + 1 < len(found) else ""
        operator = kind == "name" and not begins and text in ("and", "or", "div", "mod")
        of_attribute = before == "@" or (before == "::" and found[position - 2][1] == "attribute")
        element = (
            kind == "name" and not operator and not of_attribute and after not in ("(", "::", ":") and before != ":"
        )
        written.append(f" {text} " if operator else f"{DEFAULT}:{text}" if element else text)
        begins = operator or (kind == "sign" and text not in (".", "..", ")", "]"))
    return "".join(written)
