"""How it is run: local stack, command line, migrations, benchmark. May import everything; nothing imports it."""
