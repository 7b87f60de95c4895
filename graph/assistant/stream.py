"""The subscription to an answer as it is written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Annotated, cast

import strawberry

from domain.assistant import stream as domain
from graph.assistant.answers import AnswerUsage
from graph.context import Info
from graph.customers import Message
from graph.enums import ProblemCode
from graph.nodes import decode_id
from graph.sharing import Shared
from persistence.models import AnswerOutcome


@strawberry.type(description="An answer is being written.")
class AnswerWriting:
    text: str = strawberry.field(
        description="All of it so far, to be shown in place of what came before. What is sent in "
        "the end may differ, and may be nothing."
    )


@strawberry.type(description="The answer has been sent, and stands in the conversation.")
class AnswerSent:
    message: Message = strawberry.field(description="The answer.")
    handed_over: bool = strawberry.field(
        description="True: the assistant failed too often, says so, and a person is to go on."
    )
    usage: AnswerUsage = strawberry.field(description="What it took.")


@strawberry.type(
    description="A person took the conversation over: what was written is not sent, and gone."
)
class AnswerDiscarded:
    usage: AnswerUsage = strawberry.field(description="What it took.")


@strawberry.type(
    description="There is no answer. The customer's message stands; delivering it again tries anew."
)
class AnswerFailed:
    problem: ProblemCode = strawberry.field(
        description="UPSTREAM or RATE_LIMITED, as whoever asked for the answer was told."
    )
    usage: AnswerUsage = strawberry.field(description="What it took.")


AnswerProgress = Annotated[
    AnswerWriting | AnswerSent | AnswerDiscarded | AnswerFailed,
    strawberry.union("AnswerProgress", description="How far the assistant's answer has come."),
]


@strawberry.type
class AnswerSubscriptions:
    @strawberry.subscription(
        description="The assistant's answers in a conversation: at first what is being written, if "
        "anything is, then each answer as it grows, some four times a second, and how it ends. "
        "Whichever process writes it. NOT_FOUND for a conversation that the viewer may not see."
    )
    async def answer_stream(
        self,
        info: Info,
        conversation_id: Annotated[
            strawberry.ID, strawberry.argument(description="The conversation.")
        ],
    ) -> AsyncGenerator[AnswerProgress, None]:
        progress = info.context.services.answer_streams.follow(
            info.context.stream.watch,
            decode_id("Conversation", conversation_id, "conversationId"),
        )
        return cast("AsyncGenerator[AnswerProgress]", _shared(progress))


async def _shared(progress: AsyncGenerator[domain.Progress]) -> AsyncGenerator[Shared]:
    async with aclosing(progress):
        async for each in progress:
            what = (
                (each.conversation_id, each.text)
                if isinstance(each, domain.Writing)
                else each.answer.id
            )
            yield Shared(("answer", what, each.viewer.role), each.viewer, partial(_shown, each))


def _shown(
    progress: domain.Progress,
) -> AnswerWriting | AnswerSent | AnswerDiscarded | AnswerFailed:
    if isinstance(progress, domain.Writing):
        return AnswerWriting(text=progress.text)
    answer = progress.answer
    usage = AnswerUsage.from_model(answer.usage)
    if progress.message is not None:
        return AnswerSent(
            message=Message.from_model(progress.message),
            handed_over=answer.outcome is AnswerOutcome.HANDED_OVER,
            usage=usage,
        )
    if answer.problem is not None:
        return AnswerFailed(problem=ProblemCode(answer.problem), usage=usage)
    return AnswerDiscarded(usage=usage)
