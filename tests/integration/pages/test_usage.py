"""Usage over time, over five weeks of samples as the upkeep duty leaves them."""

from datetime import date

import pytest

from tests.midday import midday

SAMPLES = """
INSERT INTO usage_samples (account_id, sampled_at, day, used)
SELECT given.account_id, day + step * interval '15 minutes', (day AT TIME ZONE zone)::date, step * 250
FROM (SELECT %s::bigint AS account_id, %s AS zone) given,
     generate_series(date_trunc('day', now(), zone) - interval '36 days', now(), interval '1 day') day,
     generate_series(1, 95) step
WHERE day + step * interval '15 minutes' <= now()
"""
DAYS = """
INSERT INTO usage (account_id, day, used)
SELECT %s, (now() AT TIME ZONE %s)::date - days, 24000 FROM generate_series(1, 36) days
"""


@pytest.fixture
def zone(api):
    """The time zone of the account, where it is about noon."""
    here = midday()
    api.execute("UPDATE accounts SET time_zone = %s WHERE id = %s", here, api.account_id)
    return here


@pytest.fixture
async def feed(api, zone):
    """A feed with two items that are deferred, of an account with a limit of one a day that is used up."""
    made = await api.new_feed(name="Acme")
    api.execute("UPDATE accounts SET daily_sku_limit = 1 WHERE id = %s", api.account_id)
    api.execute("INSERT INTO usage (account_id, day, used) VALUES (%s, now() AT TIME ZONE %s, 1)", api.account_id, zone)
    for key in ("late-1", "late-2"):
        api.execute(
            "INSERT INTO deferred_items (account_id, feed_id, external_id, item, batch_id, deferred_at)"
            " VALUES (%s, %s, %s, '{}', gen_random_uuid(), now())",
            api.account_id,
            made["id"],
            key,
        )
    api.execute(
        "INSERT INTO feed_minutes VALUES (%s, %s, date_trunc('minute', now()), 1, 2, 0, 0, 2, 0, 0, 5)",
        api.account_id,
        made["id"],
    )
    return made


async def test_usage_says_what_waits_when_each_is_released_and_which_feed_used_it(dashboard, api, feed, zone):
    browser = await dashboard.browser("read")
    page = await browser.page("/usage")
    assert f"Today's 1 are used up: what still changes waits until midnight, {zone}" == page.text_of("h1")
    assert ["1", "1"] == page.texts("#waiting tbody .num")  # one a day
    assert ["late-1", "late-2"] == page.texts("#waiting li a")
    told = await api.ok("GET", "/api/usage-history.json")
    assert [one["at"] for one in told["releases"]] == [one["releasedAt"] for one in told["waiting"]]
    assert told["resetsAt"] == told["releases"][0]["at"]
    assert [{"id": feed["id"], "name": "Acme", "changed": 3, "deferred": 2}] == told["feeds"]
    assert 2 == len(page.tree.cssselect("figure.chart details table"))
    higher = await api.ok("GET", f"/api/usage-forecast.json?limit=9&withoutFeedId={feed['id']}")
    assert (9, 3) == (higher["limit"], higher["used"])  # what is deferred goes at once
    assert 1 == api.execute("SELECT daily_sku_limit FROM accounts WHERE id = %s", api.account_id)


async def test_the_forecast_waits_for_seven_days_and_then_goes_on_as_the_same_weekdays_did(dashboard, api, zone):
    browser = await dashboard.browser("read")
    assert "No forecast yet: it needs 7 days of data" == (await browser.page("/usage")).text_of("h1")
    api.execute(DAYS, api.account_id, zone)
    api.execute(SAMPLES, api.account_id, zone)
    today = "INSERT INTO usage (account_id, day, used) VALUES (%s, now() AT TIME ZONE %s, 500)"
    api.execute(today, api.account_id, zone)
    told = await api.ok("GET", "/api/usage-history.json")
    weekday = date.fromisoformat(told["day"]).weekday()
    assert (4, {weekday}) == (
        len(told["forecastBy"]),
        {date.fromisoformat(day).weekday() for day in told["forecastBy"]},
    )
    assert told["forecast"]["byEndLow"] == told["forecast"]["byEnd"] == told["forecast"]["byEndHigh"] >= 500
    assert told["steps"][-1]["middle"] == pytest.approx(told["forecast"]["byEnd"], abs=1)
    assert "by midnight" in told["sentence"]
    assert 34 == len(told["days"]) - 1
    assert "#supposed" not in (await browser.page("/usage")).text
    page = await browser.page("/usage?limit=100")
    assert page.text_of("#supposed").startswith(
        f"Today's 100 are used up: what still changes waits until midnight, {zone}."
    )
    assert "As it is: " in page.text_of("#supposed")
    assert "expected a whole number" in (await browser.page("/usage?limit=soon")).text_of("#what-if [role=alert]")
    assert "There is no" in (await browser.page("/usage?held=1-1")).text_of("#what-if [role=alert]")
    plus = await api.ok("GET", "/api/usage-forecast.json?plus=1000")
    assert (told["used"] + 1000, True) == (plus["used"], plus["forecast"]["byEnd"] >= told["used"] + 1000)
    stranger = await api.ok("GET", "/api/usage-history.json", token=api.other_token)
    assert ([], [], None) == (stranger["days"], stranger["feeds"], stranger["forecast"])
