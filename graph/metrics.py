"""What Prometheus reads at /metrics: of several workers, whichever is asked tells of all."""

import os
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

# Where workers write what each has counted. Set before they start, and read by the library.
DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = CONTENT_TYPE_LATEST

# Clients name their operations as they like: so many names are told apart, and no more.
MAX_NAMES = 100
OTHER = "(other)"
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)


class Metrics:
    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._names: set[str] = set()
        self._operations = Counter(
            "tickets_operations",
            "GraphQL operations that were executed. `type` is query, mutation, subscription, tool "
            "for those of a model's tool calls, or invalid; `outcome` is OK or the code of the "
            "first error or of the Problem.",
            ["type", "name", "outcome"],
            registry=registry,
        )
        self._operation_seconds = Histogram(
            "tickets_operation_seconds",
            "How long they took; of subscriptions, how long they were followed.",
            ["type", "name"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._connections = Gauge(
            "tickets_connections",
            "WebSockets and event streams that are open.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._subscriptions = Gauge(
            "tickets_subscriptions",
            "Subscriptions that are followed.",
            ["name"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._renderings = Counter(
            "tickets_subscription_renderings",
            "Results of subscriptions that were rendered, each for all who are told the same.",
            registry=registry,
        )
        self._feed_delay = Histogram(
            "tickets_feed_delay_seconds",
            "How long after an event happened a process heard of it.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._database_connections = Gauge(
            "tickets_database_connections",
            "Connections to the database: `state` is open, or busy for those in use.",
            ["state"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._database_calls = Gauge(
            "tickets_database_calls",
            "Calls of the database that it has not answered. What are more than there are busy "
            "connections wait in a queue for one.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._assistant_answers = Counter(
            "tickets_assistant_answers",
            "Answers of the assistant, of which a model was asked.",
            registry=registry,
        )
        self._assistant_tokens = Counter(
            "tickets_assistant_tokens",
            "Tokens that models took: `kind` is input (cached ones too), cached or output.",
            ["kind"],
            registry=registry,
        )

    def executed(self, kind: str, name: str, outcome: str, seconds: float) -> None:
        """An operation; `name` as the client wrote it."""
        name = self._known(name)
        self._operations.labels(kind, name, outcome).inc()
        self._operation_seconds.labels(kind, name).observe(seconds)

    def followed(self, name: str, change: int) -> None:
        """How many more subscriptions of that name are followed, or, less than 0, fewer."""
        self._subscriptions.labels(self._known(name)).inc(change)

    def rendered(self) -> None:
        """A result of a subscription, for all who are told the same."""
        self._renderings.inc()

    def connected(self, change: int) -> None:
        """How many more WebSockets and event streams are open, or, less than 0, fewer."""
        self._connections.inc(change)

    def heard(self, seconds: float) -> None:
        """An event of the feed, so long after it happened."""
        self._feed_delay.observe(max(seconds, 0.0))

    def database_connections(self, state: str, change: int) -> None:
        """`state` is open or busy; so many more, or fewer, are."""
        self._database_connections.labels(state).inc(change)

    def database_calls(self, change: int) -> None:
        """So many more, or fewer, have not been answered."""
        self._database_calls.inc(change)

    def answered(self, *, input_tokens: int, cached_tokens: int, output_tokens: int) -> None:
        """An answer of the assistant."""
        self._assistant_answers.inc()
        for kind, tokens in (
            ("input", input_tokens),
            ("cached", cached_tokens),
            ("output", output_tokens),
        ):
            self._assistant_tokens.labels(kind).inc(tokens)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        directory = os.environ.get(DIRECTORY_VARIABLE)
        if directory is None:
            return generate_latest(self._registry)
        for file in Path(directory).glob("gauge_live*.db"):
            # A worker that was killed had no time to take its own away.
            pid = int(file.stem.rpartition("_")[2])
            if not _is_running(pid):
                multiprocess.mark_process_dead(pid, directory)  # pyright: ignore[reportUnknownMemberType]  # not annotated
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, directory)
        return generate_latest(registry)

    def _known(self, name: str) -> str:
        if name not in self._names:
            if len(self._names) >= MAX_NAMES:
                return OTHER
            self._names.add(name)
        return name


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
