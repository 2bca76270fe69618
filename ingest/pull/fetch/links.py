"""The Link header (RFC 8288), as far as pagination needs it. Pure, and linear in the header, which is a stranger's.

aiohttp's `response.links` would do, but for its writing the target anew: a signed address must stay as it is.
"""

from __future__ import annotations

import re2

_LINK = re2.compile(r"""<([^<>]*)>((?:\s*;\s*[^\s;,="]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)""")
_REL = re2.compile(r"""(?i);\s*rel\*?\s*=\s*(?:"([^"]*)"|([^\s;,"]+))""")


def next_link(header: str) -> str | None:
    """Return the target of the first link whose relation types hold `next`; None without one."""
    for target, parameters in _LINK.findall(header):
        relation = _REL.search(parameters)
        if relation and "next" in (relation.group(1) or relation.group(2)).lower().split():
            return str(target)
    return None
