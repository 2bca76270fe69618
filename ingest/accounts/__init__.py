"""Who may use the system: accounts, their tokens and sandboxes, for the API and the command line."""
