"""Pulled feeds: fetch a file, parse it, map it, publish its items as batches; on a schedule, in constant memory."""
