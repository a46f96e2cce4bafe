"""`lingxi status`: how everything is. Exit code 1 when a service is away or not ready."""

import argparse
import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from nats.errors import Error as NatsError
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError

from lingxi_chassis.ids import new_id
from lingxi_cli.commands import FAILED, OK, Commands, add_command
from lingxi_cli.connection import Operator, open_operator
from lingxi_cli.failures import Failure
from lingxi_cli.output import say, say_json, say_table, seconds
from lingxi_cli.settings import Settings
from lingxi_contracts.errors import Refusal
from lingxi_contracts.operations import OWNERS, SERVICES, GetStatus, ServiceStatus
from lingxi_contracts.subjects import DEAD_LETTERS_STREAM, stream_name

CONSUMERS_PAGE = 256
"""As many as the server lists at a time."""
CONSUMERS_MAX = 1024


@dataclass(frozen=True)
class Consumer:
    """One durable consumer: events that wait, that are under way, and that came again."""

    name: str
    stream: str
    waiting: int
    under_way: int
    again: int


@dataclass(frozen=True)
class Overview:
    """Everything `status` tells. A service that is None is away; `consumers` None: unknown."""

    services: Mapping[str, ServiceStatus | None]
    consumers: tuple[Consumer, ...] | None
    dead_letters: int | None

    @property
    def well(self) -> bool:
        """Whether every service is there and ready."""
        return all(one is not None and not one.reasons for one in self.services.values())


def add(commands: Commands) -> None:
    """The command `status`."""
    says = "services, logs, consumers, dead letters and the model; exit code 1 if one is not ready"
    parser = add_command(commands, "status", _run, says)
    parser.add_argument("--json", action="store_true", help="one JSON object")


async def _run(args: argparse.Namespace, settings: Settings) -> int:
    async with open_operator(settings) as operator:
        overview = await _look(operator)
        operator.check_permitted()
    if args.json:
        say_json(
            {
                "services": dict(overview.services),
                "consumers": overview.consumers,
                "dead_letters": overview.dead_letters,
            }
        )
    else:
        _show(overview)
    return OK if overview.well else FAILED


async def _look(operator: Operator) -> Overview:
    states = await asyncio.gather(*(_status(operator, service) for service in SERVICES))
    operator.check_permitted()
    return Overview(
        services=dict(zip(SERVICES, states, strict=True)),
        consumers=await _consumers(operator),
        dead_letters=await _dead_letters(operator),
    )


async def _status(operator: Operator, service: str) -> ServiceStatus | None:
    try:
        return await operator.ask(GetStatus(operation_id=new_id()), service)
    except (Failure, Refusal):
        return None


async def _consumers(operator: Operator) -> tuple[Consumer, ...] | None:
    found: list[Consumer] = []
    for owner in OWNERS:
        stream = stream_name(owner)
        for offset in range(0, CONSUMERS_MAX, CONSUMERS_PAGE):
            try:
                page = await operator.js.consumers_info(stream, offset)
            except NotFoundError:
                break
            except (NatsError, TimeoutError):
                return None
            found += [_consumer(info) for info in page if info.config.durable_name]
            if len(page) < CONSUMERS_PAGE:
                break
    return tuple(sorted(found, key=lambda one: one.name))


def _consumer(info: ConsumerInfo) -> Consumer:
    return Consumer(
        name=info.name,
        stream=info.stream_name,
        waiting=info.num_pending or 0,
        under_way=info.num_ack_pending or 0,
        again=info.num_redelivered or 0,
    )


async def _dead_letters(operator: Operator) -> int | None:
    try:
        return (await operator.js.stream_info(DEAD_LETTERS_STREAM)).state.messages
    except NotFoundError:
        return 0
    except (NatsError, TimeoutError):
        return None


def _show(overview: Overview) -> None:
    states = overview.services.items()
    say_table(("service", "state", "why"), [_service_row(name, one) for name, one in states])
    say()
    say_table(
        ("log", "unpublished", "oldest", "erasing", "xmin age", "oldest transaction"),
        [_log_row(name, one) for name, one in states if one is not None and one.log is not None],
    )
    say()
    head = ("consumer", "stream", "waiting", "under way", "again")
    consumers = overview.consumers or ()
    say_table(head, [(c.name, c.stream, c.waiting, c.under_way, c.again) for c in consumers])
    say()
    letters = "unknown" if overview.dead_letters is None else overview.dead_letters
    say(f"dead letters  {letters}")
    for name, one in states:
        if one is not None and one.model is not None:
            say(f"model         {one.model.name} at {one.model.url} ({name})")


def _service_row(name: str, status: ServiceStatus | None) -> tuple[object, ...]:
    if status is None:
        return name, "away", "no answer"
    if not status.reasons:
        return name, "ready", ""
    return name, "not ready", "; ".join(f"{part}: {why}" for part, why in status.reasons.items())


def _log_row(name: str, status: ServiceStatus) -> tuple[object, ...]:
    log = status.log
    assert log is not None
    return (
        name,
        log.unpublished_events,
        seconds(log.unpublished_seconds),
        log.erasures_open,
        f"{log.xmin_age_transactions} transactions",
        seconds(log.oldest_transaction_seconds),
    )
