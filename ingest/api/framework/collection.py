"""The usual operations of a collection of resources, declared by what is theirs alone: handler, types, examples.

    PROVIDERS = Collection("dropship_providers", "/api/dropship-providers", Provider, "dropship provider")
    OPERATIONS = (PROVIDERS.list(list_providers, query=Page), PROVIDERS.get(get_provider), ...)

All lie at `<path>.json` and `<path>/{id}.json`; reading needs the scope read, changing write, unless the collection
needs another for both. Each method takes what `Operation` takes, to say it otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import GenericAlias
from typing import Any

from ingest.api.framework.caller import Scope
from ingest.api.framework.operation import Handler, Operation

_VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class Collection:
    """Resources of one type: `name` begins the names of the operations, `noun` names one of them in prose."""

    name: str
    path: str
    resource: Any
    noun: str
    scope: Scope | None = None

    def list(self, handler: Handler, **more: Any) -> Operation:
        """GET the pages."""
        usual = {"summary": f"List {self.noun}s", "response": GenericAlias(list, self.resource)}
        return self._operation("list", "GET", handler, usual | more)

    def create(self, handler: Handler, **more: Any) -> Operation:
        """POST a new one: 201."""
        usual = {"summary": f"Create {self._one}", "response": self.resource, "status": 201, "etag": True}
        return self._operation("create", "POST", handler, usual | more)

    def get(self, handler: Handler, **more: Any) -> Operation:
        """GET one."""
        usual = {"summary": f"Get {self._one}", "response": self.resource, "etag": True}
        return self._operation("get", "GET", handler, usual | more)

    def update(self, handler: Handler, **more: Any) -> Operation:
        """PUT changes of one."""
        usual = {"summary": f"Change {self._one}", "response": self.resource, "etag": True}
        return self._operation("update", "PUT", handler, usual | more)

    def delete(self, handler: Handler, **more: Any) -> Operation:
        """DELETE one: 204."""
        usual = {"summary": f"Delete {self._one}", "status": 204, "etag": True}
        return self._operation("delete", "DELETE", handler, usual | more)

    @property
    def _one(self) -> str:
        return f"{'an' if self.noun[0] in _VOWELS else 'a'} {self.noun}"

    def _operation(self, action: str, method: str, handler: Handler, rest: dict[str, Any]) -> Operation:
        place = self.path if action in ("list", "create") else f"{self.path}/{{id}}"
        scope = {"scope": self.scope or (Scope.READ if method == "GET" else Scope.WRITE)}
        return Operation(
            name=f"{self.name}.{action}", method=method, path=f"{place}.json", handler=handler, **scope | rest
        )
