"""The channel on which every process hears what any process committed.

It is the database itself: one change stream per process, over the collections of `TOPICS`, behind
broadcaster's `Broadcast`. Publishing is committing, so nothing is announced that was not written,
and nothing written goes unannounced, with no further server to run.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

from broadcaster import Broadcast, BroadcastBackend, Event
from bson import BSON, ObjectId
from bson.errors import BSONError
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from persistence.change_stream import ChangeStream
from persistence.database import Database
from persistence.documents import Document
from persistence.models import TicketEvent

log = logging.getLogger(__name__)


class Topic(StrEnum):
    TICKET_EVENTS = "ticket_events"
    CONFIGURATION = "configuration"
    ACCOUNTS = "accounts"
    ANSWERS = "answers"
    CONVERSATIONS = "conversations"
    CUSTOMERS = "customers"
    REVISIONS = "revisions"


# The collections that are followed, and what a change of one is a change of.
TOPICS: Mapping[str, Topic] = {
    "ticket_events": Topic.TICKET_EVENTS,
    "system_settings": Topic.CONFIGURATION,
    "agents": Topic.ACCOUNTS,
    "sessions": Topic.ACCOUNTS,
    "api_keys": Topic.ACCOUNTS,
    # Whose key is the conversation's.
    "answer_drafts": Topic.ANSWERS,
    "conversations": Topic.CONVERSATIONS,
    # Of a new one, the key is the conversation's, see _OWNERS.
    "messages": Topic.CONVERSATIONS,
    "customers": Topic.CUSTOMERS,
    "assistant_activations": Topic.REVISIONS,
}

# Where an insertion is a change of something else, the field that says of what.
_OWNERS: Mapping[str, str] = {"messages": "conversation_id"}

# The same for every stream ever opened, or with more collections: a server resumes a stream only
# with its own pipeline, or where the change that it is to resume after is in the new one too.
_PIPELINE: list[Document] = [
    {
        "$match": {
            "ns.coll": {"$in": sorted(TOPICS)},
            "operationType": {"$in": ["insert", "update", "replace", "delete"]},
        }
    }
]

# How long the server waits for something to say before it says that there is nothing: to whoever
# listens, and to whoever reads what lies behind.
AWAIT_SECONDS = 1.0
READING_AWAIT_SECONDS = 0.02
# How long a process that has heard of something lets more of it come before it asks again: to hear
# of a change costs as much as to hear of several. Who waits for the first of them does not wait.
GATHER_SECONDS = 0.02
# Without a word for this long, the stream is not alive.
SILENCE_SECONDS = 5.0
# Pauses before the first, second, … attempt to reopen a stream; the last one from then on.
REOPEN_SECONDS = (0.0, 0.1, 0.3, 1.0)

# Codes by which a server says that it cannot go on from a token: its log begins later
# (ChangeStreamHistoryLost), or it does not know the place (ChangeStreamFatalError,
# InvalidResumeToken, FailedToParse).
_LOST_CODES = frozenset({286, 280, 260, 9})

_CHANNEL = "changes"


class HistoryLost(Exception):
    """The log does not reach back to the position asked for, or never had it."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log of all committed changes: the same, and as comparable, in every process.

    `token` is the server's own resume token.
    """

    order: str = field(init=False, repr=False)
    token: str = field(compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", _order_of(self.token))


@lru_cache(maxsize=1_000)
def _order_of(token: str) -> str:
    """MongoDB's tokens sort as they are; in those of the embedded server a number does."""
    with suppress(ValueError, KeyError, TypeError, BSONError):
        return f"{int(BSON(bytes.fromhex(token)).decode()['s']):020d}"
    return token


@dataclass(frozen=True, slots=True)
class Change:
    """One committed write. `position` is its own place: a stream resumed there goes on after it.

    Of a new ticket event `document` is what was inserted; of anything else it is None, and
    listeners read what they need. `fields` are the top-level fields that an update touched.
    """

    position: Position
    topic: Topic
    collection: str
    key: ObjectId | str
    is_deletion: bool
    fields: frozenset[str]
    document: Document | None


@dataclass(frozen=True, slots=True)
class Gap:
    """That changes went by unheard; from `position` on everything is heard again."""

    position: Position


Listener = Callable[[Change], None]
GapListener = Callable[[Position], None]


class Signal:
    """That something has changed, for whoever waits to read it again."""

    def __init__(self) -> None:
        self.count = 0
        self._given = asyncio.Event()

    def give(self) -> None:
        self.count += 1
        self._given.set()
        self._given = asyncio.Event()

    async def after(self, count: int) -> int:
        """The count, once it is higher: however often the signal was given, it is one."""
        while self.count <= count:
            await self._given.wait()
        return self.count


class Signals:
    """A signal for each key that somebody follows."""

    def __init__(self) -> None:
        # With how many follow it.
        self._followed: dict[ObjectId, tuple[Signal, int]] = {}

    @contextmanager
    def following(self, key: ObjectId) -> Generator[Signal]:
        signal, users = self._followed.get(key) or (Signal(), 0)
        self._followed[key] = (signal, users + 1)
        try:
            yield signal
        finally:
            _, users = self._followed.pop(key)
            if users > 1:
                self._followed[key] = (signal, users - 1)

    def give(self, key: ObjectId | str) -> None:
        if isinstance(key, ObjectId) and key in self._followed:
            self._followed[key][0].give()

    def give_all(self) -> None:
        for signal, _users in self._followed.values():
            signal.give()


class Channel:
    """What this process hears, from `start` to `stop`.

    Listeners are called one after the other, each change in commit order, whatever its topic: what
    they do at once is done before anything later is heard. They are plain functions that must not
    raise.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._backend = ChangeStreamBackend(database)
        self._broadcast = Broadcast(backend=self._backend)
        self._listeners: list[tuple[Topic, Listener]] = []
        self._gap_listeners: list[GapListener] = []
        self._task: asyncio.Task[None] | None = None

    def listen(
        self, topic: Topic, listener: Listener, *, on_gap: GapListener | None = None
    ) -> None:
        """Calls `listener` with each change of `topic`, from the next one on.

        `on_gap` is called when changes went by unheard, because the database was away for longer
        than its log reaches back: whatever was learned from the channel may be out of date. It is
        given the position from which everything is heard again.
        """
        self._listeners.append((topic, listener))
        if on_gap is not None:
            self._gap_listeners.append(on_gap)

    def signal(self, topic: Topic) -> Signal:
        """Given with each change of `topic`, and with each gap."""
        signal = Signal()
        self.listen(topic, lambda _: signal.give(), on_gap=lambda _: signal.give())
        return signal

    def signals(self, topic: Topic) -> Signals:
        """Each given with the changes of `topic` that have its key, and with each gap."""
        signals = Signals()
        self.listen(
            topic,
            lambda change: signals.give(change.key),
            on_gap=lambda _: signals.give_all(),
        )
        return signals

    @property
    def position(self) -> Position:
        """How far this process has heard; everything that was committed later is still to come."""
        return self._backend.position

    @property
    def epoch(self) -> str:
        """Which log it is: another in a database that was restored, whose log begins anew."""
        return self._backend.epoch

    @property
    def is_alive(self) -> bool:
        """False while the database does not answer; the channel then goes on by itself."""
        return self._task is not None and not self._task.done() and self._backend.is_alive

    async def start(self) -> None:
        """Everything committed once this returns will be heard. Raises what the driver raises."""
        await self._broadcast.connect()
        heard = asyncio.Event()
        self._task = asyncio.create_task(self._hear(heard), name="channel")
        await heard.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            await self._broadcast.disconnect()
            self._task = None

    async def read_after(
        self, position: Position, *, until: Position, limit: int
    ) -> tuple[list[Change], Position]:
        """The ticket events after `position`, as far as `until`, at most `limit` of them.

        As they are now: the log still has what has been taken out of an event since. Also the
        position that was reached, before which none is missing: `until` or beyond where there are
        no more. Opens one database cursor. Raises HistoryLost, or the driver's errors.
        """
        changes: list[Change] = []
        reached = position
        try:
            with closing(
                await _open(self._database, after=position, await_seconds=READING_AWAIT_SECONDS)
            ) as stream:
                while len(changes) < limit and reached < until:
                    for found in (batch := await stream.read()):
                        change = _change_of(found)
                        if change.position > until:
                            reached = until
                            break
                        if len(changes) == limit:
                            break
                        reached = change.position
                        if change.topic is Topic.TICKET_EVENTS and change.document is not None:
                            changes.append(change)
                    else:
                        reached = Position(stream.token)
                    if not batch and reached < until:
                        await _move_on(self._database)
        except OperationFailure as error:
            if error.code in _LOST_CODES:
                raise HistoryLost from error
            raise
        return await self._as_stored(changes), reached

    async def _as_stored(self, changes: Sequence[Change]) -> list[Change]:
        """Raises HistoryLost where one of the events was pruned."""
        keys = [change.key for change in changes]
        found = self._database.collection(TicketEvent).find({"_id": {"$in": keys}})
        stored = {document["_id"]: document for document in await found.to_list(None)}
        if len(stored) < len(keys):
            raise HistoryLost
        return [replace(change, document=stored[change.key]) for change in changes]

    async def _hear(self, heard: asyncio.Event) -> None:
        async with self._broadcast.subscribe(_CHANNEL) as messages:
            heard.set()
            while True:
                what = cast("_Heard", await messages.get()).what
                if isinstance(what, Gap):
                    self._tell_of_gap(what.position)
                else:
                    for change in what:
                        self._tell(change)

    def _tell(self, change: Change) -> None:
        for topic, listener in self._listeners:
            if topic is change.topic:
                listener(change)

    def _tell_of_gap(self, position: Position) -> None:
        for listener in self._gap_listeners:
            listener(position)


class _Heard(Event):
    """What was heard, as it is: it never leaves the process."""

    def __init__(self, what: Sequence[Change] | Gap) -> None:
        super().__init__(_CHANNEL, "")
        self.what = what


class ChangeStreamBackend(BroadcastBackend):
    """Follows the change stream, and goes on from its last token after any failure."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stream: ChangeStream | None = None
        self._position: Position | None = None
        self._epoch: str | None = None
        self._heard_at = 0.0
        self._has_heard = False
        self._failures = 0

    @property
    def epoch(self) -> str:
        assert self._epoch is not None, "the channel has been started"
        return self._epoch

    @property
    def position(self) -> Position:
        assert self._position is not None, "the channel has been started"
        return self._position

    @property
    def is_alive(self) -> bool:
        return time.monotonic() - self._heard_at < SILENCE_SECONDS

    async def connect(self) -> None:
        await self._reopen()

    async def disconnect(self) -> None:
        self._close()

    async def subscribe(self, group: str) -> None:
        """Nothing to do: the one stream is held from start to end."""

    async def unsubscribe(self, group: str) -> None:
        """As `subscribe`."""

    async def publish(self, channel: str, message: Any) -> None:
        raise NotImplementedError("what is committed to the database is published thereby")

    async def next_published(self) -> Event:
        while True:
            try:
                if self._stream is None:
                    await self._reopen()
                assert self._stream is not None
                if self._has_heard:
                    self._has_heard = False
                    await asyncio.sleep(GATHER_SECONDS)
                found = await self._stream.read()
                self._position = Position(self._stream.token)
                self._heard_at = time.monotonic()
                self._failures = 0
                if found:
                    self._has_heard = True
                    return _Heard([_change_of(each) for each in found])
            except PyMongoError as error:
                self._close()
                if isinstance(error, OperationFailure) and error.code in _LOST_CODES:
                    log.warning("the channel missed changes, and begins anew: %s", error)
                    self._position = None
                    return _Heard(Gap(await self._begin_anew()))
                await self._pause(error)

    async def _reopen(self) -> None:
        is_beginning = self._position is None
        self._stream = await _open(
            self._database, after=self._position, await_seconds=AWAIT_SECONDS
        )
        self._position = Position(self._stream.token)
        self._epoch = await _epoch_of(self._database)
        if is_beginning:
            # Otherwise there may be more to hear first.
            self._heard_at = time.monotonic()

    async def _begin_anew(self) -> Position:
        while True:
            try:
                await self._reopen()
            except PyMongoError as error:
                # Not from where this one was to begin, which may be lost again by then.
                self._close()
                self._position = None
                await self._pause(error)
            else:
                return self.position

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    async def _pause(self, error: PyMongoError) -> None:
        if self._failures == 0:
            log.warning("the channel lost the database, and tries again: %s", error)
        await asyncio.sleep(REOPEN_SECONDS[min(self._failures, len(REOPEN_SECONDS) - 1)])
        self._failures += 1


async def _open(
    database: Database, *, after: Position | None, await_seconds: float
) -> ChangeStream:
    return await ChangeStream.open(
        database,
        _PIPELINE,
        after=after.token if after is not None else None,
        await_seconds=await_seconds,
    )


async def _epoch_of(database: Database) -> str:
    """Drawn by the first who asks. No backup holds it."""
    logs = database.named_collection("logs")
    while (log_of := await logs.find_one({"_id": "log"})) is None:
        with suppress(DuplicateKeyError):
            await logs.insert_one({"_id": "log", "epoch": secrets.token_hex(4)})
    return log_of["epoch"]


async def _move_on(database: Database) -> None:
    """Writes what nobody follows, so that a stream that is at the end of the log comes to say so.

    The embedded server tells no position beyond the last change that it passed on while nothing
    further is written, although it has looked at all that came after.
    """
    await database.named_collection("logs").update_one({"_id": "log"}, {"$inc": {"moves": 1}})


# ---- messages ------------------------------------------------------------------------------


def _change_of(found: Document) -> Change:
    """What others may know of a change, as the server tells it."""
    collection, operation = found["ns"]["coll"], found["operationType"]
    topic = TOPICS[collection]
    updated = found.get("updateDescription", {}).get("updatedFields", {})
    return Change(
        position=Position(found["_id"]["_data"]),
        topic=topic,
        collection=collection,
        key=_key_of(found),
        is_deletion=operation == "delete",
        fields=frozenset(name.partition(".")[0] for name in updated),
        # Of accounts and settings too much is secret to be passed around, and an event that is
        # written again is not a new one.
        document=found.get("fullDocument")
        if topic is Topic.TICKET_EVENTS and operation == "insert"
        else None,
    )


def _key_of(found: Document) -> ObjectId | str:
    owner = _OWNERS.get(found["ns"]["coll"])
    if owner is not None and found["operationType"] == "insert":
        return found["fullDocument"][owner]
    return found["documentKey"]["_id"]
