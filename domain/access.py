"""Who acts, what each role may do, and what each actor may see. Nothing else decides either."""

from dataclasses import dataclass
from enum import StrEnum

from bson import ObjectId

from domain.errors import Forbidden
from persistence.documents import Document
from persistence.models import (
    ActorKind,
    ActorRef,
    Agent,
    ApiKey,
    NoteVisibility,
    Role,
    TicketEvent,
    TicketEventType,
)
from persistence.tickets import TicketScope


class Permission(StrEnum):
    """Named as clients see them in `viewer { permissions }`."""

    READ_ALL_TICKETS = "tickets:read-all"
    CREATE_TICKETS = "tickets:create"
    WORK_TICKETS = "tickets:work"
    REASSIGN_TICKETS = "tickets:reassign-anyone"
    READ_STATISTICS = "tickets:statistics"
    READ_INTERNAL_NOTES = "notes:internal"
    ADD_PUBLIC_NOTES = "notes:public"
    RECORD_FEEDBACK = "feedback:record"
    READ_ALL_CUSTOMERS = "customers:read-all"
    WRITE_CUSTOMERS = "customers:write"
    ERASE_CUSTOMERS = "customers:erase"
    RECORD_MESSAGES = "conversations:record"
    TAKE_OVER_CONVERSATIONS = "conversations:take-over"
    USE_ASSISTANT = "assistant:use"
    READ_AGENTS = "agents:read"
    MANAGE_ACCOUNTS = "accounts:manage"
    MANAGE_CONFIGURATION = "configuration:manage"


_TICKET_WORK = frozenset(
    {
        Permission.CREATE_TICKETS,
        Permission.WORK_TICKETS,
        Permission.READ_STATISTICS,
        Permission.READ_INTERNAL_NOTES,
        Permission.ADD_PUBLIC_NOTES,
        Permission.RECORD_FEEDBACK,
        Permission.READ_ALL_CUSTOMERS,
        Permission.WRITE_CUSTOMERS,
        Permission.RECORD_MESSAGES,
        Permission.TAKE_OVER_CONVERSATIONS,
        Permission.READ_AGENTS,
    }
)

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.SUPERVISOR: _TICKET_WORK | {Permission.READ_ALL_TICKETS, Permission.REASSIGN_TICKETS},
    Role.AGENT: _TICKET_WORK,
    Role.BOT: frozenset(
        {
            Permission.CREATE_TICKETS,
            Permission.ADD_PUBLIC_NOTES,
            Permission.RECORD_FEEDBACK,
            Permission.WRITE_CUSTOMERS,
            Permission.RECORD_MESSAGES,
            Permission.USE_ASSISTANT,
        }
    ),
}

UNASSIGNED = "unassigned"


@dataclass(frozen=True, slots=True)
class Actor:
    """`customer_id` is the customer for whom a bot speaks; a bot without one sees no tickets.

    `is_assistant`: a language model decided what to do, through a tool call.
    """

    kind: ActorKind
    key: ObjectId | None
    name: str
    role: Role
    customer_id: ObjectId | None = None
    is_assistant: bool = False

    @classmethod
    def agent(cls, agent: Agent) -> "Actor":
        return cls(ActorKind.AGENT, agent.id, agent.name, agent.role)

    @classmethod
    def bot(cls, api_key: ApiKey, customer_id: ObjectId | None = None) -> "Actor":
        return cls(ActorKind.BOT, api_key.id, api_key.name, Role.BOT, customer_id)

    def speaking_for(self, customer_id: ObjectId) -> "Actor":
        """This bot, naming that customer for one operation."""
        return Actor(self.kind, self.key, self.name, self.role, customer_id)

    def naming(self, customer_id: ObjectId) -> "Actor":
        """As `speaking_for`, of a bot that has named nobody; any other actor as it is."""
        unnamed = self.is_bot and self.customer_id is None
        return self.speaking_for(customer_id) if unnamed else self

    def as_assistant_for(self, customer_id: ObjectId) -> "Actor":
        """This actor, lending its name to a model, which may do what a bot may and no more."""
        return Actor(self.kind, self.key, self.name, Role.BOT, customer_id, is_assistant=True)

    @property
    def is_bot(self) -> bool:
        return self.role is Role.BOT

    @property
    def ref(self) -> ActorRef:
        return ActorRef(kind=self.kind, key=self.key, name=self.name)

    @property
    def permissions(self) -> frozenset[Permission]:
        return PERMISSIONS[self.role]

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role]

    def require(self, permission: Permission) -> None:
        """Raises Forbidden, naming the permission that is missing."""
        if not self.may(permission):
            raise Forbidden(f"This needs the permission {permission}, which {self.role} has not.")


# Acts for the installation itself: seeding, imports, the command line.
SYSTEM = Actor(ActorKind.SYSTEM, None, "system", Role.ADMIN)


def readable_tickets(actor: Actor) -> TicketScope:
    """The tickets that exist for `actor`; every read and every change starts from it."""
    if actor.is_bot:
        if actor.customer_id is None:
            return TicketScope(audience=())
        return TicketScope(customer_id=actor.customer_id)
    if actor.may(Permission.READ_ALL_TICKETS):
        return TicketScope()
    return TicketScope(audience=(UNASSIGNED, f"agent:{actor.key}"))


def audience_of(assignee_id: ObjectId | None, escalated_to: ObjectId | None) -> list[str]:
    """Whom a ticket exists for besides those who see every ticket."""
    readers = [UNASSIGNED] if assignee_id is None else [f"agent:{assignee_id}"]
    if escalated_to is not None and escalated_to != assignee_id:
        readers.append(f"agent:{escalated_to}")
    return readers


def readable_notes(actor: Actor) -> tuple[NoteVisibility, ...]:
    if actor.may(Permission.READ_INTERNAL_NOTES):
        return (NoteVisibility.PUBLIC, NoteVisibility.INTERNAL)
    return (NoteVisibility.PUBLIC,)


def permission_to_write(visibility: NoteVisibility) -> Permission:
    """Of a note, or of a file: what is internal adds who may read it."""
    if visibility is NoteVisibility.PUBLIC:
        return Permission.ADD_PUBLIC_NOTES
    return Permission.READ_INTERNAL_NOTES


# What a customer may learn of a ticket's history: not who works on it, nor how it was escalated.
_CUSTOMER_EVENTS = (
    TicketEventType.CREATED,
    TicketEventType.UPDATED,
    TicketEventType.STATUS_CHANGED,
    TicketEventType.NOTE_ADDED,
    TicketEventType.RESOLVED,
    TicketEventType.REOPENED,
    TicketEventType.CLOSED,
    TicketEventType.FEEDBACK_GIVEN,
    TicketEventType.ATTACHMENT_ADDED,
)
_STAFF_FIELDS = frozenset({"assigneeId", "escalation"})


def readable_events(actor: Actor) -> Document:
    """The conditions under which one of a readable ticket's events exists for `actor`.

    `may_read_event` asks the same of an event at hand.
    """
    if actor.may(Permission.READ_INTERNAL_NOTES):
        return {}
    return {
        "type": {"$in": [event_type.value for event_type in _CUSTOMER_EVENTS]},
        "note_visibility": {"$ne": NoteVisibility.INTERNAL.value},
    }


def may_read_event(actor: Actor, event: TicketEvent) -> bool:
    if actor.may(Permission.READ_INTERNAL_NOTES):
        return True
    return event.type in _CUSTOMER_EVENTS and event.note_visibility is not NoteVisibility.INTERNAL


def may_read_changes_of(actor: Actor, field: str) -> bool:
    """Whether `actor` may learn from an event how that field of a ticket changed."""
    return actor.may(Permission.READ_INTERNAL_NOTES) or field not in _STAFF_FIELDS
