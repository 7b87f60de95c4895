"""Whose the credentials in use are, remembered until anything about their accounts changes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from domain.accounts import digest
from persistence.channel import Change, Channel, Topic
from persistence.models import Agent, ApiKey

# How many credentials are remembered.
CAPACITY = 10_000

# What matters of an account once it is in use. Sessions matter when they end, and API keys are
# written at each minute's use.
_RELEVANT = {
    "agents": frozenset({"name", "role", "is_active"}),
    "sessions": frozenset[str](),
    "api_keys": frozenset({"name", "revoked_at", "expires_at"}),
}


def is_relevant(change: Change) -> bool:
    """Whether credentials in use may stand for somebody else since, or for nobody."""
    return change.is_deletion or not change.fields.isdisjoint(_RELEVANT[change.collection])


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a credential is, and until when it is good; None where it does not expire."""

    account: Agent | ApiKey
    expires_at: datetime | None
    session_id: ObjectId | None = None


class Holders:
    """What was read of credentials, as long as this process hears of every change of accounts.

    Whoever makes such a change in this process calls `forget` once it is committed; of another
    process's the channel tells, within milliseconds. Without the channel nothing is remembered.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._known: dict[str, Holder] = {}
        self._changes = 0
        channel.listen(Topic.ACCOUNTS, self._changed, on_gap=lambda _: self.forget())

    async def get(self, credential: str, read: Callable[[], Awaitable[Holder]]) -> Holder:
        """Raises what `read` raises, which is asked again the next time."""
        # Not the credential itself: it is not to lie around.
        key = digest(credential)
        if not self._channel.is_alive:
            self.forget()
        elif (known := self._known.get(key)) is not None:
            return known
        changes = self._changes
        holder = await read()
        # What was read before a change must not be remembered after it.
        if changes == self._changes:
            if len(self._known) == CAPACITY:
                self._known.clear()
            self._known[key] = holder
        return holder

    def forget(self) -> None:
        """Everyone: changes are few, and looking somebody up again costs two reads."""
        self._known.clear()
        self._changes += 1

    def _changed(self, change: Change) -> None:
        if is_relevant(change):
            self.forget()
