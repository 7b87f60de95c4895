"""One line in the log and one count in the metrics for each operation, and no text of people's."""

import time
from collections.abc import Generator
from contextlib import contextmanager

import structlog

from graph.context import Context
from graph.errors import Refused
from graph.metrics import Metrics

log = structlog.stdlib.get_logger("tickets.graph")

DONE = "OK"
ANONYMOUS = "(anonymous)"
NAME_CHARACTERS = 80
_SUBSCRIPTION = "subscription"


class Journal:
    """Of operations: `name` is the client's own, `began` as `time.perf_counter` told it."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def executed(
        self, kind: str, name: str | None, context: Context, outcome: str, began: float
    ) -> None:
        """`kind` is query, mutation, tool, or invalid; `outcome` OK, or the code of a refusal."""
        seconds = time.perf_counter() - began
        name = (name or ANONYMOUS)[:NAME_CHARACTERS]
        self._metrics.executed(kind, name, outcome, seconds)
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
        self.executed(_SUBSCRIPTION, None, context, refused.code, began)

    @contextmanager
    def following(self, name: str | None, context: Context) -> Generator[None]:
        """While a subscription is followed, of which is told when it ends."""
        began, outcome = time.perf_counter(), DONE
        with self._metrics.following((name or ANONYMOUS)[:NAME_CHARACTERS]):
            try:
                yield
            except Refused as refused:
                outcome = refused.code
                raise
            finally:
                self.executed(_SUBSCRIPTION, name, context, outcome, began)
