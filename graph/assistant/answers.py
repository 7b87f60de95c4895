"""Answering customers: by the assistant here, or by a model loop of one's own."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry
from strawberry.scalars import JSON

from domain.access import Permission
from domain.assistant.exchange import ToolCall
from domain.assistant.exchange import ToolOutput as Output
from domain.assistant.service import Answer
from graph.assistant.execute import ToolRunner
from graph.assistant.tools import define_tools
from graph.context import Info
from graph.customers import Conversation, Message
from graph.enums import AnswerOutcome, ProblemCode, ToolFormat
from graph.errors import SimpleProblem, ValidationProblem
from graph.nodes import Connection, connection, decode_id, encode_id, window
from persistence import models

if TYPE_CHECKING:
    from graph.schema import Schema


@strawberry.type(description="What an answer took, all its rounds with the model together.")
class AnswerUsage:
    model: str = strawberry.field(description="The model that answered, as the provider names it.")
    rounds: int = strawberry.field(description="How often the model was asked, at most 8.")
    input_tokens: int = strawberry.field(description="Tokens read, cached ones among them.")
    cached_tokens: int = strawberry.field(description="Of those, tokens from the provider's cache.")
    output_tokens: int = strawberry.field(description="Tokens written, reasoning among them.")
    milliseconds: int = strawberry.field(description="From the first request to the end.")
    revision: str = strawberry.field(
        description="The hash of what the model was told; see `assistantRevisions`."
    )

    @classmethod
    def from_model(cls, usage: models.AnswerUsage) -> "AnswerUsage":
        return cls(
            model=usage.model_name,
            rounds=usage.rounds,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            milliseconds=usage.milliseconds,
            revision=usage.revision,
        )


@strawberry.type(description="The output of a tool call, for the model.")
class ToolOutput:
    call_id: str = strawberry.field(description="The call's.")
    output: str = strawberry.field(
        description="A JSON object, whatever happened: `success` and, then, either what was found "
        "or an `error` that the model can act on; in the configured language."
    )

    @classmethod
    def from_output(cls, output: Output) -> "ToolOutput":
        return cls(call_id=output.call_id, output=output.output)


@strawberry.type(description="One attempt of the assistant to answer, and how it ended.")
class AssistantAnswer:
    id: strawberry.ID = strawberry.field(description="Its own; no Node.")
    outcome: AnswerOutcome = strawberry.field(description="How it ended.")
    problem: ProblemCode | None = strawberry.field(
        description="What went wrong, where it failed: UPSTREAM or RATE_LIMITED."
    )
    question_ids: list[strawberry.ID] = strawberry.field(
        description="The customer's messages that it is for."
    )
    message_id: strawberry.ID | None = strawberry.field(
        description="The message that was sent; null where none was."
    )
    usage: AnswerUsage = strawberry.field(description="What it took, sent or not.")
    created_at: datetime = strawberry.field(description="When it ended.")

    @classmethod
    def from_model(cls, answer: models.AssistantAnswer) -> "AssistantAnswer":
        return cls(
            id=encode_id("AssistantAnswer", answer.id),
            outcome=answer.outcome,
            problem=ProblemCode(answer.problem) if answer.problem else None,
            question_ids=[encode_id("Message", each) for each in answer.questions],
            message_id=encode_id("Message", answer.message_id) if answer.message_id else None,
            usage=AnswerUsage.from_model(answer.usage),
            created_at=answer.created_at,
        )


async def answers_of(
    info: Info, conversation: models.Conversation, first: int | None, after: str | None
) -> Connection[AssistantAnswer]:
    assistant, actor = info.context.services.assistant, info.context.actor
    page = await assistant.answers_page(
        actor, conversation, window("answers", first=first, after=after)
    )
    return connection(
        "answers",
        page,
        node=AssistantAnswer.from_model,
        count=lambda: assistant.count_answers(actor, conversation),
    )


# ---- outcomes ------------------------------------------------------------------------------


@strawberry.type(description="What came of a customer's message.")
class AnswerPayload:
    message: Message | None = strawberry.field(
        description="What to send to the customer; null where a person answers. Beside it a "
        "problem's `message` needs another name: `... on Problem { why: message }`."
    )
    usage: AnswerUsage | None = strawberry.field(
        description="What it took; null where no model was asked."
    )
    handed_over: bool = strawberry.field(
        description="True: a person answers in this conversation from now on, because one took it "
        "over, or because the assistant failed too often; then `message` tells the customer so."
    )
    replayed: bool = strawberry.field(
        description="True: the message had been answered before, alone or with others, and "
        "`message` is that answer: it has been delivered already."
    )
    conversation: Conversation = strawberry.field(description="Where it was said.")

    @classmethod
    def from_answer(cls, answer: Answer) -> "AnswerPayload":
        return cls(
            message=Message.from_model(answer.message) if answer.message else None,
            usage=AnswerUsage.from_model(answer.usage) if answer.usage else None,
            handed_over=answer.handed_over,
            replayed=answer.is_replay,
            conversation=Conversation.from_model(answer.conversation),
        )


AnswerResult = Annotated[
    AnswerPayload | ValidationProblem | SimpleProblem,
    strawberry.union("AnswerResult", description="The answer, or why there is none."),
]


@strawberry.type(description="The calls have been run.")
class ToolCallsPayload:
    outputs: list[ToolOutput] = strawberry.field(description="One for each call, in order.")


ToolCallsResult = Annotated[
    ToolCallsPayload | ValidationProblem | SimpleProblem,
    strawberry.union("ToolCallsResult", description="The outputs, or why nothing was run."),
]


# ---- inputs --------------------------------------------------------------------------------


@strawberry.input(description="What the customer wrote, to be answered.")
class RespondToCustomerInput:
    conversation_id: strawberry.ID = strawberry.field(description="Where they wrote it.")
    text: str = strawberry.field(description="1 to 10,000 characters.")
    external_id: str | None = strawberry.field(
        default=None,
        description="The message's id on the channel, at most 200 characters. Delivered again, it "
        "is not recorded or answered twice, so that a webhook can be retried.",
    )


@strawberry.input(description="A call that a model made.")
class ToolCallInput:
    call_id: str = strawberry.field(
        description="The provider's id of the call, 1 to 200 characters: for 24 hours the same "
        "call has one effect in its conversation, however often it is delivered."
    )
    name: str = strawberry.field(description="The tool that it calls.")
    arguments: str = strawberry.field(
        description="What the model wrote for arguments; should be a JSON object."
    )


# ---- root fields ---------------------------------------------------------------------------


@strawberry.type
class AssistantQueries:
    @strawberry.field(
        description="The assistant's tools as they are now, to give to a model of your own; run "
        "its calls with `executeToolCalls`. Bots and admins."
    )
    async def assistant_tools(
        self,
        info: Info,
        format: Annotated[
            ToolFormat, strawberry.argument(description="For whom they are written.")
        ] = ToolFormat.RESPONSES,
    ) -> list[JSON]:
        info.context.actor.require(Permission.USE_ASSISTANT)
        schema = cast("Schema", info.schema).core
        return cast(list[Any], define_tools(schema, await info.context.configuration(), format))


@strawberry.type
class AssistantMutations:
    @strawberry.mutation(
        description="Runs the calls that a model made, each on its own, for the customer of the "
        "conversation, whatever their arguments say. At most 32 at once. Bots, and admins, who "
        "then see as little as a bot. Problems: VALIDATION (callId, too many), NOT_FOUND, "
        "FORBIDDEN; whatever goes wrong with a call is in its output. Emits what the calls do: "
        "TicketCreated."
    )
    async def execute_tool_calls(
        self,
        info: Info,
        conversation_id: Annotated[
            strawberry.ID, strawberry.argument(description="Where the model answers.")
        ],
        calls: Annotated[
            list[ToolCallInput], strawberry.argument(description="As the model made them.")
        ],
    ) -> ToolCallsResult:
        outputs = await info.context.services.assistant.execute(
            info.context.actor,
            [ToolCall(each.call_id, each.name, each.arguments) for each in calls],
            conversation_id=decode_id("Conversation", conversation_id, "conversationId"),
            run_tools=_tool_runner(info),
        )
        return ToolCallsPayload(outputs=[ToolOutput.from_output(each) for each in outputs])

    @strawberry.mutation(
        description="Records what the customer wrote and answers it with a language model, which "
        "may look up and open tickets for that customer. Takes up to 60 s, and as long again where "
        "another answer is being written in the conversation; `answerStream` shows the text "
        "meanwhile. The message stays recorded whatever comes after: retry with the same "
        "`externalId`. Bots and admins. Problems: VALIDATION, NOT_FOUND, FORBIDDEN, "
        "NOT_CONFIGURED (no OPENAI_API_KEY), UPSTREAM and RATE_LIMITED (the model's provider). "
        "Emits what recordMessage emits, and TicketCreated for a ticket that was opened."
    )
    async def respond_to_customer(self, info: Info, input: RespondToCustomerInput) -> AnswerResult:
        answer = await info.context.services.assistant.respond(
            info.context.actor,
            decode_id("Conversation", input.conversation_id, "conversationId"),
            input.text,
            external_id=input.external_id,
            run_tools=_tool_runner(info),
        )
        return AnswerPayload.from_answer(answer)


def _tool_runner(info: Info) -> ToolRunner:
    return ToolRunner(info.schema, info.context.services, info.context.request_id)
