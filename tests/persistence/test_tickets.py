"""What is asked of the database against what the domain says of a ticket at hand."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from itertools import product
from typing import Any, TypeVar

from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.access import Actor, audience_of, readable_tickets
from domain.sla import state_of, target_state
from domain.tickets import facts_of
from persistence.database import Database
from persistence.documents import Document, evolve, to_document
from persistence.models import (
    ActorKind,
    Role,
    Sla,
    SlaState,
    SlaTarget,
    SlaTargetKind,
    SortKeys,
    Ticket,
    TicketPriority,
    TicketSource,
    TicketStatus,
)
from persistence.pages import Window
from persistence.statistics import StatisticsStore
from persistence.tickets import TicketOrder, TicketQuery, TicketScope, TicketStore
from tests import examples
from tests.examples import NOW

T = TypeVar("T")

CUSTOMERS, AGENTS = ([ObjectId() for _ in range(3)] for _ in range(2))
EVERY_TICKET = TicketScope()
MILLISECOND = timedelta(milliseconds=1)

actors = st.one_of(
    st.builds(
        Actor,
        st.just(ActorKind.AGENT),
        st.sampled_from(AGENTS),
        st.just("agent"),
        st.sampled_from([Role.AGENT, Role.SUPERVISOR, Role.ADMIN]),
    ),
    st.builds(
        Actor,
        st.just(ActorKind.BOT),
        st.just(ObjectId()),
        st.just("bot"),
        st.just(Role.BOT),
        st.none() | st.sampled_from(CUSTOMERS),
    ),
)
agents_or_nobody = st.none() | st.sampled_from(AGENTS)
customers_or_nobody = st.none() | st.sampled_from(CUSTOMERS)
categories = st.sampled_from(["billing", "other", "retired"])
tags = st.sampled_from(["a", "ab", "ñ"])
words = st.sampled_from(["lamp", "lampara", "luz", "l", "5512"])
moments = st.integers(-1, 1).map(lambda number: NOW + number * MILLISECOND)


def target(kind: SlaTargetKind) -> st.SearchStrategy[SlaTarget]:
    """Mostly within a moment of some instant that matters."""
    near = st.integers(-2, 2).map(lambda offset: NOW + offset * MILLISECOND)
    return examples.models(
        SlaTarget,
        kind=st.just(kind),
        due_at=near | examples.instants,
        at_risk_at=near | examples.instants,
    )


clocks = st.tuples(target(SlaTargetKind.FIRST_RESPONSE), target(SlaTargetKind.RESOLUTION))
tickets = st.lists(
    examples.models(
        Ticket,
        category=categories,
        tags=st.lists(tags),
        customer_id=customers_or_nobody,
        assignee_id=agents_or_nobody,
        audience=st.builds(audience_of, agents_or_nobody, agents_or_nobody),
        sla=clocks.map(lambda targets: Sla(targets=list(targets))),
        created_at=moments,
        updated_at=moments,
        terms=st.lists(words),
    ),
    max_size=6,
)


@st.composite
def queries(draw: st.DrawFn) -> TicketQuery:
    """Of a few conditions each, since most tickets would meet none of many."""

    def some(values: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
        return st.lists(values, max_size=3).map(tuple)

    conditions: dict[str, st.SearchStrategy[Any]] = {
        "status": some(st.sampled_from(TicketStatus)),
        "priority": some(st.sampled_from(TicketPriority)),
        "category": some(categories),
        "assignee_id": st.sampled_from(AGENTS),
        "unassigned": st.just(True),  # noqa: FBT003 -- a value
        "customer_id": st.sampled_from(CUSTOMERS),
        "tag": tags,
        "source": st.sampled_from(TicketSource),
        "escalated": st.booleans(),
        "created_after": moments,
        "created_before": moments,
        "updated_after": moments,
        "updated_before": moments,
        "words": some(words),
    }
    names = draw(st.sets(st.sampled_from(sorted(conditions)), max_size=3))
    if "unassigned" in names:
        names.discard("assignee_id")
    return TicketQuery(now=NOW, **{name: draw(conditions[name]) for name in sorted(names)})


async def store(database: Database, tickets: list[Ticket]) -> TicketStore:
    """A store that holds those tickets, with keys and numbers of their own, and no others."""
    collection = database.collection(Ticket)
    await collection.delete_many({})
    documents: list[Document] = []
    for place, ticket in enumerate(tickets):
        key = f"{place:08}"
        sort = SortKeys(created=key, updated=key, priority=key, due=key)
        own = evolve(ticket, id=ObjectId(), ticket_id=key, sort=sort)
        documents.append(to_document(own))
    if documents:
        await collection.insert_many(documents)
    return TicketStore(database)


async def found(store: TicketStore, query: TicketQuery, scope: TicketScope) -> set[int]:
    """The places in the list of those that the database finds."""
    page = await store.page(
        query, scope, Window(100), order=TicketOrder.CREATED_AT, descending=False
    )
    assert await store.count(query, scope) == len(page.items)
    return {int(ticket.ticket_id) for ticket in page.items}


def places(holds: Iterable[bool]) -> set[int]:
    return {place for place, each in enumerate(holds) if each}


@given(tickets, st.lists(actors, min_size=1, max_size=4))
@settings(max_examples=25)
async def test_an_actor_is_shown_the_tickets_that_exist_for_them_and_no_others(
    database: Database, tickets: list[Ticket], actors: list[Actor]
) -> None:
    stored = await store(database, tickets)
    for actor, customer in product(actors, (None, CUSTOMERS[0])):
        scope = readable_tickets(actor)
        query = TicketQuery(now=NOW, customer_id=customer)
        expected = places(
            scope.admits(ticket) and customer in (None, ticket.customer_id) for ticket in tickets
        )
        assert await found(stored, query, scope) == expected


@given(tickets, st.lists(queries(), min_size=1, max_size=5))
@settings(max_examples=25)
async def test_a_list_holds_what_meets_every_condition(
    database: Database, tickets: list[Ticket], queries: list[TicketQuery]
) -> None:
    stored = await store(database, tickets)
    for query in queries:
        expected = places(meets(ticket, query) for ticket in tickets)
        assert await found(stored, query, EVERY_TICKET) == expected
        if not query.words:
            # The live feed asks the same of what an event remembers.
            assert places(query.matches(facts_of(ticket), NOW) for ticket in tickets) == expected


def meets(ticket: Ticket, query: TicketQuery) -> bool:
    asked: list[tuple[object, bool]] = [
        (query.status, ticket.status in (query.status or ())),
        (query.priority, ticket.priority in (query.priority or ())),
        (query.category, ticket.category in (query.category or ())),
        (query.assignee_id, ticket.assignee_id == query.assignee_id),
        (query.unassigned or None, ticket.assignee_id is None),
        (query.customer_id, ticket.customer_id == query.customer_id),
        (query.tag, query.tag in ticket.tags),
        (query.source, ticket.source is query.source),
        (query.escalated, (ticket.escalation is not None) is query.escalated),
        (query.created_after, ticket.created_at >= (query.created_after or NOW)),
        (query.created_before, ticket.created_at < (query.created_before or NOW)),
        (query.updated_after, ticket.updated_at >= (query.updated_after or NOW)),
        (query.updated_before, ticket.updated_at < (query.updated_before or NOW)),
        *((word, any(term.startswith(word) for term in ticket.terms)) for word in query.words),
    ]
    return all(holds for condition, holds in asked if condition is not None)


@given(tickets)
@settings(max_examples=25)
async def test_the_database_reads_an_sla_state_as_the_domain_does(
    database: Database, tickets: list[Ticket]
) -> None:
    states = [{target_state(each, NOW) for each in ticket.sla.targets} for ticket in tickets]
    stored = await store(database, tickets)
    for choice in [*((state,) for state in SlaState), (SlaState.AT_RISK, SlaState.MET)]:
        query = TicketQuery(now=NOW, sla_states=choice)
        expected = places(not own.isdisjoint(choice) for own in states)
        assert await found(stored, query, EVERY_TICKET) == expected
        assert places(query.matches(facts_of(ticket), NOW) for ticket in tickets) == expected
    figures = await StatisticsStore(database, state_of=state_of).gather(
        TicketQuery(now=NOW), EVERY_TICKET, since=NOW, time_zone="UTC"
    )
    for kind in SlaTargetKind:
        counted = Counter(
            target_state(each, NOW)
            for ticket in tickets
            for each in ticket.sla.targets
            if each.kind is kind
        )
        assert figures.by_sla_state[kind] == counted


# ---- bounds --------------------------------------------------------------------------------


@given(data=st.data())
@settings(max_examples=25)
async def test_pages_with_remembered_bounds_are_those_without(
    database: Database, data: st.DataObject
) -> None:
    """Read again and again, from each end and from each cursor, while the list changes."""
    collection = database.collection(Ticket)
    template = data.draw(examples.models(Ticket))
    await collection.delete_many({})
    remembering = TicketStore(database)
    query = data.draw(st.sampled_from([ANY, NEW_ONES]))
    size, order = data.draw(st.integers(1, 3)), data.draw(st.sampled_from(TicketOrder))
    descending, backwards = data.draw(st.booleans()), data.draw(st.booleans())
    stored = set[int]()
    for come, gone, turned in data.draw(st.lists(st.tuples(keys, keys, keys), max_size=5)):
        # Far apart in some parts of the list, and close together in others.
        documents = [
            to_document(
                evolve(
                    template,
                    id=ObjectId(),
                    ticket_id=f"{place:08x}",
                    status=TicketStatus.NEW,
                    sort=SortKeys(**dict.fromkeys(SortKeys.model_fields, f"{place**4:08x}")),
                )
            )
            for place in come - stored
        ]
        if documents:
            await collection.insert_many(documents)
        numbers = [f"{place:08x}" for place in gone]
        await collection.delete_many({"ticket_id": {"$in": numbers}})
        numbers = [f"{place:08x}" for place in turned]
        await collection.update_many(
            {"ticket_id": {"$in": numbers}}, {"$set": {"status": TicketStatus.CLOSED.value}}
        )
        stored = (stored | come) - gone
        cursor = None
        while True:
            window = (
                Window(size, before=cursor, backwards=True)
                if backwards
                else Window(size, after=cursor)
            )
            pages = [
                await each.page(query, EVERY_TICKET, window, order=order, descending=descending)
                for each in (TicketStore(database), remembering, remembering)
            ]
            assert pages[0] == pages[1] == pages[2]
            page = pages[0]
            if not (page.has_previous if backwards else page.has_next):
                break
            cursor = page.keys[0 if backwards else -1]


ANY = TicketQuery(now=NOW)
NEW_ONES = TicketQuery(now=NOW, status=(TicketStatus.NEW,))
keys = st.sets(st.integers(1, 60), max_size=12)
