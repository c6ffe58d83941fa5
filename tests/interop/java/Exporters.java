import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.InstrumentType;
import io.opentelemetry.sdk.metrics.data.AggregationTemporality;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** The exporters of all signals, over the protocol that was asked for: gRPC or HTTP, which have one builder each. */
final class Exporters {
    private final boolean grpc;
    private final String compression;
    private final String authorization;
    private final byte[] ca;
    private final byte[] certificate;
    private final byte[] key;

    Exporters(Map<String, String> given) throws IOException {
        grpc = given.get("--protocol").equals("grpc");
        compression = given.getOrDefault("--compression", "none");
        authorization = given.get("--authorization");
        ca = read(given.get("--ca"));
        certificate = read(given.get("--cert"));
        key = read(given.get("--key"));
    }

    private static byte[] read(String file) throws IOException {
        return file == null ? null : Files.readAllBytes(Path.of(file));
    }

    /** What all builders have under the same names. */
    private void configure(
            String base,
            Consumer<String> setCompression,
            BiConsumer<String, String> addHeader,
            Consumer<byte[]> setTrusted,
            BiConsumer<byte[], byte[]> setClient) {
        setCompression.accept(compression);
        if (authorization != null) {
            addHeader.accept("authorization", authorization);
        }
        if (base.startsWith("https:") && ca != null) {
            setTrusted.accept(ca);
        }
        if (base.startsWith("https:") && certificate != null) {
            setClient.accept(key, certificate);
        }
    }

    /** Both temporalities: delta for histograms, cumulative for the rest. */
    private static AggregationTemporality temporality(InstrumentType type) {
        return type == InstrumentType.HISTOGRAM ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
    }

    SpanExporter spans(String base) {
        if (grpc) {
            var builder = OtlpGrpcSpanExporter.builder().setEndpoint(base);
            configure(base, builder::setCompression, builder::addHeader,
                    builder::setTrustedCertificates, builder::setClientTls);
            return builder.build();
        }
        var builder = OtlpHttpSpanExporter.builder().setEndpoint(base + "/v1/traces");
        configure(base, builder::setCompression, builder::addHeader,
                builder::setTrustedCertificates, builder::setClientTls);
        return builder.build();
    }

    MetricExporter metrics(String base) {
        if (grpc) {
            var builder = OtlpGrpcMetricExporter.builder().setEndpoint(base)
                    .setAggregationTemporalitySelector(Exporters::temporality);
            configure(base, builder::setCompression, builder::addHeader,
                    builder::setTrustedCertificates, builder::setClientTls);
            return builder.build();
        }
        var builder = OtlpHttpMetricExporter.builder().setEndpoint(base + "/v1/metrics")
                .setAggregationTemporalitySelector(Exporters::temporality);
        configure(base, builder::setCompression, builder::addHeader,
                builder::setTrustedCertificates, builder::setClientTls);
        return builder.build();
    }

    LogRecordExporter logs(String base) {
        if (grpc) {
            var builder = OtlpGrpcLogRecordExporter.builder().setEndpoint(base);
            configure(base, builder::setCompression, builder::addHeader,
                    builder::setTrustedCertificates, builder::setClientTls);
            return builder.build();
        }
        var builder = OtlpHttpLogRecordExporter.builder().setEndpoint(base + "/v1/logs");
        configure(base, builder::setCompression, builder::addHeader,
                builder::setTrustedCertificates, builder::setClientTls);
        return builder.build();
    }
}
