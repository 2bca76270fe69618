"""One window to Postgres: claim, compare, admit, write, receipts, in one transaction. See docs/road.md."""

from workers.apply.known import Known, Memory
from workers.apply.replies import complete
from workers.apply.results import BatchResult, WindowResult
from workers.apply.window import apply_window

__all__ = ["BatchResult", "Known", "Memory", "WindowResult", "apply_window", "complete"]
