//! What the keys of an otlp receiver are read as that its clients notice.

use std::time::Duration;

use otlp_relay::config::{
    AllowedHeaders, Compression, ContentEncodings, Detection, HttpSurface, OtlpReceiver, Receiver,
};
use otlp_relay::signal::Signal;

use super::*;

#[track_caller]
fn otlp(text: &str) -> OtlpReceiver {
    match good(&with_receiver(&format!("otlp: {{{text}}}"))).receivers.remove(&id("otlp")) {
        Some(Receiver::Otlp(otlp)) => *otlp,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn surface(http: &str) -> HttpSurface {
    otlp(&format!("protocols: {{http: {{{http}}}}}")).http.map(|http| http.surface).unwrap()
}

/// The one problem of `http`, below the receiver's path.
#[track_caller]
fn check_problem(http: &str, expected: &str) {
    let text = with_receiver(&format!("otlp: {{protocols: {{http: {{{http}}}}}}}"));
    let problems = shown(load_with(&[], text).expect_err("a problem").iter());
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(problem.split_once("protocols::http::").map(|(_, rest)| rest), Some(expected));
}

#[track_caller]
fn check_warning(http: &str, expected: &str) {
    let config = good(&with_receiver(&format!("otlp: {{protocols: {{http: {{{http}}}}}}}")));
    let warnings = shown(&config.warnings);
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(warning.split_once("protocols::http::").map(|(_, rest)| rest), Some(expected));
}

#[test]
fn nothing_written_is_the_default() {
    assert_eq!(surface(""), HttpSurface::default());
    assert_eq!(surface("cors: , response_headers: , compression_algorithms: "), HttpSurface::default());
    assert_eq!(surface("keep_alives_enabled: true, include_metadata: false, idle_timeout: 0s"), HttpSurface::default());
    assert_eq!(otlp("protocols: {grpc: }").detection, Detection::On);
}

#[test]
fn protocol_detection_is_switched_off_by_word() {
    for (word, expected) in [("off", Detection::Off), ("false", Detection::Off), ("on", Detection::On)] {
        assert_eq!(otlp(&format!("protocols: {{grpc: }}, protocol_detection: {word}")).detection, expected, "{word}");
    }
}

#[test]
fn paths_get_their_slash_and_have_to_be_paths() {
    let paths = surface("traces_url_path: a/b, logs_url_path: /v1/traces").url_paths;
    assert_eq!(paths[&Signal::Traces], "/a/b");
    assert_eq!(paths[&Signal::Logs], "/v1/traces");
    let wrong = "traces_url_path: invalid HTTP URL path set for signal: ";
    check_problem("traces_url_path: '/a b'", &format!("{wrong}\"/a b\": ' ' has to be percent-encoded"));
    check_problem("traces_url_path: '/a?b'", &format!("{wrong}\"/a?b\": '?' ends a path"));
    let escape = "a % is not followed by two hexadecimal digits";
    check_problem("traces_url_path: '/%2'", &format!("{wrong}\"/%2\": {escape}"));
    check_problem("logs_url_path: /v1/traces", "logs_url_path: /v1/traces is the path of traces already");
    let profiles = "metrics_url_path: /v1development/profiles is the path of profiles already";
    check_problem("metrics_url_path: v1development/profiles", profiles);
}

#[test]
fn encodings_are_listed_by_name() {
    assert_eq!(surface("compression_algorithms: []").encodings, ContentEncodings::Ignored);
    let listed = ContentEncodings::Only(vec![Compression::None, Compression::Gzip, Compression::SnappyFramed]);
    assert_eq!(surface("compression_algorithms: ['', gzip, x-snappy-framed]").encodings, listed);
    check_problem(
        "compression_algorithms: [gzp]",
        "compression_algorithms::0: unsupported compression algorithm \"gzp\"; did you mean \"gzip\"?",
    );
}

#[test]
fn cors_needs_origins() {
    let cors =
        surface("cors: {allowed_origins: ['http://A', 'https://*.b'], exposed_headers: X-A, max_age: 5}").cors.unwrap();
    assert_eq!(cors.allowed_origins, ["http://a", "https://*.b"]);
    assert_eq!((cors.allowed_headers, cors.max_age), (AllowedHeaders::Listed(Vec::new()), 5));
    assert_eq!(cors.exposed_headers, ["x-a"]);
    let any = surface("cors: {allowed_origins: ['*'], allowed_headers: ['*']}").cors.unwrap();
    assert_eq!(any.allowed_headers, AllowedHeaders::Any);
    assert_eq!(surface("cors: {allowed_headers: [a]}").cors, None);
    check_warning(
        "cors: {allowed_headers: [a]}",
        "cors: The CORS configuration specifies allowed headers but no allowed origins, and is therefore ignored.",
    );
    check_warning(
        "cors: {allowed_origins: [app.example.com]}",
        "cors::allowed_origins::0: app.example.com is no origin that a browser names: \
         write scheme://host:port without a path",
    );
    check_warning(
        "cors_allowed_origins: ['*']",
        "cors_allowed_origins: the key \"cors_allowed_origins\" is called \"allowed_origins\" under cors today",
    );
    check_problem(
        "cors: {allowed_origins: ['*'], allowed_headers: ['a b']}",
        "cors::allowed_headers::0: \"a b\" is not the name of a header",
    );
}

#[test]
fn response_headers_are_secrets_and_leave_the_connection_alone() {
    let surface = surface("response_headers: {X-Key: s3cr3t}");
    assert_eq!(surface.response_headers[0].0, "x-key");
    assert!(!format!("{surface:?}").contains("s3cr3t"));
    check_problem(
        "response_headers: {Content-Length: 5}",
        "response_headers: the header content-length is set by the server itself",
    );
}

#[test]
fn times_stand_in_for_one_another_as_in_go() {
    let times = |text| {
        let surface = surface(text);
        (surface.read_timeout, surface.header_timeout, surface.idle_timeout)
    };
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(times("read_timeout: 5s"), (seconds(5), seconds(5), seconds(5)));
    assert_eq!(times("read_header_timeout: 1s, idle_timeout: 9s"), (None, seconds(1), seconds(9)));
    check_problem("idle_timeout: -1s", "idle_timeout: 'idle_timeout' must be non-negative");
    let effect = "write_timeout: has no effect in otlp-relay: answers are small, and the system takes them at once";
    check_warning("write_timeout: 5s", effect);
}

#[test]
fn a_body_size_of_zero_or_less_is_the_default() {
    for size in ["0", "-1"] {
        let http = otlp(&format!("protocols: {{http: {{max_request_body_size: {size}}}}}")).http.unwrap();
        assert_eq!(http.max_body.0, 20 << 20, "{size}");
    }
}
