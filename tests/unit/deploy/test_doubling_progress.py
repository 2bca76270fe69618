"""How far a doubling has come, in a line."""

from deploy.command.shards import progress


def split(bound_s=None, marked_s=None, *, ended=False):
    return {"bound_s": bound_s, "marked_s": marked_s, "ended": ended}


def test_the_line_counts_what_each_new_shard_has_behind_it():
    splits = [split(), split(0.0), split(9.0, 1.0), split(9.0, 2.0, ended=True)]

    assert "doubling to 8: 3 of 4 new queues are filled, END sent to 2 parents, 1 consumed" == progress(splits)
