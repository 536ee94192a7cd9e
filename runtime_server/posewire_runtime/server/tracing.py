"""Traces of requests for OpenTelemetry, where an operator asks for them: one span a request.

Needs the extra `otel`, and imports it when made. A span is written when its request has ended, so tracing
adds nothing to a stream under way; the exporter sends from a thread of its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from posewire_runtime import __version__
from posewire_runtime.errors import MissingExtra

Attribute = str | int | float | bool


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

    def add(
        self,
        name: str,
        began: int,
        ended: int,
        attributes: Mapping[str, Attribute],
        *,
        parent: str = "",
        error: str = "",
        events: Mapping[str, int] | None = None,
    ) -> None:
        """One span, from `began` to `ended` (Unix time in nanoseconds).

        `parent`: the caller's `traceparent`; `error`: why it failed; `events`: name -> when.
        """
        propagator = self._parents.TraceContextTextMapPropagator()
        span = self._tracer.start_span(
            name,
            context=propagator.extract({"traceparent": parent}) if parent else None,
            kind=self._trace.SpanKind.SERVER,
            attributes=attributes,
            start_time=began,
        )
        for event, at in (events or {}).items():
            span.add_event(event, timestamp=at)
        if error:
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, error))
        span.end(ended)

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.shutdown()
