"""The answer in a conversation as it is written, for whoever watches, in whichever process."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from bson import ObjectId

from domain.access import Actor
from domain.customers import Customers
from domain.watches import Watch
from persistence.assistant import AssistantStore
from persistence.channel import Channel, Topic
from persistence.customers import CustomerStore
from persistence.models import AssistantAnswer, Message


@dataclass(frozen=True, slots=True)
class Writing:
    """`text` is the answer as far as it has been written; it may still be another in the end."""

    viewer: Actor
    conversation_id: ObjectId
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt has ended; `message` is what was sent, if anything was."""

    viewer: Actor
    answer: AssistantAnswer
    message: Message | None


Progress = Writing | Ended


class AnswerStreams:
    def __init__(
        self,
        *,
        store: AssistantStore,
        customer_store: CustomerStore,
        customers: Customers,
        channel: Channel,
    ) -> None:
        self._store = store
        self._customer_store = customer_store
        self._customers = customers
        self._signals = channel.signals(Topic.ANSWERS)

    async def follow(self, watch: Watch, conversation_id: ObjectId) -> AsyncGenerator[Progress]:
        """What is being written now, if anything is, and everything from now on.

        Who reads slowly gets the text as it then is, and misses no end but those that others have
        followed since. Raises NotFound, and Unauthenticated once the credential is good no more.
        """
        with self._signals.following(conversation_id) as signal:
            last = await self._store.latest_answer(conversation_id)
            shown = ""
            while True:
                count = signal.count
                viewer = (await watch.identity()).actor
                await self._customers.get_conversation(viewer, conversation_id)
                draft = await self._store.find_draft(conversation_id)
                answer = await self._store.latest_answer(conversation_id)
                text = draft.text if draft else ""
                if answer is not None and (last is None or answer.id != last.id):
                    last, shown = answer, ""
                    yield Ended(viewer, answer, await self._sent(answer))
                elif text not in ("", shown):
                    shown = text
                    yield Writing(viewer, conversation_id, text)
                else:
                    await signal.after(count)

    async def _sent(self, answer: AssistantAnswer) -> Message | None:
        if answer.message_id is None:
            return None
        return await self._customer_store.find_message_by_key(answer.message_id)
