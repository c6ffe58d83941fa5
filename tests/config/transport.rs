//! What TLS, keepalive and unix sockets are read as, on both sides.

use std::path::Path;
use std::time::Duration;

use otlp_relay::config::{
    CaReload, CipherSuite, Curve, Exporter, GrpcServer, HttpServer, Keepalive, Mistake, Receiver, TlsTerms, TlsVersion,
};

use otlp_relay::units::ByteCount;

use super::*;

fn receiver(protocols: &str) -> (Option<GrpcServer>, Option<HttpServer>) {
    let config = good(&with_receiver(&format!("otlp: {{protocols: {{{protocols}}}}}")));
    let Some(Receiver::Otlp(otlp)) = config.receivers.get(&id("otlp")).cloned() else { panic!("{config:?}") };
    (otlp.grpc, otlp.http)
}

fn grpc(settings: &str) -> GrpcServer {
    receiver(&format!("grpc: {{{settings}}}")).0.unwrap()
}

#[track_caller]
fn check_receiver(settings: &str, words: &[&str]) {
    let text = with_receiver(&format!("otlp: {{protocols: {{grpc: {{{settings}}}}}}}"));
    let problems = load_with(&[], text.as_str()).expect_err("problems").to_string();
    assert!(words.iter().all(|word| problems.contains(word)), "{settings}: {problems}");
}

/// Warnings of a receiver with a certificate and these settings more.
fn warnings(tls: &str) -> String {
    let text = format!("otlp: {{protocols: {{grpc: {{tls: {{cert_file: c, key_file: k, {tls}}}}}}}}}");
    shown(&good(&with_receiver(&text)).warnings).join("\n")
}

#[test]
fn a_receiver_has_tls_only_where_it_is_written() {
    let (grpc, http) = receiver("grpc: {tls: }, http: {tls: {enabled: false, cert_file: /c, key_file: /k}}");
    assert!(grpc.unwrap().tls.is_none() && http.unwrap().tls.is_none());
    let (_, http) = receiver("http: {tls: {cert_file: /c, key_pem: K, client_ca_file: /ca, reload_interval: 1h}}");
    let tls = http.unwrap().tls.unwrap();
    assert_eq!((tls.terms, tls.reload_interval), (TlsTerms::default(), Some(Duration::from_secs(3600))));
    let ca = tls.client_ca.unwrap();
    assert_eq!((ca.file.as_path(), ca.reload), (Path::new("/ca"), CaReload::Never));
}

#[test]
fn a_receiver_needs_a_certificate_and_a_key() {
    let both = "TLS configuration must include both certificate and key for server connections";
    check_receiver("tls: {}", &[both, "cert_file and key_file"]);
    check_receiver("tls: {cert_file: /c}", &[both]);
    check_receiver("tls: {cert_file: /c, cert_pem: C, key_file: /k}", &["provide either certificate file or PEM"]);
    check_receiver("tls: {cert_file: /c, key_file: /k, tpm: {enabled: true}}", &["\"tpm\" is not supported"]);
    check_receiver("tls: {cert_file: /c, key_file: /k, insecure: true}", &["invalid key"]);
    assert!(warnings("ca_file: /ca").contains("client_ca_file"));
}

#[test]
fn versions_suites_and_curves_are_chosen_by_gos_names() {
    let suites = "cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]";
    let tls = grpc(&format!(
        "tls: {{cert_file: c, key_file: k, min_version: '1.2', max_version: '1.2', {suites}, curve_preferences: [P384, X25519]}}"
    ));
    let expected = TlsTerms {
        min_version: TlsVersion::V1_2,
        max_version: TlsVersion::V1_2,
        cipher_suites: Some(vec![CipherSuite::RsaAes256]),
        curves: Some(vec![Curve::P384, Curve::X25519]),
    };
    assert_eq!(tls.tls.unwrap().terms, expected);
    let exporter = good(&with_exporter("otlp_grpc: {endpoint: 'b:1', tls: {min_version: '1.3', reload_interval: 5s}}"));
    let Some(Exporter::OtlpGrpc(exporter)) = exporter.exporters.into_values().next() else { panic!() };
    let tls = exporter.tls.unwrap();
    assert_eq!((tls.terms.min_version, tls.reload_interval), (TlsVersion::V1_3, Some(Duration::from_secs(5))));
}

#[test]
fn what_cannot_be_spoken_is_named() {
    assert!(warnings("min_version: '1.0'").contains("1.2 and 1.3 only"));
    assert!(
        warnings("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]").contains("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA")
    );
    assert!(warnings("curve_preferences: [X25519MLKEM768, P521, P256]").lines().count() == 2);
    let insecure = "include_insecure_cipher_suites: true, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]";
    assert!(warnings(insecure).contains("RC4"));
    let check =
        |tls: &str, words: &[&str]| check_receiver(&format!("tls: {{cert_file: c, key_file: k, {tls}}}"), words);
    check("min_version: '1.4'", &["invalid TLS min_version: unsupported TLS version: \"1.4\""]);
    check("min_version: '1.3', max_version: '1.2'", &["min_version cannot be greater than max_version"]);
    check("cipher_suites: [TLS_NONSENSE]", &["invalid TLS cipher suite: \"TLS_NONSENSE\""]);
    check("cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]", &["invalid TLS cipher suite", "insecure"]);
    check("max_version: '1.2', cipher_suites: [TLS_AES_128_GCM_SHA256]", &["none of these cipher suites"]);
    check("curve_preferences: [P999]", &["invalid curve type: P999. Expected values are"]);
    check("curve_preferences: [P521]", &["none of these curves"]);
}

#[test]
fn bounds_of_connections_and_of_bytes_in_flight_are_read() {
    let text = "otlp: {max_in_flight_mib: 64, protocols: {grpc: {max_connections: 7}, http: {max_connections: 8}}}";
    let config = good(&with_receiver(text));
    let Some(Receiver::Otlp(otlp)) = config.receivers.get(&id("otlp")).cloned() else { panic!("{config:?}") };
    assert_eq!(otlp.max_in_flight, Some(ByteCount::mib(64)));
    assert_eq!(otlp.grpc.unwrap().max_connections, Some(7));
    assert_eq!(otlp.http.unwrap().max_connections, Some(8));
    assert_eq!(grpc("max_connections: 0").max_connections, None);
    check_receiver("max_connections: 2000000000", &["max_connections", "is not between 0 and 1073741824"]);
    check_receiver("max_connections: many", &["max_connections", "expected type 'int'"]);
}

#[test]
fn the_life_of_grpc_connections_is_read() {
    assert_eq!(grpc("").keepalive, Keepalive::default());
    let set = grpc(
        "max_concurrent_streams: 10, keepalive: {server_parameters: {max_connection_idle: 11s, max_connection_age: 12s, \
         max_connection_age_grace: 13s, time: 1ms, timeout: 14s}}",
    );
    let seconds = |number| Some(Duration::from_secs(number));
    let expected = Keepalive {
        max_idle: seconds(11),
        max_age: seconds(12),
        age_grace: seconds(13),
        time: seconds(1),
        timeout: seconds(14),
    };
    assert_eq!((set.max_streams, set.keepalive), (Some(10), expected));
    check_receiver("keepalive: {server_parameters: {max_connection_age: -1s}}", &["must be non-negative"]);
    let policy =
        "otlp: {protocols: {grpc: {keepalive: {enforcement_policy: {min_time: 1s, permit_without_stream: true}}}}}";
    assert!(shown(&good(&with_receiver(policy)).warnings).join(" ").contains("min_time: has no effect"));
}

#[test]
fn a_version_of_the_internet_protocol_may_be_asked_for() {
    for (transport, endpoint, expected) in [
        ("tcp4", ":9", "0.0.0.0:9"),
        ("tcp4", "localhost:9", "127.0.0.1:9"),
        ("tcp4", "127.0.0.2:9", "127.0.0.2:9"),
        ("tcp6", ":9", "[::]:9"),
        ("tcp6", "localhost:9", "[::1]:9"),
        ("tcp6", "[fe80::1]:9", "[fe80::1]:9"),
    ] {
        let listen = grpc(&format!("transport: {transport}, endpoint: '{endpoint}'")).listen;
        assert_eq!(listen.to_string(), expected, "{transport} {endpoint}");
    }
    for (transport, expected) in [("tcp", "0.0.0.0:4317"), ("tcp4", "0.0.0.0:4317"), ("tcp6", "[::]:4317")] {
        assert_eq!(grpc(&format!("transport: {transport}")).listen.to_string(), expected, "{transport}");
    }
    check_receiver("transport: tcp4, endpoint: '[::1]:9'", &["::1 is no address of the transport"]);
    check_receiver("transport: tcp6, endpoint: '127.0.0.1:9'", &["127.0.0.1 is no address of the transport"]);
    check_receiver("transport: tcp4, endpoint: 'relay:9'", &["relay is a name", "write the address"]);
}

#[test]
fn unix_sockets_are_paths() {
    let listen = grpc("transport: unix, endpoint: /run/relay.sock").listen;
    assert_eq!(
        (listen.socket(), listen.to_string().as_str()),
        (Some(Path::new("/run/relay.sock")), "unix:/run/relay.sock")
    );
    assert_eq!(grpc("transport: unix, endpoint: relay.sock").listen.socket(), Some(Path::new("./relay.sock")));
    check_receiver("transport: unix", &["needs the path of its file"]);
    check_receiver("transport: tpc", &["unsupported transport type \"tpc\""]);
    check_receiver("transport: udp", &["\"udp\" is not supported by otlp-relay yet"]);
    check_receiver("transport: unix, endpoint: '@relay'", &["abstract"]);
    let looped = "exporters: {otlp_grpc: {endpoint: 'unix:///run/a', tls: {insecure: true}}}\n\
                  receivers: {otlp: {protocols: {grpc: {transport: unix, endpoint: /run/a}}}}\n\
                  service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}\n";
    check_mistake(looped, Mistake::ExportLoop);
}
