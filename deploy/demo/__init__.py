"""What a fresh local stack shows: a demo account, a vendor and its feeds."""
