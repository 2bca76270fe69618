"""The dashboard: HTML pages on the API's origin, made of the API's own operations.

`routes.py` lists all pages; a page is one module of `views/` (a handler) and one template. `serve.py` is the way of a
request: whose session, is it from our own page, the handler, the answer. `visit.py` is what a handler is given: it asks
the API's operations, and changes things by them, which writes the audit log. Nothing here holds SQL but `sessions/` and
`audit.sql`: what a page shows, a program can read.
"""
