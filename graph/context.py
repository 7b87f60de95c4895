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
from domain.clock import Clock
from domain.configuration import Configuration
from domain.configuration.editor import ConfigurationEditor
from domain.configuration.preview import ConfigurationPreviews
from domain.configuration.stored import StoredConfiguration
from domain.conversations import Conversations
from domain.customers import Customers
from domain.errors import DomainError, Unauthenticated
from domain.sessions import Identity, Sessions
from domain.statistics import StatisticsReader
from domain.tickets import Tickets
from graph.loaders import Loaders


@dataclass(frozen=True, slots=True)
class Services:
    """The domain, wired once per process in `graph.app`."""

    tickets: Tickets
    customers: Customers
    conversations: Conversations
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


class Context:
    """One per HTTP request, and one per operation on a WebSocket."""

    def __init__(
        self,
        services: Services,
        identity: Identity | DomainError | None,
        request_id: str,
        *,
        is_internal: bool = False,
    ) -> None:
        """`identity` may be the refusal that whatever needs credentials is to give.

        `is_internal`: the document is our own, so that no limit on what clients ask applies.
        """
        self.services = services
        self.request_id = request_id
        self.is_internal = is_internal
        self.connection_params: object = None
        self._identity = identity

    def sign_in(self, identity: Identity) -> None:
        """On a WebSocket, where credentials come after the connection."""
        self._identity = identity

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
    def is_anonymous(self) -> bool:
        """Whether no credentials were sent, neither right nor wrong ones."""
        return self._identity is None

    @cached_property
    def loaders(self) -> Loaders:
        return Loaders(self.services, self.actor)

    async def configuration(self) -> Configuration:
        return await self.services.configuration.current()


Info = StrawberryInfo[Context, Any]
