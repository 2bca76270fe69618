"""What a person or a token may do on the pages, as the scopes of the API's operations."""

from __future__ import annotations

from enum import StrEnum

from ingest.api.framework.caller import Scope


class Role(StrEnum):
    """Each role includes the ones before it."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"
    OPERATOR = "operator"
    """Sees the fleet beside the account: workers and shards that all accounts share."""

    @property
    def scope(self) -> Scope:
        """Return the scope of a token that may do the same."""
        return _SCOPES[self]


_SCOPES = {Role.VIEWER: Scope.READ, Role.EDITOR: Scope.WRITE, Role.ADMIN: Scope.ADMIN, Role.OPERATOR: Scope.OPERATOR}
OF_SCOPE = {scope: role for role, scope in _SCOPES.items()}
