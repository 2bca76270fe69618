"""What edge and API share as HTTP servers: problem documents and their pages, listening, stopping; bodies and
retries as senders mean them."""
