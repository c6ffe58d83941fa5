"""Sends one span over OTLP/gRPC to a relay on this machine.

pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-grpc
"""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "first-export"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint="http://localhost:4317")))
trace.set_tracer_provider(provider)

with trace.get_tracer("examples").start_as_current_span("hello from Python"):
    pass

provider.shutdown()
