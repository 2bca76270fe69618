"""What every problem's code means, and what to do about it: the text of the pages that `type` leads to.

A code of the API is `api.<resource>.<action>.<reason>`; the reasons are told once, whatever they are about. Codes that
stand by themselves are told whole. A test walks all that the code can raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Meaning(NamedTuple):
    """One code: what happened, and what the sender can do."""

    means: str
    remedy: str


_AGAIN: Final = "Wait as long as Retry-After says and send the same again; an Idempotency-Key makes that safe."
_FIX: Final = "Correct what `detail` and `details` name, and send it again. The same again is refused again."
_BODY: Final = "Send JSON in UTF-8, as the documentation of the operation shows it."
_OPERATOR: Final = "This is the operator's business. Tell them the X-Request-Id of the answer."
_RELOAD: Final = "Load the page again and look at what is there now."
_QUEUE: Final = {
    "disconnected": "The message broker is away. Nothing was accepted.",
    "blocked": "The message broker takes no messages for the moment (its memory or disk is low). Nothing was accepted.",
    "full": "The feed's queue is full: more comes than is applied. Nothing was accepted.",
    "unroutable": "The feed's queue is missing. Nothing was accepted.",
    "timeout": "The message broker did not confirm in time. It may have taken the message.",
}

EDGE: Final[Mapping[str, Meaning]] = {
    "edge.bad_request": Meaning("The request is not well-formed HTTP.", "Check the client or the proxy before us."),
    "edge.body.broken": Meaning("The body is not well-formed HTTP.", "Check the client or the proxy in front of it."),
    "edge.body.depth": Meaning("The body is nested too deeply.", _FIX),
    "edge.body.empty": Meaning("The post has no body.", "Send an array of 1 to 50 items."),
    "edge.body.encoding": Meaning("The Content-Encoding is not known.", "Send the body as it is, or as gzip."),
    "edge.body.gone": Meaning("The sender went away in the middle of the body.", "Send it again."),
    "edge.body.gzip": Meaning("The body is not the gzip that its header promises.", _FIX),
    "edge.body.length_required": Meaning("The post has neither a length nor chunks.", "Send a Content-Length."),
    "edge.body.malformed": Meaning("The body is no JSON; `details` has the place.", _BODY),
    "edge.body.shape": Meaning("The body is JSON, but no array of items.", "Send an array of 1 to 50 items, or one."),
    "edge.body.slow": Meaning("The body did not arrive in time.", "Send it again, over a better line or in parts."),
    "edge.body.too_large": Meaning("The body has too many bytes.", "Send fewer items in a post."),
    "edge.body.too_many_items": Meaning("More than 50 items in one post.", "Send at most 50 items in a post."),
    "edge.body.too_many_values": Meaning("The body has too many values.", "Send fewer or smaller items in a post."),
    "edge.body.transfer_coding": Meaning("The Transfer-Encoding is not known.", "Send it chunked, or with a length."),
    "edge.body.type": Meaning("The Content-Type is not JSON.", "Send Content-Type: application/json."),
    "edge.body.utf8": Meaning("The body is not UTF-8.", "Encode the body as UTF-8; JSON always is (RFC 8259)."),
    "edge.busy": Meaning("This server has its hands full of posts. Nothing was accepted.", _AGAIN),
    "edge.expectation_failed": Meaning("The header Expect asks for something unknown.", "Send 100-continue or none."),
    "edge.feed.disabled": Meaning("The feed is disabled, or its account suspended.", "Ask who runs the marketplace."),
    "edge.feed.not_a_webhook": Meaning("The feed's items come from a file alone.", "Use the hash of a webhook feed."),
    "edge.feeds.unknown": Meaning("This server has just started and has not read its feeds.", _AGAIN),
    "edge.hash.busy": Meaning("Too many unknown hashes are being tried at the moment.", _AGAIN),
    "edge.hash.expired": Meaning("The hash was replaced, and its time of grace is over.", "Use the feed's new hash."),
    "edge.hash.missing": Meaning("The post has no hash.", "Send the feed's hash in the header jetti-webhook-hash."),
    "edge.hash.unknown": Meaning("No feed has this hash.", "Copy the hash from the feed: GET the feed by the API."),
    "edge.hash.unsure": Meaning("The hash may be a new one, which this server cannot look up now.", _AGAIN),
    "edge.header.bytes": Meaning("A header has bytes that are no text.", _FIX),
    "edge.http.malformed": Meaning("The request is not well-formed HTTP.", "Check the client or the proxy before us."),
    "edge.idempotency_key.invalid": Meaning("The Idempotency-Key is no key.", "Send 1 to 255 printable ASCII signs."),
    "edge.internal": Meaning("Something went wrong on our side. It may have been accepted.", _OPERATOR),
    "edge.items.invalid": Meaning("No item of the post is valid: nothing was accepted.", _FIX),
    "edge.method_not_allowed": Meaning("The address does not take this method.", "Use one that `Allow` names."),
    "edge.not_found": Meaning("There is nothing at this address.", "Post to the address in the documentation."),
} | {f"edge.queue.{reason}": Meaning(means, _AGAIN) for reason, means in _QUEUE.items()}
"""The webhook's."""

API: Final[Mapping[str, Meaning]] = {
    "api.account.suspended": Meaning("The account is suspended: it can only read.", "Ask the operator why."),
    "api.authorization.bound": Meaning(
        "The token is for one provider or feed, and this is about the whole account.", "Use a token that is not bound."
    ),
    "api.authorization.busy": Meaning("Too many unknown tokens are being tried at the moment.", _AGAIN),
    "api.authorization.invalid": Meaning("The token is unknown, expired or revoked.", "Make a new token."),
    "api.authorization.missing": Meaning("The request has no token.", "Send Authorization: Bearer <token>."),
    "api.authorization.scope": Meaning("The token's scope is too small.", "Use a token of the scope that is named."),
    "api.bad_request": Meaning("The request is not well-formed HTTP.", "Check the client or the proxy before us."),
    "api.body.too_large": Meaning("The body has too many bytes.", "Send it in parts."),
    "api.expectation_failed": Meaning("The header Expect asks for something unknown.", "Send 100-continue or none."),
    "api.idempotency_key.in_progress": Meaning("A request with this Idempotency-Key is being answered.", _AGAIN),
    "api.idempotency_key.invalid": Meaning("The Idempotency-Key is no key.", "Send 1 to 255 printable ASCII signs."),
    "api.idempotency_key.reused": Meaning(
        "Another request came with this Idempotency-Key.", "Use a key of its own for each request."
    ),
    "api.internal": Meaning("Something went wrong on our side. Whether it was done is not known.", _OPERATOR),
    "api.method_not_allowed": Meaning("The address does not take this method.", "Use one that `Allow` names."),
    "api.not_found": Meaning("There is nothing at this address.", "Look for it in the documentation: /api/docs."),
    "api.rate_limit": Meaning("The account sends more requests a second than it may.", _AGAIN),
    "api.secret_key": Meaning("Stored credentials cannot be read with this server's keys.", _OPERATOR),
    "api.unavailable": Meaning("A dependency (Postgres) is away. Nothing was done.", _AGAIN),
}
"""The API's that concern no operation alone."""

REASONS: Final[Mapping[str, Meaning]] = {
    "busy": Meaning("Work of this kind is under way already.", "Wait for it, or cancel it, and try again."),
    "changed": Meaning("Somebody changed the resource since it was read (If-Match).", "Read it again and decide anew."),
    "count": Meaning("Too few or too many elements.", _FIX),
    "cursor": Meaning("The cursor is none that the stream gave.", "Go on from a cursor of an answer."),
    "dead": Meaning("The item could not be applied: it is kept as a dead letter.", "Look at the dead letters; replay."),
    "deleted": Meaning("It was deleted meanwhile.", "Nothing is left to change."),
    "disabled": Meaning("It is disabled.", "Enable it first."),
    "ended": Meaning("The run has ended already.", "There is nothing left to cancel."),
    "exists": Meaning("There is one with this key already; `details` has its id.", "Change that one."),
    "fetch": Meaning("The file cannot be fetched.", _FIX),
    "gone": Meaning("The cursor lies before what is kept.", "Read everything anew, then go on from `now`."),
    "has_feeds": Meaning("The provider has feeds.", "Delete its feeds first."),
    "header": Meaning("A header has bytes that are no text.", _FIX),
    "html": Meaning("A web page came instead of a file.", "It may be a login page: check address and credentials."),
    "invalid": Meaning("Attributes do not fit; `details` has one entry a field.", _FIX),
    "malformed": Meaning("The body is no JSON, or does not arrive whole; `details` has the place.", _BODY),
    "media_type": Meaning("The body's media type is not taken here.", "Send Content-Type: application/json."),
    "missing": Meaning("Required attributes are missing; `details` names them.", _FIX),
    "no_diff": Meaning("The run has no difference to show.", "Ask for one by a dry run, or of a held run."),
    "edge": Meaning("The webhook does not answer.", "Try again; tell the operator if it stays so."),
    "no_edge": Meaning("The operator has not said where the webhook is.", "Post to it yourself, with the hash."),
    "no_sample": Meaning("The form holds no file.", "Send the file as a part of multipart/form-data."),
    "not_a_webhook": Meaning("The feed's items come from a file alone.", "Send to a feed of resourceType webhook."),
    "not_found": Meaning("The account has no such resource.", "Check the id: it may be deleted, or another account's."),
    "not_held": Meaning("The run is not held: there is nothing to approve.", "Look at the run."),
    "not_pulled": Meaning("The feed is a webhook: it is not fetched.", "Use a feed that has an address."),
    "nothing": Meaning("Nothing of what was counted is left.", "Count again."),
    "status": Meaning("The operation's state does not allow it.", "Look at the operation."),
    "operator": Meaning("Operators alone set this.", "Ask the operator."),
    "over_limit": Meaning(
        "The daily SKU limit is used up; `details` has the usage and what was done.",
        "A deferred item is applied when there is room: do not send it again. Otherwise wait for the next day.",
    ),
    "own": Meaning("An operator's own account cannot be deleted with its own token.", "Use another one's token."),
    "pending": Meaning("The batch still waits in its queue.", "Ask again when its status is done."),
    "query": Meaning("A query parameter is wrong, given twice, or says nothing.", _FIX),
    "rejected": Meaning("The item was refused when it was to be applied.", _FIX),
    "feed.deleted": Meaning("The feed was deleted meanwhile.", "Nothing is left to change."),
    "feed_variant.missing": Meaning("The feed variant was deleted meanwhile.", "Nothing is left to change."),
    "variant.missing": Meaning("The account has no variant with this id any more.", "Connect to another variant."),
    "repeated": Meaning("A name stands twice in one object of the body: nobody knows which value is meant.", _FIX),
    "settings": Meaning("The file cannot be read with these settings.", _FIX),
    "settled": Meaning("The dead letter was replayed or discarded already.", "There is nothing left to do."),
    "sku_taken": Meaning("A variant of the account has this SKU already.", "Change that one, or use another SKU."),
    "slow": Meaning("The database took too long for this.", "Narrow it by filters, or ask for less."),
    "taken": Meaning("There is one with this name already.", "Use another name."),
    "too_deep": Meaning("The body is nested too deeply.", _FIX),
    "too_large": Meaning("The body has too many bytes.", "Send it in parts."),
    "too_many": Meaning("The account has as many of these as it may.", "Delete one first."),
    "too_slow": Meaning("The body did not arrive in time.", "Send it again, over a better line or in parts."),
    "unreadable": Meaning("It cannot be read.", "Look at `detail`: another format, or nothing to be done."),
    "waiting": Meaning("Too many of the account wait for changes.", "Share one waiting request, and try again later."),
} | {f"queue.{reason}": Meaning(means, _AGAIN) for reason, means in _QUEUE.items()}
"""Why an operation of the API refuses: the end of its code."""

PAGES: Final[Mapping[str, Meaning]] = {
    "pages.bound": Meaning("The session is for one provider or feed.", "Use one of the whole account."),
    "pages.connect.unknown": Meaning("The account has no variant with this SKU.", "Search for it."),
    "pages.dead_letters.typed": Meaning("What was typed is not what was asked for.", "Type it as it is shown."),
    "pages.operations.undo": Meaning("Only a discard can be taken back.", "Replay or discard what is left."),
    "pages.key.reused": Meaning("The form was sent before with other values.", "Load the page again."),
    "pages.fresh.wrong": Meaning("The password or token is not the session's.", "Type your own."),
    "pages.fresh.link": Meaning("A session by a one-time link must be new for this.", "Sign in by a new link."),
    "pages.fresh.tries": Meaning("Too many wrong passwords or tokens.", "Wait, then try again."),
    "pages.drafts.key": Meaning("The mapping has no externalId.", "Map externalId: nothing else tells items apart."),
    "pages.drafts.mended": Meaning("These rejects are not there any more.", _RELOAD),
    "pages.drafts.unreadable": Meaning("The file cannot be read with these settings.", "Change the settings."),
    "pages.feed_versions.not_found": Meaning("The feed has no such version of its settings.", _RELOAD),
    "pages.feeds.typed": Meaning("What was typed is not the feed's name.", "Type it as it is shown."),
    "pages.insecure": Meaning("The dashboard needs https.", "Open it by https, and set PUBLIC_API_URL."),
    "pages.internal": Meaning("Something went wrong on our side.", _OPERATOR),
    "pages.not_found": Meaning("There is no such page.", "Begin at the first page: Now."),
    "pages.origin": Meaning("The form was not sent from a page of the dashboard.", _RELOAD),
    "pages.password.nobody": Meaning(
        "The session is a token's or a link's: it has no password.", "Sign in as a person to change one."
    ),
    "pages.people.self": Meaning("Nobody does this to themselves.", "Ask another admin of the account."),
    "pages.role": Meaning("This needs another role.", "Ask an admin of the account."),
    "pages.runs.mended": Meaning("These rejects are not there any more.", _RELOAD),
    "pages.runs.typed": Meaning("What was typed is not what was asked for.", "Type it as it is shown."),
    "pages.settings.typed": Meaning("What was typed is not what was asked for.", "Type it as it is shown."),
    "pages.settings.number": Meaning("A whole number is expected.", "Write digits alone."),
    "pages.sign_in.bound": Meaning("The token is for one provider or feed.", "Use one of the whole account."),
    "pages.sku.not_found": Meaning("The account has no variant with this SKU.", "Search for it."),
    "pages.suspended": Meaning("The account is suspended: it can only read.", "Ask the operator why."),
    "pages.time": Meaning("The time cannot be read.", "Write it as the field shows it."),
    "pages.too_large": Meaning("The form has too many bytes.", "Send a smaller file."),
    "pages.tries": Meaning("Too many wrong passwords.", "Wait, then try again."),
    "pages.vendor.busy": Meaning("Too many tries of a file by this link.", "Wait, then try again."),
    "pages.vendor.no_file": Meaning("There was no file.", "Choose one, or paste its beginning."),
}
"""The dashboard's."""
