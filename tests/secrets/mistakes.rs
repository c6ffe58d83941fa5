//! What is said of a configuration that cannot be used, where the mistake is next to a secret, or is one.

use crate::planted::{assert_none, plain_secret};
use crate::printed;
use crate::support::net::free_port;

/// Whatever looks at a configuration with this exporter and these extensions shows no secret.
async fn check(exporter: &str, extensions: &str) {
    let secret = plain_secret(100);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("relay.yaml");
    let [exporter, extensions] = [exporter, extensions].map(|text| text.replace("SECRET", &secret));
    let text = format!(
        "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{}'}}}}}}}}\n\
         exporters:\n  otlp_http: {exporter}\n{extensions}\n\
         service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http]}}}}}}\n",
        free_port()
    );
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let url = format!("http://me:{secret}@backend.example:4318");
    let environment = [("PLANTED", secret.as_str()), ("PLANTED_URL", url.as_str())];
    for command in [&["validate"][..], &["check"], &["check", "--json"], &["print-config"], &[]] {
        let said = printed(&[command, &["--config", file]].concat(), &environment).await;
        assert!(!said.is_empty(), "{command:?}");
        assert_none(std::slice::from_ref(&secret), &format!("{command:?} of {exporter} {extensions}"), said);
    }
}

#[tokio::test]
async fn a_user_name_and_a_password_in_an_address() {
    check("{endpoint: 'http://me:SECRET@backend.example:4318'}", "").await;
    check("{endpoint: 'http://SECRET@backend.example:4318'}", "").await;
    check("{endpoint: 'http://me:SECRET@backend.example:port'}", "").await;
    check("{endpoint: '${env:PLANTED_URL}'}", "").await;
    check("{endpoint: 'http://me:SEC/SECRET@backend.example:4318'}", "").await;
    check("{traces_endpoint: 'http://b:4318/v1/traces?key=SECRET', timeout: never}", "").await;
    check("{endpoint: 'http://b:4318', proxy_url: 'ftp://me:SECRET@proxy:3128'}", "").await;
    check("{endpoint: 'http://b:4318', proxy_url: 'http://me:SECRET@proxy:many'}", "").await;
    check("{endpoint: 'http://b:4318', proxy_url: 'http://me:SEC/SECRET@proxy:3128'}", "").await;
}

#[tokio::test]
async fn a_value_that_is_of_another_kind_than_it_should_be() {
    check("{endpoint: 'http://b:4318', headers: SECRET}", "").await;
    check("{endpoint: 'http://b:4318', headers: {authorization: [SECRET]}}", "").await;
    check("{endpoint: 'http://b:4318', headers: {authorization: {Bearer: SECRET}}}", "").await;
    check("{endpoint: 'http://b:4318', headers: {authorization: \"SECRET\\nSECRET\"}}", "").await;
    check("{endpoint: 'http://b:4318', headers: {'x planted': '${env:PLANTED}'}}", "").await;
    check("{endpoint: 'http://b:4318', headers: {x-planted: 'Bearer ${env:PLANTED'}}", "").await;
}

#[tokio::test]
async fn an_authenticator_that_is_not_written_as_it_should_be() {
    let exporter = "{endpoint: 'http://b:4318', auth: {authenticator: some}}";
    for authenticator in [
        "bearertokenauth: {token: [SECRET]}",
        "bearertokenauth: {token: \"SECRET\\n\"}",
        "bearertokenauth: {tokens: {a: SECRET}}",
        "basicauth: {client_auth: {username: me, password: {a: SECRET}}}",
        "basicauth: {client_auth: 'me:SECRET'}",
        "basicauth: {htpasswd: {inline: [SECRET]}}",
        "headers_setter: {headers: [{key: x-planted, value: [SECRET]}]}",
        "headers_setter: {headers: [{key: 'x planted', value: SECRET}]}",
        "oauth2client: {client_id: me, client_secret: [SECRET], token_url: 'http://b/token'}",
        "oauth2client: {client_id: me, client_secret: SECRET, token_url: 'http://me:SECRET@b/token'}",
        "oauth2client: {client_id: me, client_secret: SECRET, token_url: 'http://b/token', endpoint_params: SECRET}",
    ] {
        check(exporter, &format!("extensions: {{{authenticator}}}")).await;
    }
}
