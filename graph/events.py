"""What happened to tickets: the activity of one ticket, and what the live feed delivers."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from bson import ObjectId
from strawberry.scalars import JSON

from domain.access import Actor as DomainActor
from domain.access import may_read_changes_of
from graph.accounts import Actor
from graph.enums import ListChange
from graph.nodes import encode_id
from persistence import models
from persistence.models import TicketEventType

if TYPE_CHECKING:
    from graph.tickets import Ticket


@strawberry.type(description="How one field of a ticket changed.")
class FieldChange:
    field: str = strawberry.field(description="The field, named as in `Ticket` or its inputs.")
    old: JSON | None = strawberry.field(name="from", description="Its value before.")
    new: JSON | None = strawberry.field(name="to", description="Its value since.")


@strawberry.interface(description="One committed change of one ticket.")
class TicketEvent:
    id: strawberry.ID = strawberry.field(description="Unique; the same wherever it is seen.")
    cursor: str = strawberry.field(
        description="Its place in the stream or list that it came from, for that one's `after`."
    )
    occurred_at: datetime = strawberry.field(description="When it was decided.")
    actor: Actor = strawberry.field(description="Who did it.")
    ticket_id: str = strawberry.field(description="The ticket's number.")
    version: int = strawberry.field(
        description="The ticket's version that it made; each event makes the next one."
    )
    list_change: ListChange = strawberry.field(
        description="How the filtered list changes for this viewer. In a ticket's history: "
        "ENTERED for its creation, UPDATED for all else."
    )
    ticket: Annotated["Ticket", strawberry.lazy("graph.tickets")] | None = strawberry.field(
        description="The ticket as it is now; null where `listChange` is LEFT."
    )
    changes: list[FieldChange] = strawberry.field(
        description="The fields that changed, as far as the viewer may know of them."
    )
    reason: str | None = strawberry.field(description="Why, where the actor said so. Not for bots.")


@strawberry.type(description="A ticket was opened.")
class TicketCreated(TicketEvent):
    pass


@strawberry.type(description="Fields of the ticket changed, or a public note was retracted.")
class TicketUpdated(TicketEvent):
    pass


@strawberry.type(description="The ticket moved to another state that has no event of its own.")
class TicketStatusChanged(TicketEvent):
    pass


@strawberry.type(description="The ticket was given to somebody, or to nobody.")
class TicketAssigned(TicketEvent):
    pass


@strawberry.type(description="A note was added; read it in `Ticket.notes`.")
class TicketNoteAdded(TicketEvent):
    pass


@strawberry.type(description="The ticket was escalated.")
class TicketEscalated(TicketEvent):
    pass


@strawberry.type(description="The ticket is no longer escalated.")
class TicketEscalationLifted(TicketEvent):
    pass


@strawberry.type(description="The ticket was resolved.")
class TicketResolved(TicketEvent):
    pass


@strawberry.type(description="A resolved or closed ticket is worked on again.")
class TicketReopened(TicketEvent):
    pass


@strawberry.type(description="The ticket was closed.")
class TicketClosed(TicketEvent):
    pass


@strawberry.type(description="The customer rated how the ticket was handled.")
class TicketFeedbackGiven(TicketEvent):
    pass


@strawberry.type(description="The ticket was linked with another.")
class TicketLinked(TicketEvent):
    pass


@strawberry.type(description="A file was attached to the ticket.")
class TicketAttachmentAdded(TicketEvent):
    pass


EVENT_TYPES: Mapping[TicketEventType, type[TicketEvent]] = {
    TicketEventType.CREATED: TicketCreated,
    TicketEventType.UPDATED: TicketUpdated,
    TicketEventType.STATUS_CHANGED: TicketStatusChanged,
    TicketEventType.ASSIGNED: TicketAssigned,
    TicketEventType.NOTE_ADDED: TicketNoteAdded,
    TicketEventType.ESCALATED: TicketEscalated,
    TicketEventType.ESCALATION_LIFTED: TicketEscalationLifted,
    TicketEventType.RESOLVED: TicketResolved,
    TicketEventType.REOPENED: TicketReopened,
    TicketEventType.CLOSED: TicketClosed,
    TicketEventType.FEEDBACK_GIVEN: TicketFeedbackGiven,
    TicketEventType.LINKED: TicketLinked,
    TicketEventType.ATTACHMENT_ADDED: TicketAttachmentAdded,
}


def event_from_model(
    event: models.TicketEvent,
    viewer: DomainActor,
    *,
    cursor: str,
    list_change: ListChange,
    ticket: "Ticket | None",
    is_withheld: bool = False,
) -> TicketEvent:
    """`event` as `viewer` may see it; the caller has checked that they may see it at all.

    `is_withheld`: that it happened, and nothing of what it says.
    """
    return EVENT_TYPES[event.type](
        id=encode_id("TicketEvent", event.id),
        cursor=cursor,
        occurred_at=event.occurred_at,
        actor=Actor.from_model(event.actor),
        ticket_id=event.ticket_id,
        version=event.version,
        list_change=list_change,
        ticket=ticket,
        changes=[
            FieldChange(
                field=change.field, old=_shown(change, change.old), new=_shown(change, change.new)
            )
            for change in event.changes
            if may_read_changes_of(viewer, change.field) and not is_withheld
        ],
        reason=None if viewer.is_bot or is_withheld else event.reason,
    )


def _shown(change: models.FieldChange, value: Any) -> Any:
    """A stored value with its references as the global ids that clients know."""
    if change.field == "assigneeId" and value:
        return encode_id("Agent", ObjectId(value))
    if change.field == "escalation" and value and value["escalatedToId"]:
        return {**value, "escalatedToId": encode_id("Agent", ObjectId(value["escalatedToId"]))}
    return value
