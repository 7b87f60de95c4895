"""The table of permissions, and that what is asked of the database is what is asked at hand."""

from itertools import product

import pytest
from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.access import (
    PERMISSIONS,
    SYSTEM,
    Actor,
    Permission,
    audience_of,
    may_read_changes_of,
    may_read_event,
    readable_events,
    readable_notes,
    readable_tickets,
)
from domain.errors import Forbidden
from persistence.database import Database
from persistence.documents import evolve, to_document
from persistence.models import (
    ActorKind,
    Agent,
    NoteVisibility,
    Role,
    TicketEvent,
    TicketEventType,
    TicketFacts,
)
from persistence.pages import Window
from persistence.tickets import TicketScope, TicketStore
from tests import examples

STAFF = (Role.ADMIN, Role.SUPERVISOR, Role.AGENT)


def actor(role: Role) -> Actor:
    kind = ActorKind.BOT if role is Role.BOT else ActorKind.AGENT
    return Actor(kind, ObjectId(), "somebody", role)


# ---- what each role may do -----------------------------------------------------------------


def test_every_role_has_its_row() -> None:
    assert PERMISSIONS.keys() == set(Role)


def test_each_role_of_staff_may_what_the_one_below_may() -> None:
    rows = [PERMISSIONS[role] for role in STAFF]
    assert rows[0] > rows[1] > rows[2]
    assert rows[0] == set(Permission)


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (Permission.MANAGE_ACCOUNTS, {Role.ADMIN}),
        (Permission.MANAGE_CONFIGURATION, {Role.ADMIN}),
        (Permission.READ_ALL_TICKETS, {Role.ADMIN, Role.SUPERVISOR}),
        (Permission.REASSIGN_TICKETS, {Role.ADMIN, Role.SUPERVISOR}),
        (Permission.WORK_TICKETS, set(STAFF)),
        (Permission.READ_INTERNAL_NOTES, set(STAFF)),
        (Permission.READ_AGENTS, set(STAFF)),
        (Permission.READ_ALL_CUSTOMERS, set(STAFF)),
        (Permission.READ_STATISTICS, set(STAFF)),
        (Permission.TAKE_OVER_CONVERSATIONS, set(STAFF)),
        (Permission.CREATE_TICKETS, set(Role)),
        (Permission.ADD_PUBLIC_NOTES, set(Role)),
        (Permission.RECORD_FEEDBACK, set(Role)),
        (Permission.RECORD_MESSAGES, set(Role)),
    ],
)
def test_who_may_what(permission: Permission, roles: set[Role]) -> None:
    assert {role for role in Role if actor(role).may(permission)} == roles


@pytest.mark.parametrize(("role", "permission"), list(product(Role, Permission)))
def test_what_is_missing_is_refused_by_name(role: Role, permission: Permission) -> None:
    if permission in PERMISSIONS[role]:
        actor(role).require(permission)
        return
    with pytest.raises(Forbidden, match=permission):
        actor(role).require(permission)


def test_the_system_may_everything_and_is_nobody() -> None:
    assert SYSTEM.permissions == set(Permission)
    assert SYSTEM.ref.kind is ActorKind.SYSTEM
    assert SYSTEM.key is None


@given(examples.models(Agent, role=st.sampled_from(STAFF)))
def test_an_agent_acts_under_their_own_name(agent: Agent) -> None:
    acting = Actor.agent(agent)
    assert (acting.kind, acting.key, acting.name) == (ActorKind.AGENT, agent.id, agent.name)
    assert acting.permissions == PERMISSIONS[agent.role]


# ---- which tickets exist for whom ----------------------------------------------------------

people = st.sampled_from([ObjectId() for _ in range(3)])


@given(assignee=st.none() | people, escalated_to=st.none() | people, viewer=people)
def test_an_agent_sees_what_is_theirs_escalated_to_them_or_nobodys(
    assignee: ObjectId | None, escalated_to: ObjectId | None, viewer: ObjectId
) -> None:
    facts = TicketFacts.model_construct(
        customer_id=ObjectId(), audience=audience_of(assignee, escalated_to)
    )
    for role in STAFF:
        scope = readable_tickets(Actor(ActorKind.AGENT, viewer, "viewer", role))
        theirs = assignee in (viewer, None) or escalated_to == viewer
        assert scope.admits(facts) is (theirs or role is not Role.AGENT)
    assert len(facts.audience) == len(set(facts.audience))


@given(customer=st.none() | people, named=st.none() | people)
def test_a_bot_sees_the_tickets_of_the_customer_it_names_and_no_others(
    customer: ObjectId | None, named: ObjectId | None
) -> None:
    facts = TicketFacts.model_construct(customer_id=customer, audience=audience_of(None, None))
    bot = Actor(ActorKind.BOT, ObjectId(), "bot", Role.BOT, named)
    assert readable_tickets(bot).admits(facts) is (named is not None and named == customer)


def test_a_scope_without_restriction_is_only_for_who_sees_everything() -> None:
    unrestricted = [role for role in Role if readable_tickets(actor(role)) == TicketScope()]
    assert unrestricted == [Role.ADMIN, Role.SUPERVISOR]


# ---- what exists of a ticket ---------------------------------------------------------------


def test_a_bot_sees_public_notes_and_no_change_that_concerns_staff() -> None:
    bot = actor(Role.BOT)
    assert readable_notes(bot) == (NoteVisibility.PUBLIC,)
    assert not may_read_changes_of(bot, "assigneeId")
    assert not may_read_changes_of(bot, "escalation")
    assert may_read_changes_of(bot, "status")
    for role in STAFF:
        assert set(readable_notes(actor(role))) == set(NoteVisibility)
        assert may_read_changes_of(actor(role), "assigneeId")


HIDDEN = {TicketEventType.ASSIGNED, TicketEventType.ESCALATED, TicketEventType.ESCALATION_LIFTED}
ticket_key = ObjectId()
histories = st.lists(
    examples.models(TicketEvent, ticket_key=st.just(ticket_key), changes=st.just([])), max_size=8
)


@given(histories)
@settings(max_examples=30)
async def test_a_bot_is_shown_the_events_that_concern_its_customer_and_no_others(
    database: Database, events: list[TicketEvent]
) -> None:
    history = [
        evolve(event, id=ObjectId(), version=version)
        for version, event in enumerate(events, start=1)
    ]
    collection = database.collection(TicketEvent)
    await collection.delete_many({})
    if history:
        await collection.insert_many([to_document(event) for event in history])
    store = TicketStore(database)
    for role in Role:
        viewer = actor(role)
        shown = await store.events_page(ticket_key, readable_events(viewer), Window(100))
        expected = [event.version for event in history if may_read_event(viewer, event)]
        assert [event.version for event in shown.items] == expected
        assert await store.count_events(ticket_key, readable_events(viewer)) == len(expected)
        if viewer.is_bot:
            assert not any(event.type in HIDDEN for event in shown.items)
            visibilities = {event.note_visibility for event in shown.items}
            assert NoteVisibility.INTERNAL not in visibilities
        else:
            assert len(expected) == len(history)
