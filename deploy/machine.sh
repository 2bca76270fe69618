#!/bin/sh
# Installs what the machine lacks: machine.sh [python] [servers] [tests] [fleet] [trixie] [load]
# With apt, as root or through sudo; elsewhere it says in one line what to install. Services of the machine are neither
# started nor touched: SYSTEMD_OFFLINE and RUNLEVEL tell the packages' scripts that this is not the time.
set -eu
cd "$(dirname "$0")/.."
log=.local/logs/apt.log
packages='' things='' along=''

lacks() { # package, thing in words
    packages="$packages $1"
    things="$things${things:+, }$2"
}

has_postgres() {
    for program in "$(command -v postgres)" /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres; do
        [ -x "$program" ] && return 0
    done
    return 1
}

has_rabbitmq() {
    command -v rabbitmq-server >/dev/null || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]
}

for part in "$@"; do
    case $part in
    python)
        python=${PYTHON3:-python3}
        if found=$(deploy/python.sh); then
            # It will do; but where something is installed anyway, the distribution's own is made whole with it.
            [ -n "${PYTHON3:-}" ] || [ "$found" = /usr/bin/python3 ] || [ ! -x /usr/bin/python3 ] || along=' python3-venv'
        elif ! command -v "$python" >/dev/null; then
            lacks 'python3 python3-venv' 'Python 3.11 or newer with venv'
        elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo "Feedline needs Python 3.11 or newer; this machine's is $("$python" -V 2>&1)." >&2
            exit 1
        else
            lacks python3-venv "Python's venv module"
        fi
        ;;
    servers)
        [ -n "${DATABASE_URL:-}" ] || has_postgres || lacks postgresql 'PostgreSQL 15 or newer (or set DATABASE_URL)'
        [ -n "${AMQP_URL:-}" ] || has_rabbitmq || lacks rabbitmq-server 'RabbitMQ 3.10 or newer (or set AMQP_URL)'
        ;;
    tests)
        command -v vsftpd >/dev/null || [ -x /usr/sbin/vsftpd ] || lacks vsftpd 'vsftpd'
        command -v chromium >/dev/null || lacks chromium 'Chromium'
        [ -x /usr/sbin/pgbouncer ] || lacks pgbouncer 'pgbouncer'
        command -v npm >/dev/null || lacks npm 'npm'
        command -v promtool >/dev/null || lacks prometheus 'Prometheus'
        command -v prometheus-alertmanager >/dev/null || lacks prometheus-alertmanager 'Alertmanager'
        command -v systemd-analyze >/dev/null || lacks systemd 'systemd-analyze'
        ;;
    fleet)
        command -v buildah >/dev/null || lacks buildah 'buildah'
        command -v runc >/dev/null || lacks runc 'runc'
        command -v ip >/dev/null || [ -x /usr/sbin/ip ] || lacks iproute2 'iproute2'
        command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || lacks haproxy 'HAProxy'
        command -v etcd >/dev/null || lacks etcd-server 'etcd'
        command -v patroni >/dev/null || lacks patroni 'Patroni'
        /usr/bin/python3 -c 'import etcd' 2>/dev/null || lacks python3-etcd "Patroni's client of etcd"
        ;;
    trixie)
        [ -x /usr/sbin/debootstrap ] || lacks debootstrap 'debootstrap'
        ;;
    load)
        command -v wrk >/dev/null || lacks wrk 'wrk'
        ;;
    esac
done
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Please install $things, then run this again." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=''
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
    as_root=sudo
else
    echo "Please install what is missing, as root: apt-get install$packages" >&2
    exit 1
fi

packages="$packages$along"
mkdir -p -m 700 .local/logs
echo "Installing with apt:$packages (a minute or two; details in $log)"
apt() {
    # shellcheck disable=SC2086 # $as_root is empty or one word
    $as_root env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 RUNLEVEL=1 PREVLEVEL=N apt-get -q "$@" >>"$log" 2>&1
}
# shellcheck disable=SC2086 # one word a package
if ! { apt update && apt install --yes --no-install-recommends $packages; }; then
    tail -n 5 "$log" >&2
    echo "apt could not install$packages; $log says why." >&2
    exit 1
fi
