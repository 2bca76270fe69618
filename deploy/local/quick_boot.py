"""Let a RabbitMQ node boot in a third of the time: show Erlang where its modules are, and load them at once.

At boot RabbitMQ loads some 900 modules and looks for each in every folder of its code path, that is in 70 folders
of plugins first: 50,000 failed look-ups, most of the boot (measured with `perf stat` on 3.10: 5.0 s of CPU time and
364,000 context switches, against 2.8 s and 88,000 with this). So the node sees a plugins folder that holds RabbitMQ
alone, and the folders that modules come from stand first. Distribution comes up with the runtime, which saves the
second Erlang that RabbitMQ would start just to have epmd started.

It loads them one by one, and with each Erlang copies its table of all exported functions. Loaded together, before
RabbitMQ begins, they take a third off what is left (4.3 s of CPU time to 3.0, on a busy machine).

Only for the versions it was tried with; others boot their own way. Needed until Debian 12, whose RabbitMQ is 3.10, is
no longer what `make run` and `make test` meet: then this file goes, and its one use in `rabbitmq.py`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

TRIED = ("rabbitmq_server-3.10.",)
_RABBITMQ = (
    "rabbit rabbit_common ra cuttlefish rabbitmq_prelaunch ranch osiris observer_cli syslog jsx systemd aten recon "
    "sysmon_handler credentials_obfuscation stdout_formatter seshat amqp10_common gen_batch_server enough"
)
_ERLANG = "ssl inets compiler xmerl mnesia sasl tools public_key syntax_tools os_mon crypto stdlib kernel"
_MODULES = "modules"
_LOAD = f"""-eval '{{ok,[All]}}=file:consult([os:getenv("HOME"),"/{_MODULES}"]),code:ensure_modules_loaded(All).'"""
"""Before RabbitMQ's own start, which stands behind it on the command line."""


@dataclass(frozen=True, slots=True)
class QuickBoot:
    """What a quick boot adds to the node's environment and to its Erlang arguments."""

    environment: dict[str, str]
    arguments: str


def quick_boot(script: Path, folder: Path, node: str) -> QuickBoot:
    """Return how the node of this start script boots quickly, with its own plugins folder made in `folder`, which is
    its HOME; nothing to add for a version or layout that this was not tried with."""
    home = script.resolve().parents[1]
    plugins = home / "plugins"
    core = sorted(plugins.glob("rabbit-*/ebin"))
    erlang = shutil.which("erl")
    if not home.name.startswith(TRIED) or len(core) != 1 or erlang is None:
        return QuickBoot({}, "")
    own = folder / "plugins"
    own.mkdir(exist_ok=True)
    link = own / core[0].parent.name
    if not link.is_symlink():
        link.symlink_to(core[0].parent)
    kind = "-name" if "." in node else "-sname"
    library = Path(erlang).resolve().parents[1] / "lib"
    places = [*_places(plugins, _RABBITMQ), *_places(library, _ERLANG)]
    names = ",\n".join(f"'{module.stem}'" for place in places for module in sorted(place.glob("*.beam")))
    (folder / _MODULES).write_text(f"[{names}].\n")
    environment = {"RABBITMQ_PLUGINS_DIR": str(own), "ERL_AFLAGS": _LOAD}
    return QuickBoot(environment, f"{kind} {node} -pa {' '.join(map(str, places))}")


def _places(library: Path, names: str) -> list[Path]:
    return [place for name in names.split() for place in library.glob(f"{name}-[0-9]*/ebin")]
