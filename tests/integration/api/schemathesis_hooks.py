"""What Schemathesis is told of our document before it reads it."""

import schemathesis

NO_NUL = r"^[^\x00]*$"
ALSO_NO_NUL = r"^(?![\s\S]*\x00)"
LONG = 2_048


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Say "no U+0000" of long texts in words that have no length.

    Schemathesis writes a text's greatest length into its pattern: `^[^\\x00]{0,65535}$` takes a second to compile, in
    each of the many schemas that hold it.
    """
    _reworded(raw_schema)


def _reworded(node):
    if isinstance(node, dict):
        if node.get("pattern") == NO_NUL and node.get("maxLength", 0) > LONG:
            node["pattern"] = ALSO_NO_NUL
        for value in node.values():
            _reworded(value)
    elif isinstance(node, list):
        for value in node:
            _reworded(value)
