"""How many posts an edge process holds, and how many of their bytes: bounded, with a share for each feed.

A post holds a place from its head to the broker's word on it: a confirm that is late keeps it until it comes. Beyond
half of either bound a feed may hold a quarter of it at most, so that one vendor's flood leaves room for everybody else.
"""

from __future__ import annotations

from ingest.http.problems import ProblemError


class Places:
    """The bounds of one process. `posts` and `bytes` are what is held now."""

    def __init__(self, most_posts: int, most_bytes: int) -> None:
        self.most_posts, self.most_bytes = most_posts, most_bytes
        self.posts = 0
        self.bytes = 0
        self._posts_of: dict[int, int] = {}
        self._bytes_of: dict[int, int] = {}

    def take(self, feed_id: int, size: int) -> Place:
        """Return a place for a post of so many bytes; raises `ProblemError` 503."""
        posts = self._posts_of.get(feed_id, 0) + 1
        if self.posts >= self.most_posts or (2 * self.posts >= self.most_posts and 4 * posts > self.most_posts):
            raise self._busy()
        self._room(feed_id, size)
        self.posts += 1
        self._posts_of[feed_id] = posts
        return Place(self, feed_id, size)

    def _room(self, feed_id: int, more: int) -> None:
        """Hold more bytes for a feed."""
        held, most = self.bytes + more, self.most_bytes
        of_feed = self._bytes_of.get(feed_id, 0) + more
        if held > most or (2 * held > most and 4 * of_feed > most):
            raise self._busy()
        self.bytes = held
        self._bytes_of[feed_id] = of_feed

    def give_back(self, feed_id: int, size: int, posts: int) -> None:
        """Hold less for a feed; a feed that holds nothing is forgotten."""
        self.bytes -= size
        self._bytes_of[feed_id] -= size
        if not posts:
            return
        self.posts -= 1
        left = self._posts_of[feed_id] - 1
        if left:
            self._posts_of[feed_id] = left
        else:
            del self._posts_of[feed_id], self._bytes_of[feed_id]

    def _busy(self) -> ProblemError:
        limits = {"posts": self.most_posts, "bytes": self.most_bytes}
        detail = "This server holds as many posts, or bytes, as it may, or as one feed may."
        return ProblemError(503, "edge.busy", detail, {"limits": limits}, {"Retry-After": "1"})


class Place:
    """What one post holds."""

    __slots__ = ("_feed_id", "_places", "_size")

    def __init__(self, places: Places, feed_id: int, size: int) -> None:
        self._places, self._feed_id, self._size = places, feed_id, size

    def hold(self, size: int) -> None:
        """Hold just so many bytes from now on; raises `ProblemError` 503 when there is no room for more."""
        more = size - self._size
        if more > 0:
            self._places._room(self._feed_id, more)  # noqa: SLF001 - the two are one thing
        else:
            self._places.give_back(self._feed_id, -more, 0)
        self._size = size

    def leave(self) -> None:
        """Give the place back; twice is once."""
        if self._size >= 0:
            self._places.give_back(self._feed_id, self._size, 1)
            self._size = -1
