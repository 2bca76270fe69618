#!/bin/sh
# The road's acceptance on Debian 13: its RabbitMQ 4, its Postgres 17, its Python 3.13. Needs root; 1.3 GB below .local.
# The tests run in namespaces of their own: what they start ends with them, and what is mounted is gone with them.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD/.local/trixie
python=.venv/bin/python
log=.local/logs/trixie.log
mkdir -p -m 700 .local/logs

if [ "$(id -u)" != 0 ]; then
    echo "A Debian 13 beside this system is made and entered as root: sudo make test-trixie" >&2
    exit 1
fi

if [ ! -e "$root/made" ]; then
    echo "Fetching Debian 13 with RabbitMQ and Postgres into .local/trixie (a minute or two; details in $log)"
    rm -rf --one-file-system "$root"
    if ! SYSTEMD_OFFLINE=1 RUNLEVEL=1 PREVLEVEL=N debootstrap --variant=minbase \
        --include=python3,postgresql,rabbitmq-server,ca-certificates trixie "$root" >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        exit 1
    fi
    touch "$root/made"
fi

if ! cmp -s requirements.txt "$root/opt/requirements.txt"; then
    echo "Fetching the Python packages for it"
    version=$(chroot "$root" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    rm -rf "$root/opt/feedline"
    pip() {
        $python -m pip install --quiet --disable-pip-version-check --target "$root/opt/feedline" \
            --python-version "$version" --no-compile "$@"
    }
    pip --only-binary :all: --requirement requirements-run.txt
    pip --only-binary :all: --constraint requirements.txt pytest pytest-asyncio pytest-xdist hypothesis playwright
    pip --no-deps .
    chroot "$root" python3 -m compileall -q /opt/feedline || true # or each worker that a test starts compiles all of it
    printf '/srv/feedline\n/opt/feedline\n' >"$root/usr/lib/python3/dist-packages/feedline.pth"
    cp requirements.txt "$root/opt/requirements.txt"
fi

mkdir -p "$root/srv/feedline"
# shellcheck disable=SC2016 # the inner shell expands
exec unshare --mount --pid --fork --kill-child sh -eu -c '
    root=$1; shift
    mount --make-rprivate /
    mount --bind . "$root/srv/feedline"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
        sh -eu -c "
            cd /srv/feedline
            python3 -V
            /usr/lib/postgresql/*/bin/postgres --version
            ls /usr/lib/rabbitmq/lib
            exec python3 -m pytest -p no:cacheprovider --durations=5 \"\$@\"
        " tests "$@"
' trixie "$root" "$@"
