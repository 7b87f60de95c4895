"""What a subscription's field yields where many may wait for the same."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from domain.access import Actor


@dataclass(frozen=True, slots=True)
class Payload:
    """An execution result as JSON."""

    json: bytes
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """A value of a subscription that may be many subscribers' at once (see `graph.streams`).

    `key` is equal where the same selection is to show the same, and `viewer` any one of those to
    whom it is. `make` gives the value itself; `cursor` is what a client resumes from after it.
    """

    key: Hashable
    viewer: Actor
    make: Callable[[], object]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Relay:
    """A way by which a subscription's field may have values sent that it has not yielded.

    `render` gives the same for the same value wherever `selection` is equal. `hand` sends it, or
    returns False where it could not at once: then the field is to yield that value.
    """

    selection: Hashable
    render: Callable[[Shared], Awaitable[Payload]]
    hand: Callable[[Payload], bool]
