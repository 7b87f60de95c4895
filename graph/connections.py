"""How many streams there may be at once: WebSockets and event streams, in one process."""

from collections import Counter
from collections.abc import Callable, Generator, Hashable
from contextlib import AbstractContextManager, contextmanager, nullcontext

from domain.errors import RateLimited


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
        while_open: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`while_open` is entered for each that is open."""
        self._total = total
        self._per_address = per_address
        self._per_identity = per_identity
        self._while_open = while_open
        self._open = Counter[Hashable]()

    @contextmanager
    def opened(self, address: str | None) -> Generator[None]:
        """Raises TooManyConnections. `address` is the client's, None where it is not known."""
        with (
            self._counted("all", "connections", self._total, "to one process"),
            self._counted(
                ("address", address),
                "connectionsPerAddress",
                self._per_address,
                "from one address",
            ),
            self._while_open(),
        ):
            yield

    @contextmanager
    def signed_in(self, identity: Hashable) -> Generator[None]:
        """Raises TooManyConnections."""
        key = ("identity", identity)
        with self._counted(key, "connectionsPerIdentity", self._per_identity, "of one account"):
            yield

    @contextmanager
    def _counted(self, key: Hashable, limit: str, value: int, of: str) -> Generator[None]:
        if self._open[key] >= value:
            raise TooManyConnections(limit, value, of)
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]
