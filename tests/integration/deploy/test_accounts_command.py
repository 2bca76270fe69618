"""`feedline accounts` and `feedline tokens`, against a real Postgres and the API that the tokens are for."""

import asyncio

from click.testing import CliRunner

from deploy.command.main import main


def feedline(database, *arguments):
    return CliRunner(env={"DATABASE_URL": database}).invoke(main, arguments)


async def run(database, *arguments):
    """Run a command in a thread: it has an event loop of its own."""
    result = await asyncio.to_thread(feedline, database, *arguments)
    assert 0 == result.exit_code, result.output
    return result.stdout.strip()


async def test_a_token_made_on_the_command_line_works_until_it_is_revoked_there(api):
    account = await run(
        api.database, "accounts", "create", "Shop", "--daily-sku-limit", "50", "--time-zone", "Asia/Tokyo"
    )
    token = await run(api.database, "tokens", "create", "--account", account, "--name", "ci", "--scope", "write")

    answer = await api.ok("GET", "/api/account.json", token=token)
    listed = await run(api.database, "tokens", "list", "--account", account)
    number = listed.split("\t")[0]
    revoked = await run(api.database, "tokens", "revoke", number, "--account", account)
    again = await run(api.database, "tokens", "list", "--account", account)

    assert ("Shop", 50, "Asia/Tokyo") == (answer["name"], answer["dailySkuLimit"], answer["timeZone"])
    assert ["ci", "write", "valid"] == [listed.split("\t")[column] for column in (1, 2, 4)]
    assert token not in listed
    assert "revoked ci" == revoked
    assert "revoked" in again
    assert f"{account}\tShop\tstandard\t50\tAsia/Tokyo" in await run(api.database, "accounts", "list")


async def test_a_rate_limit_is_set_and_lifted_and_a_sandbox_made_once(api):
    account = str(api.account_id)

    await run(api.database, "accounts", "rate-limit", account, "0.01")
    sandbox = [await run(api.database, "accounts", "sandbox", account) for _ in range(2)]
    limited = [(await api.call("GET", "/api/account.json")).status for _ in range(3)]
    await run(api.database, "accounts", "rate-limit", account, "none")

    assert (sandbox[0], 3) == (sandbox[1], len(sandbox[0].split("\t")))
    assert account != sandbox[0].split("\t")[0]
    assert [200, 200, 429] == limited
    assert None is api.execute("SELECT requests_per_second FROM accounts WHERE id = %s", api.account_id)


def test_what_cannot_be_is_refused_in_one_line(database):
    refusals = [
        feedline(database, "tokens", "create", "--account", "999", "--name", "x"),
        feedline(database, "tokens", "revoke", "999", "--account", "999"),
        feedline(database, "accounts", "create", "x", "--time-zone", "Mars/Olympus"),
        feedline("postgresql://nobody@127.0.0.1:1/none", "accounts", "list"),
        feedline(database, "accounts", "rate-limit", "999", "1"),
        feedline(database, "accounts", "rate-limit", "1", "nan"),
        feedline(database, "accounts", "sandbox", "999"),
    ]

    assert [1, 1, 2, 1, 1, 2, 1] == [refusal.exit_code for refusal in refusals]
    assert [
        "Error: there is no account 999",
        "Error: account 999 has no token 999",
        "Error: Invalid value for '--time-zone': not a time zone of the IANA database",
    ] == [refusal.stderr.strip().splitlines()[-1] for refusal in refusals[:3]]
    assert refusals[3].stderr.startswith("Error: Postgres cannot be reached")
