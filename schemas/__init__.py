"""What both sides of the queue agree on. Reads no clock, binds no port."""
