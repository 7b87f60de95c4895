"""Accounts and whose the credentials in use are, remembered until anything about them changes."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from domain.memory import Memory
from persistence.channel import Change, Channel, Topic
from persistence.models import Agent, ApiKey

# How many of each kind are remembered.
CAPACITY = 10_000

# What matters of an account once it is in use. Sessions matter when they end, and API keys are
# written at each minute's use.
_RELEVANT = {
    "agents": frozenset({"name", "email", "role", "is_active"}),
    "sessions": frozenset[str](),
    "api_keys": frozenset({"name", "revoked_at", "expires_at"}),
}


def is_relevant(change: Change) -> bool:
    """Whether accounts in use may read differently since, or credentials stand for nobody."""
    return change.is_deletion or not change.fields.isdisjoint(_RELEVANT[change.collection])


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a credential is, and until when it is good; None where it does not expire."""

    account: Agent | ApiKey
    expires_at: datetime | None
    session_id: ObjectId | None = None


class KnownAccounts:
    """What was read of accounts.

    Whoever changes one in this process calls `forget` once that is committed.
    """

    def __init__(self, channel: Channel) -> None:
        self._holders = Memory[str, Holder](channel, CAPACITY)
        self._agents = Memory[ObjectId, Agent](channel, CAPACITY)
        channel.listen(Topic.ACCOUNTS, self._changed, on_gap=lambda _: self.forget())

    async def holder(self, credential: str, read: Callable[[], Awaitable[Holder]]) -> Holder:
        """Raises what `read` raises, which is asked again the next time."""
        # Not the credential itself: it is not to lie around.
        key = digest(credential)

        async def read_it(_: list[str]) -> dict[str, Holder]:
            return {key: await read()}

        return (await self._holders.get([key], read_it))[key]

    async def agents(
        self,
        keys: Iterable[ObjectId],
        read: Callable[[list[ObjectId]], Awaitable[dict[ObjectId, Agent]]],
    ) -> dict[ObjectId, Agent]:
        """Those of `keys` that there are; `read` is asked for what is not known."""
        return await self._agents.get(keys, read)

    def forget(self) -> None:
        """Everyone: changes are few, and looking somebody up again costs a read or two."""
        self._holders.forget()
        self._agents.forget()

    def _changed(self, change: Change) -> None:
        if is_relevant(change):
            self.forget()


def digest(secret: str) -> str:
    """How a random secret is kept: it has the entropy that a password lacks, so SHA-256 will do."""
    return hashlib.sha256(secret.encode()).hexdigest()
