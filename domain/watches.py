"""Whether those who are connected still may be.

A request is over before its credentials can lose their worth; a stream is not. So each credential
that streams are open with is watched: when anything about its account changes, nobody acts on it
until the database has been asked again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from bson import ObjectId

from domain.clock import Clock
from domain.errors import Unauthenticated
from domain.known_accounts import is_relevant
from domain.sessions import Identity, Sessions
from persistence.channel import Change, Channel, Position, Topic
from persistence.errors import STORAGE_ERRORS, is_unavailable

# How long to wait for a database that cannot say whether a credential still is good.
RETRY_SECONDS = 0.5


class Watch:
    """One credential in use, and who it stands for at any moment.

    `on_change` is called as soon as that may have become somebody else, or nobody.
    """

    def __init__(self, identify: Callable[[], Awaitable[Identity]], clock: Clock) -> None:
        self._identify = identify
        self._clock = clock
        self._doubts = 0
        self._listeners: set[Callable[[], None]] = set()
        self._check = self._begin_check()

    async def identity(self) -> Identity:
        """Who it stands for now. Raises Unauthenticated once it is nobody, and from then on."""
        while not self._check.done():
            # One of those who wait may leave without taking the answer from the others.
            await asyncio.wait([self._check])
        identity = self._check.result()
        if identity.expires_at is not None and identity.expires_at <= self._clock():
            raise Unauthenticated("The access token has expired; refresh the session.")
        return identity

    def is_certain(self, now: datetime) -> bool:
        """Whether it stands for whom it stood for, and `identity` would say so at once."""
        if not self._check.done() or self._check.exception() is not None:
            return False
        expires_at = self._check.result().expires_at
        return expires_at is None or expires_at > now

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Returns what takes `listener` away again."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def concerns(self, key: ObjectId | str) -> bool:
        """Whether its account, session or API key is the one with that key, as far as is known."""
        if not self._check.done():
            return True
        if self._check.exception() is not None:
            return False
        identity = self._check.result()
        return key in (identity.actor.key, identity.session_id)

    def doubt(self) -> None:
        """Until the database has been asked again, `identity` gives no answer."""
        self._doubts += 1
        if self._check.done():
            self._check = self._begin_check()
        self._tell()

    async def close(self) -> None:
        self._check.cancel()
        await asyncio.wait([self._check])

    def _begin_check(self) -> asyncio.Task[Identity]:
        check = asyncio.create_task(self._until_certain())
        check.add_done_callback(self._end_check)
        return check

    def _end_check(self, check: asyncio.Task[Identity]) -> None:
        # Asked for here, so that a refusal is no error of the task.
        if not check.cancelled() and check.exception() is not None:
            self._tell()

    async def _until_certain(self) -> Identity:
        while True:
            doubts = self._doubts
            try:
                identity = await self._identify()
            except STORAGE_ERRORS as error:
                if not is_unavailable(error):
                    raise
                await asyncio.sleep(RETRY_SECONDS)
            else:
                if doubts == self._doubts:
                    return identity

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()


# A credential, and the customer for whom a bot speaks.
_Key = tuple[str, ObjectId | None]


class Watches:
    """Every credential that streams of this process are open with, each watched once."""

    def __init__(self, *, sessions: Sessions, channel: Channel, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._watches: dict[_Key, tuple[Watch, int]] = {}
        channel.listen(Topic.ACCOUNTS, self._changed, on_gap=self._missed)

    def watching(self, credential: str, customer_id: ObjectId | None) -> "Watching":
        """A watch on what `Sessions.identify` would be asked, while its block lasts.

        To enter it raises Unauthenticated.
        """
        return Watching(self, (credential, customer_id))

    async def take(self, key: _Key) -> Watch:
        watch, users = self._watches.get(key) or (self._watch(*key), 0)
        self._watches[key] = (watch, users + 1)
        try:
            await watch.identity()
        except BaseException:
            await self.give_back(key)
            raise
        return watch

    async def give_back(self, key: _Key) -> None:
        watch, users = self._watches.pop(key)
        if users > 1:
            self._watches[key] = (watch, users - 1)
        else:
            await watch.close()

    def _watch(self, credential: str, customer_id: ObjectId | None) -> Watch:
        return Watch(lambda: self._sessions.identify(credential, customer_id), self._clock)

    def _changed(self, change: Change) -> None:
        if is_relevant(change):
            for watch, _users in self._watches.values():
                if watch.concerns(change.key):
                    watch.doubt()

    def _missed(self, _: Position) -> None:
        for watch, _users in self._watches.values():
            watch.doubt()


class Watching:
    __slots__ = ("_key", "_watches")

    def __init__(self, watches: Watches, key: _Key) -> None:
        self._watches = watches
        self._key = key

    async def __aenter__(self) -> Watch:
        return await self._watches.take(self._key)

    async def __aexit__(self, *_: object) -> None:
        await self._watches.give_back(self._key)
