"""Who asks, as a request or a connection says it, and for how long that holds."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

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


async def until_worthless(
    watch: Watch, clock: Clock, announce: Callable[[datetime], Awaitable[None]] | None = None
) -> NoReturn:
    """Raises Unauthenticated as soon as the credential is good for nothing any more.

    `announce` is told when it will expire, EXPIRY_NOTICE before.
    """
    has_changed = asyncio.Event()
    leave = watch.on_change(has_changed.set)
    announced: datetime | None = None
    try:
        while True:
            has_changed.clear()
            expires_at = (await watch.identity()).expires_at
            wait: timedelta | None = None
            if expires_at is not None:
                wait = expires_at - clock()
                if announce is not None and announced != expires_at:
                    if wait <= EXPIRY_NOTICE:
                        await announce(expires_at)
                        announced = expires_at
                    else:
                        wait -= EXPIRY_NOTICE
            try:
                async with asyncio.timeout(None if wait is None else wait.total_seconds()):
                    await has_changed.wait()
            except TimeoutError:
                pass
    finally:
        leave()
