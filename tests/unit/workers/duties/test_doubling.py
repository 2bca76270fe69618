"""What is due in a doubling of the shards."""

from workers.duties.doubling import MARK_AGAIN_S, Split, Step, due

SETTLE_S = 6.0


def steps(*splits):
    return [(step, split.shard) for step, split in due(splits, SETTLE_S)]


def test_nothing_is_due_without_a_doubling():
    assert [] == steps()


def test_new_shards_are_bound_first():
    assert [(Step.BIND, 2), (Step.BIND, 3)] == steps(Split(2, 0), Split(3, 1))


def test_end_is_sent_when_no_message_from_before_the_binding_can_still_be_on_its_way():
    early, late = Split(2, 0, bound_s=SETTLE_S - 0.1), Split(3, 1, bound_s=SETTLE_S)

    assert [(Step.MARK, 3)] == steps(early, late)


def test_end_is_sent_again_when_nobody_has_passed_it_for_long():
    waiting, forgotten = (Split(2, 0, 99.0, marked_s) for marked_s in (MARK_AGAIN_S - 1, MARK_AGAIN_S))

    assert [] == steps(waiting)
    assert [(Step.MARK, 2)] == steps(forgotten)


def test_a_shard_that_took_over_is_sent_no_end():
    assert [(Step.BIND, 3)] == steps(Split(2, 0, 99.0, None, ended=True), Split(3, 1))


def test_a_doubling_is_over_when_all_new_shards_are_consumed():
    done, waiting = Split(2, 0, 9.0, 3.0, ended=True), Split(3, 1, 9.0, 3.0)

    assert [] == steps(done, waiting)
    assert [(Step.FINISH, 2)] == steps(done)
