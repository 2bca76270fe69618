"""CSV: lines, delimiter, rows, and which column is what."""
