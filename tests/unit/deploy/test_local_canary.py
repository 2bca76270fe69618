"""What the ready screen says of the canary."""

import pytest

from deploy.local.canary import Seen, sentence


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        (None, []),
        (None, [Seen(0, 5, None)]),
        ((True, "went down 2 shards in 9 ms"), [Seen(0, 9, None), Seen(1, 5, None)]),
        (
            (False, "the canary does not arrive, by shard: 1 at receipt (docs/runbooks.md#canarymissing)"),
            [Seen(0, 9, None), Seen(1, 5, "receipt")],
        ),
    ],
)
def test_it_tells_when_every_shard_had_one_and_which_did_not_arrive(expected, seen):
    assert expected == sentence(seen, 2)
