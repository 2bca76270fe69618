#!/bin/sh
# The pure tests in two runs beside each other, of what fetches and parses and of the rest, which take as long.
# Workers of pytest-xdist each collect all tests and tell another process of every step: a quarter of what all this takes.
set -u
cd "$(dirname "$0")/.."
told=$(mktemp)
pulling=
trap 'kill $pulling 2>/dev/null; rm -f "$told"' EXIT
trap 'exit 130' INT TERM

# Nothing is shown of logs but what is printed, which failures show without that plugin.
fast=".venv/bin/pytest --quiet --exitfirst --hypothesis-profile=fast -p no:logging"

$fast tests/unit/pull/parse tests/unit/pull/fetch >"$told" 2>&1 &
pulling=$!
$fast tests/unit --ignore=tests/unit/pull/parse --ignore=tests/unit/pull/fetch || exit
wait $pulling
status=$?
pulling=
cat "$told"
exit $status
