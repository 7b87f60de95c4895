"""Conversations as they go on, for whoever follows them, in whichever process."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from bson import ObjectId

from domain.access import Actor
from domain.customers import Customers
from domain.errors import NotFound
from domain.watches import Watch
from persistence.channel import Channel, Signal, Topic
from persistence.models import Conversation


@dataclass(frozen=True, slots=True)
class Moment:
    """A conversation as somebody sees it: the same for all of `viewer`'s rights at one `count`."""

    viewer: Actor
    conversation: Conversation
    signal: Signal
    count: int


class LiveConversations:
    def __init__(self, *, customers: Customers, channel: Channel) -> None:
        self._customers = customers
        self._signals = channel.signals(Topic.CONVERSATIONS)

    async def follow(self, watch: Watch, conversation_id: ObjectId) -> AsyncGenerator[Moment]:
        """The conversation at once, and again after each message and change of who answers.

        Who reads slowly gets it as it then is. Raises NotFound as soon as the viewer may not see
        it, and Unauthenticated once the credential is good no more.
        """
        with self._signals.following(conversation_id) as signal:
            while True:
                # Before it is read: what comes meanwhile is a reason to read it again.
                count = signal.count
                viewer = (await watch.identity()).actor
                found = await self._customers.find_conversations(viewer, [conversation_id])
                if not found:
                    raise NotFound("conversation")
                yield Moment(viewer, found[conversation_id], signal, count)
                await signal.after(count)
