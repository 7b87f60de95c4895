"""What one operation carries: who asks, the services, and its batched reads."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from strawberry.types import Info as StrawberryInfo

from domain.access import Actor
from domain.accounts import Accounts
from domain.assistant.revisions import Revisions
from domain.assistant.service import Assistant
from domain.assistant.stream import AnswerStreams
from domain.attachments import Attachments
from domain.clock import Clock
from domain.configuration import Configuration
from domain.configuration.editor import ConfigurationEditor
from domain.configuration.preview import ConfigurationPreviews
from domain.configuration.stored import StoredConfiguration
from domain.conversations import Conversations
from domain.customers import Customers
from domain.erasure import Erasure
from domain.errors import DomainError, ProblemCode, Unauthenticated
from domain.feed import Feed
from domain.live_conversations import LiveConversations
from domain.live_statistics import LiveStatistics
from domain.rates import RequestRates
from domain.sessions import Identity, Sessions
from domain.statistics import StatisticsReader
from domain.tickets import Tickets
from domain.watches import Watch, Watches
from graph.loaders import Loaders
from graph.sharing import Relay
from persistence.channel import Channel, Signal


@dataclass(frozen=True, slots=True)
class Services:
    """The domain, wired once per process in `graph.app`."""

    tickets: Tickets
    customers: Customers
    conversations: Conversations
    attachments: Attachments
    erasure: Erasure
    accounts: Accounts
    sessions: Sessions
    statistics: StatisticsReader
    configuration: StoredConfiguration
    configuration_editor: ConfigurationEditor
    configuration_previews: ConfigurationPreviews
    assistant: Assistant
    revisions: Revisions
    clock: Clock
    # The business's.
    time_zone: ZoneInfo
    # What streams live on; silent until the channel is started.
    channel: Channel
    watches: Watches
    feed: Feed
    live_statistics: LiveStatistics
    live_conversations: LiveConversations
    answer_streams: AnswerStreams
    rates: RequestRates
    configuration_signal: Signal


@dataclass(slots=True)
class Stream:
    """What a subscription has that a request has not: credentials that may lose their worth.

    `last_event_id` is the cursor that an EventSource sends when it connects again. `relay` is
    there where the connection can be written to at any moment.
    """

    watch: Watch
    last_event_id: str | None = None
    relay: Relay | None = None


class Context:
    """One per HTTP request, one per operation on a WebSocket, and one per item of a stream."""

    def __init__(
        self,
        services: Services,
        identity: Identity | DomainError | None,
        request_id: str,
        *,
        address: str | None = None,
        traceparent: str = "",
        is_internal: bool = False,
        stream: Stream | None = None,
    ) -> None:
        """`identity` may be the refusal that whatever needs credentials is to give.

        `address` is the client's, where it matters and is known; `traceparent` what it sent as
        that header.
        `is_internal`: the document is our own, so that no limit on what clients ask applies.
        `stream` is there for subscriptions.
        """
        self.services = services
        self.request_id = request_id
        self.address = address
        self.traceparent = traceparent
        # Of a mutation, the code of the Problem that it answered with.
        self.refusal: ProblemCode | None = None
        self.is_internal = is_internal
        self._identity = identity
        self._stream = stream

    def seen_by(self, identity: Identity) -> "Context":
        """A context for another read by the same request, which remembers nothing of this one."""
        return Context(self.services, identity, self.request_id)

    @property
    def stream(self) -> Stream:
        assert self._stream is not None, "subscriptions are executed by graph.streams alone"
        return self._stream

    @property
    def identity(self) -> Identity:
        """Raises Unauthenticated, saying whether credentials are missing or wrong."""
        if isinstance(self._identity, DomainError):
            raise self._identity
        if self._identity is None:
            raise Unauthenticated(
                "Sign in with the mutation login, or send an API key: "
                "the header Authorization: Bearer …"
            )
        return self._identity

    @property
    def actor(self) -> Actor:
        """As `identity`."""
        return self.identity.actor

    @property
    def actor_name(self) -> str:
        """Of whoever asks, for logs: nobody's own name."""
        if not isinstance(self._identity, Identity):
            return "nobody"
        actor = self._identity.actor
        return f"{actor.kind.lower()}:{actor.key}"

    @property
    def is_anonymous(self) -> bool:
        """Whether no credentials were sent, neither right nor wrong ones."""
        return self._identity is None

    @cached_property
    def loaders(self) -> Loaders:
        return Loaders(self.services, self.actor)

    async def configuration(self) -> Configuration:
        return await self.services.configuration.current()


Info = StrawberryInfo[Context, Any]
