"""The container image, compose for one host, and a base to build on where no registry can be reached."""
