"""The resource API: providers, feeds, feed variants, variants, account, tokens, receipts, under `/api`.

An operation is declared once (`operation.py`); from its declaration come the route, the validation and the
OpenAPI document. `dispatch.py` is the way of a request: who asks, may they, is the request right, the handler, the
answer. `routes.py` lists all operations; every other module holds one resource.
"""
