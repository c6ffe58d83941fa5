"""An application that makes a span every 200 ms, with nothing but the SDK's own settings (OTEL_EXPORTER_OTLP_ENDPOINT)."""

import itertools
import time

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=1000))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("demo")

for number in itertools.count():
    with tracer.start_as_current_span("order", attributes={"order.number": number}):
        time.sleep(0.2)
