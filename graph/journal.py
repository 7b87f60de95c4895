"""A line in the log, a count in the metrics and a span for each operation; no text of people's."""

import time
from collections.abc import Sequence

import structlog

from graph.context import Context
from graph.errors import Refused
from graph.metrics import Metrics
from graph.traces import Traces

log = structlog.stdlib.get_logger("tickets.graph")

DONE = "OK"
ANONYMOUS = "(anonymous)"
NAME_CHARACTERS = 80
_SUBSCRIPTION = "subscription"


class Journal:
    """Of operations: `name` is the client's own, `began` as `time.perf_counter` told it."""

    def __init__(self, metrics: Metrics, traces: Traces | None = None) -> None:
        self._metrics = metrics
        self._traces = traces

    def executed(
        self, kind: str, name: str | None, context: Context, codes: Sequence[str], began: float
    ) -> None:
        """`kind` is query, mutation, tool, or invalid; `codes` of errors, or of a Problem."""
        outcome = codes[0] if codes else DONE
        seconds = time.perf_counter() - began
        name = (name or ANONYMOUS)[:NAME_CHARACTERS]
        self._metrics.executed(kind, name, outcome, seconds)
        if self._traces is not None:
            self._traces.executed(kind, name, codes, seconds, context.traceparent)
        log.info(
            "operation",
            type=kind,
            name=name,
            outcome=outcome,
            actor=context.actor_name,
            milliseconds=round(seconds * 1000, 1),
        )

    def refused(self, context: Context, refused: Refused, began: float) -> None:
        """A subscription that could not begin, and may call itself whatever it likes."""
        self.executed(_SUBSCRIPTION, None, context, [refused.code], began)

    def following(self, name: str | None, context: Context) -> "Following":
        """While its block lasts, a subscription is followed; of which is told when it ends."""
        return Following(self, self._metrics, name, context)


class Following:
    __slots__ = ("_began", "_context", "_journal", "_metrics", "_name")

    def __init__(
        self, journal: Journal, metrics: Metrics, name: str | None, context: Context
    ) -> None:
        self._journal = journal
        self._metrics = metrics
        self._name = name
        self._context = context

    def __enter__(self) -> None:
        self._began = time.perf_counter()
        self._count(1)

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        self._count(-1)
        codes = [error.code] if isinstance(error, Refused) else []
        self._journal.executed(_SUBSCRIPTION, self._name, self._context, codes, self._began)

    def _count(self, change: int) -> None:
        self._metrics.followed((self._name or ANONYMOUS)[:NAME_CHARACTERS], change)
