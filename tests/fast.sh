#!/bin/sh
# The pure tests in two runs beside each other, the parsers' and the others, which take as long: for two cores.
# Workers of pytest-xdist each collect all tests and tell another process of every step: a quarter of what all this takes.
set -u
cd "$(dirname "$0")/.."
told=$(mktemp)
parsers=
trap 'kill $parsers 2>/dev/null; rm -f "$told"' EXIT
trap 'exit 130' INT TERM

# Nothing is shown of logs but what is printed, which failures show without that plugin.
run() {
    .venv/bin/pytest --quiet --exitfirst --hypothesis-profile=fast -p no:logging "$@"
}

run tests/unit/pull/parse >"$told" 2>&1 &
parsers=$!
run tests/unit --ignore=tests/unit/pull/parse || exit
wait $parsers
status=$?
parsers=
cat "$told"
exit $status
