#!/bin/sh
# Makes the five files of one line each that compose.yaml reads, with random values; never replaces one that is there.
set -eu
umask 077
folder=${1:-"$(dirname "$0")/secrets"}
mkdir -p "$folder"
cd "$folder"
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { [ -s "$1" ] || printf '%s' "$2" >"$1"; }
keep postgres-password "$(random)"
keep rabbitmq-password "$(random)"
keep secret-key "$(random)"
keep database-url "postgresql://feedline:$(cat postgres-password)@postgres:5432/feedline"
keep amqp-url "amqp://feedline:$(cat rabbitmq-password)@rabbitmq:5672/"
# Containers run as user 10001 and read these through the engine's mount.
chmod 444 ./*
