"""A webhook post as a span: the root of its batch's trace."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ingest.edge.post import PATH
from ingest.edge.server import Handler

_TRACER = trace.get_tracer("feedline")
_W3C = TraceContextTextMapPropagator()


def traced(handle: Handler, *, trust_forwarded: bool) -> Handler:
    """Return `handle` as a span.

    It continues the trace of the request only behind a proxy that is trusted. A vendor could otherwise decide what is
    sampled: his is linked.
    """

    async def handled(request: web.BaseRequest) -> web.StreamResponse:
        theirs = _W3C.extract(request.headers, Context())
        span_context = trace.get_current_span(theirs).get_span_context()
        with _TRACER.start_as_current_span(
            f"POST {PATH}",
            context=theirs if trust_forwarded else Context(),
            kind=trace.SpanKind.SERVER,
            links=[trace.Link(span_context)] if span_context.is_valid and not trust_forwarded else (),
            attributes={"http.request.method": "POST", "http.route": PATH},
        ) as span:
            response = await handle(request)
            span.set_attribute("http.response.status_code", response.status)
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.set_status(trace.StatusCode.ERROR)
            return response

    return handled
