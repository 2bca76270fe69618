"""Mapping expressions compiled and evaluated: records of a file to canonical items."""
