import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.logs.data.LogRecordData;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.InstrumentType;
import io.opentelemetry.sdk.metrics.data.AggregationTemporality;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** Exporters that hand each batch to two, and remember whether one failed. */
final class Tee {
    static final AtomicInteger FAILURES = new AtomicInteger();

    private Tee() {}

    private static CompletableResultCode both(CompletableResultCode first, CompletableResultCode second) {
        CompletableResultCode both = CompletableResultCode.ofAll(List.of(first, second));
        both.whenComplete(() -> {
            if (!both.isSuccess()) {
                FAILURES.incrementAndGet();
            }
        });
        return both;
    }

    record Spans(SpanExporter first, SpanExporter second) implements SpanExporter {
        @Override
        public CompletableResultCode export(Collection<SpanData> batch) {
            return both(first.export(batch), second.export(batch));
        }

        @Override
        public CompletableResultCode flush() {
            return both(first.flush(), second.flush());
        }

        @Override
        public CompletableResultCode shutdown() {
            return both(first.shutdown(), second.shutdown());
        }
    }

    record Metrics(MetricExporter first, MetricExporter second) implements MetricExporter {
        @Override
        public AggregationTemporality getAggregationTemporality(InstrumentType type) {
            return first.getAggregationTemporality(type);
        }

        @Override
        public CompletableResultCode export(Collection<MetricData> batch) {
            return both(first.export(batch), second.export(batch));
        }

        @Override
        public CompletableResultCode flush() {
            return both(first.flush(), second.flush());
        }

        @Override
        public CompletableResultCode shutdown() {
            return both(first.shutdown(), second.shutdown());
        }
    }

    record Logs(LogRecordExporter first, LogRecordExporter second) implements LogRecordExporter {
        @Override
        public CompletableResultCode export(Collection<LogRecordData> batch) {
            return both(first.export(batch), second.export(batch));
        }

        @Override
        public CompletableResultCode flush() {
            return both(first.flush(), second.flush());
        }

        @Override
        public CompletableResultCode shutdown() {
            return both(first.shutdown(), second.shutdown());
        }
    }
}
