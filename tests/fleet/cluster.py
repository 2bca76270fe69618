"""Three RabbitMQ nodes of one cluster: a network namespace each, or ports of this host where none can be made."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from dataclasses import replace
from pathlib import Path

from deploy.local.processes import Program, free_port
from deploy.local.rabbitmq import USER, RabbitMQ, script
from tests.fleet.network import Network

SIZE = 3
BOOT_S = 180
"""A loaded machine boots a node with its plugins in a minute."""
TICK_S = 10
"""As the Kubernetes overlay has it. By argument: where distribution comes up with the runtime, as it does with
`quick_boot`, what rabbitmq.conf says of it comes too late."""
_ERLANG = "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"
_SEEN = (
    "[{running, rabbit_nodes:all_running()}, {is_running, rabbit:is_running()}, "
    "{cut_off, rabbit_node_monitor:partitions()}]"
)
_QUEUES = '[Q || Q <- rabbit_amqqueue:list(<<"/">>), amqqueue:get_type(Q) =:= rabbit_quorum_queue]'


class Node(RabbitMQ):
    """One node of the cluster, with the management plugin."""

    def __init__(self, folder: Path, marker: dict[str, str], number: int, network: Network | None) -> None:
        plugins = script().resolve().parents[1] / "plugins"
        more = {"RABBITMQ_PLUGINS_DIR": str(plugins), "RABBITMQ_USE_LONGNAME": "true"}  # a host's name is its address
        super().__init__(folder, {**marker, **more}, shell=True)
        self._peers = [network.address(n) if network else self.host for n in range(1, SIZE + 1)]
        self._enter = network.enter(number) if network else ()
        self.number = number
        self.host = self._peers[number - 1]
        self.node = f"feedline{number}@{self.host}"
        self.port, self.distribution_port, self.management_port = free_port(), free_port(), free_port()

    @property
    def management(self) -> str:
        """Return the management plugin's address."""
        return f"http://{USER}:{self._password()}@{self.host}:{self.management_port}"

    def program(self) -> Program:
        """Return how the node is started in its network."""
        program = super().program()
        erlang = f"{program.environment[_ERLANG]} -kernel net_ticktime {TICK_S}"
        return replace(
            program,
            arguments=(*self._enter, *program.arguments),
            environment={**program.environment, _ERLANG: erlang},
        )

    def prepare(self) -> None:
        """Make the node's files, and name its plugins."""
        super().prepare()
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")

    def configuration(self) -> str:
        """Return the text of rabbitmq.conf: the nodes of the cluster are known beforehand."""
        formation = "cluster_formation.classic_config.nodes"
        peers = [f"{formation}.{n} = feedline{n}@{host}" for n, host in enumerate(self._peers, 1)]
        return "\n".join(
            [
                super().configuration(),
                "cluster_formation.peer_discovery_backend = classic_config",
                *peers,
                "cluster_partition_handling = pause_minority",
                f"net_ticktime = {TICK_S}",
                f"management.tcp.ip = {self.host}",
                f"management.tcp.port = {self.management_port}",
                "",
            ]
        )


class Cluster:
    """The nodes; those that are down are the caller's to start again."""

    def __init__(self, folder: Path, marker: dict[str, str], network: Network | None = None) -> None:
        epmd_port, cookie, password = free_port(), secrets.token_hex(16), secrets.token_hex(16)
        self.nodes = [Node(folder / str(number), marker, number, network) for number in range(1, SIZE + 1)]
        for node in self.nodes:
            node.epmd_port = epmd_port
            node.folder.mkdir(mode=0o700, parents=True)
            for name, content in ((".erlang.cookie", cookie), ("password", password)):
                (node.folder / name).write_text(content)

    @property
    def url(self) -> str:
        """Return the addresses of all nodes."""
        return ",".join(node.url for node in self.nodes)

    async def start(self) -> None:
        """Start the first node, and the others once there is a cluster that they can join."""
        first, *others = self.nodes
        await asyncio.to_thread(first.start, BOOT_S)
        await asyncio.gather(*(asyncio.to_thread(node.start, BOOT_S) for node in others))
        assert str(TICK_S) == first.evaluate("net_kernel:get_net_ticktime()")

    def stop(self) -> None:
        """Stop what runs."""
        for node in self.nodes:
            if node.process is not None:
                node.kill()

    def running(self) -> int:
        """Return how many nodes the first that is up sees."""
        return int(self._alive().evaluate("length(rabbit_nodes:all_running())", BOOT_S))

    def leaders(self) -> dict[str, str]:
        """Return the node that leads each queue."""
        told = self._alive().evaluate(
            f"[{{element(4, amqqueue:get_name(Q)), element(2, amqqueue:get_pid(Q))}} || Q <- {_QUEUES}]", BOOT_S
        )
        return dict(re.findall(r'<<"([^"]+)">>,\s*\'?([\w@.]+)', told))

    def online(self) -> list[int]:
        """Return how many members of each queue are online."""
        told = self._alive().evaluate(
            f"[length(proplists:get_value(online, rabbit_quorum_queue:info(Q, [online]))) || Q <- {_QUEUES}]", BOOT_S
        )
        return [int(number) for number in re.findall(r"\d+", told)]

    def busiest(self) -> Node:
        """Return the node that leads most queues."""
        name = Counter(self.leaders().values()).most_common(1)[0][0]
        return next(node for node in self.nodes if node.node == name)

    def other_than(self, node: Node) -> Node:
        """Return another node that is up."""
        return next(one for one in self.nodes if one is not node and one.process is not None)

    async def whole(self) -> None:
        """Wait until every member of every queue is online; raises AssertionError with what each node sees."""
        try:
            async with asyncio.timeout(BOOT_S):
                while (  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.to_thread(self.running) < SIZE or set(await asyncio.to_thread(self.online)) != {SIZE}
                ):
                    await asyncio.sleep(0.2)
        except TimeoutError:
            seen = {node.node: node.evaluate(_SEEN, BOOT_S) for node in self.nodes if node.process is not None}
            raise AssertionError(f"never whole: {self.online()} members online; {seen}") from None

    def _alive(self) -> Node:
        return next(node for node in self.nodes if node.process is not None)
