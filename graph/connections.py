"""How many streams there may be at once: WebSockets and event streams, in one process."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Self

from domain.errors import RateLimited

# Of which limit, and whose.
_Key = tuple[str, Hashable]


class TooManyConnections(RateLimited):
    def __init__(self, limit: str, value: int, of: str) -> None:
        super().__init__(
            f"At most {value:,} connections are allowed {of}: {limit}.",
            {"limit": {"name": limit, "value": value}},
        )


class Connections:
    def __init__(
        self,
        *,
        total: int,
        per_address: int,
        per_identity: int,
        on_change: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`on_change` is told how many more are open, or, less than 0, fewer."""
        self._limits = {
            "all": ("connections", total, "to one process"),
            "address": ("connectionsPerAddress", per_address, "from one address"),
            "identity": ("connectionsPerIdentity", per_identity, "of one account"),
        }
        self.on_change = on_change
        self._open = Counter[_Key]()

    def opened(self, address: str | None) -> "Place":
        """Entered, it counts, or raises TooManyConnections.

        `address` is the client's, None where it is not known.
        """
        return Place(self, address)

    def admit(self, *keys: _Key) -> None:
        """Counts all of them, or none: raises TooManyConnections."""
        for key in keys:
            limit, value, of = self._limits[key[0]]
            if self._open[key] >= value:
                raise TooManyConnections(limit, value, of)
        self._open.update(keys)

    def release(self, keys: Sequence[_Key]) -> None:
        self._open.subtract(keys)
        for key in keys:
            if not self._open[key]:
                del self._open[key]


class Place:
    """One connection's, for as long as its block lasts."""

    __slots__ = ("_connections", "_keys")

    def __init__(self, connections: Connections, address: str | None) -> None:
        self._connections = connections
        self._keys: tuple[_Key, ...] = (("all", None), ("address", address))

    def __enter__(self) -> Self:
        self._connections.admit(*self._keys)
        self._connections.on_change(1)
        return self

    def sign_in(self, identity: Hashable) -> None:
        """Raises TooManyConnections."""
        key = ("identity", identity)
        self._connections.admit(key)
        self._keys = (*self._keys, key)

    def __exit__(self, *_: object) -> None:
        self._connections.release(self._keys)
        self._connections.on_change(-1)
