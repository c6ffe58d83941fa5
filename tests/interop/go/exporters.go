// The exporters of all signals to one place, over the protocol that was asked for.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip"
)

type options struct{ protocol, compression, ca, certificate, key, authorization string }

type exporters struct {
	spans   sdktrace.SpanExporter
	metrics sdkmetric.Exporter
	logs    sdklog.Exporter
}

func (to options) exporters(ctx context.Context, base string) (exporters, error) {
	secure, err := to.tls()
	if err != nil {
		return exporters{}, err
	}
	if !strings.HasPrefix(base, "https:") {
		secure = nil
	}
	if to.protocol == "grpc" {
		return to.overGRPC(ctx, base, secure)
	}
	return to.overHTTP(ctx, base, secure)
}

func (to options) headers() map[string]string {
	if to.authorization == "" {
		return nil
	}
	return map[string]string{"authorization": to.authorization}
}

func (to options) tls() (*tls.Config, error) {
	if to.ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(to.ca)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + to.ca)
	}
	if to.certificate != "" {
		pair, err := tls.LoadX509KeyPair(to.certificate, to.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func (to options) overGRPC(ctx context.Context, base string, secure *tls.Config) (exporters, error) {
	spans := []otlptracegrpc.Option{otlptracegrpc.WithEndpointURL(base), otlptracegrpc.WithHeaders(to.headers())}
	metrics := []otlpmetricgrpc.Option{otlpmetricgrpc.WithEndpointURL(base), otlpmetricgrpc.WithHeaders(to.headers()),
		otlpmetricgrpc.WithTemporalitySelector(temporality)}
	logs := []otlploggrpc.Option{otlploggrpc.WithEndpointURL(base), otlploggrpc.WithHeaders(to.headers())}
	if to.compression == "gzip" {
		spans = append(spans, otlptracegrpc.WithCompressor("gzip"))
		metrics = append(metrics, otlpmetricgrpc.WithCompressor("gzip"))
		logs = append(logs, otlploggrpc.WithCompressor("gzip"))
	}
	if secure != nil {
		credentials := credentials.NewTLS(secure)
		spans = append(spans, otlptracegrpc.WithTLSCredentials(credentials))
		metrics = append(metrics, otlpmetricgrpc.WithTLSCredentials(credentials))
		logs = append(logs, otlploggrpc.WithTLSCredentials(credentials))
	}
	span, err1 := otlptracegrpc.New(ctx, spans...)
	metric, err2 := otlpmetricgrpc.New(ctx, metrics...)
	log, err3 := otlploggrpc.New(ctx, logs...)
	return exporters{span, metric, log}, errors.Join(err1, err2, err3)
}

func (to options) overHTTP(ctx context.Context, base string, secure *tls.Config) (exporters, error) {
	spans := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(base + "/v1/traces"),
		otlptracehttp.WithHeaders(to.headers())}
	metrics := []otlpmetrichttp.Option{otlpmetrichttp.WithEndpointURL(base + "/v1/metrics"),
		otlpmetrichttp.WithHeaders(to.headers()), otlpmetrichttp.WithTemporalitySelector(temporality)}
	logs := []otlploghttp.Option{otlploghttp.WithEndpointURL(base + "/v1/logs"), otlploghttp.WithHeaders(to.headers())}
	if to.compression == "gzip" {
		spans = append(spans, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		metrics = append(metrics, otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression))
		logs = append(logs, otlploghttp.WithCompression(otlploghttp.GzipCompression))
	}
	if to.protocol == "json" {
		// Only the exporter of traces has JSON yet.
		spans = append(spans, otlptracehttp.WithEncoding(otlptracehttp.EncodingJSON))
	}
	if secure != nil {
		spans = append(spans, otlptracehttp.WithTLSClientConfig(secure))
		metrics = append(metrics, otlpmetrichttp.WithTLSClientConfig(secure))
		logs = append(logs, otlploghttp.WithTLSClientConfig(secure))
	}
	span, err1 := otlptracehttp.New(ctx, spans...)
	metric, err2 := otlpmetrichttp.New(ctx, metrics...)
	log, err3 := otlploghttp.New(ctx, logs...)
	return exporters{span, metric, log}, errors.Join(err1, err2, err3)
}
