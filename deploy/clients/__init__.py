"""Clients of the API, made from its OpenAPI document: Python (openapi-python-client), TypeScript (openapi-fetch)."""
