"""What several resources share, deliberately: no resource imports another one.

`feeds.py` has the feed that a path names, `goods.py` the types of feed variants, `stored.py` reads and upserts them,
and `road.py` is how any change of them is published and waited for.
"""
