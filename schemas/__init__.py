"""What both sides of the queue agree on. Opens no socket and reads no clock; may be handed a connection."""
