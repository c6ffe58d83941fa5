// Emits known traces, metrics and logs with the OpenTelemetry Go SDK, to two places at once.
//
// The target is the first relay; the reference is a receiver that the test reads directly. What arrives behind the
// relays has to equal what arrives at the reference. Exits with 1 when any export fails.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"log"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// One attribute of each type that all SDKs have; tests/sdk holds the same list.
var known = []attribute.KeyValue{
	attribute.String("test.string", "grüße \U0001f30d"),
	attribute.String("test.empty", ""),
	attribute.Bool("test.bool", true),
	attribute.Int64("test.int", -9007199254740991),
	attribute.Float64("test.double", 0.1),
	attribute.StringSlice("test.strings", []string{"a", "", "ß"}),
	attribute.BoolSlice("test.bools", []bool{true, false}),
	attribute.Int64Slice("test.ints", []int64{1, -2}),
	attribute.Float64Slice("test.doubles", []float64{0.5, -1.25}),
}

// Values of any kind.
var anything = []attribute.KeyValue{
	attribute.ByteSlice("test.bytes", []byte{0, 255, 16}),
	attribute.Map("test.map", attribute.Map("inner", attribute.Slice("deep",
		attribute.Int64Value(1), attribute.StringValue("two"), attribute.Float64Value(3.5)))),
}

func with(more ...attribute.KeyValue) []attribute.KeyValue {
	return append(append([]attribute.KeyValue{}, known...), more...)
}

// Trace and span ids that the test knows: 1, 2, 3…
type countingIDs struct{ traces, spans atomic.Uint64 }

func (ids *countingIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id := traceID(ids.traces.Add(1))
	return id, ids.NewSpanID(ctx, id)
}

func (ids *countingIDs) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	return spanID(ids.spans.Add(1))
}

func traceID(number uint64) (id trace.TraceID) {
	id[0], id[1] = 0xab, 0xcd
	binary.BigEndian.PutUint64(id[8:], number)
	return id
}

func spanID(number uint64) (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], number)
	return id
}

// Exporters that hand each batch to two, and remember whether one failed.
var (
	failures []error
	guard    sync.Mutex
)

func failed(errs ...error) error {
	err := errors.Join(errs...)
	if err != nil {
		guard.Lock()
		defer guard.Unlock()
		failures = append(failures, err)
	}
	return err
}

type spanTee [2]sdktrace.SpanExporter

func (tee spanTee) ExportSpans(ctx context.Context, batch []sdktrace.ReadOnlySpan) error {
	return failed(tee[0].ExportSpans(ctx, batch), tee[1].ExportSpans(ctx, batch))
}

func (tee spanTee) Shutdown(ctx context.Context) error {
	return failed(tee[0].Shutdown(ctx), tee[1].Shutdown(ctx))
}

// Asks the first what both would answer.
type metricTee struct {
	sdkmetric.Exporter
	second sdkmetric.Exporter
}

func (tee metricTee) Export(ctx context.Context, batch *metricdata.ResourceMetrics) error {
	return failed(tee.Exporter.Export(ctx, batch), tee.second.Export(ctx, batch))
}

func (tee metricTee) Shutdown(ctx context.Context) error {
	return failed(tee.Exporter.Shutdown(ctx), tee.second.Shutdown(ctx))
}

type logTee struct {
	sdklog.Exporter
	second sdklog.Exporter
}

func (tee logTee) Export(ctx context.Context, batch []sdklog.Record) error {
	return failed(tee.Exporter.Export(ctx, batch), tee.second.Export(ctx, batch))
}

func (tee logTee) Shutdown(ctx context.Context) error {
	return failed(tee.Exporter.Shutdown(ctx), tee.second.Shutdown(ctx))
}

// Both temporalities: delta for histograms, cumulative for the rest.
func temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	if kind == sdkmetric.InstrumentKindHistogram {
		return metricdata.DeltaTemporality
	}
	return metricdata.CumulativeTemporality
}

func emitTraces(ctx context.Context, exporter sdktrace.SpanExporter, count int, about *resource.Resource) error {
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithIDGenerator(&countingIDs{}),
		sdktrace.WithBatcher(exporter, sdktrace.WithMaxQueueSize(2*count+2)))
	tracer := provider.Tracer("interop.traces", trace.WithInstrumentationVersion("1.2.3"),
		trace.WithSchemaURL("urn:interop:schema"), trace.WithInstrumentationAttributes(attribute.Int("scope", 1)))
	for index := range count / 2 {
		inside, parent := tracer.Start(ctx, "parent", trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(known...))
		link := trace.Link{SpanContext: parent.SpanContext(), Attributes: []attribute.KeyValue{attribute.Int("link", index)}}
		_, child := tracer.Start(inside, "child", trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(link))
		child.SetAttributes(attribute.Int("test.index", index))
		child.AddEvent("event", trace.WithAttributes(known...))
		child.SetStatus(codes.Error, "on purpose")
		child.End()
		parent.End()
	}
	return errors.Join(provider.ForceFlush(ctx), provider.Shutdown(ctx))
}

// Summaries, which no instrument makes.
type summaries struct{ start time.Time }

func (all summaries) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	point := metricdata.SummaryDataPoint{
		Attributes: attribute.NewSet(known...), StartTime: all.start, Time: time.Now(), Count: 3, Sum: 4.5,
		QuantileValues: []metricdata.QuantileValue{{Quantile: 0, Value: 0.5}, {Quantile: 0.99, Value: math.Inf(1)}},
	}
	data := metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{point}}
	return []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{Name: "interop.summary", Data: data}}}}, nil
}

func emitMetrics(ctx context.Context, exporter sdkmetric.Exporter, about *resource.Resource) error {
	reader := sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(time.Hour),
		sdkmetric.WithProducer(summaries{time.Now()}))
	exponential := sdkmetric.NewView(sdkmetric.Instrument{Name: "interop.exponential"},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(about),
		sdkmetric.WithView(exponential))
	meter := provider.Meter("interop.metrics", metric.WithInstrumentationVersion("1.2.3"))
	counter, err1 := meter.Int64Counter("interop.counter", metric.WithUnit("1"), metric.WithDescription("counts"))
	updown, err2 := meter.Float64UpDownCounter("interop.updown")
	gauge, err3 := meter.Float64Gauge("interop.gauge", metric.WithUnit("Cel"))
	histogram, err4 := meter.Float64Histogram("interop.histogram")
	exponent, err5 := meter.Float64Histogram("interop.exponential")
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return err
	}
	// A sampled span makes exemplars.
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID(1), SpanID: spanID(1), TraceFlags: trace.FlagsSampled}))
	for turn := range 3 {
		for worker := range 10 {
			attributes := metric.WithAttributes(with(attribute.Int("worker", worker))...)
			counter.Add(ctx, int64(turn+worker), attributes)
			updown.Add(ctx, -1.5, attributes)
			gauge.Record(ctx, 36.6, attributes)
			histogram.Record(ctx, math.Pow10(worker), attributes)
			exponent.Record(ctx, math.Pow10(worker), attributes)
		}
		if err := provider.ForceFlush(ctx); err != nil {
			return err
		}
	}
	return provider.Shutdown(ctx)
}

func emitLogs(ctx context.Context, exporter sdklog.Exporter, count int, about *resource.Resource) error {
	processor := sdklog.NewBatchProcessor(exporter, sdklog.WithMaxQueueSize(2*count+2))
	provider := sdklog.NewLoggerProvider(sdklog.WithResource(about), sdklog.WithProcessor(processor))
	logger := provider.Logger("interop.logs", otellog.WithInstrumentationVersion("1.2.3"))
	bodies := []attribute.Value{
		attribute.StringValue("text"),
		attribute.MapValue(attribute.Slice("key",
			attribute.StringValue("value"), attribute.Int64Value(1), attribute.BoolValue(true))),
		attribute.Int64Value(42),
		attribute.ByteSliceValue([]byte{1, 2}),
	}
	for index := range count {
		var record otellog.Record
		record.SetTimestamp(time.Unix(0, 1_700_000_000_000_000_000+int64(index)))
		record.SetSeverity(otellog.SeverityWarn)
		record.SetSeverityText("WARN")
		record.SetBody(bodies[index%len(bodies)])
		record.AddAttributes(with(append(anything, attribute.Int("test.index", index))...)...)
		record.SetEventName("interop.event")
		span := trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: traceID(1), SpanID: spanID(uint64(index + 1)), TraceFlags: trace.FlagsSampled})
		logger.Emit(trace.ContextWithSpanContext(ctx, span), record)
	}
	return errors.Join(provider.ForceFlush(ctx), provider.Shutdown(ctx))
}

func run(ctx context.Context) error {
	var to options
	flag.StringVar(&to.protocol, "protocol", "", "grpc, http or json")
	flag.StringVar(&to.compression, "compression", "none", "gzip or none")
	flag.StringVar(&to.ca, "ca", "", "file of the authority of an https target")
	flag.StringVar(&to.certificate, "cert", "", "file of a client certificate")
	flag.StringVar(&to.key, "key", "", "file of its key")
	flag.StringVar(&to.authorization, "authorization", "", "value of that header")
	target := flag.String("target", "", "base URL of the first relay")
	reference := flag.String("reference", "", "base URL of the receiver to compare with")
	count := flag.Int("count", 600, "spans, and log records")
	flag.Parse()
	first, err := to.exporters(ctx, *target)
	if err != nil {
		return err
	}
	second, err := to.exporters(ctx, *reference)
	if err != nil {
		return err
	}
	about := resource.NewSchemaless(with(attribute.String("service.name", "interop-go"))...)
	return errors.Join(
		emitTraces(ctx, spanTee{first.spans, second.spans}, *count, about),
		emitMetrics(ctx, metricTee{first.metrics, second.metrics}, about),
		emitLogs(ctx, logTee{first.logs, second.logs}, *count, about))
}

func main() {
	err := run(context.Background())
	guard.Lock()
	defer guard.Unlock()
	if err := errors.Join(append(failures, err)...); err != nil {
		log.Fatal(fmt.Errorf("exports failed: %w", err))
	}
}
