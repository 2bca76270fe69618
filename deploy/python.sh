#!/bin/sh
# Prints the Python that Feedline is set up with: $PYTHON3, if that is set; else the distribution's, which production has
# and which is built to be fast (one that pyenv built is mostly not); else the first of PATH. Fails if none is whole:
# 3.11 or newer, with venv.
set -eu

whole() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

for python in ${PYTHON3:-/usr/bin/python3 python3}; do
    if whole "$python"; then
        command -v "$python"
        exit
    fi
done
exit 1
