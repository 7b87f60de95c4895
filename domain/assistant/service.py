"""Answering customers: the loop between a model and its tools, and what surrounds it.

One answer at a time is written in a conversation, by whoever holds its draft. What a model and its
tools say is kept in the draft before anything else is done with it, so that an attempt that failed,
or whose process died, is gone on with and not begun anew: a ticket that its tools have opened is
known to the next attempt. An answer is stored only if, in the same transaction, nobody has taken
the conversation over; a person's taking over always wins.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import structlog
from bson import ObjectId

from domain.access import Actor, Permission
from domain.assistant.exchange import (
    JsonObject,
    Round,
    RunTools,
    ToolCall,
    ToolOutput,
    ToolScope,
)
from domain.assistant.on_demand import ProviderOnDemand
from domain.assistant.phrases import Phrase, Phrases
from domain.assistant.revisions import Revision, Revisions
from domain.assistant.text import cut_at_word, storable
from domain.clock import Clock, sort_key
from domain.configuration import ConfigurationSource
from domain.conversations import Conversations
from domain.customers import Customers
from domain.errors import (
    DomainError,
    NotConfigured,
    RateLimited,
    TakenOver,
    Upstream,
    ValidationFailed,
)
from domain.known_customers import KnownConversations
from domain.validation import KEY_LENGTH, TEXT_LENGTH, Checks
from persistence.assistant import AssistantStore
from persistence.customers import CustomerStore
from persistence.database import Database, Transaction
from persistence.documents import evolve
from persistence.models import (
    AnswerDraft,
    AnswerOutcome,
    AnswerUsage,
    AssistantAnswer,
    Conversation,
    ConversationHandler,
    Message,
    MessageAuthor,
)
from persistence.pages import Page, Window

if TYPE_CHECKING:
    from domain.assistant.provider import Provider

log = structlog.stdlib.get_logger("tickets.assistant")

MAX_ROUNDS: Final = 8
# How many calls of a loop elsewhere are run at once.
MAX_CALLS: Final = 32
# A model is told at most so much of what was said before, the latest of it.
HISTORY_MESSAGES: Final = 40
HISTORY_CHARACTERS: Final = 40_000
# How long a draft is held beyond the time that an answer may take, for clocks that differ.
HOLD_MARGIN = timedelta(seconds=15)
# How often a draft that another holds is asked for, and a growing text is shown.
POLL_SECONDS: Final = 0.2
SHOW_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """`failures` in a row, after which a person answers in the conversation."""

    seconds: float
    failures: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`message` is what to send to the customer, if anything; `usage` is None where no model ran.

    `is_replay`: the message had been answered before, and nothing was done now.
    """

    conversation: Conversation
    message: Message | None = None
    usage: AnswerUsage | None = None
    is_replay: bool = False

    @property
    def handed_over(self) -> bool:
        return self.conversation.handler is ConversationHandler.HUMAN


class _Superseded(Exception):
    """The draft was not finished in the time that it was held, and another goes on with it."""


@dataclass(slots=True)
class _Attempt:
    """One attempt at an answer. `items` are those of the draft, and grow with it."""

    actor: Actor
    conversation: Conversation
    token: str
    revision: Revision
    history: list[JsonObject]
    questions: list[ObjectId]
    items: list[JsonObject]
    usage: AnswerUsage
    began: float = field(default_factory=time.monotonic)
    shown_at: float = 0.0

    def count(self, said: Round) -> None:
        self.usage = evolve(
            self.usage,
            model_name=said.model,
            rounds=self.usage.rounds + 1,
            input_tokens=self.usage.input_tokens + said.input_tokens,
            cached_tokens=self.usage.cached_tokens + said.cached_tokens,
            output_tokens=self.usage.output_tokens + said.output_tokens,
        )

    def calls_to_run(self) -> list[ToolCall]:
        """Those of the draft that no output follows."""
        calls: dict[str, ToolCall] = {}
        for item in self.items:
            if item["type"] == "function_call":
                call = ToolCall(item["call_id"], item["name"], item["arguments"])
                calls[call.call_id] = call
            elif item["type"] == "function_call_output":
                calls.pop(item["call_id"], None)
        return list(calls.values())

    def last_run(self) -> tuple[str, str, str] | None:
        """Name, arguments and output of the call that was run last."""
        outputs = [item for item in self.items if item["type"] == "function_call_output"]
        if not outputs:
            return None
        calls = {item["call_id"]: item for item in self.items if item["type"] == "function_call"}
        call = calls[outputs[-1]["call_id"]]
        return call["name"], call["arguments"], outputs[-1]["output"]


class Assistant:
    def __init__(
        self,
        *,
        database: Database,
        store: AssistantStore,
        customer_store: CustomerStore,
        known_conversations: KnownConversations,
        customers: Customers,
        conversations: Conversations,
        revisions: Revisions,
        configuration: ConfigurationSource,
        provider: ProviderOnDemand | None,
        limits: AnswerLimits,
        clock: Clock,
        time_zone: ZoneInfo,
        secret_key: str,
    ) -> None:
        """`provider` None: nobody is set up to answer. `secret_key` hides who customers are."""
        self._database = database
        self._store = store
        self._customer_store = customer_store
        self._known_conversations = known_conversations
        self._customers = customers
        self._conversations = conversations
        self._revisions = revisions
        self._configuration = configuration
        self._provider = provider
        self._limits = limits
        self._clock = clock
        self._time_zone = time_zone
        self._secret_key = secret_key
        self._listeners: list[Callable[[AssistantAnswer], None]] = []

    def on_answer(self, listener: Callable[[AssistantAnswer], None]) -> None:
        """`listener` is told of each answer for which a model was asked, however it ended."""
        self._listeners.append(listener)

    async def close(self) -> None:
        if self._provider is not None:
            await self._provider.close()

    async def respond(
        self,
        actor: Actor,
        conversation_id: ObjectId,
        text: str,
        *,
        external_id: str | None = None,
        run_tools: RunTools,
    ) -> Answer:
        """Records what the customer wrote, and what the assistant answers to it.

        The message stays recorded whatever comes after. Delivered again by its `external_id`, it
        gets the answer that it got; if it got none, it is answered now. Messages that come while an
        answer is written wait, and are answered together.
        Raises ValidationFailed, NotFound, Forbidden; NotConfigured without a provider; Upstream and
        RateLimited for a provider that fails; RateLimited where others wait for too long.
        """
        actor.require(Permission.USE_ASSISTANT)
        recorded = await self._conversations.write(
            actor, conversation_id, text, author=MessageAuthor.CUSTOMER, external_id=external_id
        )
        conversation, question = recorded.conversation, recorded.message
        if recorded.replayed and (known := await self._answer_to(conversation, question)):
            return known
        if conversation.handler is ConversationHandler.HUMAN:
            return Answer(conversation)
        if self._provider is None:
            raise NotConfigured(
                "The assistant is off here: OPENAI_API_KEY is not set. The message is recorded."
            )
        provider = await self._provider.get()
        async with self._draft(conversation_id) as draft:
            # Whoever held the draft before may have answered this message with theirs.
            if known := await self._answer_to(conversation, question):
                return known
            attempt = await self._attempt(actor, conversation, question, draft, provider)
            return await self._conclude(attempt, provider, run_tools)

    async def execute(
        self,
        actor: Actor,
        calls: Sequence[ToolCall],
        *,
        conversation_id: ObjectId | None,
        run_tools: RunTools,
    ) -> list[ToolOutput]:
        """The outputs of calls that a model elsewhere made, in a conversation.

        `conversation_id` None: in none, for the customer whom the actor names.
        Raises ValidationFailed, NotFound, Forbidden; what goes wrong with a call is in its output.
        """
        actor.require(Permission.USE_ASSISTANT)
        checks = Checks()
        if not 1 <= len(calls) <= MAX_CALLS:
            checks.fault("calls", f"must be 1 to {MAX_CALLS}, are {len(calls)}")
        for index, call in enumerate(calls):
            checks.text(f"calls[{index}].callId", call.call_id, longest=KEY_LENGTH, lines=False)
        checks.done()
        return await run_tools(actor, await self._scope(actor, conversation_id), calls)

    async def _scope(self, actor: Actor, conversation_id: ObjectId | None) -> ToolScope:
        if conversation_id is not None:
            conversation = await self._customers.get_conversation(actor, conversation_id)
            return ToolScope(conversation.customer_id, conversation.id)
        if actor.customer_id is None:
            raise ValidationFailed.of("customerId", "name the customer: X-Customer-Id")
        customer = await self._customers.get(actor, actor.customer_id)
        return ToolScope(customer.id, None)

    async def answers_page(
        self, actor: Actor, conversation: Conversation, window: Window
    ) -> Page[AssistantAnswer]:
        """Every attempt, newest first, in a conversation that the actor may see; none for a bot."""
        if not actor.may(Permission.READ_ALL_CUSTOMERS):
            return Page([], [], has_next=False, has_previous=False)
        return await self._store.answers_page(conversation.id, window)

    async def count_answers(self, actor: Actor, conversation: Conversation) -> int:
        if not actor.may(Permission.READ_ALL_CUSTOMERS):
            return 0
        return await self._store.count_answers(conversation.id)

    async def _answer_to(self, conversation: Conversation, question: Message) -> Answer | None:
        found = await self._store.find_answers_to([question.id])
        if not found or (message_key := found[0].message_id) is None:
            return None
        message = await self._customer_store.find_message_by_key(message_key)
        latest = await self._customer_store.find_conversation(conversation.id)
        return Answer(latest or conversation, message, found[0].usage, is_replay=True)

    # ---- drafts ----------------------------------------------------------------------------

    @asynccontextmanager
    async def _draft(self, conversation_id: ObjectId) -> AsyncGenerator[AnswerDraft]:
        """The conversation's draft, once it is free. Raises RateLimited where that takes long."""
        token = secrets.token_hex(8)
        lifetime = timedelta(seconds=self._limits.seconds) + HOLD_MARGIN
        give_up_at = time.monotonic() + self._limits.seconds
        while True:
            now = self._clock()
            draft = await self._store.take_draft(
                conversation_id, token=token, now=now, until=now + lifetime
            )
            if draft is not None:
                break
            if time.monotonic() > give_up_at:
                raise RateLimited(
                    "Another answer is being written in this conversation. The message is "
                    "recorded; send it again, with its externalId, to have it answered."
                )
            await asyncio.sleep(POLL_SECONDS)
        try:
            yield draft
        finally:
            await self._store.release_draft(conversation_id, token, self._clock())

    async def _attempt(
        self,
        actor: Actor,
        conversation: Conversation,
        question: Message,
        draft: AnswerDraft,
        provider: "Provider",
    ) -> _Attempt:
        revision = await self._revisions.active()
        history, questions = await self._history(conversation, question)
        return _Attempt(
            actor=actor,
            conversation=conversation,
            token=draft.token,
            revision=revision,
            history=history,
            questions=questions,
            items=[json.loads(item) for item in draft.items],
            usage=AnswerUsage(model_name=provider.model, revision=revision.hash),
        )

    async def _history(
        self, conversation: Conversation, question: Message
    ) -> tuple[list[JsonObject], list[ObjectId]]:
        """What was said, as a model's input, and which messages are to be answered by it.

        Those are what the customer wrote since the last message that was dealt with; they come
        last, also where an answer to an earlier one was given after they were written.
        """
        page = await self._customer_store.messages_page(
            conversation.id, Window(HISTORY_MESSAGES, backwards=True)
        )
        said = page.items if question in page.items else [question, *page.items]
        written = [each for each in said if each.author is MessageAuthor.CUSTOMER]
        answers = await self._store.find_answers_to(each.id for each in written)
        answered = {key for answer in answers for key in answer.questions}
        answers_of_ours = {answer.message_id for answer in answers}
        dealt_with = [
            each.sort
            for each in said
            if each.id in answered
            or (each.author is not MessageAuthor.CUSTOMER and each.id not in answers_of_ours)
        ]
        last = max(dealt_with, default="")
        open_keys = {
            each.id
            for each in written
            if each.id == question.id or (each.sort > last and each.id not in answered)
        }
        ordered = sorted(said, key=lambda each: (each.id in open_keys, each.sort))
        kept: list[JsonObject] = []
        room = HISTORY_CHARACTERS
        for each in reversed(ordered):
            room -= len(each.text)
            if room < 0 and kept:
                break
            role = "user" if each.author is MessageAuthor.CUSTOMER else "assistant"
            kept.append({"role": role, "content": each.text})
        return kept[::-1], [each.id for each in ordered if each.id in open_keys]

    # ---- the loop --------------------------------------------------------------------------

    async def _conclude(
        self, attempt: _Attempt, provider: "Provider", run_tools: RunTools
    ) -> Answer:
        try:
            text = await self._converse_in_time(attempt, provider, run_tools)
            return await self._send(attempt, text)
        except (Upstream, RateLimited) as failure:
            return await self._fail(attempt, failure)
        except TakenOver:
            return await self._discard(attempt)
        except _Superseded:
            raise RateLimited("The answer took too long, and is written by another.") from None

    async def _converse_in_time(
        self, attempt: _Attempt, provider: "Provider", run_tools: RunTools
    ) -> str:
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._converse(attempt, provider, run_tools)
        except TimeoutError:
            seconds = f"{self._limits.seconds:g}"
            raise Upstream(f"The model had not answered after {seconds} s.") from None

    async def _converse(self, attempt: _Attempt, provider: "Provider", run_tools: RunTools) -> str:
        """The answer. Raises Upstream, RateLimited, TakenOver, _Superseded."""
        for _ in range(MAX_ROUNDS):
            await self._run_calls(attempt, run_tools)
            said = await self._round(attempt, provider)
            if said.is_refusal:
                raise Upstream("The model refused to answer.")
            if not said.calls:
                if not said.text:
                    raise Upstream("The model answered nothing.")
                return cut_at_word(storable(said.text).strip(), TEXT_LENGTH)
            # Before they are run: what a call has done must not be forgotten with this process.
            await self._keep(attempt, said.items)
        raise Upstream(f"The model still called tools after {MAX_ROUNDS} rounds.")

    async def _run_calls(self, attempt: _Attempt, run_tools: RunTools) -> None:
        """Runs the calls that have not been, each kept with its output.

        One that repeats the call before it word for word is told the same, so that a model which
        goes in circles opens one ticket.
        """
        scope = ToolScope(attempt.conversation.customer_id, attempt.conversation.id)
        for call in attempt.calls_to_run():
            await self._require_assistant(attempt)
            last = attempt.last_run()
            if last is not None and last[:2] == (call.name, call.arguments):
                output = last[2]
            else:
                (ran,) = await run_tools(attempt.actor, scope, [call])
                output = ran.output
            item = {"type": "function_call_output", "call_id": call.call_id, "output": output}
            await self._keep(attempt, [json.dumps(item)])

    async def _round(self, attempt: _Attempt, provider: "Provider") -> Round:
        today = self._clock().astimezone(self._time_zone).date().isoformat()
        text = ""
        async for said in provider.respond(
            instructions=attempt.revision.instructions(today),
            tools=attempt.revision.tools,
            items=[*attempt.history, *attempt.items],
            safety_identifier=self._pseudonym(attempt.conversation.customer_id),
            cache_key=attempt.revision.hash,
        ):
            if isinstance(said, Round):
                attempt.count(said)
                return said
            text += said
            await self._show(attempt, text)
        raise AssertionError("the last thing that a provider yields is the round")

    async def _show(self, attempt: _Attempt, text: str) -> None:
        now = time.monotonic()
        if now - attempt.shown_at < SHOW_SECONDS:
            return
        attempt.shown_at = now
        await self._require_assistant(attempt)
        shown = storable(text)
        if not await self._store.show_draft(attempt.conversation.id, attempt.token, shown):
            raise _Superseded

    async def _keep(self, attempt: _Attempt, items: Sequence[str]) -> None:
        if not await self._store.extend_draft(attempt.conversation.id, attempt.token, items):
            raise _Superseded
        attempt.items += [json.loads(item) for item in items]

    async def _require_assistant(self, attempt: _Attempt) -> None:
        """Not to go on in vain; what is decisive is `CustomerStore.admit_answer`."""
        conversation = await self._customer_store.find_conversation(attempt.conversation.id)
        if conversation is None or conversation.handler is not ConversationHandler.ASSISTANT:
            raise TakenOver

    def _pseudonym(self, customer_id: ObjectId) -> str:
        """By which the provider can tell customers apart, and not who they are."""
        text = f"safety_identifier:{customer_id}"
        return hmac.new(self._secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()

    # ---- outcomes --------------------------------------------------------------------------

    async def _send(self, attempt: _Attempt, text: str) -> Answer:
        """Stores the answer, unless a person has taken over. Raises TakenOver, _Superseded."""
        message = self._message(attempt, text)
        answer = self._record(attempt, AnswerOutcome.SENT, message=message)

        async def send(session: Transaction) -> None:
            key, token = attempt.conversation.id, attempt.token
            if not await self._store.remove_draft(key, token, session=session):
                raise _Superseded
            if not await self._customer_store.admit_answer(key, session=session):
                raise TakenOver
            await self._customer_store.add_message(message, session=session)
            await self._store.add_answer(answer, session=session)

        await self._database.transaction(send)
        self._known_conversations.forget(attempt.conversation.id)
        self._report(answer)
        return Answer(attempt.conversation, message, answer.usage)

    async def _fail(self, attempt: _Attempt, failure: DomainError) -> Answer:
        """Raises `failure`, unless it is one too many: then a person is to go on."""
        farewell = Phrases(await self._configuration.current()).say(Phrase.HANDED_OVER)
        message = self._message(attempt, farewell)
        code = failure.code.value
        failed = self._record(attempt, AnswerOutcome.FAILED, problem=code)
        last = self._record(attempt, AnswerOutcome.HANDED_OVER, problem=code, message=message)
        key = attempt.conversation.id

        async def count(session: Transaction) -> Conversation:
            conversation = await self._customer_store.find_conversation(key, session=session)
            failures = conversation.assistant_failures + 1 if conversation else 1
            if not await self._customer_store.count_failure(key, failures, session=session):
                raise TakenOver
            if failures < self._limits.failures:
                await self._store.add_answer(failed, session=session)
                return attempt.conversation
            now = self._clock()
            human = ConversationHandler.HUMAN
            await self._customer_store.set_handler(
                key, human, handled_by=None, at=now, session=session
            )
            await self._store.remove_draft(key, attempt.token, session=session)
            await self._customer_store.add_message(message, session=session)
            await self._store.add_answer(last, session=session)
            return evolve(attempt.conversation, handler=human, updated_at=now)

        try:
            conversation = await self._database.transaction(count)
        except TakenOver:
            return await self._discard(attempt)
        self._known_conversations.forget(key)
        if conversation.handler is ConversationHandler.ASSISTANT:
            self._report(failed)
            raise failure
        self._report(last)
        return Answer(conversation, message, last.usage)

    async def _discard(self, attempt: _Attempt) -> Answer:
        """Keeps what the answer took, and forgets what it said."""
        answer = self._record(attempt, AnswerOutcome.DISCARDED)

        async def discard(session: Transaction) -> Conversation | None:
            key = attempt.conversation.id
            await self._store.remove_draft(key, attempt.token, session=session)
            await self._store.add_answer(answer, session=session)
            return await self._customer_store.find_conversation(key, session=session)

        conversation = await self._database.transaction(discard)
        self._report(answer)
        return Answer(conversation or attempt.conversation, usage=answer.usage)

    def _message(self, attempt: _Attempt, text: str) -> Message:
        key, now = ObjectId(), self._clock()
        return Message(
            id=key,
            conversation_id=attempt.conversation.id,
            author=MessageAuthor.ASSISTANT,
            author_ref=attempt.actor.ref,
            text=text,
            sent_at=now,
            sort=sort_key(now, key),
        )

    def _record(
        self,
        attempt: _Attempt,
        outcome: AnswerOutcome,
        *,
        problem: str | None = None,
        message: Message | None = None,
    ) -> AssistantAnswer:
        key, now = ObjectId(), self._clock()
        milliseconds = round((time.monotonic() - attempt.began) * 1000)
        usage = evolve(attempt.usage, milliseconds=milliseconds)
        return AssistantAnswer(
            id=key,
            conversation_id=attempt.conversation.id,
            questions=attempt.questions,
            outcome=outcome,
            problem=problem,
            message_id=message.id if message else None,
            usage=usage,
            created_at=now,
            sort=sort_key(now, key),
        )

    def _report(self, answer: AssistantAnswer) -> None:
        """One line in the log, with nothing of what was said."""
        log.info(
            "answer",
            conversation=str(answer.conversation_id),
            outcome=answer.outcome.value,
            problem=answer.problem,
            **answer.usage.model_dump(),
        )
        for listener in self._listeners:
            listener(answer)
