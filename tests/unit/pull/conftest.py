"""Streams that give their bytes in pieces, as the network and decompressors do."""

import io

import pytest


class Pieces(io.BytesIO):
    """A file whose reads end where its pieces do."""

    def __init__(self, pieces):
        super().__init__(b"".join(pieces))
        edges = [0]
        for piece in pieces:
            edges.append(edges[-1] + len(piece))
        self._edges = edges

    def read(self, size=-1):
        at = self.tell()
        edge = next((edge for edge in self._edges if edge > at), at)
        return super().read(min(size, edge - at) if size >= 0 else -1)


@pytest.fixture(scope="session")
def in_pieces():
    """Give the class of such streams."""
    return Pieces
