//! Where exporters send each signal, through which proxies, and how they keep their connections.

use std::path::Path;
use std::time::Duration;

use otlp_relay::config::{
    Balancer, Existing, Exporter, File, FileCompression, FileFormat, HttpEncoding, IdleLimit, IdlePings, OtlpGrpc,
    OtlpHttp, Pings, Proxy, Readiness, Reuse, Secret, Versions,
};
use otlp_relay::signal::Signal;
use otlp_relay::units::ByteCount;

use super::*;

#[track_caller]
fn exporter(variables: Variables<'_>, text: &str) -> Exporter {
    let config = load_with(variables, with_exporter(text)).unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    config.exporters.into_values().next().unwrap()
}

#[track_caller]
fn grpc(variables: Variables<'_>, text: &str) -> OtlpGrpc {
    match exporter(variables, text) {
        Exporter::OtlpGrpc(grpc) => grpc,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn http(variables: Variables<'_>, text: &str) -> OtlpHttp {
    match exporter(variables, text) {
        Exporter::OtlpHttp(http) => http,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signals_own_endpoint_is_taken_as_it_is() {
    let http = http(&[], "otlp_http: {endpoint: 'http://b:4318/p/', traces_endpoint: 'https://t/v1/traces/?k=1'}");
    let shown = |signal: Signal| {
        let target = &http.targets[&signal];
        (target.key, target.endpoint.authority(), target.path.clone(), target.tls.is_some())
    };
    let own = ("traces_endpoint", "t:443".to_owned(), "/v1/traces/?k=1".to_owned(), true);
    assert_eq!(shown(Signal::Traces), own);
    let base = ("endpoint", "b:4318".to_owned(), "/p/v1/metrics".to_owned(), false);
    assert_eq!(shown(Signal::Metrics), base);
    let bare = self::http(&[], "otlp_http: {traces_endpoint: 'http://t'}");
    assert_eq!((bare.targets.len(), bare.targets[&Signal::Traces].path.as_str()), (1, "/"));
}

#[test]
fn endpoints_that_are_missing_are_named() {
    check_problems(
        &[],
        &with_exporter("otlp_http: {logs_endpoint: 'http://b'}"),
        &["c.yaml:4:3: exporters::otlp_http: either endpoint or traces_endpoint must be specified; \
           write traces_endpoint, or take the exporter out of the pipelines for traces"],
    );
    check_problems(
        &[],
        &with_exporter("otlp_http: {logs_endpoint: ''}"),
        &["c.yaml:4:3: exporters::otlp_http: at least one endpoint must be specified; \
           write endpoint: http://host:4318"],
    );
    check_problems(
        &[],
        &with_exporter("otlp_http: {traces_endpoint: 'b:4318/v1/traces'}"),
        &[
            "c.yaml:4:32: exporters::otlp_http::traces_endpoint: traces_endpoint must be a valid URL: it has no scheme; \
           write http://b:4318/v1/traces for plaintext or https://b:4318/v1/traces for TLS",
        ],
    );
}

#[test]
fn the_protocol_of_the_specification_is_understood() {
    assert_eq!(http(&[], "otlp: {endpoint: 'http://b:4318', protocol: http/protobuf}").targets.len(), 4);
    assert_eq!(grpc(&[], "otlp: {endpoint: 'b:4317', protocol: grpc}").endpoint.port, 4317);
    let json = http(&[], "otlp: {endpoint: 'http://b:4318', protocol: http/json}");
    assert_eq!(json.encoding, HttpEncoding::Json);
    check_problems(
        &[],
        &with_exporter("otlp: {endpoint: 'http://b:1', protocol: http/jsn}"),
        &["c.yaml:4:44: exporters::otlp::protocol: invalid protocol: \"http/jsn\"; did you mean \"http/json\"?"],
    );
}

#[test]
fn grpc_connections_are_kept_as_the_configuration_says() {
    let link = grpc(
        &[],
        "otlp_grpc: {endpoint: 'b:1', authority: 'x:9', user_agent: me/1, keepalive: {time: 30s, \
         permit_without_stream: true}, balancer_name: pick_first, wait_for_ready: true}",
    )
    .link;
    let pings = Pings { time: Duration::from_secs(30), timeout: Duration::from_secs(10), idle: IdlePings::Sent };
    assert_eq!((link.authority.as_deref(), link.user_agent.as_deref()), (Some("x:9"), Some("me/1")));
    assert_eq!((link.pings, link.balancer, link.readiness), (Some(pings), Balancer::PickFirst, Readiness::Wait));
    assert_eq!(grpc(&[], "otlp_grpc: {endpoint: 'b:1'}").link, Default::default());
    assert_eq!(grpc(&[], "otlp_grpc: {endpoint: 'b:1', keepalive: {time: 0}}").link.pings, None);
    check_warnings(
        &[],
        &with_exporter("otlp_grpc: {endpoint: 'b:1', keepalive: {time: 1s}}"),
        &["c.yaml:4:32: exporters::otlp_grpc::keepalive: keepalive::time is 1s, 10s is taken, as in the Collector; \
           write time: 10s or more; many servers accept no less than 5m"],
    );
    check_problems(
        &[],
        &with_exporter("otlp_grpc: {endpoint: 'b:1', authority: 'a b', balancer_name: x}"),
        &[
            "c.yaml:4:43: exporters::otlp_grpc::authority: invalid authority \"a b\": invalid uri character; \
             write a host name, or host:port",
            "c.yaml:4:65: exporters::otlp_grpc::balancer_name: invalid balancer_name: x; \
             write round_robin or pick_first",
        ],
    );
}

#[test]
fn http_connections_are_kept_as_the_configuration_says() {
    let link = http(
        &[],
        "otlp_http: {endpoint: 'http://b', max_idle_conns: 50, max_idle_conns_per_host: 7, max_conns_per_host: 3, \
         idle_conn_timeout: 0s, disable_keep_alives: true, http2_read_idle_timeout: 5s, force_attempt_http2: false}",
    )
    .link;
    assert_eq!((link.max_idle, link.max_in_use, link.idle_limit), (Some(7), Some(3), IdleLimit(None)));
    assert_eq!((link.reuse, link.versions), (Reuse::Never, Versions::Http1));
    assert_eq!(
        link.pings.map(|pings| (pings.time, pings.timeout)),
        Some((Duration::from_secs(5), Duration::from_secs(15)))
    );
    assert_eq!(http(&[], "otlp_http: {endpoint: 'http://b'}").link, Default::default());
    let cookies = "c.yaml:4:37: exporters::otlp_http::cookies: the Collector's key \"cookies\" is not supported by \
                   otlp-relay yet";
    check_problems(&[], &with_exporter("otlp_http: {endpoint: 'http://b', cookies: {}}"), &[cookies]);
    check_warnings(&[], &with_exporter("otlp_http: {endpoint: 'http://b', cookies: {enabled: false}}"), &[]);
}

fn shown(proxy: Option<&Proxy>) -> Option<(&str, &str)> {
    proxy.map(|proxy| (proxy.endpoint.text.as_str(), proxy.chosen_by.as_str()))
}

#[test]
fn the_environment_names_the_proxy_of_each_host() {
    let variables = [("HTTPS_PROXY", "me:s3cr3t@p:3128"), ("http_proxy", "http://q")];
    let plain = grpc(&variables, "otlp_grpc: {endpoint: 'b:4317', tls: {insecure: true}}").link.proxy;
    assert_eq!(shown(plain.as_ref()), Some(("http://p:3128", "HTTPS_PROXY")));
    let authorization = plain.as_ref().and_then(|proxy| proxy.authorization.as_ref()).map(Secret::reveal);
    assert_eq!(authorization, Some("Basic bWU6czNjcjN0"));
    assert!(!format!("{plain:?}").contains("s3cr3t"));
    let http = http(
        &variables,
        "otlp_http: {endpoint: 'http://b', logs_endpoint: 'https://l', \
                                 metrics_endpoint: 'http://localhost:1'}",
    );
    let of = |signal: Signal| shown(http.targets[&signal].proxy.as_ref()).map(|(address, _)| address);
    assert_eq!((of(Signal::Traces), of(Signal::Logs)), (Some("http://q:80"), Some("http://p:3128")));
    assert_eq!(of(Signal::Metrics), None);
}

#[test]
fn no_proxy_is_obeyed_and_quoted() {
    let proxy = |no_proxy| {
        let variables = [("HTTPS_PROXY", "p:3128"), ("NO_PROXY", no_proxy)];
        grpc(&variables, "otlp_grpc: {endpoint: 'b.svc:4317'}").link.proxy
    };
    assert_eq!(proxy(".svc"), None);
    let chosen_by = "HTTPS_PROXY, and no entry of NO_PROXY matches b.svc:4317";
    assert_eq!(shown(proxy("a.svc").as_ref()), Some(("http://p:3128", chosen_by)));
}

#[test]
fn proxy_url_wins_even_for_this_host() {
    let variables = [("HTTP_PROXY", "p:3128"), ("NO_PROXY", "*")];
    let http = http(&variables, "otlp_http: {endpoint: 'http://localhost:9', proxy_url: 'http://q:1'}");
    assert_eq!(shown(http.targets[&Signal::Traces].proxy.as_ref()), Some(("http://q:1", "proxy_url")));
}

#[test]
fn a_value_that_is_no_proxy_is_a_problem_for_those_who_would_use_it() {
    let bad = [("HTTPS_PROXY", "socks4://u:s3cr3t@p")];
    check_problems(
        &bad,
        &with_exporter("otlp_grpc: {endpoint: 'b:4317'}"),
        &["environment variable HTTPS_PROXY: invalid proxy address \"socks4://[REDACTED]@p\": the scheme \
           socks4:// is no proxy's; write http://host:port"],
    );
    grpc(&bad, "otlp_grpc: {endpoint: 'localhost:4317'}");
    http(&bad, "otlp_http: {endpoint: 'http://b:4318'}");
    check_problems(
        &[],
        &with_exporter("otlp_http: {endpoint: 'http://b:4318', proxy_url: 'http://p:x'}"),
        &["c.yaml:4:53: exporters::otlp_http::proxy_url: invalid proxy address \"http://p:x\": invalid port \"x\""],
    );
    check_mistake(&with_exporter("otlp_http: {endpoint: 'http://b', proxy_url: 'ftp://p'}"), Mistake::InvalidProxy);
}

#[track_caller]
fn file(text: &str) -> File {
    match exporter(&[], text) {
        Exporter::File(file) => file,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_exporter_has_the_defaults_of_the_collector() {
    let plain = file("file: {path: ./out.json}");
    assert_eq!((plain.path.as_path(), plain.format), (Path::new("./out.json"), FileFormat::Json));
    assert_eq!((plain.existing, plain.rotation, plain.directory_mode), (Existing::Truncate, None, None));
    assert_eq!((plain.flush_interval, plain.compression_level), (None, None));
    let slow = file("file: {path: o, flush_interval: 2s, compression: zstd, compression_params: {level: 9}}");
    assert_eq!((slow.flush_interval, slow.compression_level), (Some(Duration::from_secs(2)), Some(9)));
    let rotation = file("file: {path: o, format: proto, compression: zstd, rotation: {max_days: 3}}");
    assert_eq!(rotation.compression, FileCompression::Zstd);
    let rotation = rotation.rotation.unwrap();
    assert_eq!((rotation.max_size, rotation.max_days, rotation.max_backups), (ByteCount::mib(100), Some(3), Some(100)));
    let made = file("file: {path: o, format: proto, create_directory: true, directory_permissions: '0700'}");
    assert_eq!(made.directory_mode, Some(0o700));
}

#[test]
fn a_file_exporter_is_checked_with_the_words_of_the_collector() {
    check_problems(
        &[],
        &with_exporter("file: {format: proto, append: true, compression: zstd, rotation: }"),
        &[
            "c.yaml:4:3: exporters::file: path must be non-empty; write path: ./telemetry.json",
            "c.yaml:4:3: exporters::file: append and compression enabled at the same time is not supported",
        ],
    );
    check_mistake(
        &with_exporter("file: {path: x, format: proto, group_by: {enabled: true}}"),
        Mistake::NotSupportedYet,
    );
    check_mistake(&with_exporter("file: {path: x, encoding: otlp_encoding}"), Mistake::NotSupportedYet);
}
