# The relay alone, statically linked, as a user without rights: docker build -t otlp-relay .
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc make ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY build build
COPY src src
COPY proto proto
# Not built, but named by Cargo.toml.
COPY benches benches
COPY .ci/static .ci/static
RUN cp "$(.ci/static)" /otlp-relay
# Directories that belong to the relay's user, for volumes: the durable queue, dead letters, the Collector's own default.
RUN mkdir -p /state/var/lib/otlp-relay /state/var/lib/otelcol/file_storage /state/tmp
# For manifests that name the Collector's program.
RUN ln -s otlp-relay /state/otelcol && ln -s otlp-relay /state/otelcol-contrib

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=10001:10001 /state/ /
COPY --from=build /otlp-relay /otlp-relay
USER 10001:10001
# OTLP over gRPC and HTTP, the metrics, the health check and the status page.
EXPOSE 4317 4318 8888 13133 55679
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/otlp-relay", "health"]
# Without --config: /etc/otelcol/config.yaml or /etc/otelcol-contrib/config.yaml, else the defaults.
ENTRYPOINT ["/otlp-relay"]
