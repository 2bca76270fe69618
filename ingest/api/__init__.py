"""The resource API: providers, feeds, feed variants, variants, account, tokens, receipts, under `/api`.

An operation is declared once (`framework/operation.py`); from its declaration come the route, the validation and the
OpenAPI document. `framework/dispatch.py` is the way of a request: who asks, may they, is it right, the handler, the
answer. `routes.py` lists all operations; `resources` has a module for each resource, `shared` what several need.
"""
