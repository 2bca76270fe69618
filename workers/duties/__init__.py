"""What one worker at a time does for all: upkeep, release of deferred items, dead letters of the broker."""
