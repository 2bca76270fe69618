"""The way to the table: consume, window, claim, compare, admit, write, reply. The only writer of feed variants."""
