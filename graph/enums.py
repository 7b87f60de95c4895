"""The enums of the API: the domain's own, with a description for every value."""

from collections.abc import Mapping
from enum import Enum, StrEnum

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from domain.configuration import ConfigurationSection
from domain.errors import ProblemCode
from domain.feed import ListChange
from persistence.models import (
    AnswerOutcome,
    ConfigurationAction,
    ConversationChannel,
    ConversationHandler,
    MessageAuthor,
    NoteVisibility,
    Role,
    SlaState,
    TicketLinkKind,
    TicketPriority,
    TicketSource,
    TicketStatus,
)

__all__ = [
    "AnswerOutcome",
    "AssistantSyncState",
    "ConfigurationAction",
    "ConfigurationSection",
    "ConversationChannel",
    "ConversationHandler",
    "ListChange",
    "MessageAuthor",
    "NoteVisibility",
    "OrderDirection",
    "ProblemCode",
    "Role",
    "SlaState",
    "TicketLinkKind",
    "TicketOrderField",
    "TicketPriority",
    "TicketSource",
    "TicketStatus",
    "ToolFormat",
]


def _described(enum: type[Enum], description: str, values: Mapping[str, str]) -> None:
    """Registers `enum`; a value without a description is a mistake that shows at start."""
    registered = strawberry.enum(enum, description=description)
    definition: StrawberryEnumDefinition = vars(registered)["__strawberry_definition__"]
    for value in definition.values:
        value.description = values[value.name]


_described(
    TicketStatus,
    "Where a ticket is in its life. `Ticket.allowedTransitions` says where it can go from there.",
    {
        "NEW": "Opened, and nobody has looked at it.",
        "OPEN": "Accepted or assigned, and not begun.",
        "IN_PROGRESS": "Being worked on.",
        "PENDING_CUSTOMER": "Waiting for the customer; the resolution clock stands still.",
        "WAITING_INTERNAL": "Waiting for somebody else in the company; the clocks run on.",
        "RESOLVED": "Done, with a resolution summary; a customer's message reopens it.",
        "CLOSED": "Done for good, though it can be reopened with a reason.",
    },
)
_described(
    TicketPriority,
    "How pressing a ticket is; it decides both SLA targets.",
    {
        "LOW": "Can wait. Default targets: 24 h to the first response, 7 d to the resolution.",
        "MEDIUM": "Ordinary. Default targets: 4 h and 72 h.",
        "HIGH": "Soon. Default targets: 1 h and 24 h.",
        "URGENT": "Now. Default targets: 15 min and 4 h.",
    },
)
_described(
    TicketSource,
    "Through whom a ticket was opened.",
    {
        "ASSISTANT": "The language-model assistant, by a tool call.",
        "AGENT": "A person who signed in.",
        "API": "A bot with an API key, or an import.",
    },
)
_described(
    Role,
    "What an account may see and do.",
    {
        "ADMIN": "Sees and does everything; alone manages accounts, API keys and configuration.",
        "SUPERVISOR": "Sees every ticket and reassigns anyone's.",
        "AGENT": "Sees and works tickets assigned or escalated to them, and takes unassigned ones.",
        "BOT": "An API key: sees what belongs to the customer it names, and no internals.",
    },
)
_described(
    NoteVisibility,
    "Who may read a note.",
    {"PUBLIC": "The customer too.", "INTERNAL": "Agents, supervisors and admins alone."},
)
_described(
    SlaState,
    "How a promised time stands at the moment of asking.",
    {
        "PENDING": "Running, under 75 % of the target used.",
        "AT_RISK": "Running, 75 % of the target or more used.",
        "BREACHED": "Running, and past its due time.",
        "PAUSED": "Standing still while the ticket waits for its customer.",
        "MET": "Done in time.",
        "MISSED": "Done too late.",
    },
)
_described(
    TicketLinkKind,
    "What one ticket is to another.",
    {
        "DUPLICATE_OF": "The first reports what the second already does.",
        "RELATED": "They have to do with each other; reads the same from both ends.",
        "FOLLOW_UP_OF": "The first came out of the second.",
    },
)
_described(
    ConversationChannel,
    "Where a conversation takes place.",
    {
        "WHATSAPP": "WhatsApp.",
        "WEB": "A chat on a web page.",
        "EMAIL": "E-mail.",
        "PHONE": "A phone call.",
        "API": "Another system.",
    },
)
_described(
    ConversationHandler,
    "Who answers in a conversation.",
    {
        "ASSISTANT": "The assistant answers.",
        "HUMAN": "A person has taken over, and the assistant is silent.",
    },
)
_described(
    MessageAuthor,
    "Who wrote a message.",
    {
        "CUSTOMER": "The customer.",
        "ASSISTANT": "The assistant.",
        "AGENT": "A person who works here.",
    },
)
_described(
    ConfigurationSection,
    "A part of the configuration that is stored and changed whole.",
    {
        "TICKET_CATEGORIES": "What tickets can be about.",
        "ASSISTANT": "Who the assistant is and for whom it speaks.",
        "TERMINOLOGY": "What tickets and people are called.",
        "TICKET_ID_FORMAT": "How ticket numbers are written.",
        "INSTRUCTIONS_TEMPLATE": "What the assistant is told to do.",
        "SLA_TARGETS": "How soon tickets are promised to be served.",
        "PRESETS": "Configurations for kinds of business.",
    },
)
_described(
    ConfigurationAction,
    "How a change of the configuration came about.",
    {
        "SEEDED": "The first start stored the defaults, with the environment's overrides.",
        "UPDATED": "Somebody edited the section.",
        "RESET": "Somebody returned the section to its default.",
        "RESTORED": "Somebody restored an earlier version of the section.",
        "PRESET_APPLIED": "Somebody applied a preset.",
        "PRESET_SAVED": "Somebody saved the configuration as a preset.",
        "PRESET_IMPORTED": "Somebody imported a preset.",
        "PRESET_DELETED": "Somebody deleted a preset.",
    },
)
_described(
    ProblemCode,
    "Why something was refused. Mutations answer with it in a `Problem`, queries and subscriptions "
    "in `errors[].extensions.code`.",
    {
        "VALIDATION": "The input is wrong; the message, or `fields`, says where and how.",
        "NOT_FOUND": "There is no such thing, or none that you may see.",
        "FORBIDDEN": "Your role may not do this.",
        "UNAUTHENTICATED": "No credentials, or ones that are wrong, expired or revoked.",
        "CONFLICT": "Somebody changed it since the version you expected.",
        "INVALID_TRANSITION": "The ticket cannot go from its state to that one.",
        "IDEMPOTENCY_MISMATCH": "The idempotencyKey was used with another input.",
        "RATE_LIMITED": "Too much at once; wait and try again.",
        "NOT_CONFIGURED": "This installation lacks a setting that this needs.",
        "UPSTREAM": "A service that this depends on failed or refused.",
        "UNAVAILABLE": "The database cannot be reached. Try again; whether anything was changed is "
        "open.",
    },
)


_described(
    ListChange,
    "What an event means for a filtered list of tickets, for this viewer.",
    {
        "ENTERED": "The ticket was not in the list and now is.",
        "UPDATED": "The ticket was and is in the list.",
        "LEFT": "The ticket was in the list and no longer is; its content is withheld.",
    },
)


class TicketOrderField(StrEnum):
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    PRIORITY = "PRIORITY"
    RESOLUTION_DUE_AT = "RESOLUTION_DUE_AT"


_described(
    TicketOrderField,
    "What a list of tickets is sorted by.",
    {
        "CREATED_AT": "When the ticket was opened.",
        "UPDATED_AT": "When the ticket last changed.",
        "PRIORITY": "Its priority, then when it was opened.",
        "RESOLUTION_DUE_AT": "When its resolution is due.",
    },
)


class OrderDirection(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


_described(
    OrderDirection,
    "Which end of a list comes first.",
    {
        "ASC": "The earliest, or least pressing, first.",
        "DESC": "The latest, or most pressing, first.",
    },
)


class ToolFormat(StrEnum):
    RESPONSES = "RESPONSES"
    CHAT_COMPLETIONS = "CHAT_COMPLETIONS"
    MCP = "MCP"


_described(
    ToolFormat,
    "For whom the assistant's tools are written down.",
    {
        "RESPONSES": "OpenAI's Responses API: `tools`, strict.",
        "CHAT_COMPLETIONS": "The Chat Completions API, which others speak too: `tools`, strict.",
        "MCP": "Model Context Protocol: what `tools/list` answers with.",
    },
)
_described(
    AnswerOutcome,
    "How an attempt of the assistant to answer ended.",
    {
        "SENT": "With an answer.",
        "HANDED_OVER": "It failed, as had those before; a person is to go on.",
        "FAILED": "It failed; delivering the customer's message again goes on with it.",
        "DISCARDED": "A person had taken the conversation over; what was written is forgotten.",
    },
)


class AssistantSyncState(StrEnum):
    IN_STEP = "IN_STEP"
    PENDING = "PENDING"


_described(
    AssistantSyncState,
    "Whether the assistant is told what the configuration says.",
    {
        "IN_STEP": "It is.",
        "PENDING": "The configuration has changed since; `pendingChanges` says how.",
    },
)
