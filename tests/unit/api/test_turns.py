"""Heavy work: two side by side, two of an account, eight in all."""

import asyncio

from ingest.api.framework.turns import AT_ONCE, IN_ALL, PER_ACCOUNT, Turns


async def test_nobody_takes_all_places_and_places_come_back():
    turns, done, running, most = Turns(), asyncio.Event(), [], []

    async def work(account):
        async with turns.turn(account) as mine:
            if mine:
                running.append(account)
                most.append(len(running))
                await done.wait()
                running.remove(account)
            return mine

    greedy = [asyncio.create_task(work(1)) for _ in range(5)]
    others = [asyncio.create_task(work(account)) for account in range(2, 12)]
    await asyncio.sleep(0)
    done.set()

    assert PER_ACCOUNT == sum(await asyncio.gather(*greedy))
    assert IN_ALL - PER_ACCOUNT == sum(await asyncio.gather(*others))
    assert AT_ONCE == max(most)
    assert await work(1)
