//! Which authenticators exporters and receivers may name, and what each of them needs.

use super::*;

/// An exporter on line 4, and extensions on line 5.
fn exporting(exporter: &str, extensions: &str, started: &str) -> String {
    let id = exporter.split(':').next().unwrap();
    format!(
        "receivers:\n  nop:\nexporters:\n  {exporter}\nextensions: {{{extensions}}}\n\
         service: {{extensions: [{started}], pipelines: {{traces: {{receivers: [nop], exporters: [{id}]}}}}}}\n"
    )
}

/// A receiver on line 3, and extensions on line 4.
fn receiving(settings: &str, extensions: &str) -> String {
    format!(
        "exporters: {{nop: }}\nreceivers:\n  otlp: {{protocols: {{http: {{{settings}}}}}}}\nextensions: {{{extensions}}}\n\
         service: {{extensions: [a], pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}}}\n"
    )
    .replace("[a]", if extensions.is_empty() { "[]" } else { "[basicauth]" })
}

const EXPORTER: &str = "otlp_http: {endpoint: 'https://b:1', auth: {authenticator: basicauth}}";

#[test]
fn an_authenticator_has_to_be_there_and_to_be_started() {
    let unknown = "c.yaml:4:62: exporters::otlp_http::auth::authenticator: failed to resolve authenticator \"basicauth\": \
                   authenticator not found";
    check_problems(
        &[],
        &exporting(EXPORTER, "", ""),
        &[&format!("{unknown}; write \"basicauth:\" under extensions, and \"basicauth\" into service::extensions")],
    );
    check_problems(
        &[],
        &exporting(EXPORTER, "basicauth: {client_auth: {username: a, password: b}}", ""),
        &[&format!("{unknown}; write \"basicauth\" into service::extensions, too")],
    );
    check_problems(
        &[],
        &exporting("otlp_http: {endpoint: 'https://b:1', auth: {authenticator: zpages}}", "zpages: ", "zpages"),
        &["c.yaml:4:62: exporters::otlp_http::auth::authenticator: the extension \"zpages\" is no authenticator"],
    );
}

#[test]
fn each_side_has_authenticators_of_its_own() {
    check_problems(
        &[],
        &exporting(EXPORTER, "basicauth: {htpasswd: {inline: 'a:b'}}", "basicauth"),
        &[
            "c.yaml:4:62: exporters::otlp_http::auth::authenticator: \"basicauth\" has htpasswd, which is for receivers; \
           give it client_auth",
        ],
    );
    check_problems(
        &[],
        &receiving("auth: {authenticator: basicauth}", "basicauth: {client_auth: {username: a, password: b}}"),
        &[
            "c.yaml:3:51: receivers::otlp::protocols::http::auth::authenticator: \"basicauth\" has client_auth, which is for \
           exporters; give it htpasswd",
        ],
    );
    good(&receiving("auth: {authenticator: basicauth}", "basicauth: {htpasswd: {inline: 'a:b'}}"));
    good(&receiving("auth: {}", ""));
}

#[test]
fn an_authenticator_says_what_it_lacks() {
    let check = |extension: &str, expected: &str| {
        let text = exporting("nop: ", extension, "");
        check_problems(&[], &text, &[expected]);
    };
    check(
        "bearertokenauth: {scheme: Bearer}",
        "c.yaml:5:14: extensions::bearertokenauth: no bearer token provided; write token: ${env:TOKEN}, or filename: /path",
    );
    check(
        "basicauth: ",
        "c.yaml:5:14: extensions::basicauth: no credential source provided; write htpasswd (to receive) or client_auth \
         (to export)",
    );
    check(
        "basicauth: {client_auth: {username: a}}",
        "c.yaml:5:26: extensions::basicauth::client_auth: client_auth needs password or password_file",
    );
    check(
        "headers_setter: {headers: [{key: a}]}",
        "c.yaml:5:41: extensions::headers_setter::headers::0: missing header source: write value, value_file, \
         from_context or from_attribute",
    );
    check(
        "oauth2client: {client_id: a, token_url: 'http://t'}",
        "c.yaml:5:14: extensions::oauth2client: no ClientSecret provided in OAuth Client Credentials configuration",
    );
}

#[test]
fn additional_authenticators_do_not_lead_in_a_circle() {
    let setter = |next: &str| format!("{{headers: [{{key: a, value: b}}], additional_auth: headers_setter/{next}}}");
    let extensions = format!("headers_setter/1: {}, headers_setter/2: {}", setter("2"), setter("1"));
    let exporter = "otlp_http: {endpoint: 'https://b:1', auth: {authenticator: headers_setter/1}}";
    check_problems(
        &[],
        &exporting(exporter, &extensions, "headers_setter/1, headers_setter/2"),
        &[
            "c.yaml:4:62: exporters::otlp_http::auth::authenticator: the authenticator \"headers_setter/1\" leads back to \
           itself by additional_auth",
        ],
    );
}

#[test]
fn credentials_in_plaintext_are_warned_of_beyond_this_machine() {
    let bearer = "bearertokenauth: {token: s3cr3t}";
    let exporter = |host: &str| {
        format!(
            "otlp_grpc: {{endpoint: '{host}:1', tls: {{insecure: true}}, auth: {{authenticator: bearertokenauth}}}}"
        )
    };
    check_warnings(
        &[],
        &exporting(&exporter("backend"), bearer, "bearertokenauth"),
        &["c.yaml:4:83: exporters::otlp_grpc::auth::authenticator: the credentials travel in plaintext, which the \
           Collector refuses over gRPC; use TLS"],
    );
    check_warnings(&[], &exporting(&exporter("localhost"), bearer, "bearertokenauth"), &[]);
}

#[test]
fn a_token_that_no_header_may_hold_is_refused_and_not_shown() {
    let text = exporting("nop: ", "bearertokenauth: {token: \"s3cr3t\\n\"}", "");
    let problems = load_with(&[], text.as_str()).expect_err("a problem").to_string();
    assert!(problems.contains("line break") && !problems.contains("s3cr3t"), "{problems}");
}
