"""Tickets with their notes, links and events: what is asked of them and what is written."""

import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from bson import ObjectId, Regex
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from persistence.coalescing import CoalescedReads
from persistence.database import Database, Transaction
from persistence.documents import Document, from_document, projection, to_document
from persistence.errors import Duplicate
from persistence.models import (
    Note,
    NoteVisibility,
    SlaState,
    SlaTarget,
    SlaTargetKind,
    Ticket,
    TicketEvent,
    TicketFacts,
    TicketLink,
    TicketLinkKind,
    TicketPriority,
    TicketSource,
    TicketStatus,
)
from persistence.pages import Bounds, Page, Window, count_items, read_page

# What a page of tickets leaves in the database: fields that no list shows, ...
_NEVER_LISTED = (
    "terms",
    "audience",
    "created_by",
    "updated_by",
    "first_response_seconds",
    "resolution_seconds",
)
# ... and fields that few lists show and that cost more to read than the others together.
DETAILS = ("description", "location", "escalation", "sla", "resolution", "feedback")
# What every list reads besides its sort key.
_LISTED = projection(Ticket, without=("sort", *_NEVER_LISTED, *DETAILS))
# Of an event, all but what filters of the feed read.
_WITHOUT_FACTS = projection(TicketEvent, without=("before", "after"))


@dataclass(frozen=True, slots=True)
class TicketScope:
    """The tickets that one actor may see; without a restriction, all of them."""

    audience: tuple[str, ...] | None = None
    customer_id: ObjectId | None = None

    def conditions(self) -> Document:
        conditions: Document = {}
        if self.customer_id is not None:
            conditions["customer_id"] = self.customer_id
        if self.audience is not None:
            conditions["audience"] = _one_of(self.audience)
        return conditions

    def admits(self, ticket: Ticket | TicketFacts) -> bool:
        """What `conditions` asks of the database, asked of a ticket at hand."""
        if self.customer_id is not None and ticket.customer_id != self.customer_id:
            return False
        return self.audience is None or not set(self.audience).isdisjoint(ticket.audience)


class TicketOrder(StrEnum):
    """The orders that a list offers, by the sort key that each reads."""

    CREATED_AT = "created"
    UPDATED_AT = "updated"
    PRIORITY = "priority"
    RESOLUTION_DUE_AT = "due"


@dataclass(frozen=True, slots=True)
class TicketQuery:
    """What a list asks for; what is None is not asked.

    `words` are folded prefixes (`domain.search`), all of which must match. `sla_states` holds when
    one of the ticket's two targets is in one of the states at `now`. Every clause is on a field of
    its own, with no operator at the top level, which planners of every kind can use an index for.
    """

    # Not part of what is asked: two who ask the same a moment apart are equal.
    now: datetime = field(compare=False)
    status: tuple[TicketStatus, ...] | None = None
    priority: tuple[TicketPriority, ...] | None = None
    category: tuple[str, ...] | None = None
    assignee_id: ObjectId | None = None
    unassigned: bool = False
    customer_id: ObjectId | None = None
    conversation_id: ObjectId | None = None
    tag: str | None = None
    source: TicketSource | None = None
    escalated: bool | None = None
    sla_states: tuple[SlaState, ...] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    words: tuple[str, ...] = ()

    def conditions(self) -> Document:
        # The narrowest clauses first: a simple planner takes the first that has an index.
        clauses: Document = {
            "customer_id": self.customer_id,
            "conversation_id": self.conversation_id,
            "assignee_id": self.assignee_id,
            "tags": self.tag,
            "status": _one_of(self.status),
            "priority": _one_of(self.priority),
            "category": _one_of(self.category),
            "source": self.source and self.source.value,
            "sla.targets": self._sla_clause(),
            "created_at": _between(self.created_after, self.created_before),
            "updated_at": _between(self.updated_after, self.updated_before),
            "terms": words_clause(self.words),
        }
        conditions = {field: clause for field, clause in clauses.items() if clause is not None}
        # The two whose clause may be that there is nothing.
        if self.unassigned:
            conditions["assignee_id"] = None
        if self.escalated is not None:
            conditions["escalation"] = {"$ne": None} if self.escalated else None
        return conditions

    def matches(self, facts: TicketFacts, at: datetime) -> bool:
        """What `conditions` asks of the database, asked of a ticket as it was at an instant.

        Without the words, which are no fact of a ticket that anything remembers.
        """
        return (
            self.customer_id in (None, facts.customer_id)
            and self.conversation_id in (None, facts.conversation_id)
            and self.assignee_id in (None, facts.assignee_id)
            and not (self.unassigned and facts.assignee_id)
            and (self.tag is None or self.tag in facts.tags)
            and (self.status is None or facts.status in self.status)
            and (self.priority is None or facts.priority in self.priority)
            and (self.category is None or facts.category in self.category)
            and self.source in (None, facts.source)
            and self.escalated in (None, facts.escalated)
            and (self.created_after is None or facts.created_at >= self.created_after)
            and (self.created_before is None or facts.created_at < self.created_before)
            and (self.updated_after is None or facts.updated_at >= self.updated_after)
            and (self.updated_before is None or facts.updated_at < self.updated_before)
            and (
                self.sla_states is None
                or any(
                    _meets(target, _in_sla_state(state, at))
                    for target in facts.sla_targets
                    for state in self.sla_states
                )
            )
        )

    def _sla_clause(self) -> Document | None:
        if self.sla_states is None:
            return None
        # The embedded server takes an $elemMatch that starts with an operator for one on values.
        return {
            "$elemMatch": {
                "kind": {"$in": [kind.value for kind in SlaTargetKind]},
                "$or": [_in_sla_state(state, self.now) for state in self.sla_states],
            }
        }


def words_clause(words: Sequence[str]) -> Document | None:
    """On an array of folded words: each of `words` begins one of them."""
    if not words:
        return None
    # Words hold letters and digits alone. The embedded server takes half as long for the beginning
    # of a text as for the range that it stands for; MongoDB reads its index for either.
    return {"$all": [Regex(f"^{word}") for word in words]}


def _one_of(values: Sequence[str] | None) -> Document | str | None:
    if values is None:
        return None
    # Enum members are stored by their values.
    stored = [str(value) for value in values]
    # With a single value the embedded server, too, uses an index that goes on with the sort key.
    return stored[0] if len(stored) == 1 else {"$in": stored}


def _between(after: datetime | None, before: datetime | None) -> Document | None:
    bounds = {"$gte": after, "$lt": before}
    return {operator: at for operator, at in bounds.items() if at is not None} or None


def _in_sla_state(state: SlaState, now: datetime) -> Document:
    """The stored facts by which `domain.sla.target_state` finds `state` at `now`."""
    running: Document = {"met": None, "paused": False}
    match state:
        case SlaState.MET:
            return {"met": True}
        case SlaState.MISSED:
            return {"met": False}
        case SlaState.PAUSED:
            return {"met": None, "paused": True}
        case SlaState.BREACHED:
            return {**running, "due_at": {"$lt": now}}
        case SlaState.AT_RISK:
            return {**running, "due_at": {"$gte": now}, "at_risk_at": {"$lte": now}}
        case SlaState.PENDING:
            return {**running, "due_at": {"$gte": now}, "at_risk_at": {"$gt": now}}


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$lt": operator.lt,
    "$lte": operator.le,
    "$gt": operator.gt,
    "$gte": operator.ge,
}


def _meets(target: SlaTarget, clause: Document) -> bool:
    """Whether a database would find `clause`, one of `_in_sla_state`, true of `target`."""
    return all(
        _COMPARISONS[sign](getattr(target, name), bound)
        for name, wanted in clause.items()
        for sign, bound in _bounds(wanted).items()
    )


def _bounds(wanted: Any) -> Document:
    return cast("Document", wanted) if isinstance(wanted, dict) else {"$eq": wanted}


class TicketStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._tickets = database.collection(Ticket)
        self._notes = database.collection(Note)
        self._links = database.collection(TicketLink)
        self._events = database.collection(TicketEvent)
        self._progress = database.named_collection("progress")
        self._bounds = Bounds()
        self._reads = CoalescedReads()

    # ---- tickets ---------------------------------------------------------------------------

    async def find(
        self, scope: TicketScope, ticket_id: str, *, session: Transaction | None = None
    ) -> Ticket | None:
        """The ticket with that number, or None where it is not there or not in `scope`."""

        async def read() -> Ticket | None:
            found = await self._tickets.find_one({"ticket_id": ticket_id}, session=session)
            return from_document(Ticket, found) if found else None

        ticket = await (read() if session else self._reads.read(read, "ticket", ticket_id))
        return ticket if ticket and scope.admits(ticket) else None

    async def any_ticket(self) -> bool:
        return await self._tickets.find_one({}, {"_id": 1}) is not None

    async def find_unscoped(
        self, key: ObjectId, *, session: Transaction | None = None
    ) -> Ticket | None:
        """For answering again what an actor was answered before, and for erasing.

        Every other read has a scope.
        """
        found = await self._tickets.find_one({"_id": key}, session=session)
        return from_document(Ticket, found) if found else None

    async def find_by_keys(
        self,
        scope: TicketScope,
        keys: Iterable[ObjectId],
        *,
        session: Transaction | None = None,
    ) -> dict[ObjectId, Ticket]:
        wanted = frozenset(keys)

        async def read() -> list[Ticket]:
            found = self._tickets.find({"_id": {"$in": list(wanted)}}, session=session)
            return [from_document(Ticket, document) for document in await found.to_list(None)]

        tickets = await (read() if session else self._reads.read(read, "tickets", wanted))
        return {ticket.id: ticket for ticket in tickets if scope.admits(ticket)}

    async def find_of_conversation(
        self, conversation_id: ObjectId, *, session: Transaction | None = None
    ) -> list[Ticket]:
        found = self._tickets.find({"conversation_id": conversation_id}, session=session)
        return [from_document(Ticket, document) for document in await found.to_list(None)]

    async def page(
        self,
        query: TicketQuery,
        scope: TicketScope,
        window: Window,
        *,
        order: TicketOrder,
        descending: bool,
        details: Collection[str] = DETAILS,
    ) -> Page[Ticket]:
        """Tickets with those of `DETAILS` that are named; the others must not be read of them."""
        conditions, key = conditions_of(query, scope), f"sort.{order.value}"
        # Of one customer or conversation there are few tickets, however far they lie apart.
        are_few = "customer_id" in conditions or "conversation_id" in conditions
        asked = (query, scope, order, descending)
        by_time = order in (TicketOrder.CREATED_AT, TicketOrder.UPDATED_AT)
        shown = {name: 1 for name in DETAILS if name in details}

        async def read() -> Page[Ticket]:
            return await read_page(
                self._tickets,
                Ticket,
                conditions,
                window,
                key=key,
                descending=descending,
                projection={**_LISTED, key: 1, **shown},
                bounds=None if are_few else self._bounds.of(asked, by_time=by_time),
            )

        # Which equal queries need not have in common.
        as_of = query.now if query.sla_states else None
        return await self._reads.read(read, "page", asked, as_of, window, tuple(shown))

    async def count(self, query: TicketQuery, scope: TicketScope) -> int:
        return await count_items(self._tickets, conditions_of(query, scope), key="sort.created")

    async def counts_by_customer(
        self, customer_ids: Iterable[ObjectId], open_statuses: Sequence[TicketStatus]
    ) -> dict[ObjectId, tuple[int, int]]:
        """All and open tickets of each customer, counted in one query."""
        open_values = [status.value for status in open_statuses]
        pipeline: list[Document] = [
            {"$match": {"customer_id": {"$in": list(set(customer_ids))}}},
            {
                "$group": {
                    "_id": "$customer_id",
                    "total": {"$sum": 1},
                    "open": {"$sum": {"$cond": [{"$in": ["$status", open_values]}, 1, 0]}},
                }
            },
        ]
        groups = self._tickets.aggregate(pipeline)
        return {
            group["_id"]: (group["total"], group["open"]) for group in await groups.to_list(None)
        }

    async def add(self, ticket: Ticket, event: TicketEvent, *, session: Transaction) -> None:
        """At the end of the transaction, which raises Duplicate where the number is another's."""
        tickets, events = self._tickets.delegate, self._events.delegate

        def insert(session: ClientSession) -> None:
            try:
                tickets.insert_one(to_document(ticket), session=session)
            except DuplicateKeyError as error:
                raise Duplicate("ticket_id") from error
            events.insert_one(to_document(event), session=session)

        session.run_last(insert)

    async def change(
        self, old: Ticket, new: Ticket, event: TicketEvent, *, session: Transaction
    ) -> bool:
        """Writes what differs between `old` and `new`, with its event; both or neither.

        False, and nothing written, where the stored version is no longer `old`'s: somebody else
        was quicker, and the caller decides anew upon what is there now.
        """
        tickets, events = self._tickets.delegate, self._events.delegate
        expected = {"_id": old.id, "version": old.version}

        def update(session: ClientSession) -> bool:
            differences = {"$set": _differences(old, new)}
            updated = tickets.update_one(expected, differences, session=session)
            if updated.matched_count == 0:
                return False
            events.insert_one(to_document(event), session=session)
            return True

        return await session.run(update)

    async def set_terms(self, key: ObjectId, terms: list[str], *, session: Transaction) -> None:
        """Replaces the search words alone: no version, no event, since nobody can see them."""
        await self._tickets.update_one({"_id": key}, {"$set": {"terms": terms}}, session=session)

    async def find_of_customer(
        self, customer_id: ObjectId, *, session: Transaction | None = None
    ) -> list[Ticket]:
        found = self._tickets.find({"customer_id": customer_id}, session=session)
        return [from_document(Ticket, document) for document in await found.to_list(None)]

    async def categories_in_use(self, *, session: Transaction | None = None) -> list[str]:
        return await self._tickets.distinct("category", session=session)

    # ---- notes -----------------------------------------------------------------------------

    async def add_note(self, note: Note, *, session: Transaction) -> None:
        await self._notes.insert_one(to_document(note), session=session)

    async def find_note(self, key: ObjectId, *, session: Transaction | None = None) -> Note | None:
        found = await self._notes.find_one({"_id": key}, session=session)
        return from_document(Note, found) if found else None

    async def retract_note(self, note: Note, at: datetime, *, session: Transaction) -> bool:
        """Takes a note's text away for good; False where somebody already has."""
        updated = await self._notes.update_one(
            {"_id": note.id, "retracted_at": None},
            {"$set": {"retracted_at": at, "content": ""}},
            session=session,
        )
        return updated.modified_count == 1

    async def notes_of(self, ticket_key: ObjectId, *, session: Transaction) -> list[Note]:
        """Every one, retracted or not."""
        found = self._notes.find({"ticket_key": ticket_key}, session=session)
        return [from_document(Note, document) for document in await found.to_list(None)]

    async def rewrite_notes(self, notes: Iterable[Note], *, session: Transaction) -> None:
        """For erasing what is in them; notes are not edited otherwise."""
        for note in notes:
            await self._notes.replace_one({"_id": note.id}, to_document(note), session=session)

    async def notes_page(
        self, ticket_key: ObjectId, visibilities: Sequence[NoteVisibility], window: Window
    ) -> Page[Note]:
        conditions = self._notes_of(ticket_key, visibilities)

        async def read() -> Page[Note]:
            return await read_page(self._notes, Note, conditions, window, key="position")

        return await self._reads.read(read, "notes", conditions, window)

    async def count_notes(
        self, ticket_key: ObjectId, visibilities: Sequence[NoteVisibility]
    ) -> int:
        return await self._notes.count_documents(self._notes_of(ticket_key, visibilities))

    def _notes_of(self, ticket_key: ObjectId, visibilities: Sequence[NoteVisibility]) -> Document:
        return {
            "ticket_key": ticket_key,
            "visibility": {"$in": [visibility.value for visibility in visibilities]},
            "retracted_at": None,
        }

    # ---- links -----------------------------------------------------------------------------

    async def add_link(self, link: TicketLink, *, session: Transaction) -> None:
        await self._links.insert_one(to_document(link), session=session)

    async def find_link(
        self,
        ticket_key: ObjectId,
        other_key: ObjectId | None,
        kind: TicketLinkKind,
        *,
        session: Transaction | None = None,
    ) -> TicketLink | None:
        """The link of that kind from a ticket to another, or, `other_key` None, to any."""
        conditions: Document = {"ticket_key": ticket_key, "kind": kind.value}
        if other_key is not None:
            conditions["other_key"] = other_key
        found = await self._links.find_one(conditions, session=session)
        return from_document(TicketLink, found) if found else None

    async def links_of(self, keys: Iterable[ObjectId]) -> list[TicketLink]:
        """Every link at either end of which one of the tickets stands."""
        wanted = frozenset(keys)

        async def read() -> list[TicketLink]:
            # A server of the version before, which may still run, makes links without `ends`.
            found = self._links.find({"ends": {"$in": [*wanted, None]}})
            return [from_document(TicketLink, document) for document in await found.to_list(None)]

        links = await self._reads.read(read, "links", wanted)
        return sorted(
            (link for link in links if not wanted.isdisjoint((link.ticket_key, link.other_key))),
            key=lambda link: link.id,
        )

    # ---- events ----------------------------------------------------------------------------

    async def events_page(
        self, ticket_key: ObjectId, conditions: Document, window: Window
    ) -> Page[TicketEvent]:
        conditions = {"ticket_key": ticket_key, **conditions}

        async def read() -> Page[TicketEvent]:
            return await read_page(
                self._events,
                TicketEvent,
                conditions,
                window,
                key="version",
                projection=_WITHOUT_FACTS,
            )

        return await self._reads.read(read, "events", conditions, window)

    async def count_events(self, ticket_key: ObjectId, conditions: Document) -> int:
        return await self._events.count_documents({"ticket_key": ticket_key, **conditions})

    async def events_since(
        self, ticket_key: ObjectId, version: int, *, session: Transaction | None = None
    ) -> list[TicketEvent]:
        """What happened to the ticket after `version`, oldest first."""
        found = self._events.find(
            {"ticket_key": ticket_key, "version": {"$gt": version}}, session=session
        ).sort([("version", 1)])
        return [from_document(TicketEvent, document) for document in await found.to_list(None)]

    async def rewrite_events(self, events: Iterable[TicketEvent], *, session: Transaction) -> None:
        """For erasing what is in them; what happened stays otherwise as it was told."""
        for event in events:
            await self._events.replace_one({"_id": event.id}, to_document(event), session=session)

    async def prune_events(self, until: str, *, tickets: int) -> int | None:
        """Of CLOSED tickets last changed before `until`, removes what did not change their status.

        `until` is the beginning of a sort key. Takes the next `tickets` of them after those of the
        last call, which are remembered; a ticket that is changed comes up again. How many events
        were removed; None where no ticket is left.
        """
        progress = await self._progress.find_one({"_id": "pruned events"})
        after = progress["through"] if progress else ""
        found: list[Document] = (
            await self._tickets.find(
                {
                    "sort.updated": {"$gt": after, "$lt": until},
                    "status": TicketStatus.CLOSED.value,
                },
                {"sort.updated": 1},
            )
            .sort([("sort.updated", 1)])
            .limit(tickets)
            .to_list(None)
        )
        if not found:
            return None
        removed = await self._events.delete_many(
            {
                "ticket_key": {"$in": [ticket["_id"] for ticket in found]},
                "changes.field": {"$ne": "status"},
            }
        )
        through = found[-1]["sort"]["updated"]
        await self._progress.update_one(
            {"_id": "pruned events"}, {"$set": {"through": through}}, upsert=True
        )
        return removed.deleted_count

    async def status_changes(self, keys: Iterable[ObjectId]) -> dict[ObjectId, list[TicketEvent]]:
        """The events of the tickets that changed (or first set) their status, oldest first."""
        wanted = frozenset(keys)

        async def read() -> list[TicketEvent]:
            found = self._events.find(
                {"ticket_key": {"$in": list(wanted)}, "changes.field": "status"},
                _WITHOUT_FACTS,
            ).sort([("version", 1)])
            return [from_document(TicketEvent, document) for document in await found.to_list(None)]

        grouped: dict[ObjectId, list[TicketEvent]] = {key: [] for key in wanted}
        for event in await self._reads.read(read, "status changes", wanted):
            grouped[event.ticket_key].append(event)
        return grouped


def conditions_of(query: TicketQuery, scope: TicketScope) -> Document:
    """What is asked, within what may be seen."""
    asked, allowed = query.conditions(), scope.conditions()
    # Only the customer can stand in both; asking for another's tickets finds none.
    if any(asked[field] != allowed[field] for field in asked.keys() & allowed.keys()):
        return {"customer_id": {"$in": []}}
    return {**asked, **allowed}


def _differences(old: Ticket, new: Ticket) -> Document:
    before, after = to_document(old), to_document(new)
    return {field: value for field, value in after.items() if before.get(field, ...) != value}
