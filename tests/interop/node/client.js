// Emits known traces, metrics and logs with the OpenTelemetry Node SDK, to two places at once.
//
// The target is the first relay; the reference is a receiver that the test reads directly. What arrives behind the
// relays has to equal what arrives at the reference. Exits with 1 when any export fails.
'use strict';

const { readFileSync } = require('node:fs');
const { parseArgs } = require('node:util');
const { credentials, Metadata } = require('@grpc/grpc-js');
const { AggregationTemporalityPreference } = require('@opentelemetry/exporter-metrics-otlp-http');
const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = require('@opentelemetry/api');
const { SeverityNumber } = require('@opentelemetry/api-logs');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchSpanProcessor, BasicTracerProvider } = require('@opentelemetry/sdk-trace-base');
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs');
const { AggregationType, MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');

// One attribute of each type that the API of traces and metrics has; tests/sdk holds the same list.
const ATTRIBUTES = {
  'test.string': 'grüße \u{1f30d}',
  'test.empty': '',
  'test.bool': true,
  'test.int': -9007199254740991,
  'test.double': 0.1,
  'test.strings': ['a', '', 'ß'],
  'test.bools': [true, false],
  'test.ints': [1, -2],
  'test.doubles': [0.5, -1.25],
};
// Logs carry any value.
const LOG_ATTRIBUTES = {
  ...ATTRIBUTES,
  'test.bytes': new Uint8Array([0, 255, 16]),
  'test.map': { inner: { deep: [1, 'two', 3.5] } },
};
const RESOURCE = resourceFromAttributes({ 'service.name': 'interop-node', ...ATTRIBUTES });

// Trace and span ids that the test knows: 1, 2, 3…
class CountingIds {
  spans = 0;
  traces = 0;
  generateSpanId = () => (++this.spans).toString(16).padStart(16, '0');
  generateTraceId = () => 'abcd' + (++this.traces).toString(16).padStart(28, '0');
}

// An exporter of any signal that hands each batch to two, and remembers whether one failed.
class Tee {
  static failures = [];

  constructor(exporters) {
    this.exporters = exporters;
  }

  export(batch, done) {
    const results = [];
    for (const exporter of this.exporters) {
      exporter.export(batch, (result) => {
        if (result.code !== 0) Tee.failures.push(result.error);
        results.push(result);
        if (results.length === this.exporters.length) done(results.find((one) => one.code !== 0) ?? result);
      });
    }
  }

  selectAggregationTemporality(type) {
    return this.exporters[0].selectAggregationTemporality(type);
  }

  selectAggregation(type) {
    return this.exporters[0].selectAggregation(type);
  }

  async forceFlush() {
    await Promise.all(this.exporters.map((exporter) => exporter.forceFlush?.()));
  }

  async shutdown() {
    await Promise.all(this.exporters.map((exporter) => exporter.shutdown()));
  }
}

function exporters(base, { protocol, compression, ca, cert, key, authorization }) {
  // The exporters that are called http send JSON.
  const wire = { grpc: 'grpc', http: 'proto', json: 'http' }[protocol];
  const url = (path) => (protocol === 'grpc' ? base : base + path);
  const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${wire}`);
  const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${wire}`);
  const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${wire}`);
  const options = { compression, timeoutMillis: 20_000 };
  const secure = base.startsWith('https:');
  const read = (file) => (secure && file ? readFileSync(file) : undefined);
  if (protocol === 'grpc') {
    options.metadata = new Metadata();
    if (authorization) options.metadata.set('authorization', authorization);
    if (secure) options.credentials = credentials.createSsl(read(ca), read(key), read(cert));
  } else {
    options.headers = authorization ? { authorization } : {};
    if (secure) options.httpAgentOptions = { ca: read(ca), key: read(key), cert: read(cert) };
  }
  return [
    new OTLPTraceExporter({ ...options, url: url('/v1/traces') }),
    // Delta leaves sums that are not monotonic cumulative, so that there are both temporalities.
    new OTLPMetricExporter({
      ...options,
      url: url('/v1/metrics'),
      temporalityPreference: AggregationTemporalityPreference.DELTA,
    }),
    new OTLPLogExporter({ ...options, url: url('/v1/logs') }),
  ];
}

async function emitTraces(exporter, count) {
  const processor = new BatchSpanProcessor(exporter, { maxQueueSize: 2 * count + 2 });
  const provider = new BasicTracerProvider({
    resource: RESOURCE,
    idGenerator: new CountingIds(),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer('interop.traces', '1.2.3', { schemaUrl: 'urn:interop:schema' });
  for (let index = 0; index < count / 2; index++) {
    const parent = tracer.startSpan('parent', { kind: SpanKind.SERVER, attributes: ATTRIBUTES }, ROOT_CONTEXT);
    const links = [{ context: parent.spanContext(), attributes: { link: index } }];
    const context = trace.setSpan(ROOT_CONTEXT, parent);
    const child = tracer.startSpan('child', { kind: SpanKind.CLIENT, links }, context);
    child.setAttribute('test.index', index);
    child.addEvent('event', ATTRIBUTES);
    child.setStatus({ code: SpanStatusCode.ERROR, message: 'on purpose' });
    child.end();
    parent.end();
  }
  await provider.forceFlush();
  await provider.shutdown();
}

async function emitMetrics(exporter) {
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const views = [
    { instrumentName: 'interop.exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } },
  ];
  const provider = new MeterProvider({ readers: [reader], resource: RESOURCE, views });
  const meter = provider.getMeter('interop.metrics', '1.2.3');
  const counter = meter.createCounter('interop.counter', { unit: '1', description: 'counts' });
  const updown = meter.createUpDownCounter('interop.updown');
  const gauge = meter.createGauge('interop.gauge', { unit: 'Cel' });
  const histograms = ['interop.histogram', 'interop.exponential'].map((name) => meter.createHistogram(name));
  for (let turn = 0; turn < 3; turn++) {
    for (let worker = 0; worker < 10; worker++) {
      const attributes = { ...ATTRIBUTES, worker };
      counter.add(turn + worker, attributes);
      updown.add(-1.5, attributes);
      gauge.record(36.6, attributes);
      for (const histogram of histograms) histogram.record(10 ** worker, attributes);
    }
    await provider.forceFlush();
  }
  await provider.shutdown();
}

async function emitLogs(exporter, count) {
  const processor = new BatchLogRecordProcessor({ exporter, maxQueueSize: 2 * count + 2 });
  const provider = new LoggerProvider({ resource: RESOURCE, processors: [processor] });
  const logger = provider.getLogger('interop.logs', '1.2.3');
  const bodies = ['text', { key: ['value', 1, true] }, 42, new Uint8Array([1, 2])];
  for (let index = 0; index < count; index++) {
    const spanId = (index + 1).toString(16).padStart(16, '0');
    const span = { traceId: 'abcd' + '1'.padStart(28, '0'), spanId, traceFlags: 1 };
    logger.emit({
      timestamp: new Date(1_700_000_000_000 + index),
      context: trace.setSpanContext(ROOT_CONTEXT, span),
      severityNumber: SeverityNumber.WARN,
      severityText: 'WARN',
      body: bodies[index % bodies.length],
      attributes: { ...LOG_ATTRIBUTES, 'test.index': index },
      eventName: 'interop.event',
    });
  }
  await provider.forceFlush();
  await provider.shutdown();
}

async function main() {
  const string = { type: 'string' };
  const { values: given } = parseArgs({
    options: {
      protocol: string,
      compression: { ...string, default: 'none' },
      target: string,
      reference: string,
      count: { ...string, default: '600' },
      ca: string,
      cert: string,
      key: string,
      authorization: string,
    },
  });
  const count = Number(given.count);
  const ends = [given.target, given.reference].map((base) => exporters(base, given));
  const [traces, metrics, logs] = ends[0].map((first, signal) => new Tee([first, ends[1][signal]]));
  await emitTraces(traces, count);
  await emitMetrics(metrics);
  await emitLogs(logs, count);
  if (Tee.failures.length > 0) throw new Error(`exports failed: ${Tee.failures.join('; ')}`);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
