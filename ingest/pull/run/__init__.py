"""A run's way from the schedule to its receipts."""
