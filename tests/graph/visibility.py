"""Who may read each field and call each mutation, as `test_access_matrix` holds true.

A new field, type or mutation fails the matrix until it has a line here:

- a field of an object: `"Type.field": READERS`. A field that an interface declares has one line,
  `"Interface.field"`, unless a type that implements it differs. What is not theirs to read must be
  null or empty for everybody else, and FORBIDDEN where it is a field of `Query`.
- a type that some may not see at all: `"Type": READERS` besides.
- a field of `Query` with arguments: what to pass, in `ARGUMENTS`.
- a field that must have a value and has none on the stage of the matrix: plant one there, or, where
  there cannot be one, add it to `EMPTY_ON_STAGE`.
- a field of `Subscription`: a line; the tests of the live feed say what comes through it.
- a mutation: an `Attempt` in `MUTATIONS`, with what to pass. Where success would change what other
  tests share, pass what is refused for another reason, and say its code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Readers = frozenset[str]

EVERYBODY: Readers = frozenset({"ADMIN", "SUPERVISOR", "AGENT", "BOT"})
STAFF: Readers = EVERYBODY - {"BOT"}
ADMINS: Readers = frozenset({"ADMIN"})
ASSISTANTS: Readers = frozenset({"ADMIN", "BOT"})
# Of what mutations answer with: whoever was allowed to call the mutation.
CALLER: Readers = EVERYBODY

VISIBILITY: Mapping[str, Readers] = {
    # ---- roots
    "Query.viewer": EVERYBODY,
    "Query.node": EVERYBODY,
    "Query.ticket": EVERYBODY,
    "Query.tickets": EVERYBODY,
    "Query.ticketStatistics": STAFF,
    "Query.feedCursor": EVERYBODY,
    "Query.customer": EVERYBODY,
    "Query.customers": STAFF,
    "Query.conversation": EVERYBODY,
    "Query.agents": STAFF,
    "Query.apiKeys": ADMINS,
    "Query.configuration": EVERYBODY,
    "Query.configurationHistory": ADMINS,
    "Query.configurationPreview": ADMINS,
    "Query.assistantTools": ASSISTANTS,
    "Query.assistantRevisions": ADMINS,
    "Subscription.ticketEvents": EVERYBODY,
    "Subscription.ticketStatistics": STAFF,
    "Subscription.configurationChanged": EVERYBODY,
    "Subscription.conversationChanged": EVERYBODY,
    "Subscription.answerStream": EVERYBODY,
    "FeedResyncRequired.cursor": EVERYBODY,
    "FeedResyncRequired.reason": EVERYBODY,
    # ---- lists
    "*Connection.nodes": EVERYBODY,
    "*Connection.edges": EVERYBODY,
    "*Connection.pageInfo": EVERYBODY,
    "*Connection.totalCount": EVERYBODY,
    "*Edge.cursor": EVERYBODY,
    "*Edge.node": EVERYBODY,
    "PageInfo.hasNextPage": EVERYBODY,
    "PageInfo.hasPreviousPage": EVERYBODY,
    "PageInfo.startCursor": EVERYBODY,
    "PageInfo.endCursor": EVERYBODY,
    # ---- tickets
    "Node.id": EVERYBODY,
    "Ticket.ticketId": EVERYBODY,
    "Ticket.subject": EVERYBODY,
    "Ticket.description": EVERYBODY,
    "Ticket.category": EVERYBODY,
    "Ticket.subcategory": EVERYBODY,
    "Ticket.priority": EVERYBODY,
    "Ticket.status": EVERYBODY,
    "Ticket.allowedTransitions": EVERYBODY,
    "Ticket.tags": EVERYBODY,
    "Ticket.location": EVERYBODY,
    "Ticket.source": EVERYBODY,
    "Ticket.customer": EVERYBODY,
    "Ticket.conversation": EVERYBODY,
    "Ticket.assignee": STAFF,
    "Ticket.escalation": STAFF,
    "Ticket.sla": EVERYBODY,
    "Ticket.resolution": EVERYBODY,
    "Ticket.feedback": EVERYBODY,
    "Ticket.statusHistory": EVERYBODY,
    "Ticket.notes": EVERYBODY,  # a bot: public ones
    "Ticket.history": EVERYBODY,  # a bot: what concerns the customer
    "Ticket.links": EVERYBODY,
    "Ticket.attachments": EVERYBODY,
    "Ticket.version": EVERYBODY,
    "Ticket.createdAt": EVERYBODY,
    "Ticket.updatedAt": EVERYBODY,
    "TicketCategory.id": EVERYBODY,
    "TicketCategory.label": EVERYBODY,
    "TicketCategory.labelEn": EVERYBODY,
    "TicketCategory.description": EVERYBODY,
    "TicketCategory.icon": EVERYBODY,
    "TicketCategory.color": EVERYBODY,
    "TicketCategory.isRetired": EVERYBODY,
    "Location.address": EVERYBODY,
    "Location.reference": EVERYBODY,
    "Location.latitude": EVERYBODY,
    "Location.longitude": EVERYBODY,
    "Escalation": STAFF,
    "Escalation.reason": STAFF,
    "Escalation.escalatedTo": STAFF,
    "Escalation.escalatedBy": STAFF,
    "Escalation.escalatedAt": STAFF,
    "Resolution.summary": EVERYBODY,
    "Resolution.resolvedBy": EVERYBODY,
    "Resolution.resolvedAt": EVERYBODY,
    "Feedback.rating": EVERYBODY,
    "Feedback.comment": EVERYBODY,
    "Feedback.givenAt": EVERYBODY,
    "StatusChange.from": EVERYBODY,
    "StatusChange.to": EVERYBODY,
    "StatusChange.changedBy": EVERYBODY,
    "StatusChange.changedAt": EVERYBODY,
    "StatusChange.reason": STAFF,
    "TicketSla.firstResponse": EVERYBODY,
    "TicketSla.resolution": EVERYBODY,
    "TicketSla.pausedIntervals": EVERYBODY,
    "SlaTarget.state": EVERYBODY,
    "SlaTarget.dueAt": EVERYBODY,
    "SlaTarget.completedAt": EVERYBODY,
    "SlaTarget.elapsedSeconds": EVERYBODY,
    "SlaTarget.remainingSeconds": EVERYBODY,
    "PauseInterval.from": EVERYBODY,
    "PauseInterval.to": EVERYBODY,
    "Note.content": EVERYBODY,
    "Note.visibility": EVERYBODY,
    "Note.author": EVERYBODY,
    "Note.createdAt": EVERYBODY,
    "TicketLink.kind": EVERYBODY,
    "TicketLink.isOutgoing": EVERYBODY,
    "TicketLink.ticket": EVERYBODY,
    "Attachment.fileName": EVERYBODY,
    "Attachment.contentType": EVERYBODY,
    "Attachment.sizeBytes": EVERYBODY,
    "Attachment.visibility": EVERYBODY,
    "Attachment.uploadedBy": EVERYBODY,
    "Attachment.createdAt": EVERYBODY,
    "Attachment.url": EVERYBODY,
    # ---- what happened to tickets
    "TicketEvent.id": EVERYBODY,
    "TicketEvent.cursor": EVERYBODY,
    "TicketEvent.occurredAt": EVERYBODY,
    "TicketEvent.actor": EVERYBODY,
    "TicketEvent.ticketId": EVERYBODY,
    "TicketEvent.version": EVERYBODY,
    "TicketEvent.listChange": EVERYBODY,
    "TicketEvent.ticket": EVERYBODY,
    "TicketEvent.changes": EVERYBODY,  # a bot: not of assignee and escalation
    "TicketEvent.reason": STAFF,
    "TicketAssigned": STAFF,
    "TicketEscalated": STAFF,
    "TicketEscalationLifted": STAFF,
    "TicketLinked": STAFF,
    "FieldChange.field": EVERYBODY,
    "FieldChange.from": EVERYBODY,
    "FieldChange.to": EVERYBODY,
    # ---- people
    "Actor.kind": EVERYBODY,
    "Actor.name": EVERYBODY,  # a bot: of an agent the configured noun
    "Actor.agent": STAFF,
    "Agent": STAFF,
    "Agent.name": STAFF,
    "Agent.email": STAFF,
    "Agent.role": STAFF,
    "Agent.isActive": STAFF,
    "Viewer.id": EVERYBODY,
    "Viewer.name": EVERYBODY,
    "Viewer.role": EVERYBODY,
    "Viewer.permissions": EVERYBODY,
    "ApiKey": ADMINS,
    "ApiKey.id": ADMINS,
    "ApiKey.name": ADMINS,
    "ApiKey.prefix": ADMINS,
    "ApiKey.createdAt": ADMINS,
    "ApiKey.expiresAt": ADMINS,
    "ApiKey.revokedAt": ADMINS,
    "ApiKey.lastUsedAt": ADMINS,
    # ---- customers
    "Customer.name": EVERYBODY,
    "Customer.phone": EVERYBODY,
    "Customer.email": EVERYBODY,
    "Customer.language": EVERYBODY,
    "Customer.externalId": EVERYBODY,
    "Customer.createdAt": EVERYBODY,
    "Customer.erasedAt": EVERYBODY,
    "Customer.statistics": EVERYBODY,
    "Customer.tickets": EVERYBODY,
    "Customer.conversations": EVERYBODY,
    "CustomerStatistics.totalTickets": EVERYBODY,
    "CustomerStatistics.openTickets": EVERYBODY,
    "Conversation.channel": EVERYBODY,
    "Conversation.externalId": EVERYBODY,
    "Conversation.handler": EVERYBODY,
    "Conversation.handledBy": STAFF,
    "Conversation.createdAt": EVERYBODY,
    "Conversation.updatedAt": EVERYBODY,
    "Conversation.customer": EVERYBODY,
    "Conversation.messages": EVERYBODY,
    "Conversation.tickets": EVERYBODY,
    "Conversation.answers": EVERYBODY,  # a bot: none
    "Message.author": EVERYBODY,
    "Message.writtenBy": EVERYBODY,
    "Message.text": EVERYBODY,
    "Message.externalId": EVERYBODY,
    "Message.sentAt": EVERYBODY,
    # ---- figures
    "TicketStatistics.total": STAFF,
    "TicketStatistics.unassigned": STAFF,
    "TicketStatistics.escalated": STAFF,
    "TicketStatistics.byStatus": STAFF,
    "TicketStatistics.byPriority": STAFF,
    "TicketStatistics.byCategory": STAFF,
    "TicketStatistics.byAssignee": STAFF,
    "TicketStatistics.firstResponseSla": STAFF,
    "TicketStatistics.resolutionSla": STAFF,
    "TicketStatistics.perDay": STAFF,
    "TicketStatistics.firstResponseTime": STAFF,
    "TicketStatistics.resolutionTime": STAFF,
    "TicketStatistics.averageRating": STAFF,
    "TicketStatistics.ratingCount": STAFF,
    "StatusCount.status": STAFF,
    "StatusCount.count": STAFF,
    "PriorityCount.priority": STAFF,
    "PriorityCount.count": STAFF,
    "CategoryCount.category": STAFF,
    "CategoryCount.count": STAFF,
    "AssigneeCount.assignee": STAFF,
    "AssigneeCount.count": STAFF,
    "SlaStateCount.state": STAFF,
    "SlaStateCount.count": STAFF,
    "DayCount.date": STAFF,
    "DayCount.created": STAFF,
    "DayCount.resolved": STAFF,
    "DurationStatistics.count": STAFF,
    "DurationStatistics.medianSeconds": STAFF,
    "DurationStatistics.percentile90Seconds": STAFF,
    # ---- the configuration
    "Configuration.ticketCategories": EVERYBODY,
    "Configuration.assistant": ADMINS,
    "Configuration.terminology": EVERYBODY,
    "Configuration.ticketIdFormat": EVERYBODY,
    "Configuration.instructionsTemplate": ADMINS,
    "Configuration.slaTargets": ADMINS,
    "Configuration.presets": ADMINS,
    "Configuration.presetsSection": ADMINS,
    "Configuration.assistantSync": ADMINS,
    "VersionedSection.version": EVERYBODY,
    "VersionedSection.isDefault": EVERYBODY,
    "VersionedSection.isEditable": EVERYBODY,
    "VersionedSection.updatedAt": EVERYBODY,
    "VersionedSection.updatedBy": EVERYBODY,
    "VersionedSection.problem": ADMINS,
    "TicketCategoriesSection.categories": EVERYBODY,
    "AssistantSection": ADMINS,
    "AssistantSection.assistantName": ADMINS,
    "AssistantSection.companyName": ADMINS,
    "AssistantSection.primaryServiceIssue": ADMINS,
    "AssistantSection.serviceType": ADMINS,
    "AssistantSection.greetingMessage": ADMINS,
    "AssistantSection.language": ADMINS,
    "TerminologySection.ticketSingular": EVERYBODY,
    "TerminologySection.ticketPlural": EVERYBODY,
    "TerminologySection.createVerb": EVERYBODY,
    "TerminologySection.customerNoun": EVERYBODY,
    "TerminologySection.agentNoun": EVERYBODY,
    "TerminologySection.resolveVerb": EVERYBODY,
    "TicketIdFormatSection.prefix": EVERYBODY,
    "TicketIdFormatSection.includeYear": EVERYBODY,
    "TicketIdFormatSection.padLength": EVERYBODY,
    "TicketIdFormatSection.separator": EVERYBODY,
    "TicketIdFormatSection.example": EVERYBODY,
    "InstructionsTemplateSection": ADMINS,
    "InstructionsTemplateSection.template": ADMINS,
    "InstructionsTemplateSection.variables": ADMINS,
    "SlaTargetsSection": ADMINS,
    "SlaTargetsSection.urgent": ADMINS,
    "SlaTargetsSection.high": ADMINS,
    "SlaTargetsSection.medium": ADMINS,
    "SlaTargetsSection.low": ADMINS,
    "SlaMinutes.firstResponseMinutes": ADMINS,
    "SlaMinutes.resolutionMinutes": ADMINS,
    "PresetsSection": ADMINS,
    "PresetsSection.presets": ADMINS,
    "ConfigurationPreset.id": ADMINS,
    "ConfigurationPreset.label": ADMINS,
    "ConfigurationPreset.labelEn": ADMINS,
    "ConfigurationPreset.isBuiltIn": ADMINS,
    "ConfigurationPreset.sections": ADMINS,
    "ConfigurationPreset.document": ADMINS,
    "ConfigurationChange.id": ADMINS,
    "ConfigurationChange.section": ADMINS,
    "ConfigurationChange.version": ADMINS,
    "ConfigurationChange.action": ADMINS,
    "ConfigurationChange.subject": ADMINS,
    "ConfigurationChange.changedBy": ADMINS,
    "ConfigurationChange.changedAt": ADMINS,
    "ConfigurationChange.before": ADMINS,
    "ConfigurationChange.after": ADMINS,
    "ConfigurationPreview.nextTicketId": ADMINS,
    "ConfigurationPreview.greeting": ADMINS,
    "ConfigurationPreview.instructions": ADMINS,
    "ConfigurationPreview.problems": ADMINS,
    "ConfigurationPreview.toolDefinitions": ADMINS,
    # ---- the assistant
    "AssistantAnswer": STAFF,
    "AssistantAnswer.id": STAFF,
    "AssistantAnswer.outcome": STAFF,
    "AssistantAnswer.problem": STAFF,
    "AssistantAnswer.questionIds": STAFF,
    "AssistantAnswer.messageId": STAFF,
    "AssistantAnswer.usage": STAFF,
    "AssistantAnswer.createdAt": STAFF,
    "AnswerWriting.text": EVERYBODY,
    "AnswerSent.message": EVERYBODY,
    "AnswerSent.handedOver": EVERYBODY,
    "AnswerSent.usage": EVERYBODY,
    "AnswerDiscarded.usage": EVERYBODY,
    "AnswerFailed.problem": EVERYBODY,
    "AnswerFailed.usage": EVERYBODY,
    "AssistantSync.state": ADMINS,
    "AssistantSync.isAutomatic": ADMINS,
    "AssistantSync.pendingChanges": ADMINS,
    "AssistantSync.activeRevision": ADMINS,
    "AssistantRevision": ADMINS,
    "AssistantRevision.hash": ADMINS,
    "AssistantRevision.instructions": ADMINS,
    "AssistantRevision.tools": ADMINS,
    "AssistantRevision.content": ADMINS,
    "AssistantRevision.activatedAt": ADMINS,
    "AssistantRevision.activatedBy": ADMINS,
    "AssistantRevision.changes": ADMINS,
    "AssistantRevision.hostedAgent": ADMINS,
    "RevisionChange.path": ADMINS,
    "RevisionChange.from": ADMINS,
    "RevisionChange.to": ADMINS,
    "HostedAgentSync.agentId": ADMINS,
    "HostedAgentSync.problem": ADMINS,
    "HostedAgentSync.syncedAt": ADMINS,
    # ---- what mutations answer with
    "LoginPayload.accessToken": CALLER,
    "LoginPayload.expiresAt": CALLER,
    "LoginPayload.refreshToken": CALLER,
    "LoginPayload.viewer": CALLER,
    "LogoutPayload.ended": CALLER,
    "AgentPayload.agent": CALLER,
    "ApiKeyPayload.apiKey": CALLER,
    "ApiKeyPayload.secret": CALLER,
    "TicketPayload.ticket": CALLER,
    "TicketPayload.replayed": CALLER,
    "CustomerPayload.customer": CALLER,
    "EraseCustomerPayload.customer": CALLER,
    "EraseCustomerPayload.erasedTickets": CALLER,
    "ConversationPayload.conversation": CALLER,
    "MessagePayload.message": CALLER,
    "MessagePayload.conversation": CALLER,
    "MessagePayload.replayed": CALLER,
    "ConfigurationPayload.configuration": CALLER,
    "Problem.code": CALLER,
    "Problem.message": CALLER,
    "ValidationProblem.fields": CALLER,
    "FieldProblem.path": CALLER,
    "FieldProblem.message": CALLER,
    "ConflictProblem.currentVersion": CALLER,
    "ConflictProblem.changedFields": CALLER,
    "ConflictProblem.ticket": CALLER,
    "TransitionProblem.from": CALLER,
    "TransitionProblem.to": CALLER,
    "TransitionProblem.allowed": CALLER,
    "ConfigurationConflictProblem.section": CALLER,
    "ConfigurationConflictProblem.currentVersion": CALLER,
    "ConfigurationConflictProblem.configuration": CALLER,
    "AnswerPayload.message": CALLER,
    "AnswerPayload.usage": CALLER,
    "AnswerPayload.handedOver": CALLER,
    "AnswerPayload.replayed": CALLER,
    "AnswerPayload.conversation": CALLER,
    "AnswerUsage.model": CALLER,
    "AnswerUsage.rounds": CALLER,
    "AnswerUsage.inputTokens": CALLER,
    "AnswerUsage.cachedTokens": CALLER,
    "AnswerUsage.outputTokens": CALLER,
    "AnswerUsage.milliseconds": CALLER,
    "AnswerUsage.revision": CALLER,
    "ToolCallsPayload.outputs": CALLER,
    "ToolOutput.callId": CALLER,
    "ToolOutput.output": CALLER,
    "SyncAssistantPayload.revision": CALLER,
    "SyncAssistantPayload.changes": CALLER,
}

# What has no value where the matrix looks, for want of anything that could give it one.
EMPTY_ON_STAGE = {
    "Customer.erasedAt",
    "Ticket.attachments",
    "Attachment",
    "TicketAttachmentAdded",
    "VersionedSection.problem",
    "ConfigurationChange.before",
    "ConfigurationChange.subject",
    "ConfigurationPreview.problems",
    "AssistantAnswerConnection",
    "AssistantAnswer",
    "AssistantSync.pendingChanges",
    "AssistantRevision.hostedAgent",
    "RevisionChange.from",
    "HostedAgentSync",
    "FieldProblem",
}


@dataclass(frozen=True, slots=True)
class Target:
    """An argument that names something that an actor may or may not see.

    A `kind` is "ticket", "resolved ticket", "note", "customer", "phone", "conversation", "agent" or
    "api key".
    """

    kind: str


TICKET = Target("ticket")

ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "Query.ticket": {"ticketId": TICKET},
    "Query.node": {"id": Target("node")},
    "Query.customer": {"phone": Target("phone")},
    "Query.conversation": {"id": Target("conversation")},
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """How the matrix calls a mutation.

    `who` may call it and succeeds, or is refused with `code`; everybody else is FORBIDDEN,
    whatever the target. On a target that they may not see, or that does not exist, `who` too gets
    NOT_FOUND. `elsewhere` names the tests of one that the matrix cannot call.
    """

    who: Readers
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    code: str | None = None
    elsewhere: str | None = None


_UNKNOWN_CHANGE = "Q29uZmlndXJhdGlvbkNoYW5nZTowMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA"
_UNKNOWN_CUSTOMER = "Q3VzdG9tZXI6MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"
_NO_TIME = {"firstResponseMinutes": 0, "resolutionMinutes": 0}

MUTATIONS: Mapping[str, Attempt] = {
    "login": Attempt(EVERYBODY, {"email": "nobody", "password": "none"}, code="UNAUTHENTICATED"),
    "refreshSession": Attempt(EVERYBODY, {"refreshToken": "none"}, code="UNAUTHENTICATED"),
    "logout": Attempt(EVERYBODY, elsewhere="test_sessions"),
    # ---- accounts
    "createAgent": Attempt(
        ADMINS,
        {"name": " ", "email": "x", "password": "x", "role": "AGENT"},
        code="VALIDATION",
    ),
    "updateAgent": Attempt(ADMINS, {"id": Target("agent"), "name": "Renamed"}),
    "createApiKey": Attempt(ADMINS, {"name": " "}, code="VALIDATION"),
    "revokeApiKey": Attempt(ADMINS, {"id": Target("api key")}),
    # ---- tickets
    "createTicket": Attempt(
        EVERYBODY,
        {
            "subject": "New",
            "description": "New.",
            "category": "other",
            "customerId": Target("customer"),
            "conversationId": Target("conversation"),
        },
    ),
    "updateTicket": Attempt(STAFF, {"ticketId": TICKET, "subject": "Changed"}),
    "changeTicketStatus": Attempt(STAFF, {"ticketId": TICKET, "status": "IN_PROGRESS"}),
    "assignTicket": Attempt(STAFF, {"ticketId": TICKET, "assigneeId": None}),
    "addTicketNote": Attempt(
        EVERYBODY, {"ticketId": TICKET, "content": "Noted.", "visibility": "PUBLIC"}
    ),
    "retractTicketNote": Attempt(STAFF, {"noteId": Target("note")}),
    "resolveTicket": Attempt(STAFF, {"ticketId": TICKET, "summary": "Done."}),
    "escalateTicket": Attempt(STAFF, {"ticketId": TICKET, "reason": "Late."}),
    "liftEscalation": Attempt(STAFF, {"ticketId": TICKET}),
    "recordFeedback": Attempt(EVERYBODY, {"ticketId": Target("resolved ticket"), "rating": 3}),
    "attachToTicket": Attempt(EVERYBODY, elsewhere="test_attachments"),
    "linkTickets": Attempt(STAFF, {"ticketId": TICKET, "otherTicketId": TICKET, "kind": "RELATED"}),
    # ---- customers
    "upsertCustomer": Attempt(EVERYBODY, {"phone": Target("phone")}),
    "eraseCustomer": Attempt(ADMINS, {"customerId": _UNKNOWN_CUSTOMER}, code="NOT_FOUND"),
    "startConversation": Attempt(EVERYBODY, {"customerId": Target("customer"), "channel": "WEB"}),
    "recordMessage": Attempt(
        EVERYBODY, {"conversationId": Target("conversation"), "text": "Hello."}
    ),
    "takeOverConversation": Attempt(STAFF, {"conversationId": Target("conversation")}),
    # ---- the configuration, of which nothing is changed: the other tests share it
    "updateTicketCategories": Attempt(
        ADMINS, {"categories": [], "expectedVersion": 1}, code="VALIDATION"
    ),
    "updateAssistant": Attempt(
        ADMINS,
        {
            "assistantName": "",
            "companyName": "",
            "primaryServiceIssue": "",
            "serviceType": "",
            "greetingMessage": "",
            "language": "",
            "expectedVersion": 1,
        },
        code="VALIDATION",
    ),
    "updateTerminology": Attempt(
        ADMINS,
        {
            "ticketSingular": "",
            "ticketPlural": "",
            "createVerb": "",
            "customerNoun": "",
            "agentNoun": "",
            "resolveVerb": "",
            "expectedVersion": 1,
        },
        code="VALIDATION",
    ),
    "updateTicketIdFormat": Attempt(
        ADMINS,
        {"prefix": "", "includeYear": True, "padLength": 6, "separator": "-", "expectedVersion": 1},
        code="VALIDATION",
    ),
    "updateInstructionsTemplate": Attempt(
        ADMINS, {"template": "{unheardOf}", "expectedVersion": 1}, code="VALIDATION"
    ),
    "updateSlaTargets": Attempt(
        ADMINS,
        {"urgent": _NO_TIME, "high": _NO_TIME, "medium": _NO_TIME, "low": _NO_TIME}
        | {"expectedVersion": 1},
        code="VALIDATION",
    ),
    "resetConfiguration": Attempt(
        ADMINS, {"section": "PRESETS", "expectedVersion": 999}, code="CONFLICT"
    ),
    "applyPreset": Attempt(ADMINS, {"id": "unheard-of"}, code="NOT_FOUND"),
    "savePreset": Attempt(ADMINS, {"id": "!", "label": ""}, code="VALIDATION"),
    "importPreset": Attempt(ADMINS, {"document": {}}, code="VALIDATION"),
    "deletePreset": Attempt(ADMINS, {"id": "unheard-of"}, code="NOT_FOUND"),
    "restoreConfiguration": Attempt(ADMINS, {"changeId": _UNKNOWN_CHANGE}, code="NOT_FOUND"),
    # ---- the assistant; a person has taken the conversation over, so that no model is asked
    "syncAssistant": Attempt(
        ADMINS, {"syncInstructions": False, "syncTools": False}, code="VALIDATION"
    ),
    "executeToolCalls": Attempt(
        ASSISTANTS,
        {
            "conversationId": Target("conversation"),
            "calls": [{"callId": "1", "name": "get_ticket_information", "arguments": "{}"}],
        },
    ),
    "respondToCustomer": Attempt(
        ASSISTANTS, {"conversationId": Target("conversation"), "text": "Hello."}
    ),
}


def readers_of(type_name: str, field_name: str, interfaces: tuple[str, ...]) -> Readers | None:
    """Who may read the field, None where nobody has said."""
    if readers := VISIBILITY.get(f"{type_name}.{field_name}"):
        return readers
    for suffix in ("Connection", "Edge"):
        if type_name.endswith(suffix):
            return VISIBILITY.get(f"*{suffix}.{field_name}")
    inherited = [VISIBILITY.get(f"{interface}.{field_name}") for interface in interfaces]
    readers = next((each for each in inherited if each), None)
    return readers & VISIBILITY.get(type_name, EVERYBODY) if readers else None
