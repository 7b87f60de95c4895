"""What was read is remembered until it changes, whichever process changes it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from persistence.channel import Channel

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


@dataclass(slots=True, eq=False)
class _Reading(Generic[KeyT]):
    """One that is under way, and what has changed since it began."""

    changed: set[KeyT] = field(default_factory=set[KeyT])
    has_all_changed: bool = False


class Memory(Generic[KeyT, ValueT]):
    """Values by their keys, as long as this process hears of every change of them.

    Whoever changes one in this process calls `forget` once that is committed. Of another process's
    change the channel tells, within milliseconds, and in the order of commits: who is told of a
    later change by the channel finds nothing here that is older. While it does not hear, nothing
    is remembered; that it hangs it notices after `persistence.channel.SILENCE_SECONDS`.
    """

    def __init__(self, channel: Channel, capacity: int) -> None:
        self._channel = channel
        self._capacity = capacity
        self._known: dict[KeyT, ValueT] = {}
        self._readings: set[_Reading[KeyT]] = set()

    async def get(
        self,
        keys: Iterable[KeyT],
        read: Callable[[list[KeyT]], Awaitable[dict[KeyT, ValueT]]],
    ) -> dict[KeyT, ValueT]:
        """Those of `keys` that there are; `read` is asked for what is not known, and may raise."""
        if not (hears := self._channel.is_alive):
            self.forget()
        wanted = list(keys)
        found = {key: self._known[key] for key in wanted if key in self._known}
        if missing := [key for key in wanted if key not in found]:
            reading = _Reading[KeyT]()
            self._readings.add(reading)
            try:
                new = await read(missing)
            finally:
                self._readings.remove(reading)
            # What was read before a change must not be remembered after it.
            if hears and self._channel.is_alive and not reading.has_all_changed:
                self._remember({key: new[key] for key in new if key not in reading.changed})
            found = {**found, **new}
        return found

    def _remember(self, new: dict[KeyT, ValueT]) -> None:
        if len(self._known) + len(new) > self._capacity:
            self._known.clear()
        self._known.update(new)

    def forget(self, key: KeyT | None = None) -> None:
        """Everything, where no key is given."""
        for reading in self._readings:
            if key is None:
                reading.has_all_changed = True
            else:
                reading.changed.add(key)
        if key is None:
            self._known.clear()
        else:
            self._known.pop(key, None)
