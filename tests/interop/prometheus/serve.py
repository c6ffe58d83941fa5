"""Shows metrics of every kind of Prometheus' client library until its input ends; says its port first."""

import sys

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary, start_http_server

registry = CollectorRegistry()
trace = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}
Counter("jobs", "Jobs done", ["kind"], registry=registry).labels("a").inc(3, exemplar=trace)
Gauge("temp", "Temperature", unit="celsius", registry=registry).set(21.5)
took = Histogram("took", "Time taken", unit="seconds", buckets=[0.1, 1], registry=registry)
took.observe(0.05)
took.observe(0.5, exemplar={"k": "v"})
took.observe(5)
Summary("size", "Sizes", registry=registry).observe(4)
Info("build", "The build", registry=registry).info({"version": "1"})
Enum("state", "The state", states=["up", "down"], registry=registry).state("down")
server, _ = start_http_server(0, addr="127.0.0.1", registry=registry)
print(server.server_port, flush=True)
sys.stdin.read()
