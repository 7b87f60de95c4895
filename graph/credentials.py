"""Who asks, as a request or a connection says it, and for how long that holds."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta

from bson import ObjectId
from starlette.requests import HTTPConnection

from domain.clock import Clock
from domain.errors import DomainError, Unauthenticated, Unavailable
from domain.sessions import Identity, Sessions
from domain.watches import Watch
from graph.errors import UNAVAILABLE
from graph.nodes import decode_id
from persistence.errors import STORAGE_ERRORS, is_unavailable

CUSTOMER_HEADER = "X-Customer-Id"
# How long before its credential expires a connection is told so.
EXPIRY_NOTICE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access token or an API key, and the customer for whom a bot speaks."""

    secret: str
    customer_id: ObjectId | None

    @classmethod
    def read(cls, authorization: str, customer_id: str) -> "Credentials":
        """From `Bearer …` and a customer's global id, or nothing.

        Raises Unauthenticated, ValidationFailed.
        """
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthenticated("Credentials are sent as Authorization: Bearer …")
        customer = decode_id("Customer", customer_id, CUSTOMER_HEADER) if customer_id else None
        return cls(secret.strip(), customer)


def address_of(connection: HTTPConnection) -> str | None:
    """The client's; behind a proxy what the proxy says, see FORWARDED_ALLOW_IPS of uvicorn."""
    return connection.client.host if connection.client else None


async def identity_or_refusal(
    sessions: Sessions, authorization: str, customer_id: str
) -> Identity | DomainError:
    """Who sent it, or the refusal that every field needing credentials is to give."""
    try:
        credentials = Credentials.read(authorization, customer_id)
        return await sessions.identify(credentials.secret, credentials.customer_id)
    except DomainError as refused:
        return refused
    except STORAGE_ERRORS as error:
        if not is_unavailable(error):
            raise
        return Unavailable(UNAVAILABLE)


class Guard:
    """Ends `tasks`, by Unauthenticated, as soon as a credential is good for nothing any more.

    While nothing happens to it, it is a timer: of those who are connected, each has one.
    """

    __slots__ = (
        "_announce",
        "_announced",
        "_clock",
        "_is_due",
        "_is_looking",
        "_leave",
        "_tasks",
        "_timer",
        "_watch",
    )

    def __init__(
        self,
        watch: Watch,
        clock: Clock,
        tasks: asyncio.TaskGroup,
        announce: Callable[[datetime], Awaitable[None]] | None = None,
    ) -> None:
        """On duty while its block lasts, which is to be within that of `tasks`.

        `announce` is told when the credential will expire, EXPIRY_NOTICE before.
        """
        self._watch = watch
        self._clock = clock
        self._tasks = tasks
        self._announce = announce
        self._announced: datetime | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = self._is_looking = False

    def __enter__(self) -> None:
        self._leave = self._watch.on_change(self._begin)
        self._begin()

    def __exit__(self, *_: object) -> None:
        self._leave()
        self._rest()

    def _begin(self) -> None:
        self._rest()
        self._is_due = True
        # One looks for all that happens meanwhile.
        if not self._is_looking:
            self._is_looking = True
            create_task_in(self._tasks, self._look())

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _look(self) -> None:
        expires_at: datetime | None = None
        while self._is_due:
            self._is_due = False
            expires_at = (await self._watch.identity()).expires_at
        self._is_looking = False
        if expires_at is None:
            return
        wait = expires_at - self._clock()
        announce = self._announce if self._announced != expires_at else None
        if announce is not None and wait > EXPIRY_NOTICE:
            wait, announce = wait - EXPIRY_NOTICE, None
        self._rest()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(wait.total_seconds(), self._begin)
        if announce is not None:
            self._announced = expires_at
            # Last, since whoever does not read keeps it waiting.
            await announce(expires_at)


def create_task_in(tasks: asyncio.TaskGroup, work: Coroutine[object, object, None]) -> None:
    """For what is called back, which may be when one of them has just failed, and all end."""
    try:
        tasks.create_task(work)
    except RuntimeError:
        work.close()
