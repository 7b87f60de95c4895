"""Keeping what the assistant is told in step with the configuration."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
from strawberry.scalars import JSON

from domain.assistant.revisions import Revision, SyncStatus
from graph.accounts import Actor
from graph.context import Info
from graph.enums import AssistantSyncState
from graph.errors import SimpleProblem, ValidationProblem
from graph.nodes import After, Connection, First, connection, window
from persistence import models


@strawberry.type(description="How something that the assistant is told differs.")
class RevisionChange:
    path: str = strawberry.field(
        description="What, as in `instructions.values.companyName` or "
        "`tools.create_ticket_report.parameters.properties.category.enum`."
    )
    old: JSON | None = strawberry.field(name="from", description="Before; null where it is new.")
    new: JSON | None = strawberry.field(name="to", description="After; null where it is gone.")

    @classmethod
    def from_model(cls, change: models.RevisionChange) -> "RevisionChange":
        return cls(path=change.path, old=change.old, new=change.new)


@strawberry.type(description="How it went to bring the agent that the provider hosts in step.")
class HostedAgentSync:
    agent_id: str = strawberry.field(description="OPENAI_AGENT_ID.")
    problem: str | None = strawberry.field(description="What went wrong; null: it is in step.")
    synced_at: datetime = strawberry.field(description="When.")

    @classmethod
    def from_model(cls, hosted: models.HostedSync) -> "HostedAgentSync":
        return cls(agent_id=hosted.agent_id, problem=hosted.problem, synced_at=hosted.synced_at)


@strawberry.type(
    description="What the assistant is told, as of one moment: never changed, and made active once "
    "or again. For admins."
)
class AssistantRevision:
    hash: str = strawberry.field(
        description="SHA-256 of its canonical JSON, in hexadecimal; answers keep it."
    )
    instructions: str = strawberry.field(
        description="Rendered with everything but `{today}`, which is that of each request."
    )
    tools: list[JSON] = strawberry.field(description="For the Responses API.")
    content: str = strawberry.field(description="The canonical JSON of which `hash` is.")
    activated_at: datetime = strawberry.field(description="When it became the active one.")
    activated_by: Actor = strawberry.field(
        description="Who synced, or changed the configuration; the system at a start."
    )
    changes: list[RevisionChange] = strawberry.field(
        description="What was other than in the revision that was active before."
    )
    hosted_agent: HostedAgentSync | None = strawberry.field(
        description="How the provider's agent was brought in step; null without one."
    )

    @classmethod
    def from_models(
        cls, activation: models.AssistantActivation, revision: Revision
    ) -> "AssistantRevision":
        hosted = activation.hosted
        return cls(
            hash=activation.revision,
            instructions=revision.instructions("{today}"),
            tools=cast(list[Any], revision.tools),
            content=revision.content,
            activated_at=activation.activated_at,
            activated_by=Actor.from_model(activation.activated_by),
            changes=[RevisionChange.from_model(each) for each in activation.changes],
            hosted_agent=HostedAgentSync.from_model(hosted) if hosted else None,
        )


@strawberry.type(description="Whether the assistant is told what the configuration says.")
class AssistantSync:
    state: AssistantSyncState = strawberry.field(description="Whether anything waits.")
    is_automatic: bool = strawberry.field(
        description="Whether every change of the configuration is followed by itself: "
        "TICKETS_ASSISTANT_AUTO_SYNC."
    )
    pending_changes: list[RevisionChange] = strawberry.field(
        description="What `syncAssistant` would change."
    )
    active_revision: AssistantRevision | None = strawberry.field(
        description="What the assistant is told now; null before the first sync."
    )

    @classmethod
    def from_status(cls, status: SyncStatus, *, is_automatic: bool) -> "AssistantSync":
        active = status.active
        return cls(
            state=AssistantSyncState.PENDING if status.pending else AssistantSyncState.IN_STEP,
            is_automatic=is_automatic,
            pending_changes=[RevisionChange.from_model(each) for each in status.pending],
            active_revision=AssistantRevision.from_models(*active) if active else None,
        )


async def read_sync(info: Info) -> AssistantSync:
    """Raises Forbidden for all but admins."""
    revisions = info.context.services.revisions
    status = await revisions.status(info.context.actor)
    return AssistantSync.from_status(status, is_automatic=revisions.auto_sync)


@strawberry.type(description="The assistant is told what was asked for.")
class SyncAssistantPayload:
    revision: AssistantRevision = strawberry.field(description="The active revision.")
    changes: list[RevisionChange] = strawberry.field(
        description="What this sync changed; nothing where the same revision stays active."
    )


SyncAssistantResult = Annotated[
    SyncAssistantPayload | ValidationProblem | SimpleProblem,
    strawberry.union("SyncAssistantResult", description="The revision, or why there is none."),
]


@strawberry.type
class AssistantSyncQueries:
    @strawberry.field(
        description="What the assistant was told since when, newest first. A revision stands here "
        "each time that it became active. Admins only."
    )
    async def assistant_revisions(
        self, info: Info, first: First = 20, after: After = None
    ) -> Connection[AssistantRevision]:
        revisions, actor = info.context.services.revisions, info.context.actor
        page = await revisions.page(actor, window("assistantRevisions", first=first, after=after))
        contents = await revisions.find(actor, [each.revision for each in page.items])
        return connection(
            "assistantRevisions",
            page,
            node=lambda each: AssistantRevision.from_models(each, contents[each.revision]),
            count=lambda: revisions.count(actor),
        )


@strawberry.type
class AssistantSyncMutations:
    @strawberry.mutation(
        description="Compiles what the assistant is told from the configuration, as a revision, "
        "and makes it the active one; the very next answer is written with it. Where "
        "OPENAI_AGENT_ID is set, the agent that the provider hosts is updated too; a failure of "
        "that is in `revision.hostedAgent.problem`, and undoes nothing. Admins only. Problems: "
        "VALIDATION (nothing to sync), FORBIDDEN. Emits no event."
    )
    async def sync_assistant(
        self,
        info: Info,
        sync_instructions: Annotated[
            bool | None,
            strawberry.argument(description="False leaves the instructions as they are."),
        ] = True,
        sync_tools: Annotated[
            bool | None, strawberry.argument(description="False leaves the tools as they are.")
        ] = True,
    ) -> SyncAssistantResult:
        synced = await info.context.services.revisions.sync(
            info.context.actor,
            instructions=sync_instructions is not False,
            tools=sync_tools is not False,
        )
        return SyncAssistantPayload(
            revision=AssistantRevision.from_models(synced.activation, synced.revision),
            changes=[RevisionChange.from_model(each) for each in synced.changes],
        )
