"""`feedline`: the command line, a module a group of commands."""
