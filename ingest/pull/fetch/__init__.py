"""Getting a pulled feed's file, safely: over HTTP(S) or FTP(S), to a spool file, then decompressed for the parser.

async def run(...):
    context = FetchContext.of(settings)                      # one for a process
    result = await fetch(FetchRequest(location, validators=last), context)
    if isinstance(result, NotModified): ...
    with open_content(result.path, content_encoding=result.content_encoding, wanted=Wanted((".csv",))) as file: ...
    result.discard()
"""

from ingest.feeds.locations import masked
from ingest.pull.fetch.errors import FetchCode, FetchError, FetchUnavailable
from ingest.pull.fetch.guard import Guard
from ingest.pull.fetch.pagers import Page, next_by
from ingest.pull.fetch.pages import pages
from ingest.pull.fetch.request import FetchContext, Fetched, FetchRequest, Limits, NotModified, Validators
from ingest.pull.fetch.transfer import fetch
from ingest.pull.fetch.unpack import ContentLimits, Wanted, open_content

__all__ = (
    "ContentLimits",
    "FetchCode",
    "FetchContext",
    "FetchError",
    "FetchRequest",
    "FetchUnavailable",
    "Fetched",
    "Guard",
    "Limits",
    "NotModified",
    "Page",
    "Validators",
    "Wanted",
    "fetch",
    "masked",
    "next_by",
    "open_content",
    "pages",
)
