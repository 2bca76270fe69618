"""The resources: a module each, declared as operations."""
