"""Virtual hosts whose queues stand already: RabbitMQ makes and removes quorum queues slower than most tests run."""

from __future__ import annotations

from deploy.local.rabbitmq import RabbitMQ
from schemas.amqp.tap import open_link
from schemas.declare import declare
from schemas.settings import Settings
from schemas.topology import SHARDS_EXCHANGE

_EMPTIED = """
(fun(VHost) ->
    Gone = fun Gone(0) -> connected;
               Gone(Left) -> case rabbit_connection_tracking:list(VHost) of
                   [] -> gone;
                   _ -> timer:sleep(5), Gone(Left - 1)
               end end,
    Queues = [Queue || Queue <- rabbit_amqqueue:list(VHost), amqqueue:is_durable(Queue)],
    Left = fun(Queue) -> case ra:leader_query(amqqueue:get_pid(Queue), fun rabbit_fifo:query_messages_total/1) of
               {ok, {_, Total}, _} -> Total
           end end,
    Purged = fun(Queue) -> case Left(Queue) of
                 0 -> 0;
                 _ -> rabbit_amqqueue:purge(Queue), Left(Queue)
             end end,
    Connected = Gone(400),
    [rabbit_binding:remove(Binding, <<"test">>) || Binding <- rabbit_binding:list(VHost),
                                                   element(4, element(2, Binding)) =:= <<"%s">>],
    {Connected, lists:sum([Purged(Queue) || Queue <- Queues]), erlang:phash2({
        lists:sort([{amqqueue:get_name(Queue), amqqueue:get_arguments(Queue)} || Queue <- Queues]),
        lists:sort([Binding || Binding <- rabbit_binding:list(VHost), element(4, element(4, Binding)) =/= <<>>,
                    lists:any(fun(Queue) -> amqqueue:get_name(Queue) =:= element(4, Binding) end, Queues)]),
        rabbit_policy:list(VHost), rabbit_vhost_limit:list(VHost)
    })}
end)(<<"%s">>)
"""
"""No slot is bound; nobody is connected, how many messages are left (someone had them in hand), what is declared."""

_CLEAN = "{gone,0,"


class VirtualHosts:
    """Virtual hosts with the topology of the settings that are named; `take` and `give_back`."""

    def __init__(self, rabbitmq: RabbitMQ, **named: int) -> None:
        self._rabbitmq = rabbitmq
        self._settings = Settings(database_url="", amqp_url=rabbitmq.url, secret_key="0" * 32, **named)
        self._clean: list[str] = []
        self._as_declared: dict[str, str] = {}

    async def take(self) -> str:
        """Return the address of a virtual host with empty queues that nobody is connected to."""
        node = self._rabbitmq.url_of("")
        self._clean = [url for url in self._clean if url.startswith(node)]  # it may have begun anew, elsewhere
        if self._clean:
            return self._clean.pop()
        url = self._rabbitmq.new_vhost()
        link = await open_link(url, "declaring", 10)
        await declare(link.connection, self._settings)
        await link.close()
        self._as_declared[url] = self._emptied(url)
        return url

    def give_back(self, url: str) -> None:
        """Empty the queues for the next test; remove the virtual host when that does not make it as it was."""
        found = self._emptied(url) if self._rabbitmq.stands else ""
        if found.startswith(_CLEAN) and found == self._as_declared[url]:
            self._clean.append(url)
        else:
            self._rabbitmq.delete_vhost(url)

    def _emptied(self, url: str) -> str:
        expression = " ".join((_EMPTIED % (SHARDS_EXCHANGE, url.rpartition("/")[2])).split())
        return self._rabbitmq.evaluate(expression)
