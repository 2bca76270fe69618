"""JSON: a window over the document, its records, and what a path finds in them."""
