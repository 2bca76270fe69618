"""What edge and API share as HTTP servers: problem documents, listening, stopping."""
