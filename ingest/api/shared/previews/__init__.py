"""Drafts of feeds' settings tried on a file: getting and keeping the file, reading it, and what is answered."""
