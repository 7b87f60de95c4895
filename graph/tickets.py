"""Tickets: their type, the lists of them, and the work on them."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from starlette.datastructures import UploadFile

from domain import sla
from domain.access import Permission
from domain.configuration import TicketCategory as CategoryModel
from domain.errors import Conflict, InvalidTransition, ValidationFailed
from domain.lifecycle import TRANSITIONS
from domain.tickets import NewTicket, Outcome, ticket_query
from graph.accounts import Actor, Agent
from graph.attachments import Attachment
from graph.context import Info
from graph.customers import Conversation, Customer
from graph.enums import (
    ListChange,
    NoteVisibility,
    OrderDirection,
    SlaState,
    TicketLinkKind,
    TicketOrderField,
    TicketPriority,
    TicketSource,
    TicketStatus,
)
from graph.errors import Problem, ProblemHandler, SimpleProblem, ValidationProblem
from graph.events import TicketEvent, event_from_model
from graph.fields import OfModel, of_model, related, shared_by
from graph.nodes import (
    After,
    Before,
    Connection,
    First,
    Last,
    Node,
    connection,
    decode_id,
    encode_cursor,
    selected_names,
    window,
)
from persistence import models
from persistence.tickets import TicketOrder as StoredOrder
from persistence.tickets import TicketQuery


@strawberry.type(description="What a ticket is about, one of the configured categories.")
class TicketCategory:
    id: str = strawberry.field(description="A slug, as in `light_malfunction`.")
    label: str = strawberry.field(description="Its name in the business's language.")
    label_en: str | None = strawberry.field(description="Its name in English.")
    description: str | None = strawberry.field(description="What belongs in it.")
    icon: str = strawberry.field(description="The name of a lucide icon.")
    color: str = strawberry.field(description="As #RRGGBB.")
    is_retired: bool = strawberry.field(
        description="True: no longer to be chosen; old tickets keep it."
    )

    @classmethod
    def from_model(cls, category: CategoryModel) -> "TicketCategory":
        return cls(
            id=category.id,
            label=category.label,
            label_en=category.label_en,
            description=category.description,
            icon=category.icon,
            color=category.color,
            is_retired=category.is_retired,
        )

    @classmethod
    def unknown(cls, category_id: str) -> "TicketCategory":
        """For a ticket whose category the configuration does not know any more."""
        return cls(
            id=category_id,
            label=category_id,
            label_en=None,
            description=None,
            icon="tag",
            color="#9CA3AF",
            is_retired=True,
        )


@strawberry.type(description="Where something is to be done.")
class Location:
    address: str | None = strawberry.field(description="A postal address, as written.")
    reference: str | None = strawberry.field(description="How to find it: “opposite the school”.")
    latitude: float | None = strawberry.field(description="Degrees north, WGS 84.")
    longitude: float | None = strawberry.field(description="Degrees east, WGS 84.")

    @classmethod
    def from_model(cls, location: models.Location) -> "Location":
        return cls(
            address=location.address,
            reference=location.reference,
            latitude=location.latitude,
            longitude=location.longitude,
        )


@strawberry.type(description="That a ticket needs more than its assignee.")
class Escalation:
    reason: str = strawberry.field(description="Why.")
    escalated_at: datetime = strawberry.field(description="When.")
    escalated_by: Actor = strawberry.field(description="By whom.")
    escalated_to: Agent | None = related(
        lambda loaders: loaders.agents,
        by="model.escalated_to",
        make=Agent.from_model,
        description="To whom, where it was to somebody.",
    )
    model: strawberry.Private[models.Escalation]

    @classmethod
    def from_model(cls, escalation: models.Escalation) -> "Escalation":
        return cls(
            reason=escalation.reason,
            escalated_at=escalation.escalated_at,
            escalated_by=Actor.from_model(escalation.escalated_by),
            model=escalation,
        )


@strawberry.type(description="How a ticket was resolved.")
class Resolution:
    summary: str = strawberry.field(description="What was done; the customer may read it.")
    resolved_by: Actor = strawberry.field(description="By whom.")
    resolved_at: datetime = strawberry.field(description="When.")

    @classmethod
    def from_model(cls, resolution: models.Resolution) -> "Resolution":
        return cls(
            summary=resolution.summary,
            resolved_by=Actor.from_model(resolution.resolved_by),
            resolved_at=resolution.resolved_at,
        )


@strawberry.type(description="How the customer found it.")
class Feedback:
    rating: int = strawberry.field(description="1 (bad) to 5 (good).")
    comment: str | None = strawberry.field(description="In their words.")
    given_at: datetime = strawberry.field(description="When.")

    @classmethod
    def from_model(cls, feedback: models.Feedback) -> "Feedback":
        return cls(rating=feedback.rating, comment=feedback.comment, given_at=feedback.given_at)


@strawberry.type(description="One step of a ticket through its states.")
class StatusChange:
    old: TicketStatus | None = strawberry.field(
        name="from", description="The state before; null for the first."
    )
    new: TicketStatus = strawberry.field(name="to", description="The state since.")
    changed_by: Actor = strawberry.field(description="By whom.")
    changed_at: datetime = strawberry.field(description="When.")
    reason: str | None = strawberry.field(description="Why, where it was said. Not for bots.")


@strawberry.type(description="A promised time and how it stands at the moment of asking.")
class SlaTarget:
    state: SlaState = strawberry.field(description="How it stands.")
    due_at: datetime = strawberry.field(
        description="When it is due; of a clock that stands still, if it went on now."
    )
    completed_at: datetime | None = strawberry.field(description="When it was done, if it was.")
    elapsed_seconds: int = strawberry.field(
        description="Seconds that the clock has run, without its pauses."
    )
    remaining_seconds: int = strawberry.field(
        description="Seconds that are left; negative when it is overdue."
    )

    @classmethod
    def read(cls, ticket: models.Ticket, target: models.SlaTarget, now: datetime) -> "SlaTarget":
        clock = sla.read_clock(ticket.sla, target, ticket.created_at, now)
        elapsed = int(clock.elapsed.total_seconds())
        return cls(
            state=clock.state,
            due_at=clock.due_at,
            completed_at=clock.completed_at,
            elapsed_seconds=elapsed,
            remaining_seconds=target.minutes * 60 - elapsed,
        )


@strawberry.type(description="A time during which the resolution clock stood still.")
class PauseInterval:
    start: datetime = strawberry.field(name="from", description="Since when.")
    end: datetime | None = strawberry.field(name="to", description="Until when; null: still.")


@strawberry.type(description="What was promised for a ticket, from its priority.")
class TicketSla:
    first_response: SlaTarget = strawberry.field(
        description="Until the first public note by an agent."
    )
    resolution: SlaTarget = strawberry.field(description="Until the ticket is resolved.")
    paused_intervals: list[PauseInterval] = strawberry.field(
        description="While it waited for the customer, and between resolution and reopening."
    )

    @classmethod
    def read(cls, ticket: models.Ticket, now: datetime) -> "TicketSla":
        return cls(
            first_response=SlaTarget.read(ticket, sla.first_response(ticket.sla), now),
            resolution=SlaTarget.read(ticket, sla.resolution(ticket.sla), now),
            paused_intervals=[
                PauseInterval(start=pause.start, end=pause.end) for pause in ticket.sla.pauses
            ],
        )


@strawberry.type(description="Something said about a ticket; never edited.")
class Note(Node):
    content: str = strawberry.field(description="1 to 10,000 characters, as plain text.")
    visibility: NoteVisibility = strawberry.field(description="Who may read it.")
    author: Actor = strawberry.field(description="Who wrote it.")
    created_at: datetime = strawberry.field(description="When.")

    @classmethod
    def from_model(cls, note: models.Note) -> "Note":
        return cls(
            key=note.id,
            content=note.content,
            visibility=note.visibility,
            author=Actor.from_model(note.author),
            created_at=note.created_at,
        )


@strawberry.type(description="That a ticket has to do with another.")
class TicketLink:
    kind: TicketLinkKind = strawberry.field(description="What the first is to the second.")
    is_outgoing: bool = strawberry.field(
        description="True: this ticket is the first. False: the other one is."
    )
    ticket: "Ticket" = strawberry.field(description="The other ticket.")


def _location(self: "Ticket") -> Location | None:
    return Location.from_model(self.model.location) if self.model.location else None


def _resolution(self: "Ticket") -> Resolution | None:
    return Resolution.from_model(self.model.resolution) if self.model.resolution else None


def _feedback(self: "Ticket") -> Feedback | None:
    return Feedback.from_model(self.model.feedback) if self.model.feedback else None


@strawberry.type(description="Something to be done for a customer.")
class Ticket(OfModel, Node):
    ticket_id: str = of_model("Its number for people, as in LUX-2026-000001; never changes.")
    subject: str = of_model("1 to 200 characters.")
    description: str = of_model("1 to 10,000 characters, as plain text.")
    subcategory: str | None = of_model("A finer category, in free words.")
    priority: TicketPriority = of_model("How pressing it is.")
    status: TicketStatus = of_model("Where it is in its life.")
    tags: list[str] = of_model("At most 20, in lower case.")
    location: Location | None = strawberry.field(
        resolver=_location, description="Where it is to be done."
    )
    source: TicketSource = of_model("Through whom it was opened.")
    resolution: Resolution | None = strawberry.field(
        resolver=_resolution, description="While RESOLVED or CLOSED: how it was resolved."
    )
    feedback: Feedback | None = strawberry.field(
        resolver=_feedback, description="How the customer found it."
    )
    version: int = of_model("Rises by one with each change; pass it as `expectedVersion`.")
    created_at: datetime = of_model("When it was opened.")
    updated_at: datetime = of_model("When it last changed.")
    model: strawberry.Private[models.Ticket]

    @strawberry.field(description="What it is about.")
    @shared_by("model.category")
    async def category(self, info: Info) -> TicketCategory:
        categories = (await info.context.configuration()).ticket_categories
        found = categories.find(self.model.category)
        if found is None:
            found = await info.context.loaders.former_categories.load(self.model.category)
        if found is None:
            return TicketCategory.unknown(self.model.category)
        return TicketCategory.from_model(found)

    @strawberry.field(description="The states to which it can go from here; RESOLVED by resolving.")
    def allowed_transitions(self) -> list[TicketStatus]:
        return list(TRANSITIONS[self.model.status])

    customer: Customer | None = related(
        lambda loaders: loaders.customers,
        by="model.customer_id",
        make=Customer.from_model,
        description="For whom it is to be done, where that is known.",
    )
    conversation: Conversation | None = related(
        lambda loaders: loaders.conversations,
        by="model.conversation_id",
        make=Conversation.from_model,
        description="The conversation that it came out of, if it did.",
    )
    assignee: Agent | None = related(
        lambda loaders: loaders.agents,
        by="model.assignee_id",
        make=Agent.from_model,
        description="Who works on it; null for nobody. Always null for a bot.",
    )

    @strawberry.field(description="Whether and why it is escalated. Always null for a bot.")
    def escalation(self, info: Info) -> Escalation | None:
        if self.model.escalation is None or _is_outsider(info):
            return None
        return Escalation.from_model(self.model.escalation)

    @strawberry.field(description="The promised times, computed at the moment of asking.")
    def sla(self, info: Info) -> TicketSla:
        return TicketSla.read(self.model, info.context.services.clock())

    @strawberry.field(description="Every state it was in, oldest first.")
    async def status_history(self, info: Info) -> list[StatusChange]:
        events = await info.context.loaders.status_changes.load(self.model.id)
        return [
            StatusChange(
                old=models.TicketStatus(change.old) if change.old else None,
                new=models.TicketStatus(change.new),
                changed_by=Actor.from_model(event.actor),
                changed_at=event.occurred_at,
                reason=None if _is_outsider(info) else event.reason,
            )
            for event in events
            for change in event.changes
            if change.field == "status"
        ]

    @strawberry.field(description="What was said about it, oldest first; to a bot, the public.")
    async def notes(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        last: Last = None,
        before: Before = None,
        visibility: Annotated[
            NoteVisibility | None, strawberry.argument(description="Only notes of this kind.")
        ] = None,
    ) -> Connection[Note]:
        tickets, actor = info.context.services.tickets, info.context.actor
        page = await tickets.notes_page(
            actor,
            self.model,
            visibility,
            window("notes", first=first, after=after, last=last, before=before),
        )
        return connection(
            "notes",
            page,
            node=Note.from_model,
            count=lambda: tickets.count_notes(actor, self.model, visibility),
        )

    @strawberry.field(
        description="Everything that happened to it, oldest first; to a bot, what concerns the "
        "customer."
    )
    async def history(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[TicketEvent]:
        tickets, actor = info.context.services.tickets, info.context.actor
        page = await tickets.events_page(
            actor,
            self.model,
            window("history", first=first, after=after, last=last, before=before),
        )
        return connection(
            "history",
            page,
            node=lambda event: event_from_model(
                event,
                actor,
                cursor=encode_cursor("history", event.version),
                list_change=ListChange.ENTERED if event.version == 1 else ListChange.UPDATED,
                ticket=self,
            ),
            count=lambda: tickets.count_events(actor, self.model),
        )

    @strawberry.field(description="The other tickets that it has to do with, as far as visible.")
    async def links(self, info: Info) -> list[TicketLink]:
        links = await info.context.loaders.links.load(self.model.id)
        return [
            TicketLink(
                kind=link.kind,
                is_outgoing=link.ticket_key == self.model.id,
                ticket=Ticket.from_model(other),
            )
            for link, other in links
        ]

    @strawberry.field(
        description="The files that belong to it, oldest first, at most 50; to a bot, the public."
    )
    async def attachments(self, info: Info) -> list[Attachment]:
        attachments = await info.context.loaders.attachments.load(self.model.id)
        return [Attachment.from_model(attachment) for attachment in attachments]

    @classmethod
    def from_model(cls, ticket: models.Ticket) -> "Ticket":
        return cls(key=ticket.id, model=ticket)


def _is_outsider(info: Info) -> bool:
    return not info.context.actor.may(Permission.READ_INTERNAL_NOTES)


# ---- outcomes ------------------------------------------------------------------------------


@strawberry.type(description="Somebody changed the ticket since the version you expected.")
class ConflictProblem(Problem):
    current_version: int = strawberry.field(description="The version that it is at now.")
    changed_fields: list[str] = strawberry.field(
        description="The fields that changed since the expected version."
    )
    ticket: Ticket | None = strawberry.field(description="The ticket as it is now.")


@strawberry.type(description="The ticket cannot go from its state to that one.")
class TransitionProblem(Problem):
    current: TicketStatus = strawberry.field(name="from", description="The state it is in.")
    requested: TicketStatus = strawberry.field(name="to", description="The state asked for.")
    allowed: list[TicketStatus] = strawberry.field(description="The states it can go to.")


@strawberry.type(description="The ticket as it now is.")
class TicketPayload:
    ticket: Ticket = strawberry.field(description="The ticket.")
    replayed: bool = strawberry.field(
        description="True: a request with this idempotencyKey had been carried out before, and "
        "nothing was done now."
    )

    @classmethod
    def of(cls, ticket: models.Ticket) -> "TicketPayload":
        return cls(ticket=Ticket.from_model(ticket), replayed=False)

    @classmethod
    def from_outcome(cls, outcome: Outcome) -> "TicketPayload":
        return cls(ticket=Ticket.from_model(outcome.ticket), replayed=outcome.replayed)


TicketResult = Annotated[
    TicketPayload | ValidationProblem | ConflictProblem | TransitionProblem | SimpleProblem,
    strawberry.union("TicketResult", description="The ticket, or why nothing was changed."),
]


class ConflictHandler(ProblemHandler[Conflict]):
    exception_type = Conflict
    error_type = ConflictProblem

    def problem(self, error: Conflict) -> ConflictProblem:
        ticket = error.ticket
        return ConflictProblem(
            code=error.code,
            message=error.message,
            current_version=error.current_version,
            changed_fields=list(error.changed_fields),
            ticket=Ticket.from_model(ticket) if ticket else None,
        )


class TransitionHandler(ProblemHandler[InvalidTransition]):
    exception_type = InvalidTransition
    error_type = TransitionProblem

    def problem(self, error: InvalidTransition) -> TransitionProblem:
        return TransitionProblem(
            code=error.code,
            message=error.message,
            current=error.current,
            requested=error.requested,
            allowed=list(error.allowed),
        )


# ---- inputs --------------------------------------------------------------------------------


@strawberry.input(description="Which tickets; every condition that is given must hold.")
class TicketFilter:
    status: list[TicketStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    priority: list[TicketPriority] | None = strawberry.field(
        default=None, description="Of one of these priorities."
    )
    category: list[str] | None = strawberry.field(
        default=None, description="In one of these categories, by id."
    )
    assignee_id: strawberry.ID | None = strawberry.field(
        default=None, description="Assigned to this agent."
    )
    assigned_to_me: bool | None = strawberry.field(
        default=None, description="True: assigned to the viewer."
    )
    unassigned: bool | None = strawberry.field(
        default=None, description="True: assigned to nobody."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of this customer."
    )
    conversation_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of this conversation."
    )
    tag: str | None = strawberry.field(default=None, description="With this tag, in any case.")
    source: TicketSource | None = strawberry.field(default=None, description="Opened through this.")
    escalated: bool | None = strawberry.field(
        default=None, description="Escalated, or, false, not."
    )
    sla_state: list[SlaState] | None = strawberry.field(
        default=None,
        description="With the first response or the resolution in one of these states now.",
    )
    created_after: datetime | None = strawberry.field(
        default=None, description="Opened then or later."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Opened before then."
    )
    updated_after: datetime | None = strawberry.field(
        default=None, description="Last changed then or later."
    )
    updated_before: datetime | None = strawberry.field(
        default=None, description="Last changed before then."
    )


@strawberry.input(description="How a list of tickets is sorted.")
class TicketOrder:
    field: TicketOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Which end comes first."
    )


@strawberry.input(description="Where something is to be done.")
class LocationInput:
    address: str | None = strawberry.field(default=None, description="At most 500 characters.")
    reference: str | None = strawberry.field(default=None, description="At most 500 characters.")
    latitude: float | None = strawberry.field(
        default=None, description="Degrees north, -90 to 90; goes with longitude."
    )
    longitude: float | None = strawberry.field(
        default=None, description="Degrees east, -180 to 180; goes with latitude."
    )

    def to_model(self) -> models.Location:
        return models.Location(
            address=self.address,
            reference=self.reference,
            latitude=self.latitude,
            longitude=self.longitude,
        )


_IDEMPOTENCY = (
    "Makes it safe to send again: for 24 hours the same key with the same input gives the first "
    "result, with another input the problem IDEMPOTENCY_MISMATCH. 1 to 200 characters."
)
_EXPECTED_VERSION = (
    "The version you saw. Where the ticket has changed since: a ConflictProblem. Without it, your "
    "change is made to the ticket as it is."
)


@strawberry.input(description="A ticket to open.")
class CreateTicketInput:
    subject: str = strawberry.field(description="1 to 200 characters on one line.")
    description: str = strawberry.field(description="1 to 10,000 characters.")
    category: str = strawberry.field(description="The id of a configured category.")
    subcategory: str | None = strawberry.field(
        default=None, description="A finer category in free words, at most 100 characters."
    )
    priority: TicketPriority | None = strawberry.field(
        default=models.TicketPriority.MEDIUM, description="Decides the SLA targets."
    )
    tags: list[str] | None = strawberry.field(
        default=None, description="At most 20 of at most 40 characters; folded to lower case."
    )
    location: LocationInput | None = strawberry.field(
        default=None, description="Where it is to be done."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="For whom, by id."
    )
    customer_phone: str | None = strawberry.field(
        default=None, description="For whom, by phone; recorded as a customer if new."
    )
    conversation_id: strawberry.ID | None = strawberry.field(
        default=None, description="The conversation that it comes out of, and so for whom."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_IDEMPOTENCY)

    def to_new_ticket(self) -> NewTicket:
        return NewTicket(
            subject=self.subject,
            description=self.description,
            category=self.category,
            subcategory=self.subcategory,
            priority=self.priority or models.TicketPriority.MEDIUM,
            tags=tuple(self.tags or ()),
            location=self.location.to_model() if self.location else None,
            customer_id=_key("Customer", self.customer_id, "customerId"),
            customer_phone=self.customer_phone,
            conversation_id=_key("Conversation", self.conversation_id, "conversationId"),
        )


@strawberry.input(
    description="What changes of a ticket. What is left out stays; null clears subcategory and "
    "location, and leaves the others."
)
class UpdateTicketInput:
    ticket_id: str = strawberry.field(description="The ticket's number.")
    subject: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 200 characters on one line."
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 10,000 characters."
    )
    category: str | None = strawberry.field(
        default=strawberry.UNSET, description="The id of a configured category."
    )
    subcategory: str | None = strawberry.field(
        default=strawberry.UNSET, description="At most 100 characters; null clears it."
    )
    priority: TicketPriority | None = strawberry.field(
        default=strawberry.UNSET, description="Moves both SLA deadlines."
    )
    tags: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="All tags that it is to have; [] clears them."
    )
    location: LocationInput | None = strawberry.field(
        default=strawberry.UNSET, description="The whole location; null clears it."
    )
    expected_version: int | None = strawberry.field(default=None, description=_EXPECTED_VERSION)

    def changes(self) -> dict[str, Any]:
        """What was given, as arguments of `Tickets.update`."""
        given: dict[str, Any] = {}
        for name in ("subject", "description", "category", "priority", "tags"):
            if (value := getattr(self, name)) is not strawberry.UNSET and value is not None:
                given[name] = value
        if self.subcategory is not strawberry.UNSET:
            given["subcategory"] = self.subcategory
        if self.location is not strawberry.UNSET:
            given["location"] = self.location.to_model() if self.location else None
        return given


@strawberry.input(description="A step to another state.")
class ChangeTicketStatusInput:
    ticket_id: str = strawberry.field(description="The ticket's number.")
    status: TicketStatus = strawberry.field(
        description="One of the ticket's `allowedTransitions`, except RESOLVED: see resolveTicket."
    )
    reason: str | None = strawberry.field(
        default=None,
        description="At most 1,000 characters. Required to reopen a CLOSED ticket, and to close "
        "one that was not resolved: `duplicate`, `spam` or `withdrawn`, which details may follow "
        "after a colon.",
    )
    expected_version: int | None = strawberry.field(default=None, description=_EXPECTED_VERSION)


@strawberry.input(description="Who works on a ticket.")
class AssignTicketInput:
    ticket_id: str = strawberry.field(description="The ticket's number.")
    assignee_id: strawberry.ID | None = strawberry.field(
        default=None, description="An active agent; null: nobody."
    )
    expected_version: int | None = strawberry.field(default=None, description=_EXPECTED_VERSION)


@strawberry.input(description="A note to add.")
class AddTicketNoteInput:
    ticket_id: str = strawberry.field(description="The ticket's number.")
    content: str = strawberry.field(description="1 to 10,000 characters.")
    visibility: NoteVisibility = strawberry.field(
        default=models.NoteVisibility.INTERNAL, description="Who may read it."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_IDEMPOTENCY)


@strawberry.input(description="A file to add.")
class AttachToTicketInput:
    ticket_id: str = strawberry.field(description="The ticket's number.")
    file: UploadFile = strawberry.field(
        description="PNG, JPEG, GIF, WebP, PDF or plain text in UTF-8, by what is in it; at most "
        "10,000,000 bytes, unless the server is set up otherwise."
    )
    visibility: NoteVisibility = strawberry.field(
        default=models.NoteVisibility.INTERNAL, description="Who may see it."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_IDEMPOTENCY)


@strawberry.input(description="A resolution.")
class ResolveTicketInput:
    ticket_id: str = strawberry.field(description="The ticket's number.")
    summary: str = strawberry.field(
        description="What was done, 1 to 10,000 characters; the customer may read it."
    )
    expected_version: int | None = strawberry.field(default=None, description=_EXPECTED_VERSION)


@strawberry.input(description="An escalation.")
class EscalateTicketInput:
    ticket_id: str = strawberry.field(description="The ticket's number.")
    reason: str = strawberry.field(description="Why, 1 to 10,000 characters.")
    escalate_to_id: strawberry.ID | None = strawberry.field(
        default=None, description="To whom; the ticket is assigned to them too."
    )
    expected_version: int | None = strawberry.field(default=None, description=_EXPECTED_VERSION)


@strawberry.input(description="The end of an escalation.")
class LiftEscalationInput:
    ticket_id: str = strawberry.field(description="The ticket's number.")
    expected_version: int | None = strawberry.field(default=None, description=_EXPECTED_VERSION)


@strawberry.input(description="What the customer thinks of it.")
class RecordFeedbackInput:
    ticket_id: str = strawberry.field(description="The ticket's number.")
    rating: int = strawberry.field(description="1 (bad) to 5 (good).")
    comment: str | None = strawberry.field(default=None, description="At most 10,000 characters.")


@strawberry.input(description="Two tickets that have to do with each other.")
class LinkTicketsInput:
    ticket_id: str = strawberry.field(description="The first ticket's number.")
    other_ticket_id: str = strawberry.field(description="The second ticket's number.")
    kind: TicketLinkKind = strawberry.field(description="What the first is to the second.")


@strawberry.input(description="A note to take back.")
class RetractTicketNoteInput:
    note_id: strawberry.ID = strawberry.field(description="Your own public note.")


# ---- lists ---------------------------------------------------------------------------------


def _key(type_name: str, global_id: str | None, path: str) -> Any:
    return None if global_id is None else decode_id(type_name, global_id, path)


def query_from(
    info: Info, filter: TicketFilter | None, search: str | None = None, **fixed: Any
) -> TicketQuery:
    """What a client asks for, as of now; `fixed` conditions come from where it asks.

    Raises ValidationFailed for ids of other types and for two kinds of assignee at once.
    """
    now = info.context.services.clock()
    if filter is None:
        return ticket_query(now, search, **fixed)
    assignees = [filter.assignee_id, filter.assigned_to_me or None, filter.unassigned or None]
    if sum(each is not None for each in assignees) > 1:
        raise ValidationFailed.of(
            "filter.assigneeId", "give one of assigneeId, assignedToMe and unassigned"
        )
    assignee_id = _key("Agent", filter.assignee_id, "filter.assigneeId")
    if filter.assigned_to_me:
        assignee_id = info.context.actor.key
    asked: dict[str, Any] = {
        "status": _tuple(filter.status),
        "priority": _tuple(filter.priority),
        "category": _tuple(filter.category),
        "assignee_id": assignee_id,
        "unassigned": bool(filter.unassigned),
        "customer_id": _key("Customer", filter.customer_id, "filter.customerId"),
        "conversation_id": _key("Conversation", filter.conversation_id, "filter.conversationId"),
        "tag": filter.tag.strip().lower() if filter.tag is not None else None,
        "source": filter.source,
        "escalated": filter.escalated,
        "sla_states": _tuple(filter.sla_state),
        "created_after": filter.created_after,
        "created_before": filter.created_before,
        "updated_after": filter.updated_after,
        "updated_before": filter.updated_before,
    }
    if any(asked[name] not in (None, value) for name, value in fixed.items()):
        # Of the tickets of one customer those of another: there are none.
        asked["status"] = ()
    return ticket_query(now, search, **{**asked, **fixed})


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


async def _tickets_page(
    info: Info,
    query: TicketQuery,
    list_name: str,
    order: TicketOrder | None,
    *,
    first: int | None,
    after: str | None,
    last: int | None = None,
    before: str | None = None,
) -> Connection[Ticket]:
    tickets, actor = info.context.services.tickets, info.context.actor
    stored = StoredOrder[(order.field if order else TicketOrderField.CREATED_AT).value]
    # A cursor holds a sort key, so it belongs to one order of the list.
    name = f"{list_name}/{stored.value}"
    page = await tickets.page(
        actor,
        query,
        window(name, first=first, after=after, last=last, before=before),
        order=stored,
        descending=order is None or order.direction is OrderDirection.DESC,
        details=selected_names(info),
    )
    return connection(
        name,
        page,
        node=Ticket.from_model,
        count=lambda: tickets.count(actor, query),
    )


async def tickets_of(
    info: Info,
    list_name: str,
    first: int | None,
    after: str | None,
    *,
    filter: TicketFilter | None = None,
    **fixed: Any,
) -> Connection[Ticket]:
    """The tickets that belong to something else, newest first."""
    query = query_from(info, filter, **fixed)
    return await _tickets_page(info, query, list_name, None, first=first, after=after)


@strawberry.type
class TicketQueries:
    @strawberry.field(
        description="One ticket by its number; null where there is none that the viewer may see."
    )
    async def ticket(
        self,
        info: Info,
        ticket_id: Annotated[str, strawberry.argument(description="As in LUX-2026-000001.")],
    ) -> Ticket | None:
        ticket = await info.context.services.tickets.find(info.context.actor, ticket_id)
        return Ticket.from_model(ticket) if ticket else None

    @strawberry.field(description="The tickets that the viewer may see.")
    async def tickets(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[
            TicketFilter | None, strawberry.argument(description="Only tickets that meet it.")
        ] = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Words that must all be found, as beginnings, in subject, description, "
                "tags, number, or the customer's name or phone, whatever their accents, case and "
                "Spanish or English endings: `lampara` finds “lámparas”."
            ),
        ] = None,
        order_by: Annotated[
            TicketOrder | None,
            strawberry.argument(description="Newest first where it is left out."),
        ] = None,
    ) -> Connection[Ticket]:
        query = query_from(info, filter, search)
        return await _tickets_page(
            info, query, "tickets", order_by, first=first, after=after, last=last, before=before
        )


# ---- work ----------------------------------------------------------------------------------


@strawberry.type
class TicketMutations:
    @strawberry.mutation(
        description="Opens a ticket with the next number. Anyone signed in; a bot for the "
        "customer that it names. Problems: VALIDATION, NOT_FOUND (customer, conversation), "
        "IDEMPOTENCY_MISMATCH. Emits TicketCreated."
    )
    async def create_ticket(self, info: Info, input: CreateTicketInput) -> TicketResult:
        outcome = await info.context.services.tickets.create(
            info.context.actor, input.to_new_ticket(), idempotency_key=input.idempotency_key
        )
        return TicketPayload.from_outcome(outcome)

    @strawberry.mutation(
        description="Changes fields of a ticket; a new priority moves both deadlines. Not for "
        "bots. Problems: VALIDATION, NOT_FOUND, FORBIDDEN, CONFLICT. Emits TicketUpdated, unless "
        "nothing changes."
    )
    async def update_ticket(self, info: Info, input: UpdateTicketInput) -> TicketResult:
        ticket = await info.context.services.tickets.update(
            info.context.actor,
            input.ticket_id,
            expected_version=input.expected_version,
            **input.changes(),
        )
        return TicketPayload.of(ticket)

    @strawberry.mutation(
        description="Moves a ticket to another state. Not for bots. Problems: INVALID_TRANSITION, "
        "VALIDATION (the reason), NOT_FOUND, FORBIDDEN, CONFLICT. Emits TicketStatusChanged, "
        "TicketClosed or TicketReopened."
    )
    async def change_ticket_status(
        self, info: Info, input: ChangeTicketStatusInput
    ) -> TicketResult:
        ticket = await info.context.services.tickets.change_status(
            info.context.actor,
            input.ticket_id,
            input.status,
            reason=input.reason,
            expected_version=input.expected_version,
        )
        return TicketPayload.of(ticket)

    @strawberry.mutation(
        description="Gives a ticket to an agent, or to nobody; a NEW one becomes OPEN. Agents may "
        "take unassigned tickets and hand on their own; supervisors and admins reassign anyone's. "
        "Problems: VALIDATION, NOT_FOUND, FORBIDDEN, CONFLICT. Emits TicketAssigned."
    )
    async def assign_ticket(self, info: Info, input: AssignTicketInput) -> TicketResult:
        ticket = await info.context.services.tickets.assign(
            info.context.actor,
            input.ticket_id,
            assignee_id=_key("Agent", input.assignee_id, "assigneeId"),
            expected_version=input.expected_version,
        )
        return TicketPayload.of(ticket)

    @strawberry.mutation(
        description="Adds a note. An agent's first public note is the first response. Bots add "
        "public ones only. Problems: VALIDATION, NOT_FOUND, FORBIDDEN, IDEMPOTENCY_MISMATCH. "
        "Emits TicketNoteAdded."
    )
    async def add_ticket_note(self, info: Info, input: AddTicketNoteInput) -> TicketResult:
        outcome = await info.context.services.tickets.add_note(
            info.context.actor,
            input.ticket_id,
            input.content,
            visibility=input.visibility,
            idempotency_key=input.idempotency_key,
        )
        return TicketPayload.from_outcome(outcome)

    @strawberry.mutation(
        description="Takes back a public note within 5 minutes, for good. Its author alone. "
        "Problems: VALIDATION, NOT_FOUND, FORBIDDEN. Emits TicketUpdated."
    )
    async def retract_ticket_note(self, info: Info, input: RetractTicketNoteInput) -> TicketResult:
        ticket = await info.context.services.tickets.retract_note(
            info.context.actor, decode_id("Note", input.note_id, "noteId")
        )
        return TicketPayload.of(ticket)

    @strawberry.mutation(
        description="Adds a file, in a request of multipart/form-data as the GraphQL multipart "
        "request specification has it. Bots add public ones only. Problems: VALIDATION (its name, "
        "size or type, more than 50), NOT_FOUND, FORBIDDEN, IDEMPOTENCY_MISMATCH. Emits "
        "TicketAttachmentAdded."
    )
    async def attach_to_ticket(self, info: Info, input: AttachToTicketInput) -> TicketResult:
        outcome = await info.context.services.attachments.attach(
            info.context.actor,
            input.ticket_id,
            input.file,
            visibility=input.visibility,
            idempotency_key=input.idempotency_key,
        )
        return TicketPayload.from_outcome(outcome)

    @strawberry.mutation(
        description="Resolves a ticket. Not for bots. Problems: INVALID_TRANSITION, VALIDATION, "
        "NOT_FOUND, FORBIDDEN, CONFLICT. Emits TicketResolved."
    )
    async def resolve_ticket(self, info: Info, input: ResolveTicketInput) -> TicketResult:
        ticket = await info.context.services.tickets.resolve(
            info.context.actor,
            input.ticket_id,
            input.summary,
            expected_version=input.expected_version,
        )
        return TicketPayload.of(ticket)

    @strawberry.mutation(
        description="Flags a ticket that is not closed, and assigns it where an agent is named; "
        "its state stays, but for a NEW one that is assigned. Not for bots. Problems: VALIDATION, "
        "NOT_FOUND, FORBIDDEN, CONFLICT. Emits TicketEscalated."
    )
    async def escalate_ticket(self, info: Info, input: EscalateTicketInput) -> TicketResult:
        ticket = await info.context.services.tickets.escalate(
            info.context.actor,
            input.ticket_id,
            input.reason,
            escalate_to=_key("Agent", input.escalate_to_id, "escalateToId"),
            expected_version=input.expected_version,
        )
        return TicketPayload.of(ticket)

    @strawberry.mutation(
        description="Ends an escalation; without effect where there is none. Not for bots. "
        "Problems: NOT_FOUND, FORBIDDEN, CONFLICT. Emits TicketEscalationLifted."
    )
    async def lift_escalation(self, info: Info, input: LiftEscalationInput) -> TicketResult:
        ticket = await info.context.services.tickets.lift_escalation(
            info.context.actor, input.ticket_id, expected_version=input.expected_version
        )
        return TicketPayload.of(ticket)

    @strawberry.mutation(
        description="Records the customer's rating, once, while the ticket is RESOLVED or CLOSED. "
        "Anyone signed in. Problems: VALIDATION, NOT_FOUND. Emits TicketFeedbackGiven."
    )
    async def record_feedback(self, info: Info, input: RecordFeedbackInput) -> TicketResult:
        ticket = await info.context.services.tickets.record_feedback(
            info.context.actor, input.ticket_id, rating=input.rating, comment=input.comment
        )
        return TicketPayload.of(ticket)

    @strawberry.mutation(
        description="Links two tickets; both show it. Linking them again changes nothing. Not for "
        "bots. Problems: VALIDATION, NOT_FOUND, FORBIDDEN. Emits TicketLinked for both."
    )
    async def link_tickets(self, info: Info, input: LinkTicketsInput) -> TicketResult:
        ticket = await info.context.services.tickets.link(
            info.context.actor, input.ticket_id, input.other_ticket_id, input.kind
        )
        return TicketPayload.of(ticket)
