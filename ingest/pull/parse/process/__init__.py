"""Reading a file in a process that may be killed: `files` asks for it, `parsers` has it forked from a warm process
(`forks`) and takes the frames of the `child`, which does one `job`.
"""
