"""What a subscription's field yields where many may wait for the same."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from domain.access import Actor


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
