//! Who may send to the relay, and whom does the relay say it is?

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::backend::Backend;
use crate::support::client::{Coding, HttpAnswer, Wire, grpc_call, http_request};
use crate::support::export::{Export, Signal};
use crate::support::generate::lean_spans;
use crate::support::relay::Relay;
use crate::support::setup::Setup;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

/// What a client that shows `authorization` is answered, over HTTP and over gRPC.
async fn post(relay: &Relay, authorization: Option<&str>) -> (HttpAnswer, HttpAnswer) {
    let shown: Vec<(&str, &str)> = authorization.map(|value| ("authorization", value)).into_iter().collect();
    let body = lean_spans("app", 0..1).encode();
    let headers: Vec<(&str, &str)> = shown.iter().copied().chain([PROTOBUF]).collect();
    let http = http_request(Method::POST, relay.ports.http, "/v1/traces", &headers, body.clone()).await;
    let grpc = grpc_call(relay.ports.grpc, Signal::Traces.method(), &shown, &body).await;
    (http, grpc)
}

async fn check_admitted(relay: &Relay, authorization: &str) {
    let (http, grpc) = post(relay, Some(authorization)).await;
    assert_eq!((http.status.as_u16(), grpc.header("grpc-status")), (200, Some("0")), "{authorization}");
}

async fn check_refused(relay: &Relay, authorization: Option<&str>, words: &str, challenge: &str) {
    let (http, grpc) = post(relay, authorization).await;
    assert_eq!((http.status.as_u16(), grpc.header("grpc-status")), (401, Some("16")), "{authorization:?}");
    assert_eq!(http.header("www-authenticate"), Some(challenge));
    let message = grpc.header("grpc-message").unwrap().replace("%20", " ");
    assert!(http.text().contains(words) && message.contains(words), "{} {message}", http.text());
    if let Some((_, secret)) = authorization.and_then(|shown| shown.rsplit_once(' ')) {
        assert!(!http.text().contains(secret) && !message.contains(secret), "{} {message}", http.text());
    }
}

#[tokio::test]
async fn a_receiver_takes_data_from_those_who_know_a_token() {
    let backend = Backend::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    fs::write(&file, "first\nsecond\n").unwrap();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "")
        .extension("bearertokenauth", &format!("filename: '{}'", file.display()))
        .receiving("auth: {authenticator: bearertokenauth}");
    let relay = Relay::start(&setup).await;
    check_admitted(&relay, "Bearer first").await;
    check_admitted(&relay, "bearer second").await;
    check_refused(&relay, None, "missing or empty authorization header: authorization", "Bearer").await;
    for wrong in ["Bearer thirdtoken", "Basic first", "Bearer firstly", "Bearer firs"] {
        check_refused(&relay, Some(wrong), "scheme or token does not match", "Bearer").await;
    }
    // Unknown paths tell a stranger nothing, and probes need no token.
    assert_eq!(http_request(Method::GET, relay.ports.http, "/other", &[], "").await.status, 401);
    let health = grpc_call(relay.ports.grpc, "/grpc.health.v1.Health/Check", &[], &[]).await;
    assert_eq!(health.header("grpc-status"), Some("0"));

    fs::write(&file, "renewed-token\n").unwrap();
    crate::support::eventually("the new token to be in use", || async {
        let (http, _) = post(&relay, Some("Bearer renewed-token")).await;
        (http.status == 200).then_some(())
    })
    .await;
    check_refused(&relay, Some("Bearer first"), "scheme or token does not match", "Bearer").await;
    let ended = relay.stop().await;
    assert_eq!(ended.lost, 0);
    assert!(ended.log.contains("class=peer_unauthenticated"), "{}", ended.log);
    for secret in ["first\"", "thirdtoken", "renewed-token"] {
        assert!(!ended.log.contains(secret), "{}", ended.log);
    }
}

#[tokio::test]
async fn a_receiver_takes_data_from_those_who_know_a_password() {
    let backend = Backend::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    // Both of "secret"; a `$` of a file is no variable.
    fs::write(&file, format!("ann:{}\nbob:{{SHA}}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", bcrypt())).unwrap();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "")
        .extension("basicauth", &format!("htpasswd: {{file: '{}', inline: 'cat:meow'}}", file.display()))
        .receiving("auth: {authenticator: basicauth}");
    let relay = Relay::start(&setup).await;
    // ann:secret, bob:secret, cat:meow
    for known in ["Basic YW5uOnNlY3JldA==", "basic YW5uOnNlY3JldA==", "Basic Ym9iOnNlY3JldA==", "Basic Y2F0Om1lb3c="] {
        check_admitted(&relay, known).await;
    }
    let challenge = "Basic realm=\"otlp-relay\"";
    check_refused(&relay, None, "no basic auth provided", challenge).await;
    check_refused(&relay, Some("Bearer YW5uOnNlY3JldA=="), "invalid authorization scheme prefix", challenge).await;
    check_refused(&relay, Some("Basic %%%"), "invalid authorization format", challenge).await;
    // ann:wrong, dan:secret
    check_refused(&relay, Some("Basic YW5uOndyb25n"), "invalid credentials", challenge).await;
    check_refused(&relay, Some("Basic ZGFuOnNlY3JldA=="), "invalid credentials", challenge).await;
    relay.stop_without_loss().await;
}

/// Of "secret".
fn bcrypt() -> String {
    bcrypt::hash("secret", 4).unwrap()
}

#[tokio::test]
async fn a_port_is_guarded_whatever_a_client_speaks_there() {
    let backend = Backend::start();
    let setup = Setup::forwarding(Wire::Grpc, &backend, "").extension("bearertokenauth", "token: abc");
    let (grpc, http) = (setup.ports.grpc, setup.ports.http);
    let protocols = format!(
        "{{grpc: {{endpoint: '127.0.0.1:{grpc}', auth: {{authenticator: bearertokenauth}}}}, \
         http: {{endpoint: '127.0.0.1:{http}'}}}}"
    );
    let text = setup.text().replace(
        &format!("{{grpc: {{endpoint: '127.0.0.1:{grpc}'}}, http: {{endpoint: '127.0.0.1:{http}'}}}}"),
        &protocols,
    );
    assert!(text.contains(&protocols));
    let relay = Relay::start(&setup).await;
    relay.reload(&text, "Config updated").await;
    let body = lean_spans("app", 0..1).encode();
    let over = |port| http_request(Method::POST, port, "/v1/traces", &[PROTOBUF], body.clone());
    assert_eq!((over(grpc).await.status.as_u16(), over(http).await.status.as_u16()), (401, 200));
    relay.stop_without_loss().await;
}

/// What the backend saw of `header` when data was sent through an exporter with these settings.
async fn check_shown(wire: Wire, extension: (&str, &str), expected: &[(&str, Option<&str>)]) {
    let backend = Backend::start();
    let (id, settings) = extension;
    let setup = Setup::forwarding(wire, &backend, &format!("auth: {{authenticator: {id}}}"))
        .receiving("include_metadata: true")
        .extension(id, settings)
        .extension("basicauth/other", "client_auth: {username: ann, password: 'secret'}");
    let relay = Relay::start(&setup).await;
    let body = lean_spans("app", 0..1).encode();
    let headers = [PROTOBUF, ("x-tenant", "blue")];
    let answer = http_request(Method::POST, relay.ports.http, "/v1/traces", &headers, body).await;
    assert_eq!(answer.status, 200);
    backend.wait_for_items(1).await;
    let record = &backend.records()[0];
    for (name, value) in expected {
        assert_eq!(record.headers.get(*name).map(String::as_str), *value, "{id} {name}");
    }
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn an_exporter_shows_the_credentials_that_it_is_given() {
    for wire in [Wire::Grpc, Wire::Http] {
        let bearer = ("bearertokenauth", "token: abc");
        check_shown(wire, bearer, &[("authorization", Some("Bearer abc"))]).await;
        let raw = ("bearertokenauth", "header: x-key, scheme: '', tokens: [abc, def]");
        check_shown(wire, raw, &[("x-key", Some("abc")), ("authorization", None)]).await;
        let basic = ("basicauth", "client_auth: {username: ann, password: secret}");
        check_shown(wire, basic, &[("authorization", Some("Basic YW5uOnNlY3JldA=="))]).await;
        let setter = (
            "headers_setter",
            "additional_auth: basicauth/other, headers: [{key: x-scope, from_context: X-Tenant}, \
             {key: x-none, from_context: nothing}, {key: x-some, from_context: nothing, default_value: d}, \
             {key: authorization, action: insert, value: other}, {key: x-new, action: update, value: n}, \
             {key: user-agent, action: delete}]",
        );
        let expected = [
            ("x-scope", Some("blue")),
            ("x-none", None),
            ("x-some", Some("d")),
            ("x-new", None),
            ("user-agent", None),
            ("authorization", Some("Basic YW5uOnNlY3JldA==")),
        ];
        check_shown(wire, setter, &expected).await;
    }
}

/// The values of these attributes of the one span that arrived, in the order of the names.
fn attributes_of(arrived: &Export, names: &[&str]) -> Vec<Option<String>> {
    let Export::Traces(request) = arrived else { panic!("{arrived:?}") };
    let attributes = &request.resource_spans[0].scope_spans[0].spans[0].attributes;
    let text = |attribute: &KeyValue| match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        _ => None,
    };
    names.iter().map(|name| attributes.iter().find(|attribute| attribute.key == *name).and_then(text)).collect()
}

#[tokio::test]
async fn what_is_known_of_a_sender_goes_with_its_data() {
    for wire in [Wire::Grpc, Wire::Http] {
        let backend = Backend::start();
        let actions = "[{key: address, action: insert, from_context: client.address}, \
                       {key: user, action: insert, from_context: auth.username}, \
                       {key: tenant, action: insert, from_context: X-Tenant, default_value: nobody}]";
        let exporter = crate::support::setup::exporter_type(wire);
        let setup = Setup::forwarding(wire, &backend, "auth: {authenticator: headers_setter}")
            .extension("basicauth", "htpasswd: {inline: 'cat:meow'}")
            .extension("headers_setter", "headers: [{key: x-user, from_attribute: username, default_value: nobody}]")
            .receiving("auth: {authenticator: basicauth}")
            .processor("attributes", &format!("actions: {actions}"))
            .pipeline("traces", &format!("receivers: [otlp], processors: [attributes], exporters: [{exporter}]"));
        let relay = Relay::start(&setup).await;
        check_admitted(&relay, "Basic Y2F0Om1lb3c=").await;
        backend.wait_for_items(2).await;
        for record in backend.records() {
            // Headers stay where they are, as nothing includes them.
            let expected = ["127.0.0.1", "cat", "nobody"].map(|value| Some(value.to_owned()));
            assert_eq!(attributes_of(&record.export, &["address", "user", "tenant"]), expected);
            assert_eq!(record.headers.get("x-user").map(String::as_str), Some("cat"));
        }
        relay.stop_without_loss().await;
    }
}

/// A token server that gives out token-1, token-2, …; what it was asked, it hands to `check`.
async fn token_server(check: fn(&str)) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let given = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&given);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = read_request(&mut stream).await;
            check(&asked);
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let body = format!("{{\"access_token\":\"token-{number}\",\"token_type\":\"bearer\",\"expires_in\":3600}}");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, given)
}

/// Head and body of a request, which ends where its form does.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        read.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let length = text
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .map(|rest| rest.split("\r\n").next().unwrap().trim().parse::<usize>().unwrap());
        let whole = text.split_once("\r\n\r\n").is_some_and(|(_, body)| Some(body.len()) == length);
        if whole || count == 0 {
            return text;
        }
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_and_shown_with_every_request() {
    let (port, given) = token_server(|asked| {
        // id:s%2Fecret
        assert!(asked.starts_with("POST /token HTTP/1.1\r\n"), "{asked}");
        assert!(asked.to_ascii_lowercase().contains("\r\nauthorization: basic awq6cyuyrmvjcmv0\r\n"), "{asked}");
        assert!(asked.ends_with("grant_type=client_credentials&scope=a%20b&audience=x"), "{asked}");
    })
    .await;
    let backend = Backend::start();
    let settings = format!(
        "client_id: id, client_secret: s/ecret, token_url: 'http://127.0.0.1:{port}/token', scopes: [a, b], \
         endpoint_params: {{audience: x}}"
    );
    let setup = Setup::forwarding(Wire::Grpc, &backend, "auth: {authenticator: oauth2client}")
        .extension("oauth2client", &settings);
    let relay = Relay::start(&setup).await;
    let mut client = relay.client(Wire::Grpc, Coding::None).await;
    for round in 0..5 {
        client.deliver(&lean_spans("app", round..round + 1)).await;
    }
    backend.wait_for_items(5).await;
    for record in backend.records() {
        assert_eq!(record.headers.get("authorization").map(String::as_str), Some("Bearer token-1"));
    }
    assert_eq!(given.load(Ordering::SeqCst), 1);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn data_waits_while_the_token_server_is_away_and_its_absence_is_told() {
    let backend = Backend::start();
    let port = crate::support::net::free_port();
    let settings = format!("client_id: id, client_secret: s3cr3t, token_url: 'http://127.0.0.1:{port}/token'");
    let setup = Setup::forwarding(Wire::Http, &backend, "auth: {authenticator: oauth2client}")
        .service("shutdown_timeout", "200ms")
        .extension("oauth2client", &settings);
    let relay = Relay::start(&setup).await;
    relay.client(Wire::Grpc, Coding::None).await.deliver(&lean_spans("app", 0..3)).await;
    let line = relay.wait_for_line(&["class=connection_refused", "no token from the token server"]).await;
    assert!(line.contains(&format!("127.0.0.1:{port}")) && !line.contains("s3cr3t"), "{line}");

    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let refusal =
        "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 26\r\n\r\n{\"error\":\"invalid_client\"}";
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_request(&mut stream).await;
            stream.write_all(refusal.as_bytes()).await.unwrap();
        }
    });
    relay.wait_for_line(&["class=unauthenticated", "invalid_client"]).await;
    server.abort();
    let ended = relay.stop().await;
    assert_eq!(backend.records().len(), 0);
    assert!(!ended.log.contains("s3cr3t"), "{}", ended.log);
}
