"""The usual operations of a collection of resources, declared by what is theirs alone: handler, types, examples.

    PROVIDERS = Collection("dropship_providers", "/api/dropship-providers", Provider, "dropship provider")
    OPERATIONS = (PROVIDERS.list(list_providers, query=Page), PROVIDERS.get(get_provider), ...)

All lie at `<path>.json`, `<path>/{id}.json` and `<path>/{id}/<action>.json`; reading needs the scope read, changing
write, unless the collection needs another for both. Each method takes what `Operation` takes, to say it otherwise.
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
    """Resources of one type: `name` begins the names of the operations, `noun` names one of them in prose.

    `one` is the path's part that tells which; `versioned`: they have an ETag (`Operation.etag`).
    """

    name: str
    path: str
    resource: Any
    noun: str
    scope: Scope | None = None
    one: str = "{id}"
    versioned: bool = True

    def list(self, handler: Handler, **more: Any) -> Operation:
        """GET the pages."""
        usual = {"summary": f"List {self.noun}s", "response": GenericAlias(list, self.resource)}
        return self._operation("list", "GET", handler, usual | more)

    def create(self, handler: Handler, **more: Any) -> Operation:
        """POST a new one: 201."""
        usual = {"summary": f"Create {self._one}", "response": self.resource, "status": 201, "etag": self.versioned}
        return self._operation("create", "POST", handler, usual | more)

    def get(self, handler: Handler, **more: Any) -> Operation:
        """GET one."""
        usual = {"summary": f"Get {self._one}", "response": self.resource, "etag": self.versioned}
        return self._operation("get", "GET", handler, usual | more)

    def update(self, handler: Handler, **more: Any) -> Operation:
        """PUT changes of one."""
        usual = {"summary": f"Change {self._one}", "response": self.resource, "etag": self.versioned}
        return self._operation("update", "PUT", handler, usual | more)

    def delete(self, handler: Handler, **more: Any) -> Operation:
        """DELETE one: 204."""
        usual = {"summary": f"Delete {self._one}", "status": 204, "etag": self.versioned}
        return self._operation("delete", "DELETE", handler, usual | more)

    def read(self, action: str, handler: Handler, summary: str, **more: Any) -> Operation:
        """GET what one has beside itself."""
        return self._operation(action, "GET", handler, {"summary": summary} | more, self._path_of(action))

    def act(self, action: str, handler: Handler, summary: str, **more: Any) -> Operation:
        """POST that does something to one, and answers with it."""
        usual = {"summary": summary, "response": self.resource}
        return self._operation(action, "POST", handler, usual | more, self._path_of(action))

    @property
    def _one(self) -> str:
        return f"{'an' if self.noun[0].lower() in _VOWELS else 'a'} {self.noun}"

    def _path_of(self, action: str) -> str:
        return f"{self.path}/{self.one}/{action.replace('_', '-')}"

    def _operation(
        self, action: str, method: str, handler: Handler, rest: dict[str, Any], path: str | None = None
    ) -> Operation:
        path = path or (self.path if action in ("list", "create") else f"{self.path}/{self.one}")
        usual = {"path": f"{path}.json", "scope": self.scope or (Scope.READ if method == "GET" else Scope.WRITE)}
        return Operation(name=f"{self.name}.{action}", method=method, handler=handler, **usual | rest)
