"""One window to Postgres: claim, compare, admit, write, receipts, in one transaction. See docs/road.md."""

from workers.apply.results import BatchResult, Context, WindowResult
from workers.apply.window import apply_window

__all__ = ["BatchResult", "Context", "WindowResult", "apply_window"]
