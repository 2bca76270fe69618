"""Pulled feeds: fetch a file, parse it, map it, publish its items as batches; on a schedule, in constant memory.

The way of a run:
1. `run/scheduler` queues a run when its feed is due (`wake` tells it early); `run/lease` makes it one puller's alone.
2. `run/carrier` carries it from stage to stage; what a stage has done is in its row (`store`), so a crash resumes.
3. `fetch` gets the file: conditional, resumed, from public addresses, spooled to disk, decompressed within bounds.
4. `parse` reads it in a `process` that may be killed: `csv`, `json` or `xml` to records, in constant memory.
5. `mapping` makes the columns of a block of records into items, and what is wrong with a row into a reject.
6. `run/file` keeps the items on disk until the whole file is known: only then may the run be held, or go on.
7. `run/publish` puts the parts on the feed's shard queue as batches whose ids follow from the run: twice is once.
8. `run/settle` waits for the receipts and counts the outcomes.
9. `run/cleanup` zeroes what the file no longer has, when that is sure (`ingest/feeds/runs.py` decides, purely).
10. `run/ending` writes how it ended, the feed's validators and when it is fetched next.

`records.py` is what parsing and mapping share; `parse/beginning.py` reads a file's beginning alone, for the preview.
"""
