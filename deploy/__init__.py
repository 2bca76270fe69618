"""How it is run: local stack, command line, containers, benchmark. May import everything; nothing imports it."""
