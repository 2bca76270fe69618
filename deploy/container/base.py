"""A base image made of this machine's own Debian packages: `python3 deploy/container/base.py base.tar`.

Where no registry can be reached the image is built on it instead of Debian's official one (`--build-arg BASE=…`). It
holds what the packages named below and all that they depend on have installed, as dpkg lists it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

PACKAGES = (
    "base-files",
    "base-passwd",
    "bash",
    "ca-certificates",
    "coreutils",
    "dash",
    "python3",
    "python3-venv",
    "tzdata",
)
_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
"""Debian's merged /usr; dpkg lists files below either name."""
_FOLDERS = {"tmp": 0o1777, "proc": 0o555, "sys": 0o555, "dev": 0o755, "run": 0o755, "root": 0o700, "var/tmp": 0o1777}
_LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/lintian/")


def closure(packages: tuple[str, ...]) -> list[str]:
    """Return the names of installed packages that these need, themselves included, sorted."""
    listing = _dpkg("-W", "-f=${binary:Package}\t${Provides}\t${Pre-Depends}, ${Depends}\n")
    needs: dict[str, list[list[str]]] = {}
    provided: dict[str, str] = {}
    """Virtual package → an installed one that stands for it."""
    for line in listing.splitlines():
        name, provides, depends = line.split("\t")
        name = name.partition(":")[0]
        needs[name] = [_names(alternative) for alternative in depends.split(",") if alternative.strip()]
        provided |= dict.fromkeys(_names(provides.replace(",", "|")), name)
    provided |= {name: name for name in needs}
    found: set[str] = set()
    todo = list(packages)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        for alternatives in needs[name]:
            chosen = next(
                (one if one in needs else provided[one] for one in alternatives if one in needs or one in provided),
                None,
            )
            if chosen is not None:
                todo.append(chosen)
    return sorted(found)


def write(path: Path) -> None:
    """Write the base's file system as a tar file."""
    files = sorted({line for name in closure(PACKAGES) for line in _dpkg("-L", name).splitlines()})
    with tarfile.open(path, "w") as tar:
        for name, target in _LINKS.items():
            _link(tar, name, target)
        for name, mode in _FOLDERS.items():
            _folder(tar, name, mode)
        for file in files:
            source = Path(file)
            if file.startswith(_LEFT_OUT) or file.lstrip("/") in _LINKS or not source.is_absolute():
                continue
            if source.is_symlink() or source.is_file():
                tar.add(source, arcname=_merged(file), recursive=False)
        for extra in ("/etc/passwd", "/etc/group", "/etc/ssl/certs/ca-certificates.crt", "/etc/nsswitch.conf"):
            if Path(extra).exists():
                tar.add(Path(extra).resolve(), arcname=extra.lstrip("/"), recursive=False)


def _merged(file: str) -> str:
    top, _, rest = file.lstrip("/").partition("/")
    return f"{_LINKS[top]}/{rest}" if top in _LINKS else file.lstrip("/")


def _names(alternatives: str) -> list[str]:
    return [match[0] for one in alternatives.split("|") if (match := re.match(r"[a-z0-9][a-z0-9+.-]*", one.strip()))]


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


def _folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def _dpkg(*arguments: str) -> str:
    return subprocess.run(("/usr/bin/dpkg-query", *arguments), check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own words


if __name__ == "__main__":
    write(Path(sys.argv[1]))
