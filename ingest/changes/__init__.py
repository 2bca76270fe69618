"""Reading what changed: the account's events in their order, and the history of one feed variant (docs/changes.md)."""
