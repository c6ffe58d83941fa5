import static io.opentelemetry.api.common.AttributeKey.booleanArrayKey;
import static io.opentelemetry.api.common.AttributeKey.booleanKey;
import static io.opentelemetry.api.common.AttributeKey.doubleArrayKey;
import static io.opentelemetry.api.common.AttributeKey.doubleKey;
import static io.opentelemetry.api.common.AttributeKey.longArrayKey;
import static io.opentelemetry.api.common.AttributeKey.longKey;
import static io.opentelemetry.api.common.AttributeKey.stringArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringKey;
import static io.opentelemetry.api.common.AttributeKey.valueKey;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.Value;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.common.InstrumentationScopeInfo;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.Aggregation;
import io.opentelemetry.sdk.metrics.InstrumentSelector;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.View;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.data.SummaryData;
import io.opentelemetry.sdk.metrics.data.SummaryPointData;
import io.opentelemetry.sdk.metrics.data.ValueAtQuantile;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.metrics.internal.data.ImmutableMetricData;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.IdGenerator;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Emits known traces, metrics and logs with the OpenTelemetry Java SDK, to two places at once.
 *
 * <p>The target is the first relay; the reference is a receiver that the test reads directly. What arrives behind the
 * relays has to equal what arrives at the reference. Exits with 1 when any export fails.
 */
public final class Client {
    /** One attribute of each type that all SDKs have; tests/sdk holds the same list. */
    private static final Attributes KNOWN = Attributes.builder()
            .put(stringKey("test.string"), "grüße \uD83C\uDF0D")
            .put(stringKey("test.empty"), "")
            .put(booleanKey("test.bool"), true)
            .put(longKey("test.int"), -9007199254740991L)
            .put(doubleKey("test.double"), 0.1)
            .put(stringArrayKey("test.strings"), List.of("a", "", "ß"))
            .put(booleanArrayKey("test.bools"), List.of(true, false))
            .put(longArrayKey("test.ints"), List.of(1L, -2L))
            .put(doubleArrayKey("test.doubles"), List.of(0.5, -1.25))
            .build();

    private static final Resource RESOURCE =
            Resource.create(KNOWN.toBuilder().put("service.name", "interop-java").build());

    /** How long a flush may take, which includes the exports. */
    private static final long FLUSH_SECONDS = 60;

    private Client() {}

    public static void main(String[] arguments) throws Exception {
        Map<String, String> given = new HashMap<>();
        for (int index = 0; index + 1 < arguments.length; index += 2) {
            given.put(arguments[index], arguments[index + 1]);
        }
        Exporters exporters = new Exporters(given);
        int count = Integer.parseInt(given.getOrDefault("--count", "600"));
        List<String> ends = List.of(given.get("--target"), given.get("--reference"));
        emitTraces(new Tee.Spans(exporters.spans(ends.get(0)), exporters.spans(ends.get(1))), count);
        emitMetrics(new Tee.Metrics(exporters.metrics(ends.get(0)), exporters.metrics(ends.get(1))));
        emitLogs(new Tee.Logs(exporters.logs(ends.get(0)), exporters.logs(ends.get(1))), count);
        if (Tee.FAILURES.get() > 0) {
            System.err.println("exports failed: " + Tee.FAILURES.get());
            System.exit(1);
        }
        System.exit(0);
    }

    /** Trace and span ids that the test knows: 1, 2, 3… */
    private static final class CountingIds implements IdGenerator {
        private final AtomicLong traces = new AtomicLong();
        private final AtomicLong spans = new AtomicLong();

        @Override
        public String generateSpanId() {
            return spanId(spans.incrementAndGet());
        }

        @Override
        public String generateTraceId() {
            return traceId(traces.incrementAndGet());
        }
    }

    private static String spanId(long number) {
        return String.format("%016x", number);
    }

    private static String traceId(long number) {
        return String.format("abcd%028x", number);
    }

    private static Context inSpan(long number) {
        SpanContext span =
                SpanContext.create(traceId(1), spanId(number), TraceFlags.getSampled(), TraceState.getDefault());
        return Context.root().with(Span.wrap(span));
    }

    private static void emitTraces(SpanExporter exporter, int count) {
        SdkTracerProvider provider = SdkTracerProvider.builder()
                .setResource(RESOURCE)
                .setIdGenerator(new CountingIds())
                .addSpanProcessor(BatchSpanProcessor.builder(exporter).setMaxQueueSize(2 * count + 2).build())
                .build();
        var tracer = provider.tracerBuilder("interop.traces")
                .setInstrumentationVersion("1.2.3")
                .setSchemaUrl("urn:interop:schema")
                .build();
        for (int index = 0; index < count / 2; index++) {
            Span parent = tracer.spanBuilder("parent")
                    .setNoParent()
                    .setSpanKind(SpanKind.SERVER)
                    .setAllAttributes(KNOWN)
                    .startSpan();
            Span child = tracer.spanBuilder("child")
                    .setParent(Context.root().with(parent))
                    .setSpanKind(SpanKind.CLIENT)
                    .addLink(parent.getSpanContext(), Attributes.of(longKey("link"), (long) index))
                    .startSpan();
            child.setAttribute("test.index", index);
            child.addEvent("event", KNOWN);
            child.setStatus(StatusCode.ERROR, "on purpose");
            child.end();
            parent.end();
        }
        flushed(provider.forceFlush());
        flushed(provider.shutdown());
    }

    /** A summary, which no instrument makes. */
    private static MetricData summary(Resource resource, long start) {
        SummaryPointData point = SummaryPointData.create(
                start, start + 1_000_000_000L, KNOWN, 3, 4.5,
                List.of(ValueAtQuantile.create(0, 0.5), ValueAtQuantile.create(0.99, Double.POSITIVE_INFINITY)));
        return ImmutableMetricData.createDoubleSummary(
                resource, InstrumentationScopeInfo.create("interop.bridge"), "interop.summary", "", "s",
                SummaryData.create(List.of(point)));
    }

    private static void emitMetrics(MetricExporter exporter) {
        long start = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis());
        SdkMeterProvider provider = SdkMeterProvider.builder()
                .setResource(RESOURCE)
                .registerMetricReader(PeriodicMetricReader.builder(exporter).setInterval(Duration.ofHours(1)).build())
                .registerMetricProducer(resource -> List.of(summary(resource, start)))
                .registerView(
                        InstrumentSelector.builder().setName("interop.exponential").build(),
                        View.builder().setAggregation(Aggregation.base2ExponentialBucketHistogram()).build())
                .build();
        var meter = provider.meterBuilder("interop.metrics").setInstrumentationVersion("1.2.3").build();
        var counter = meter.counterBuilder("interop.counter").setUnit("1").setDescription("counts").build();
        var updown = meter.upDownCounterBuilder("interop.updown").ofDoubles().build();
        var gauge = meter.gaugeBuilder("interop.gauge").setUnit("Cel").build();
        var histogram = meter.histogramBuilder("interop.histogram").build();
        var exponential = meter.histogramBuilder("interop.exponential").build();
        // A sampled span makes exemplars.
        try (Scope ignored = inSpan(1).makeCurrent()) {
            for (int turn = 0; turn < 3; turn++) {
                for (int worker = 0; worker < 10; worker++) {
                    Attributes attributes = KNOWN.toBuilder().put("worker", worker).build();
                    counter.add(turn + worker, attributes);
                    updown.add(-1.5, attributes);
                    gauge.set(36.6, attributes);
                    histogram.record(Math.pow(10, worker), attributes);
                    exponential.record(Math.pow(10, worker), attributes);
                }
                flushed(provider.forceFlush());
            }
        }
        flushed(provider.shutdown());
    }

    private static void emitLogs(LogRecordExporter exporter, int count) {
        SdkLoggerProvider provider = SdkLoggerProvider.builder()
                .setResource(RESOURCE)
                .addLogRecordProcessor(
                        BatchLogRecordProcessor.builder(exporter).setMaxQueueSize(2 * count + 2).build())
                .build();
        var logger = provider.loggerBuilder("interop.logs").setInstrumentationVersion("1.2.3").build();
        Value<?> list = Value.of(Value.of("value"), Value.of(1), Value.of(true));
        List<Value<?>> bodies = List.of(
                Value.of("text"), Value.of(Map.of("key", list)), Value.of(42), Value.of(new byte[] {1, 2}));
        Value<?> deep = Value.of(Value.of(1), Value.of("two"), Value.of(3.5));
        Attributes attributes = KNOWN.toBuilder()
                .put(valueKey("test.bytes"), Value.of(new byte[] {0, (byte) 255, 16}))
                .put(valueKey("test.map"), Value.of(Map.of("inner", Value.of(Map.of("deep", deep)))))
                .build();
        for (int index = 0; index < count; index++) {
            logger.logRecordBuilder()
                    .setTimestamp(1_700_000_000_000_000_000L + index, TimeUnit.NANOSECONDS)
                    .setContext(inSpan(index + 1))
                    .setSeverity(Severity.WARN)
                    .setSeverityText("WARN")
                    .setBody(bodies.get(index % bodies.size()))
                    .setAllAttributes(attributes)
                    .setAttribute("test.index", index)
                    .setEventName("interop.event")
                    .emit();
        }
        flushed(provider.forceFlush());
        flushed(provider.shutdown());
    }

    private static void flushed(CompletableResultCode result) {
        if (!result.join(FLUSH_SECONDS, TimeUnit.SECONDS).isSuccess()) {
            Tee.FAILURES.incrementAndGet();
        }
    }
}
