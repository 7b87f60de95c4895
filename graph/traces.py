"""A span for each operation, by OpenTelemetry, where the environment says to whom to send them.

The variables are OpenTelemetry's own: OTEL_EXPORTER_OTLP_ENDPOINT turns it on. Nothing of it is
imported otherwise.
"""

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graph.settings import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
# Of outcomes, those that are no fault of whoever asked.
_FAULTS = frozenset({"INTERNAL", "UNAVAILABLE"})


class Traces:
    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("tickets")
        self._propagator = TraceContextTextMapPropagator()
        self._kind = SpanKind.SERVER
        self._error = StatusCode.ERROR

    def executed(
        self, kind: str, name: str, codes: Sequence[str], seconds: float, traceparent: str
    ) -> None:
        """An operation that has just ended, `codes` those of its errors, or of its Problem.

        `traceparent` is the header by which the caller said what it is a part of, or empty.
        """
        ended = time.time_ns()
        span = self._tracer.start_span(
            f"{kind} {name}",
            context=self._propagator.extract({"traceparent": traceparent}),
            kind=self._kind,
            attributes={
                "graphql.operation.type": kind,
                "graphql.operation.name": name,
                "tickets.outcome": codes[0] if codes else "OK",
                "tickets.error_codes": list(codes),
            },
            start_time=ended - int(seconds * 1e9),
        )
        if _FAULTS.intersection(codes):
            span.set_status(self._error)
        span.end(ended)

    def close(self) -> None:
        """Sends what is left. Blocks for as long as whoever collects them takes."""
        self._provider.shutdown()


def traces_from_environment() -> Traces | None:
    """None where nobody wants them. Raises SettingsError."""
    is_off = (
        os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
        or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    )
    if is_off or not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    for variable in _PROTOCOLS:
        if os.environ.get(variable, _PROTOCOL) != _PROTOCOL:
            raise SettingsError(f"{variable}: must be {_PROTOCOL}, the only one that is spoken")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: pip install "
            "'tickets[traces]'"
        ) from None
    provider = TracerProvider(resource=Resource.create(_unless_named("tickets")))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider)


def _unless_named(service: str) -> dict[str, str]:
    is_named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return {} if is_named else {"service.name": service}
