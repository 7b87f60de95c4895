"""The stored documents: their fields, their limits and their indexes.

These models are the schema of the database and the entities of the domain. Instants are UTC-aware
`datetime`s with millisecond precision, references are plain `ObjectId`s (a `Reference()` would
cascade saves), and fields that only exist to be queried say so. Every index ascends, also where a
list descends: a server walks it either way, and the embedded one misreads a lower bound on an index
that descends.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from persistence.odm import EmbeddedModel, Field, Model


class TicketStatus(StrEnum):
    NEW = "NEW"
    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    PENDING_CUSTOMER = "PENDING_CUSTOMER"
    WAITING_INTERNAL = "WAITING_INTERNAL"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class TicketPriority(StrEnum):
    """Declared from least to most pressing; sorting by priority relies on this order."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    URGENT = "URGENT"


class TicketSource(StrEnum):
    ASSISTANT = "ASSISTANT"
    AGENT = "AGENT"
    API = "API"


class Role(StrEnum):
    ADMIN = "ADMIN"
    SUPERVISOR = "SUPERVISOR"
    AGENT = "AGENT"
    BOT = "BOT"


class ActorKind(StrEnum):
    AGENT = "AGENT"
    BOT = "BOT"
    CUSTOMER = "CUSTOMER"
    SYSTEM = "SYSTEM"


class NoteVisibility(StrEnum):
    PUBLIC = "PUBLIC"
    INTERNAL = "INTERNAL"


class SlaTargetKind(StrEnum):
    FIRST_RESPONSE = "FIRST_RESPONSE"
    RESOLUTION = "RESOLUTION"


class SlaState(StrEnum):
    PENDING = "PENDING"
    AT_RISK = "AT_RISK"
    BREACHED = "BREACHED"
    PAUSED = "PAUSED"
    MET = "MET"
    MISSED = "MISSED"


class TicketLinkKind(StrEnum):
    DUPLICATE_OF = "DUPLICATE_OF"
    RELATED = "RELATED"
    FOLLOW_UP_OF = "FOLLOW_UP_OF"


class ConversationChannel(StrEnum):
    WHATSAPP = "WHATSAPP"
    WEB = "WEB"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    API = "API"


class ConversationHandler(StrEnum):
    ASSISTANT = "ASSISTANT"
    HUMAN = "HUMAN"


class MessageAuthor(StrEnum):
    CUSTOMER = "CUSTOMER"
    ASSISTANT = "ASSISTANT"
    AGENT = "AGENT"


class TicketEventType(StrEnum):
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    STATUS_CHANGED = "STATUS_CHANGED"
    ASSIGNED = "ASSIGNED"
    NOTE_ADDED = "NOTE_ADDED"
    ESCALATED = "ESCALATED"
    ESCALATION_LIFTED = "ESCALATION_LIFTED"
    RESOLVED = "RESOLVED"
    REOPENED = "REOPENED"
    CLOSED = "CLOSED"
    FEEDBACK_GIVEN = "FEEDBACK_GIVEN"
    LINKED = "LINKED"
    ATTACHMENT_ADDED = "ATTACHMENT_ADDED"


class AnswerOutcome(StrEnum):
    SENT = "SENT"
    HANDED_OVER = "HANDED_OVER"
    FAILED = "FAILED"
    DISCARDED = "DISCARDED"


class ConfigurationAction(StrEnum):
    SEEDED = "SEEDED"
    UPDATED = "UPDATED"
    RESET = "RESET"
    RESTORED = "RESTORED"
    PRESET_APPLIED = "PRESET_APPLIED"
    PRESET_SAVED = "PRESET_SAVED"
    PRESET_IMPORTED = "PRESET_IMPORTED"
    PRESET_DELETED = "PRESET_DELETED"


class ActorRef(EmbeddedModel):
    """Who acted, as it was then: the name is kept so that history survives a renamed account."""

    kind: ActorKind
    key: ObjectId | None = None
    name: str


class Location(EmbeddedModel):
    address: str | None = None
    reference: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Escalation(EmbeddedModel):
    reason: str
    escalated_to: ObjectId | None = None
    escalated_by: ActorRef
    escalated_at: datetime


class Resolution(EmbeddedModel):
    summary: str
    resolved_by: ActorRef
    resolved_at: datetime


class Feedback(EmbeddedModel):
    rating: int
    comment: str | None = None
    given_at: datetime


class SlaTarget(EmbeddedModel):
    """One promise and what a query needs to know its state at any instant (see `domain.sla`)."""

    kind: SlaTargetKind
    minutes: int
    due_at: datetime
    at_risk_at: datetime
    completed_at: datetime | None = None
    met: bool | None = None
    # A promise that was already broken when the clock stopped stays broken: it is not `paused`.
    paused: bool = False


class PauseInterval(EmbeddedModel):
    start: datetime
    end: datetime | None = None


class Sla(EmbeddedModel):
    """The first-response target, then the resolution target, and when the latter stood still."""

    targets: list[SlaTarget]
    pauses: list[PauseInterval] = []


class SortKeys(EmbeddedModel):
    """One unique, sortable string per order a list offers, so that a cursor is one comparison.

    Each starts with what is sorted by and ends with the ticket's key, which makes ties impossible.
    """

    created: str
    updated: str
    priority: str
    due: str


class Ticket(Model):
    model_config = {
        "collection": "tickets",
        "indexes": lambda: [
            IndexModel([("ticket_id", ASCENDING)], unique=True),
            IndexModel([("sort.created", ASCENDING)]),
            IndexModel([("sort.updated", ASCENDING)]),
            IndexModel([("sort.priority", ASCENDING)]),
            IndexModel([("sort.due", ASCENDING)]),
            IndexModel([("audience", ASCENDING), ("sort.created", ASCENDING)]),
            IndexModel([("assignee_id", ASCENDING), ("sort.created", ASCENDING)]),
            IndexModel([("customer_id", ASCENDING), ("sort.created", ASCENDING)]),
            IndexModel([("conversation_id", ASCENDING), ("sort.created", ASCENDING)]),
            IndexModel([("status", ASCENDING), ("sort.created", ASCENDING)]),
            IndexModel([("tags", ASCENDING), ("sort.created", ASCENDING)]),
            IndexModel([("terms", ASCENDING)]),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    ticket_id: str
    subject: str
    description: str
    category: str
    subcategory: str | None = None
    priority: TicketPriority
    status: TicketStatus = TicketStatus.NEW
    tags: list[str] = []
    location: Location | None = None
    source: TicketSource
    customer_id: ObjectId | None = None
    conversation_id: ObjectId | None = None
    assignee_id: ObjectId | None = None
    escalation: Escalation | None = None
    sla: Sla
    resolution: Resolution | None = None
    feedback: Feedback | None = None
    version: int = 1
    created_at: datetime
    updated_at: datetime
    created_by: ActorRef
    updated_by: ActorRef
    # Seconds of working clock, kept when they become known: statistics read them by the thousand.
    first_response_seconds: int | None = None
    resolution_seconds: int | None = None
    # Derived for queries, never shown: who may see the ticket, search words, sort keys.
    audience: list[str]
    terms: list[str]
    sort: SortKeys


class Note(Model):
    model_config = {
        "collection": "notes",
        "indexes": lambda: [
            IndexModel([("ticket_key", ASCENDING), ("position", ASCENDING)], unique=True)
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    ticket_key: ObjectId
    # The ticket's version that this note made: unique and rising within a ticket.
    position: int
    content: str
    visibility: NoteVisibility
    author: ActorRef
    created_at: datetime
    retracted_at: datetime | None = None


class Attachment(Model):
    """A file; `id` is that of its content in GridFS."""

    model_config = {
        "collection": "attachments",
        "indexes": lambda: [
            IndexModel([("ticket_key", ASCENDING), ("position", ASCENDING)], unique=True)
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    ticket_key: ObjectId
    # The ticket's version that it made: unique and rising within a ticket.
    position: int
    visibility: NoteVisibility
    file_name: str
    content_type: str
    size_bytes: int
    sha256: str
    uploaded_by: ActorRef
    created_at: datetime


class TicketLink(Model):
    """`ticket_key` `kind` `other_key`, as in "a DUPLICATE_OF b"; both ends list it."""

    model_config = {
        "collection": "ticket_links",
        "indexes": lambda: [
            IndexModel(
                [("ticket_key", ASCENDING), ("other_key", ASCENDING), ("kind", ASCENDING)],
                unique=True,
            ),
            IndexModel([("ends", ASCENDING)]),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    ticket_key: ObjectId
    other_key: ObjectId
    # Both, so that one query finds the links of a ticket at either end of them.
    ends: list[ObjectId]
    kind: TicketLinkKind
    created_by: ActorRef
    created_at: datetime


class FieldChange(EmbeddedModel):
    """`old` and `new` are JSON values; references are written as hexadecimal keys."""

    field: str
    old: Any = None
    new: Any = None


class TicketFacts(EmbeddedModel):
    """What list filters ask of a ticket, as it was at one version.

    Kept on each event, so that a feed can tell for any filter whether the ticket entered or left.
    """

    status: TicketStatus
    priority: TicketPriority
    category: str
    tags: list[str]
    source: TicketSource
    customer_id: ObjectId | None
    conversation_id: ObjectId | None
    assignee_id: ObjectId | None
    escalated: bool
    audience: list[str]
    sla_targets: list[SlaTarget]
    created_at: datetime
    updated_at: datetime


class TicketEvent(Model):
    """One committed change of one ticket: the timeline, the audit log and the feed."""

    model_config = {
        "collection": "ticket_events",
        "indexes": lambda: [
            IndexModel([("ticket_key", ASCENDING), ("version", ASCENDING)], unique=True),
            IndexModel([("occurred_at", ASCENDING)]),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    type: TicketEventType
    ticket_key: ObjectId
    ticket_id: str
    version: int
    actor: ActorRef
    occurred_at: datetime
    changes: list[FieldChange] = []
    reason: str | None = None
    # Of a note or a file: whether it is internal decides who may know that it exists.
    note_key: ObjectId | None = None
    attachment_key: ObjectId | None = None
    note_visibility: NoteVisibility | None = None
    before: TicketFacts | None = None
    after: TicketFacts


class Customer(Model):
    model_config = {
        "collection": "customers",
        "indexes": lambda: [
            IndexModel([("phone", ASCENDING)], unique=True),
            IndexModel([("sort", ASCENDING)]),
            IndexModel([("terms", ASCENDING)]),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    # In E.164; of one who was erased, a text that nobody is found by.
    phone: str
    name: str | None = None
    email: str | None = None
    language: str | None = None
    external_id: str | None = None
    created_at: datetime
    updated_at: datetime
    erased_at: datetime | None = None
    terms: list[str]
    sort: str


class Conversation(Model):
    model_config = {
        "collection": "conversations",
        "indexes": lambda: [
            IndexModel([("customer_id", ASCENDING), ("sort", ASCENDING)]),
            IndexModel(
                [("channel", ASCENDING), ("external_id", ASCENDING)],
                unique=True,
                partialFilterExpression={"external_id": {"$gt": ""}},
            ),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    customer_id: ObjectId
    channel: ConversationChannel
    external_id: str | None = None
    handler: ConversationHandler = ConversationHandler.ASSISTANT
    handled_by: ObjectId | None = None
    # How many answers were sent, and how many attempts have failed since the last of them.
    assistant_answers: int = 0
    assistant_failures: int = 0
    created_at: datetime
    updated_at: datetime
    sort: str


class Message(Model):
    model_config = {
        "collection": "messages",
        "indexes": lambda: [
            IndexModel([("conversation_id", ASCENDING), ("sort", ASCENDING)]),
            IndexModel(
                [("conversation_id", ASCENDING), ("external_id", ASCENDING)],
                unique=True,
                partialFilterExpression={"external_id": {"$gt": ""}},
            ),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    conversation_id: ObjectId
    author: MessageAuthor
    author_ref: ActorRef
    text: str
    external_id: str | None = None
    sent_at: datetime
    sort: str


class Agent(Model):
    model_config = {
        "collection": "agents",
        "indexes": lambda: [
            IndexModel([("email", ASCENDING)], unique=True),
            IndexModel([("sort", ASCENDING)]),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    name: str
    # Folded to lower case: one mailbox is one account.
    email: str
    role: Role
    is_active: bool = True
    password_hash: str
    created_at: datetime
    updated_at: datetime
    sort: str


class Session(Model):
    """A signed-in agent. Deleting it ends its access and refresh tokens alike."""

    model_config = {
        "collection": "sessions",
        "indexes": lambda: [
            IndexModel([("agent_id", ASCENDING)]),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    agent_id: ObjectId
    refresh_hash: str
    created_at: datetime
    expires_at: datetime


class ApiKey(Model):
    model_config = {
        "collection": "api_keys",
        "indexes": lambda: [
            IndexModel([("secret_hash", ASCENDING)], unique=True),
            IndexModel([("sort", ASCENDING)]),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    name: str
    prefix: str
    secret_hash: str
    created_by: ActorRef
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    sort: str


class IdempotencyRecord(Model):
    """What a keyed request did. `id` is the digest of actor, operation and key."""

    KEPT_SECONDS: ClassVar[int] = 24 * 3600

    model_config = {
        "collection": "idempotency_records",
        "indexes": lambda: [
            IndexModel([("created_at", ASCENDING)], expireAfterSeconds=24 * 3600),
        ],
    }

    id: str = Field(primary_field=True)
    fingerprint: str
    result_key: ObjectId
    created_at: datetime


class RateWindow(Model):
    """How often something was done since the window began. `id` says what, and by whom, hashed."""

    model_config = {
        "collection": "rate_windows",
        "indexes": lambda: [
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        ],
    }

    id: str = Field(primary_field=True)
    count: int
    expires_at: datetime


class AnswerUsage(EmbeddedModel):
    """What an answer took, its rounds together. `revision` is the hash of what it was told."""

    model_name: str
    revision: str
    rounds: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    milliseconds: int = 0


class AssistantAnswer(Model):
    """One attempt of the assistant to answer what a customer wrote, and how it ended.

    `questions` are the messages that it answers; `message_id` is what was sent, if anything was;
    `problem` is the code of what went wrong.
    """

    model_config = {
        "collection": "assistant_answers",
        "indexes": lambda: [
            IndexModel([("conversation_id", ASCENDING), ("sort", ASCENDING)]),
            IndexModel([("questions", ASCENDING)]),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    conversation_id: ObjectId
    questions: list[ObjectId]
    outcome: AnswerOutcome
    problem: str | None = None
    message_id: ObjectId | None = None
    usage: AnswerUsage
    created_at: datetime
    sort: str


class AnswerDraft(Model):
    """A conversation's answer while it is written; `id` is the conversation's.

    Whoever knows `token` may write it until `held_until`; afterwards anybody may go on with it. It
    is deleted with the answer's sending, and kept after a failure, so that what tools have already
    done is known to the next attempt: `items` are what model and tools said, each as JSON. `text`
    is the answer as far as it has been written, for those who watch.
    """

    KEPT_SECONDS: ClassVar[int] = 24 * 3600

    model_config = {
        "collection": "answer_drafts",
        "indexes": lambda: [
            IndexModel([("held_until", ASCENDING)], expireAfterSeconds=24 * 3600),
        ],
    }

    id: ObjectId = Field(primary_field=True)
    token: str
    held_until: datetime
    items: list[str] = []
    text: str = ""


class AssistantRevision(Model):
    """What the assistant is told: canonical JSON, never changed. `id` is its SHA-256."""

    model_config = {"collection": "assistant_revisions"}

    id: str = Field(primary_field=True)
    content: str
    created_at: datetime


class RevisionChange(EmbeddedModel):
    """`old` and `new` are JSON values; None where the one or the other has nothing there."""

    path: str
    old: Any = None
    new: Any = None


class HostedSync(EmbeddedModel):
    """How it went to bring the provider's agent in step; `problem` None: it is."""

    agent_id: str
    problem: str | None = None
    synced_at: datetime


class AssistantActivation(Model):
    """That a revision became the active one. The highest position, from 1, is in force."""

    model_config = {
        "collection": "assistant_activations",
        "indexes": lambda: [IndexModel([("position", ASCENDING)], unique=True)],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    position: int
    revision: str
    changes: list[RevisionChange]
    activated_at: datetime
    activated_by: ActorRef
    hosted: HostedSync | None = None


class SystemSetting(Model):
    """One section of the configuration; `value` is a JSON value of the section's own shape."""

    model_config = {
        "collection": "system_settings",
        "indexes": lambda: [IndexModel([("key", ASCENDING)], unique=True)],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    key: str
    value: Any
    # For people who look into the database: `tickets`, `assistant`, `presets` or `general`.
    category: str
    description: str
    # False by an operator's hand locks the section: the API refuses to change it.
    is_editable: bool = True
    version: int
    updated_by: ActorRef
    created_at: datetime
    updated_at: datetime


class ConfigurationChange(Model):
    """One change of one section: the value before, if any was there, and the value since."""

    model_config = {
        "collection": "configuration_changes",
        "indexes": lambda: [
            IndexModel([("key", ASCENDING), ("version", ASCENDING)], unique=True),
            IndexModel([("key", ASCENDING), ("sort", ASCENDING)]),
            IndexModel([("sort", ASCENDING)]),
        ],
    }

    id: ObjectId = Field(primary_field=True, default_factory=ObjectId)
    key: str
    # The version of the section that it made: unique and rising, whatever becomes of the section.
    version: int
    action: ConfigurationAction
    # What was applied, saved, imported or deleted: a preset's id. What was restored: a version.
    subject: str | None = None
    actor: ActorRef
    changed_at: datetime
    before: Any = None
    after: Any
    sort: str


MODELS: tuple[type[Model], ...] = (
    Ticket,
    Note,
    Attachment,
    TicketLink,
    TicketEvent,
    Customer,
    Conversation,
    Message,
    Agent,
    Session,
    ApiKey,
    IdempotencyRecord,
    RateWindow,
    AssistantAnswer,
    AnswerDraft,
    AssistantRevision,
    AssistantActivation,
    SystemSetting,
    ConfigurationChange,
)
