"""A run's file, from its address to parsed parts on disk: `make` fetches and reads it, `facts` are what is learnt of
the whole, `part_files` keep the items, `completeness` and `disk` are what the bytes and the disk say.
"""
