"""The local stack: private servers and every role as a child process, under one folder."""
