"""Forgetting a customer: their person goes, what happened to their tickets stays.

What was written freely goes, whoever wrote it, since anybody may have written of the person. What
was chosen from a list, counted or timed stays, and so do numbers, links between documents, and the
names of those who worked. Hence every figure is after an erasure what it was before.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from bson import ObjectId

from domain.access import Actor, Permission
from domain.clock import Clock
from domain.errors import NotFound
from domain.known_customers import KnownConversations, KnownCustomers
from domain.lifecycle import is_closing_reason
from domain.tickets import ANNOUNCED, NOTE_RETRACTED, announced_value, derived, event_of
from persistence.assistant import AssistantStore
from persistence.attachments import AttachmentStore
from persistence.customers import CustomerStore
from persistence.database import Database, Transaction
from persistence.documents import evolve
from persistence.idempotency import IdempotencyStore
from persistence.models import (
    ActorKind,
    ActorRef,
    Customer,
    FieldChange,
    Note,
    NoteVisibility,
    Ticket,
    TicketEvent,
    TicketEventType,
    TicketFacts,
)
from persistence.tickets import TicketStore

log = structlog.stdlib.get_logger("tickets.erasure")

# What stands where a text was that may not be missing.
ERASED: Final = "[erased]"
CUSTOMER_ERASED: Final = "customer erased"
# For how long a ticket may be being opened by who had read, or remembered, the customer before.
OPENING_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Erased:
    """`tickets`: how many there was something to take out of."""

    customer: Customer
    tickets: int


class Erasure:
    def __init__(
        self,
        *,
        database: Database,
        customers: CustomerStore,
        known: KnownCustomers,
        known_conversations: KnownConversations,
        tickets: TicketStore,
        attachments: AttachmentStore,
        assistant: AssistantStore,
        idempotency: IdempotencyStore,
        clock: Clock,
    ) -> None:
        self._database = database
        self._customers = customers
        self._known = known
        self._known_conversations = known_conversations
        self._tickets = tickets
        self._attachments = attachments
        self._assistant = assistant
        self._idempotency = idempotency
        self._clock = clock

    async def erase(self, actor: Actor, customer_id: ObjectId) -> Erased:
        """Takes the customer out of everything, for good.

        First the customer, who is then found by nothing any more; then one ticket and one
        conversation after the other, each in one transaction. Cut short, it is finished by being
        asked for again, and once it is finished that has no effect but on what came since.
        Raises NotFound, Forbidden.
        """
        actor.require(Permission.ERASE_CUSTOMERS)
        customer = await self._database.transaction(
            lambda session: self._erase_customer(customer_id, session)
        )
        self._known.forget(customer_id)
        changed: dict[ObjectId, bool] = {}
        for pause in (0.0, OPENING_SECONDS):
            await asyncio.sleep(pause)
            for ticket in await self._tickets.find_of_customer(customer_id):
                if ticket.id not in changed:
                    changed[ticket.id] = await self._erase_ticket(actor, ticket.id)
        for key in await self._customers.conversation_keys(customer_id):
            await self._database.transaction(
                lambda session, key=key: self._erase_conversation(key, session)
            )
            self._known_conversations.forget(key)
        count = sum(changed.values())
        log.info("erased a customer", customer=str(customer_id), tickets=count)
        return Erased(customer, count)

    async def _erase_customer(self, key: ObjectId, session: Transaction) -> Customer:
        customer = await self._customers.find(key, session=session)
        if customer is None:
            raise NotFound("customer")
        if customer.erased_at is not None:
            return customer
        erased = erased_customer(customer, self._clock())
        await self._customers.replace_fields(customer, erased, session=session)
        return erased

    async def _erase_ticket(self, actor: Actor, key: ObjectId) -> bool:
        """Whether there was anything to take out."""

        async def attempt(session: Transaction) -> bool | None:
            ticket = await self._tickets.find_unscoped(key, session=session)
            if ticket is None:
                return False
            await self._idempotency.forget_results([key], session=session)
            notes = await self._tickets.notes_of(key, session=session)
            events = await self._tickets.events_since(key, 0, session=session)
            files = await self._attachments.of_tickets(
                [key], tuple(NoteVisibility), session=session
            )
            bare = derived(erased_ticket(ticket), None)
            written = [note for note in notes if erased_note(note) != note]
            told = [event for event in events if erased_event(event) != event]
            if bare == ticket and not (written or told or files):
                return False
            now = max(self._clock(), ticket.updated_at)
            new = evolve(bare, version=ticket.version + 1, updated_at=now, updated_by=actor.ref)
            new = derived(new, None)
            event = event_of(
                actor, bare, new, type=TicketEventType.UPDATED, at=now, reason=CUSTOMER_ERASED
            )
            event = evolve(event, changes=_changes(ticket, bare))
            if not await self._tickets.change(ticket, new, event, session=session):
                return None
            await self._attachments.remove([file.id for file in files], session=session)
            await self._tickets.rewrite_notes(map(erased_note, written), session=session)
            await self._tickets.rewrite_events(map(erased_event, told), session=session)
            return True

        while (changed := await self._database.transaction(attempt)) is None:
            # Somebody wrote the ticket between our reading and our writing.
            continue
        return changed

    async def _erase_conversation(self, key: ObjectId, session: Transaction) -> None:
        await self._assistant.discard_draft(key, session=session)
        await self._customers.erase_conversation(key, text=ERASED, session=session)


# ---- what is left --------------------------------------------------------------------------


def erased_customer(customer: Customer, at: datetime) -> Customer:
    return evolve(
        customer,
        # Unique, and no number that anybody could look for.
        phone=f"erased:{customer.id}",
        name=None,
        email=None,
        language=None,
        external_id=None,
        terms=[],
        updated_at=at,
        erased_at=at,
    )


def erased_ticket(ticket: Ticket) -> Ticket:
    """Without the words to search for, which are derived."""
    escalation, resolution, feedback = ticket.escalation, ticket.resolution, ticket.feedback
    return evolve(
        ticket,
        subject=ERASED,
        description=ERASED,
        subcategory=_erased(ticket.subcategory),
        tags=[],
        location=None,
        escalation=escalation
        and evolve(escalation, reason=ERASED, escalated_by=_erased_actor(escalation.escalated_by)),
        resolution=resolution
        and evolve(resolution, summary=ERASED, resolved_by=_erased_actor(resolution.resolved_by)),
        feedback=feedback and evolve(feedback, comment=_erased(feedback.comment)),
        created_by=_erased_actor(ticket.created_by),
        updated_by=_erased_actor(ticket.updated_by),
    )


def erased_note(note: Note) -> Note:
    # Of one that was retracted the text is gone already.
    return evolve(note, content=note.content and ERASED, author=_erased_actor(note.author))


def erased_event(event: TicketEvent) -> TicketEvent:
    return evolve(
        event,
        actor=_erased_actor(event.actor),
        changes=[_erased_change(change) for change in event.changes],
        reason=_erased_reason(event.reason),
        before=event.before and _erased_facts(event.before),
        after=_erased_facts(event.after),
    )


def _erased(text: str | None) -> str | None:
    return None if text is None else ERASED


def _erased_actor(actor: ActorRef) -> ActorRef:
    return evolve(actor, name="customer") if actor.kind is ActorKind.CUSTOMER else actor


def _erased_facts(facts: TicketFacts) -> TicketFacts:
    return evolve(facts, tags=[])


def _erased_reason(reason: str | None) -> str | None:
    if reason in (None, NOTE_RETRACTED, CUSTOMER_ERASED):
        return reason
    # `duplicate: as she said yesterday`
    return reason.partition(":")[0].strip() if is_closing_reason(reason) else ERASED


# Of the values that events keep of fields; all others were chosen from a list.
_ERASED_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "subject": _erased,
    "description": _erased,
    "subcategory": _erased,
    "tags": lambda tags: None if tags is None else [],
    "location": lambda _: None,
    "escalation": lambda escalation: escalation and {**escalation, "reason": ERASED},
    "resolution": lambda resolution: resolution and {**resolution, "summary": ERASED},
    "feedback": lambda feedback: feedback and {**feedback, "comment": _erased(feedback["comment"])},
}


def _erased_change(change: FieldChange) -> FieldChange:
    erase = _ERASED_VALUES.get(change.field)
    if erase is None:
        return change
    return evolve(change, old=erase(change.old), new=erase(change.new))


def _changes(ticket: Ticket, erased: Ticket) -> list[FieldChange]:
    """Which fields were erased, and nothing of what they were."""
    return [
        FieldChange(field=announced, old=value, new=value)
        for name, announced in ANNOUNCED.items()
        if getattr(ticket, name) != getattr(erased, name)
        for value in [announced_value(getattr(erased, name))]
    ]
