"""Emits known traces, metrics and logs with the OpenTelemetry Python SDK, to two places at once.

The target is the first relay; the reference is a receiver that the test reads directly. What arrives behind the relays
has to equal what arrives at the reference. Exits with 1 when any export fails.
"""

import argparse
import itertools
import pathlib
import sys

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

# One attribute of each type that the API of traces and metrics has; tests/sdk holds the same list.
ATTRIBUTES = {
    "test.string": "grüße \U0001f30d",
    "test.empty": "",
    "test.bool": True,
    "test.int": -9007199254740991,
    "test.double": 0.1,
    "test.strings": ["a", "", "ß"],
    "test.bools": [True, False],
    "test.ints": [1, -2],
    "test.doubles": [0.5, -1.25],
}
# Logs carry any value.
LOG_ATTRIBUTES = {**ATTRIBUTES, "test.bytes": b"\x00\xff\x10", "test.map": {"inner": {"deep": [1, "two", 3.0]}}}
RESOURCE = Resource({"service.name": "interop-python", **ATTRIBUTES})


class CountingIds(IdGenerator):
    """Trace and span ids that the test knows: 1, 2, 3…"""

    def __init__(self):
        self._spans = itertools.count(1)
        self._traces = itertools.count(1)

    def generate_span_id(self):
        return next(self._spans)

    def generate_trace_id(self):
        return (0xABCD << 112) | next(self._traces)


class Tee:
    """An exporter of any signal that hands each batch to two, and remembers whether one failed."""

    failures = []

    def __init__(self, exporters):
        self._exporters = exporters
        for name in ("_preferred_temporality", "_preferred_aggregation"):
            setattr(self, name, getattr(exporters[0], name, None))

    def export(self, batch, **options):
        results = [exporter.export(batch, **options) for exporter in self._exporters]
        failed = [result for result in results if result.name != "SUCCESS"]
        Tee.failures += failed
        return (failed or results)[0]

    def force_flush(self, timeout_millis=30_000):
        return all(exporter.force_flush(timeout_millis) for exporter in self._exporters)

    def shutdown(self, *args, **options):
        for exporter in self._exporters:
            exporter.shutdown()


def read(path):
    """The content of a file, if there is one."""
    return path and pathlib.Path(path).read_bytes()


def grpc_exporters(endpoint, given):
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    compression = grpc.Compression.Gzip if given.compression == "gzip" else grpc.Compression.NoCompression
    options = {"endpoint": endpoint, "insecure": True, "compression": compression, "timeout": 20}
    if given.authorization:
        options["headers"] = (("authorization", given.authorization),)
    if endpoint.startswith("https:"):
        credentials = grpc.ssl_channel_credentials(read(given.ca), read(given.key), read(given.cert))
        options |= {"insecure": False, "credentials": credentials}
    return OTLPSpanExporter(**options), OTLPMetricExporter(**options, **temporality()), OTLPLogExporter(**options)


def http_exporters(endpoint, given):
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    compression = Compression.Gzip if given.compression == "gzip" else Compression.NoCompression
    options = {"compression": compression, "timeout": 20}
    if given.authorization:
        options["headers"] = {"authorization": given.authorization}
    if endpoint.startswith("https:"):
        options |= {"certificate_file": given.ca, "client_key_file": given.key, "client_certificate_file": given.cert}
    return (
        OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", **options),
        OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics", **options, **temporality()),
        OTLPLogExporter(endpoint=f"{endpoint}/v1/logs", **options),
    )


def temporality():
    """Both temporalities: delta for histograms, cumulative for the rest."""
    chosen = {Counter: AggregationTemporality.CUMULATIVE, Histogram: AggregationTemporality.DELTA}
    return {"preferred_temporality": chosen}


def emit_traces(exporter, count):
    provider = TracerProvider(resource=RESOURCE, id_generator=CountingIds())
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=2 * count + 2))
    tracer = provider.get_tracer("interop.traces", "1.2.3", schema_url="urn:interop:schema", attributes={"scope": 1})
    for index in range(count // 2):
        with tracer.start_as_current_span("parent", kind=SpanKind.SERVER, attributes=ATTRIBUTES) as parent:
            links = [Link(parent.get_span_context(), {"link": index})]
            with tracer.start_as_current_span("child", kind=SpanKind.CLIENT, links=links) as child:
                child.set_attribute("test.index", index)
                child.add_event("event", ATTRIBUTES)
                child.set_status(Status(StatusCode.ERROR, "on purpose"))
    flushed = provider.force_flush()
    provider.shutdown()
    return flushed


def emit_metrics(exporter):
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    views = [View(instrument_name="interop.exponential", aggregation=ExponentialBucketHistogramAggregation())]
    provider = MeterProvider([reader], resource=RESOURCE, views=views)
    meter = provider.get_meter("interop.metrics", "1.2.3")
    counter = meter.create_counter("interop.counter", "1", "counts")
    updown = meter.create_up_down_counter("interop.updown")
    gauge = meter.create_gauge("interop.gauge", "Cel")
    histograms = [meter.create_histogram(name) for name in ("interop.histogram", "interop.exponential")]
    for turn in range(3):
        for worker in range(10):
            attributes = {**ATTRIBUTES, "worker": worker}
            counter.add(turn + worker, attributes)
            updown.add(-1.5, attributes)
            gauge.set(36.6, attributes)
            for histogram in histograms:
                histogram.record(10.0**worker, attributes)
        flushed = provider.force_flush()
    provider.shutdown()
    return flushed


def emit_logs(exporter, count):
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=2 * count + 2))
    logger = provider.get_logger("interop.logs", "1.2.3")
    bodies = itertools.cycle(["text", {"key": ["value", 1, True]}, 42, b"\x01\x02"])
    for index, body in zip(range(count), bodies):
        span = trace.NonRecordingSpan(trace.SpanContext(0xABCD << 112 | 1, index + 1, is_remote=False))
        logger.emit(
            LogRecord(
                timestamp=1_700_000_000_000_000_000 + index,
                context=trace.set_span_in_context(span),
                severity_number=SeverityNumber.WARN,
                severity_text="WARN",
                body=body,
                attributes={**LOG_ATTRIBUTES, "test.index": index},
                event_name="interop.event",
            )
        )
    flushed = provider.force_flush()
    provider.shutdown()
    return flushed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", choices=["grpc", "http"], required=True)
    parser.add_argument("--compression", choices=["gzip", "none"], default="none")
    parser.add_argument("--target", required=True, help="base URL of the first relay")
    parser.add_argument("--reference", required=True, help="base URL of the receiver to compare with")
    parser.add_argument("--count", type=int, default=600, help="spans, and log records")
    parser.add_argument("--ca", help="file of the authority of an https target")
    parser.add_argument("--cert", help="file of a client certificate")
    parser.add_argument("--key", help="file of its key")
    parser.add_argument("--authorization", help="value of that header")
    given = parser.parse_args()
    build = grpc_exporters if given.protocol == "grpc" else http_exporters
    targets = zip(*(build(url, given) for url in (given.target, given.reference)))
    traces, metrics, logs = (Tee(pair) for pair in targets)
    flushed = [emit_traces(traces, given.count), emit_metrics(metrics), emit_logs(logs, given.count)]
    if not all(flushed) or Tee.failures:
        sys.exit(f"exports failed: {Tee.failures}, flushed: {flushed}")


if __name__ == "__main__":
    main()
