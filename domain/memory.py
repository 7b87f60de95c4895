"""What was read is remembered until it changes, whichever process changes it."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from persistence.channel import Channel

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Memory(Generic[KeyT, ValueT]):
    """Values by their keys, as long as this process hears of every change of them.

    Whoever changes one in this process calls `forget` once that is committed. Of another process's
    change the channel tells, within milliseconds, and in the order of commits: who is told of a
    later change by the channel finds nothing here that is older. While it does not hear, nothing
    is remembered.
    """

    def __init__(self, channel: Channel, capacity: int) -> None:
        self._channel = channel
        self._capacity = capacity
        self._known: dict[KeyT, ValueT] = {}
        self._changes = 0

    async def get(
        self,
        keys: Iterable[KeyT],
        read: Callable[[list[KeyT]], Awaitable[dict[KeyT, ValueT]]],
    ) -> dict[KeyT, ValueT]:
        """Those of `keys` that there are; `read` is asked for what is not known, and may raise."""
        if not self._channel.is_alive:
            self.forget()
        wanted = list(keys)
        found = {key: self._known[key] for key in wanted if key in self._known}
        if missing := [key for key in wanted if key not in found]:
            changes = self._changes
            new = await read(missing)
            # What was read before a change must not be remembered after it.
            if changes == self._changes:
                if len(self._known) + len(new) > self._capacity:
                    self._known.clear()
                self._known.update(new)
            found = {**found, **new}
        return found

    def forget(self, key: KeyT | None = None) -> None:
        """Everything, where no key is given."""
        self._changes += 1
        if key is None:
            self._known.clear()
        else:
            self._known.pop(key, None)
