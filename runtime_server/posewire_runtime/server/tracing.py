"""Traces for OpenTelemetry, where an operator asks for them: one span a request or live stream, and
in that of a live stream one for each segment.

Needs the extra `otel`, and imports it when made. Spans are written when they have ended, and the exporter
sends from a thread of its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from posewire_runtime import __version__
from posewire_runtime.errors import MissingExtra

Attribute = str | int | float | bool


def stages(timings: Mapping[str, int]) -> dict[str, float]:
    """Attributes of a span that say how long each stage took; `timings` in nanoseconds."""
    return {f"stage.{stage}_ms": took / 1e6 for stage, took in timings.items()}


class Span:
    """Something that takes a while."""

    def __init__(self, trace: Any, tracer: Any, span: Any) -> None:
        """OpenTelemetry's API, its tracer, and its span."""
        self._trace = trace
        self._tracer = tracer
        self._span = span

    def inside(self, name: str, began: int) -> Span:
        """A part of it, from `began` on."""
        context = self._trace.set_span_in_context(self._span)
        span = self._tracer.start_span(name, context=context, start_time=began)
        return Span(self._trace, self._tracer, span)

    def end(
        self,
        ended: int,
        attributes: Mapping[str, Attribute],
        *,
        error: str = "",
        events: Mapping[str, int] | None = None,
    ) -> None:
        """It is over. `attributes` without `posewire.`; `error`: why it failed; `events`: name -> when."""
        self._span.set_attributes({f"posewire.{key}": value for key, value in attributes.items()})
        for event, at in (events or {}).items():
            self._span.add_event(event, timestamp=at)
        if error:
            self._span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, error))
        self._span.end(ended)


class Traces:
    """Sends spans to one endpoint."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint`: where OTLP over HTTP is understood. Raises `MissingExtra`."""
        try:
            self._trace: Any = importlib.import_module("opentelemetry.trace")
            sdk: Any = importlib.import_module("opentelemetry.sdk.trace")
            export: Any = importlib.import_module("opentelemetry.sdk.trace.export")
            resources: Any = importlib.import_module("opentelemetry.sdk.resources")
            otlp: Any = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
            self._parents: Any = importlib.import_module("opentelemetry.trace.propagation.tracecontext")
        except ModuleNotFoundError as error:
            raise MissingExtra("sending traces", "otel") from error
        about = {"service.name": "posewire", "service.version": __version__}
        self._provider = sdk.TracerProvider(resource=resources.Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("posewire", __version__)

    def begin(self, name: str, began: int, *, traceparent: str = "") -> Span:
        """The span of an RPC from `began` on (Unix time in nanoseconds), inside the caller's if any."""
        span = self._tracer.start_span(
            name,
            context=self._parents.TraceContextTextMapPropagator().extract({"traceparent": traceparent}),
            kind=self._trace.SpanKind.SERVER,
            attributes={"rpc.system": "grpc"},
            start_time=began,
        )
        return Span(self._trace, self._tracer, span)

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.shutdown()
