"""The live feed: every committed event, in order, once, to whoever may see it.

Each process keeps the latest events in a `Log`. A follower is a place in it, not a queue: it takes
what its view of the log shows next, at its own pace, so that one who is slow holds nothing, and
one who resumes within the log costs no query. What lies before the log is read from the database.
"""

import asyncio
import base64
import hmac
from bisect import bisect_right
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Hashable,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from weakref import ReferenceType, ref

from bson import ObjectId

from domain.access import Actor, may_read_event, readable_tickets
from domain.clock import Clock
from domain.errors import ValidationFailed
from domain.sessions import Identity
from domain.watches import Watch
from persistence.channel import Change, Channel, HistoryLost, Position, Topic
from persistence.documents import Document, from_document
from persistence.errors import STORAGE_ERRORS, is_unavailable
from persistence.models import Role, Ticket, TicketEvent
from persistence.tickets import TicketQuery, TicketScope, TicketStore

# How many events one reading from before the log gives, and how many readings there are at once.
CATCH_UP_EVENTS = 500
CATCH_UP_READINGS = 2
RETRY_SECONDS = 0.5
# Where no log begins.
_NOWHERE = Position("")

T = TypeVar("T")


class ListChange(StrEnum):
    ENTERED = "ENTERED"
    UPDATED = "UPDATED"
    LEFT = "LEFT"


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """What decides upon the content of a feed; whoever shares it gets the same."""

    role: Role
    scope: TicketScope
    query: TicketQuery

    @classmethod
    def of(cls, actor: Actor, query: TicketQuery) -> "Viewpoint":
        return cls(actor.role, readable_tickets(actor), query)


class Entry:
    """An event and its place. Most are heard by processes in which nobody looks at them."""

    __slots__ = ("_found", "position", "ticket_key")

    def __init__(self, change: Change) -> None:
        assert change.document is not None, "it is new"
        self.position = change.position
        self.ticket_key: ObjectId = change.document["ticket_key"]
        self._found: Document | TicketEvent = change.document

    @property
    def event(self) -> TicketEvent:
        if not isinstance(self._found, TicketEvent):
            self._found = from_document(TicketEvent, self._found)
        return self._found


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class FeedEvent:
    """An event as its viewers are to get it: the same object for all who see the same.

    `snapshot` is the ticket as it is now. `is_withheld`: it is out of the viewers' sight, and so is
    what the event says of it.
    """

    viewer: Actor
    event: TicketEvent
    cursor: str
    list_change: ListChange
    snapshot: Ticket | None
    is_withheld: bool

    @property
    def ticket(self) -> Ticket | None:
        """None where it left the list."""
        return None if self.list_change is ListChange.LEFT else self.snapshot


@dataclass(slots=True)
class Sighting:
    """An event in a view, and what it does to the list by what it says itself.

    `shown` is how it was last given to somebody, as long as anybody has it: with its ticket it is
    much larger than the event.
    """

    entry: Entry
    list_change: ListChange
    shown: ReferenceType[FeedEvent] | None = None

    @property
    def position(self) -> Position:
        return self.entry.position


@dataclass(frozen=True, slots=True)
class ResyncRequired:
    """Events may have gone by: what was learned from the feed must be read anew."""

    viewer: Actor
    cursor: str
    reason: str


FeedItem = FeedEvent | ResyncRequired


@dataclass(frozen=True, slots=True)
class Outlet:
    """A short way to a follower who has seen all there is: told of an event, it need not ask.

    Those with equal `form`s are given the same, which `present` makes of an event once for all of
    them. `hand` gives it to this one; False where that would have to wait, and it asks after all.
    """

    form: Hashable
    present: Callable[[FeedEvent], Awaitable[Any]]
    hand: Callable[[Any], bool]


TOO_OLD = (
    "The log does not reach back to the cursor. Read your lists again; the feed goes on from now."
)
TOO_SLOW = "You read more slowly than events come. Subscribe again after this cursor."
OTHER_ROLE = (
    "Your role has changed, and with it what you may see. Read your lists again; the feed goes on."
)


def list_change(event: TicketEvent, viewpoint: Viewpoint) -> ListChange | None:
    """What `event` does to a filtered list; None where the ticket neither was nor is in it.

    As of when it happened, so that it is the same whenever it is delivered.
    """
    scope, query, at = viewpoint.scope, viewpoint.query, event.occurred_at
    before, after = event.before, event.after
    was_in = before is not None and scope.admits(before) and query.matches(before, at)
    is_in = scope.admits(after) and query.matches(after, at)
    if is_in:
        return ListChange.UPDATED if was_in else ListChange.ENTERED
    return ListChange.LEFT if was_in else None


class Log:
    """The latest events that this process heard: all there were after `start`, in commit order."""

    def __init__(self, start: Position, capacity: int) -> None:
        self.start = start
        self.gaps = 0
        self._entries: list[Entry] = []
        self._capacity = capacity

    @property
    def end(self) -> Position:
        return self._entries[-1].position if self._entries else self.start

    def reaches(self, position: Position) -> bool:
        """Whether every event after `position` is here, or will be."""
        return position >= self.start

    def after(self, position: Position) -> Sequence[Entry]:
        return self._entries[bisect_right(self._entries, position.order, key=_order) :]

    def append(self, entry: Entry) -> bool:
        """Whether older ones had to go."""
        self._entries.append(entry)
        if len(self._entries) <= self._capacity:
            return False
        # Seldom, and then many at once, since all that remain move up.
        surplus = self._capacity // 10 + 1
        self.start = self._entries[surplus - 1].position
        del self._entries[:surplus]
        return True

    def extend_back(self, start: Position, entries: Sequence[Entry]) -> bool:
        """Takes in all there were between `start` and its own; False where there is no room."""
        if len(self._entries) + len(entries) > self._capacity:
            return False
        self._entries[:0] = entries
        self.start = start
        return True

    def begin_anew(self, start: Position) -> None:
        """After changes that nobody heard, or that took something out of what is here."""
        self.start = start
        self.gaps += 1
        self._entries.clear()


class View:
    """What one viewpoint shows of the log, found out once for all who share it."""

    def __init__(
        self, actor: Actor, viewpoint: Viewpoint, log: Log, deliver: "Deliver", clock: Clock
    ) -> None:
        self.actor = actor
        self.viewpoint = viewpoint
        self.crowd = Crowd(self, log, deliver, clock)
        # Called just before it shows more.
        self.listeners: set[Callable[[], None]] = {self.crowd.hear}
        self._log = log
        self._start = log.end
        self._sightings: list[Sighting] = []

    def sighting(self, entry: Entry) -> Sighting | None:
        if not may_read_event(self.actor, entry.event):
            return None
        change = list_change(entry.event, self.viewpoint)
        return None if change is None else Sighting(entry, change)

    def next_after(self, position: Position) -> Sighting | None:
        """The first after `position`, which the log must reach."""
        if position < self._start:
            self._look_back(position)
        place = bisect_right(self._sightings, position.order, key=_order)
        return self._sightings[place] if place < len(self._sightings) else None

    def hear(self, entry: Entry) -> bool:
        """Just before `entry` comes into the log. Whether it is in view."""
        found = self.sighting(entry)
        if found is None:
            return False
        self.tell()
        self._sightings.append(found)
        return True

    def tell(self) -> None:
        for listener in list(self.listeners):
            listener()

    def forget(self) -> None:
        """What the log has forgotten."""
        del self._sightings[: bisect_right(self._sightings, self._log.start.order, key=_order)]
        self._start = max(self._start, self._log.start)

    def _look_back(self, position: Position) -> None:
        entries = [entry for entry in self._log.after(position) if entry.position <= self._start]
        self._sightings[:0] = [found for entry in entries if (found := self.sighting(entry))]
        self._start = position


def _order(item: Entry | Sighting) -> str:
    return item.position.order


Deliver = Callable[[View, Sighting], Awaitable[FeedEvent]]


class Crowd:
    """Those who have seen all that a view shows, and are told together of what comes.

    One task tells all of them, so that one more costs no more than to hand them what was made for
    all. Who cannot take it at once, or may have become somebody else, goes on by themselves from
    the crowd's place, and comes back once they have seen everything.
    """

    def __init__(self, view: View, log: Log, deliver: Deliver, clock: Clock) -> None:
        self._view = view
        self._log = log
        self._deliver = deliver
        self._clock = clock
        self._members: set[Follower] = set()
        self._place = log.end
        self._telling: asyncio.Task[None] | None = None

    @property
    def place(self) -> Position:
        """How far all of them have seen: as long as nothing comes, the end of the log."""
        return self._log.end if self._telling is None else self._place

    def join(self, follower: "Follower") -> None:
        self._members.add(follower)

    def leave(self, follower: "Follower") -> None:
        self._members.discard(follower)

    def hear(self) -> None:
        """Just before something that is in view comes into the log."""
        if self._members and self._telling is None:
            self._place = self._log.end
            self._telling = asyncio.create_task(self._tell())

    def disband(self) -> None:
        for member in tuple(self._members):
            member.wake()

    async def _tell(self) -> None:
        try:
            while self._members and self._log.reaches(self._place):
                sighting = self._view.next_after(self._place)
                if sighting is None:
                    return
                event = await self._deliver(self._view, sighting)
                self._hand_round(await self._present(event), sighting.position)
                self._place = sighting.position
            self.disband()
        except Exception:  # noqa: BLE001 -- each meets it on their own, and tells their client
            self.disband()
        finally:
            self._telling = None

    async def _present(self, event: FeedEvent) -> dict[Hashable, Any]:
        """In each form in which somebody wants it."""
        outlets = {
            member.outlet.form: member.outlet
            for member in self._members
            if member.outlet is not None
        }
        presented = await asyncio.gather(*(each.present(event) for each in outlets.values()))
        return dict(zip(outlets, presented, strict=True))

    def _hand_round(self, presented: Mapping[Hashable, Any], position: Position) -> None:
        now, place = self._clock(), position.order
        for member in tuple(self._members):
            # Some have come since, and seen it already.
            if member.position.order < place and not member.take(presented, now):
                member.wake()


class Snapshots:
    """Each ticket as it is now, read at most once per event however many ask.

    What is asked for while a reading is under way is read together in the next.
    """

    def __init__(self, store: TicketStore, capacity: int) -> None:
        self._store = store
        self._capacity = capacity
        self._known: dict[ObjectId, asyncio.Future[Ticket | None]] = {}
        self._wanted: dict[ObjectId, asyncio.Future[Ticket | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    def expire(self, key: ObjectId) -> None:
        """Whatever was read of that ticket is no longer how it is."""
        self._known.pop(key, None)

    async def read(self, key: ObjectId) -> Ticket | None:
        asked = self.ask(key)
        return asked.result() if asked.done() else await asyncio.shield(asked)

    def ask(self, key: ObjectId) -> asyncio.Future[Ticket | None]:
        """Begins to read the ticket, for those who will want it in a moment."""
        if (known := self._known.get(key)) is not None:
            return known
        # What nobody has begun to read will be as new as what is asked for now.
        wanted = self._wanted.get(key) or asyncio.get_running_loop().create_future()
        self._known[key] = self._wanted[key] = wanted
        if len(self._known) > self._capacity:
            del self._known[next(iter(self._known))]
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_wanted())
        return wanted

    async def _read_wanted(self) -> None:
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            try:
                tickets = await _persist(lambda keys=tuple(wanted): self._find(keys))
            except Exception as error:  # noqa: BLE001 -- whoever waits is to get it
                for key, future in wanted.items():
                    self.expire(key)
                    future.set_exception(error)
            else:
                for key, future in wanted.items():
                    future.set_result(tickets.get(key))
        self._reading = None

    async def _find(self, keys: Sequence[ObjectId]) -> dict[ObjectId, Ticket]:
        return await self._store.find_by_keys(TicketScope(), keys)


async def _persist(ask: Callable[[], Awaitable[T]]) -> T:
    """What `ask` returns, as soon as the database can be reached."""
    while True:
        try:
            return await ask()
        except STORAGE_ERRORS as error:
            if not is_unavailable(error):
                raise
        await asyncio.sleep(RETRY_SECONDS)


class Feed:
    """What happens to tickets, for all who follow it in this process."""

    def __init__(
        self,
        *,
        channel: Channel,
        tickets: TicketStore,
        secret_key: str,
        log_events: int,
        clock: Clock,
    ) -> None:
        """`secret_key` signs cursors, the same in every process.

        `log_events` is how many events a process keeps: how far a follower may lag behind.
        """
        self._channel = channel
        self._secret_key = secret_key.encode()
        self._log_events = log_events
        self._clock = clock
        self._log: Log | None = None
        self._snapshots = Snapshots(tickets, log_events)
        self._views: dict[Viewpoint, tuple[View, int]] = {}
        self._readings = asyncio.Semaphore(CATCH_UP_READINGS)
        channel.listen(Topic.TICKET_EVENTS, self._hear, on_gap=self._miss)

    @property
    def log(self) -> Log:
        """From where the channel was when first asked for."""
        if self._log is None:
            self._log = Log(self._channel.position, self._log_events)
        return self._log

    def follow(
        self,
        watch: Watch,
        query: TicketQuery,
        after: str | None = None,
        *,
        outlet: Outlet | None = None,
    ) -> AsyncGenerator[FeedItem]:
        """What whoever `watch` stands for may see of what happens to the tickets of `query`.

        After the cursor `after`, or from now on. What is told through the `outlet` is not given
        here once more. Ends with ResyncRequired where events come faster
        than they are taken, and raises Unauthenticated as soon as the credential is good for
        nothing any more. Raises ValidationFailed at once for what is no cursor.
        """
        position = self.log.end if after is None else self._position_of(after)
        return self._follow(watch, query, position, outlet)

    async def _follow(
        self, watch: Watch, query: TicketQuery, position: Position, outlet: Outlet | None
    ) -> AsyncGenerator[FeedItem]:
        follower = Follower(self, watch, query, position, outlet)
        try:
            while (item := await follower.next()) is not None:
                yield item
        finally:
            follower.close()

    @contextmanager
    def viewed(self, actor: Actor, query: TicketQuery) -> Generator[View]:
        """The view that everyone shares who sees the same of `query` as `actor` does."""
        view = self.enter(actor, query)
        try:
            yield view
        finally:
            self.leave(view)

    def enter(self, actor: Actor, query: TicketQuery) -> View:
        """As `viewed`, until the view is left."""
        viewpoint = Viewpoint.of(actor, query)
        view, users = self._views.get(viewpoint) or (
            View(actor, viewpoint, self.log, self.deliver, self._clock),
            0,
        )
        self._views[viewpoint] = (view, users + 1)
        return view

    def leave(self, view: View) -> None:
        _, users = self._views.pop(view.viewpoint)
        if users > 1:
            self._views[view.viewpoint] = (view, users - 1)

    async def deliver(self, view: View, sighting: Sighting) -> FeedEvent:
        entry, scope = sighting.entry, view.viewpoint.scope
        ticket = None
        if scope.admits(entry.event.after):
            ticket = await self._snapshots.read(entry.ticket_key)
        shown = sighting.shown and sighting.shown()
        if shown is None or shown.snapshot is not ticket:
            is_withheld = ticket is None or not scope.admits(ticket)
            shown = FeedEvent(
                viewer=view.actor,
                event=entry.event,
                cursor=self.cursor(entry.position),
                list_change=ListChange.LEFT if is_withheld else sighting.list_change,
                snapshot=ticket,
                is_withheld=is_withheld,
            )
            sighting.shown = ref(shown)
        return shown

    async def read_back(self, position: Position) -> tuple[Sequence[Entry], Position]:
        """Brings the log back to `position`, or gives what comes after it and how far that is.

        Raises HistoryLost.
        """
        if position == _NOWHERE:
            raise HistoryLost
        async with self._readings:
            if self.log.reaches(position):
                return (), position
            start = self.log.start
            changes, reached = await _persist(
                lambda: self._channel.read_after(position, until=start, limit=CATCH_UP_EVENTS)
            )
            entries = [Entry(change) for change in changes]
            joins = reached >= start and self.log.start == start
            if joins and self.log.extend_back(position, entries):
                return (), position
            return entries, min(reached, start)

    # ---- cursors ---------------------------------------------------------------------------

    def cursor_now(self) -> str:
        """After which everything comes that a reading which begins now may not show."""
        return self.cursor(self.log.end)

    def cursor(self, position: Position) -> str:
        place = f"{self._channel.epoch}.{position.token}"
        return f"1.{self._signature(place)}.{place}"

    def _position_of(self, cursor: str) -> Position:
        version, _, signed = cursor.partition(".")
        signature, _, place = signed.partition(".")
        if version != "1" or not hmac.compare_digest(
            signature.encode(), self._signature(place).encode()
        ):
            raise ValidationFailed.of("after", "is not a cursor of this feed")
        epoch, _, token = place.partition(".")
        # In the log of a database that was restored since, the place means nothing.
        return Position(token) if epoch == self._channel.epoch else _NOWHERE

    def _signature(self, place: str) -> str:
        mac = hmac.digest(self._secret_key, b"feed cursor " + place.encode(), "sha256")
        return base64.urlsafe_b64encode(mac[:15]).decode()

    # ---- the channel -----------------------------------------------------------------------

    def _hear(self, change: Change) -> None:
        if change.document is None:
            if not change.is_deletion:
                self._forget(change.position)
            return
        entry, log = Entry(change), self.log
        if entry.position <= log.end:
            # On its way when the log began.
            return
        self._snapshots.expire(entry.ticket_key)
        seen = [view.hear(entry) for view, _ in self._views.values()]
        if any(seen):
            self._snapshots.ask(entry.ticket_key)
        if log.append(entry):
            self._trim()

    def _forget(self, position: Position) -> None:
        """Since an event was redacted that may be here; who lags reads it from the database."""
        if position > self.log.end:
            self.log.begin_anew(position)
            self._disband()
            self._trim()

    def _miss(self, start: Position) -> None:
        # First they learn how far they got, then that it is not far enough.
        self._disband()
        self.log.begin_anew(start)
        self._trim()

    def _disband(self) -> None:
        for view, _ in self._views.values():
            view.tell()
            view.crowd.disband()

    def _trim(self) -> None:
        for view, _ in self._views.values():
            view.forget()


class Follower:
    """Somebody's place in the feed, and how they see it."""

    def __init__(
        self,
        feed: Feed,
        watch: Watch,
        query: TicketQuery,
        position: Position,
        outlet: Outlet | None,
    ) -> None:
        self.position = position
        self.outlet = outlet
        self._feed = feed
        self._log = feed.log
        self._watch = watch
        self._query = query
        self._identity: Identity | None = None
        self._view: View | None = None
        # What was read from before the log, the next one last, and how far that goes.
        self._backlog: list[Entry] = []
        self._read_to = position
        self._read_with_gaps = 0
        self._has_joined = False
        self._gaps = self._log.gaps
        self._has_ended = False
        # While it waits among others.
        self._crowd: Crowd | None = None
        self._woken: asyncio.Future[None] | None = None
        self._unwatch = watch.on_change(self.wake)

    def close(self) -> None:
        self.wake()
        self._leave_view()
        self._unwatch()

    async def next(self) -> FeedItem | None:
        """None at the end."""
        while not self._has_ended:
            identity = await self._watch.identity()
            view, has_other_role = self._view_of(identity)
            if has_other_role:
                return self._resync(view, OTHER_ROLE)
            sighting = self._next_of_backlog(view)
            if sighting is None and not self._log.reaches(self.position):
                if self._is_overtaken:
                    self._has_ended = True
                    return self._resync(view, TOO_SLOW)
                if not await self._read_back():
                    return self._resync(view, TOO_OLD)
                continue
            if sighting is None:
                self._has_joined, self._gaps = True, self._log.gaps
                sighting = view.next_after(self.position)
            if sighting is None:
                await self._wait(view)
                continue
            item = await self._feed.deliver(view, sighting)
            # In the meantime they may have become somebody else.
            if await self._watch.identity() is identity:
                self.position = sighting.position
                return item
        return None

    def _resync(self, view: View, reason: str) -> ResyncRequired:
        return ResyncRequired(view.actor, self._feed.cursor(self.position), reason)

    def _view_of(self, identity: Identity) -> tuple[View, bool]:
        """What `identity` sees, and whether it sees as another role than before."""
        before = self._view
        if before is not None and self._identity is identity:
            return before, False
        self._identity = identity
        self._leave_view()
        view = self._view = self._feed.enter(identity.actor, self._query)
        return view, before is not None and before.viewpoint != view.viewpoint

    def _leave_view(self) -> None:
        if self._view is not None:
            self._feed.leave(self._view)
            self._view = None

    def _next_of_backlog(self, view: View) -> Sighting | None:
        if self._backlog and self._read_with_gaps != self._log.gaps:
            # Something may have been taken out of it since.
            self._backlog.clear()
            self._read_to = self.position
        while self._backlog:
            entry = self._backlog[-1]
            if entry.position > self.position and (sighting := view.sighting(entry)):
                return sighting
            self._backlog.pop()
        self.position = max(self.position, self._read_to)
        return None

    @property
    def _is_overtaken(self) -> bool:
        """Whether what it had not taken yet is forgotten, and not because nobody heard it."""
        return self._has_joined and self._gaps == self._log.gaps

    async def _read_back(self) -> bool:
        """False, and a new beginning at the end of the log, where nothing reaches back so far."""
        self._read_with_gaps = self._log.gaps
        try:
            entries, self._read_to = await self._feed.read_back(self.position)
        except HistoryLost:
            self.position = self._log.end
            return False
        self._backlog = [*reversed(entries), *self._backlog]
        return True

    async def _wait(self, view: View) -> None:
        """Until it has to go on by itself. Till then its place is that of the crowd."""
        self._woken = asyncio.get_running_loop().create_future()
        self._crowd = view.crowd
        self._crowd.join(self)
        await self._woken

    def wake(self) -> None:
        if self._crowd is not None:
            self.position = max(self.position, self._crowd.place)
            self._crowd.leave(self)
            self._crowd = None
            if self._woken is not None and not self._woken.done():
                self._woken.set_result(None)

    def take(self, presented: Mapping[Hashable, Any], now: datetime) -> bool:
        """Whether it could be given an event, as `presented` in its form, without a wait."""
        outlet = self.outlet
        return (
            outlet is not None
            and outlet.form in presented
            and self._watch.is_certain(now)
            and outlet.hand(presented[outlet.form])
        )
