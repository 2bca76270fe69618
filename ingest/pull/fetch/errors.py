"""What can go wrong with a fetch: a closed list of codes, each with what to do about it.

FetchError        (Rejected)   the vendor or the feed's settings are at fault: trying again changes nothing
FetchUnavailable  (Transient)  the vendor's server is away, busy or broke off: the same fetch may succeed later

No message holds a credential: addresses are masked (`ingest.feeds.locations.masked`) and what a server wrote is
not quoted, for it may echo what it was sent. Both are raised `from None`, for the same reason.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.errors import Rejected, Transient


class FetchCode(StrEnum):
    """Why a fetch failed."""

    LOCATION = "location"
    CREDENTIALS = "credentials"
    ADDRESS_REFUSED = "address_refused"
    UNAUTHORIZED = "unauthorized"
    SIGNATURE = "signature"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    REDIRECT = "redirect"
    REDIRECT_LIMIT = "redirect_limit"
    REDIRECT_INSECURE = "redirect_insecure"
    CERTIFICATE = "certificate"
    HTML = "html"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"
    PAGES_LIMIT = "pages_limit"
    PAGES_LOOP = "pages_loop"
    PAGES_BROKEN = "pages_broken"
    CONTENT_CORRUPT = "content_corrupt"
    CONTENT_TRUNCATED = "content_truncated"
    CONTENT_BOMB = "content_bomb"
    CONTENT_NESTED = "content_nested"
    CONTENT_ENCRYPTED = "content_encrypted"
    CONTENT_NO_MEMBER = "content_no_member"
    CONTENT_UNSUPPORTED = "content_unsupported"
    NAME_UNKNOWN = "name_unknown"
    CONNECT = "connect"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    TRUNCATED = "truncated"
    DIGEST = "digest"
    BUSY = "busy"
    SERVER_ERROR = "server_error"
    DISK = "disk"


REMEDIES: dict[FetchCode, str] = {
    FetchCode.LOCATION: "Write it as http|https|ftp|ftps://user:password@host:port/path, with reserved characters "
    "percent-encoded (RFC 1738).",
    FetchCode.CREDENTIALS: "See docs/pull.md for how authenticationToken and authenticationSecret are sent.",
    FetchCode.ADDRESS_REFUSED: "Use a public address, or have the operator name the network in PULL_ALLOW_NETWORKS.",
    FetchCode.UNAUTHORIZED: "Check the user name, password or token of the feed.",
    FetchCode.SIGNATURE: "The address carries a signature, which ends at some time and with any change of the address: "
    "ask the vendor for a new one.",
    FetchCode.NOT_FOUND: "Check the path of the feed's address, and whether its user may read it; FTP paths are "
    "relative to the login folder.",
    FetchCode.REFUSED: "Ask the vendor why the server refuses this request.",
    FetchCode.REDIRECT: "Enter the address that the file really lies at.",
    FetchCode.REDIRECT_LIMIT: "Enter the final address; the server may also want a login that a browser has.",
    FetchCode.REDIRECT_INSECURE: "Ask the vendor for an https address throughout, or drop the credentials.",
    FetchCode.CERTIFICATE: "The vendor has to renew or repair the server's TLS certificate.",
    FetchCode.HTML: "It is probably a login or error page: open the address in a private browser window.",
    FetchCode.TOO_LARGE: "Ask the vendor for a smaller or compressed file, or the operator for a higher limit.",
    FetchCode.PROTOCOL: "The server does not follow its protocol: ask the vendor to check it.",
    FetchCode.PAGES_LIMIT: "Use larger pages, or ask the operator for a higher limit.",
    FetchCode.PAGES_LOOP: "Check the feed's pagination settings: a page names itself or an earlier one as the next.",
    FetchCode.PAGES_BROKEN: "The API answered something that is no page of items: ask the vendor what went wrong.",
    FetchCode.CONTENT_CORRUPT: "The compressed file is damaged: ask the vendor to make it again.",
    FetchCode.CONTENT_TRUNCATED: "The compressed file ends too early: ask the vendor to make it again.",
    FetchCode.CONTENT_BOMB: "Ask the vendor for a smaller file, or the operator for a higher limit.",
    FetchCode.CONTENT_NESTED: "Compress the file once only, without an archive inside an archive.",
    FetchCode.CONTENT_ENCRYPTED: "Send the file without a password; protect it by the server's login instead.",
    FetchCode.CONTENT_NO_MEMBER: "Put the one file to be read in the archive, or set archiveMember to a pattern of "
    "its name.",
    FetchCode.CONTENT_UNSUPPORTED: "Send it plain, or as gzip, zip or bzip2.",
    FetchCode.NAME_UNKNOWN: "Check the host name; it may also be a passing fault of the name servers.",
    FetchCode.CONNECT: "The server may be down, or its firewall may not let us in.",
    FetchCode.TIMEOUT: "The server is too slow or does not answer; the run is tried again.",
    FetchCode.INTERRUPTED: "The connection broke; the run is tried again.",
    FetchCode.TRUNCATED: "The file was shorter than the server said; the run is tried again.",
    FetchCode.DIGEST: "The bytes that came are not those the server's checksum is of; the run is tried again.",
    FetchCode.BUSY: "The server asks for patience; the run is tried again.",
    FetchCode.SERVER_ERROR: "The vendor's server failed; the run is tried again.",
    FetchCode.DISK: "The operator has to make room in PULL_FOLDER.",
}
"""What to do, as shown to the feed's owner."""


class FetchError(Rejected):
    """The file cannot be had, or not read, unless the vendor or the feed's settings change."""

    def __init__(self, code: FetchCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.remedy = REMEDIES[code]

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}"


class FetchUnavailable(Transient):
    """The file cannot be had now. `retry_after_s`: what the server asked for, if it did."""

    def __init__(self, code: FetchCode, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(code, message, retry_after_s)
        self.code = code
        self.message = message
        self.remedy = REMEDIES[code]
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}"
