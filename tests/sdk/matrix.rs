//! Each SDK over each protocol that it has, plain and compressed; and over TLS, to a receiver that asks for a token.

use std::process::Command;
use std::time::Duration;

use crate::known::{BRIDGED, COUNT, INSTRUMENTS, check_known};
use crate::support::backend::Backend;
use crate::support::cli::Process;
use crate::support::client::{Coding, Wire};
use crate::support::export::{Export, Signal, assert_same_items};
use crate::support::interop::{Absence, installed};
use crate::support::relay::Relay;
use crate::support::setup::{Setup, exporter_type};
use crate::support::tls::Authority;

/// What a client that starts an interpreter and sends some thousand items may take on a loaded machine.
const RUN: Duration = Duration::from_secs(120);
/// What a receiver behind TLS asks for.
const TOKEN: &str = "token-of-the-matrix";

/// The client of one language: `tests/interop/install.sh` knows the name.
#[derive(Clone, Copy, Debug)]
struct Sdk {
    name: &'static str,
    absence: Absence,
    /// The kinds of metrics that it makes.
    kinds: &'static [&'static str],
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Grpc,
    Http,
    Json,
}

/// What the first relay demands of its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    None,
    /// Trust in a private authority, and a token.
    Tls,
    /// The same, and a certificate of the client.
    MutualTls,
}

/// A module for each SDK, in it one for each protocol with the test of that name, and the tests with TLS.
macro_rules! matrix {
    ($($language:ident, $absence:ident, $kinds:ident, [$($protocol:ident $variant:ident),+];)+) => {$(
        mod $language {
            use super::*;

            const SDK: Sdk =
                Sdk { name: stringify!($language), absence: Absence::$absence, kinds: $kinds };

            $(mod $protocol {
                use super::*;

                #[tokio::test]
                async fn arrives_unchanged() {
                    check(SDK, Protocol::$variant, Coding::None, Security::None).await;
                }

                #[tokio::test]
                async fn arrives_unchanged_with_gzip() {
                    check(SDK, Protocol::$variant, Coding::Gzip, Security::None).await;
                }
            })+

            #[tokio::test]
            async fn grpc_arrives_unchanged_over_tls() {
                check(SDK, Protocol::Grpc, Coding::None, Security::Tls).await;
            }

            #[tokio::test]
            async fn grpc_arrives_unchanged_over_mutual_tls() {
                check(SDK, Protocol::Grpc, Coding::Gzip, Security::MutualTls).await;
            }

            #[tokio::test]
            async fn http_arrives_unchanged_over_mutual_tls() {
                check(SDK, Protocol::Http, Coding::None, Security::MutualTls).await;
            }
        }
    )+};
}

matrix! {
    python, FailsInCi, INSTRUMENTS, [grpc Grpc, http Http];
    node, FailsInCi, INSTRUMENTS, [grpc Grpc, http Http, json Json];
    go, PassesWithoutToolchain, BRIDGED, [grpc Grpc, http Http, json Json];
    java, PassesWithoutToolchain, BRIDGED, [grpc Grpc, http Http];
    rust, PassesWithoutToolchain, INSTRUMENTS, [grpc Grpc, http Http, json Json];
}

impl Protocol {
    fn wire(self) -> Wire {
        match self {
            Protocol::Grpc => Wire::Grpc,
            Protocol::Http | Protocol::Json => Wire::Http,
        }
    }

    /// The word for it on the client's command line.
    fn name(self) -> &'static str {
        match self {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
            Protocol::Json => "json",
        }
    }

    /// What requests say that they are.
    fn content_type(self) -> &'static str {
        match self {
            Protocol::Grpc => "application/grpc",
            Protocol::Http => "application/x-protobuf",
            Protocol::Json => "application/json",
        }
    }

    /// How the second hop is to be encoded.
    fn settings(self) -> &'static str {
        match self {
            Protocol::Json => "compression: none, encoding: json",
            Protocol::Grpc | Protocol::Http => "compression: none",
        }
    }
}

/// The second hop goes over the other wire than the client used.
async fn check(sdk: Sdk, protocol: Protocol, coding: Coding, security: Security) {
    let Some(place) = installed(sdk.name, sdk.absence) else { return };
    let wire = protocol.wire();
    let (reference, behind, authority) = (Backend::start(), Backend::start(), Authority::new());
    let second = Relay::start(&Setup::forwarding(wire, &behind, protocol.settings())).await;
    let hop = if wire == Wire::Grpc { Wire::Http } else { Wire::Grpc };
    let setup = secured(Setup::new(), security, &authority);
    let setup = setup.export_to(exporter_type(hop), hop, second.ports.receiver(hop), "compression: gzip");
    let first = Relay::start(&setup).await;

    let mut command = Command::new(place.join("client"));
    command.args(["--protocol", protocol.name(), "--compression", coding.name(), "--count", &COUNT.to_string()]);
    let scheme = if security == Security::None { "http" } else { "https" };
    command.args(["--target", &format!("{scheme}://localhost:{}", first.ports.receiver(wire))]);
    command.args(["--reference", &format!("http://127.0.0.1:{}", reference.port(wire))]);
    introduce(&mut command, security, &authority);
    // A proxy for the world outside must not come between two local programs.
    command.env("NO_PROXY", "127.0.0.1,localhost").env("no_proxy", "127.0.0.1,localhost");
    // Nor must the authorities of that world replace the one that the client is told: Python's HTTP library prefers them.
    command.env_remove("REQUESTS_CA_BUNDLE").env_remove("CURL_CA_BUNDLE");
    let finished = Process::spawn(sdk.name, command).finish_within(RUN).await;
    assert_eq!(finished.code, Some(0), "the client failed: {}{}", finished.stdout, finished.stderr);

    first.stop_without_loss().await;
    second.stop_without_loss().await;
    check_headers(&reference, protocol, coding, security);
    check_known(&reference, sdk.kinds);
    assert_same_items(&exports(&reference), &exports(&behind));
}

fn secured(setup: Setup, security: Security, authority: &Authority) -> Setup {
    if security == Security::None {
        return setup;
    }
    let (certificate, key) = authority.server_files();
    let mut tls = format!("cert_file: '{}', key_file: '{}'", certificate.display(), key.display());
    if security == Security::MutualTls {
        tls.push_str(&format!(", client_ca_file: '{}'", authority.ca_file().display()));
    }
    let setup = setup.extension("bearertokenauth", &format!("token: {TOKEN}"));
    setup.receiving(&format!("tls: {{{tls}}}, auth: {{authenticator: bearertokenauth}}"))
}

/// What the client needs to know to get in.
fn introduce(command: &mut Command, security: Security, authority: &Authority) {
    if security == Security::None {
        return;
    }
    command.args(["--authorization", &format!("Bearer {TOKEN}")]).arg("--ca").arg(authority.ca_file());
    if security == Security::MutualTls {
        let (certificate, key) = authority.client_files();
        command.arg("--cert").arg(certificate).arg("--key").arg(key);
    }
}

fn check_headers(reference: &Backend, protocol: Protocol, coding: Coding, security: Security) {
    let expected = (security != Security::None).then(|| format!("Bearer {TOKEN}"));
    for record in reference.records() {
        assert_eq!(record.encoding, coding.token(), "compressed as asked");
        assert_eq!(record.headers.get("authorization"), expected.as_ref());
        // Not every SDK has JSON for all signals.
        if protocol != Protocol::Json || record.export.signal() == Signal::Traces {
            let found = record.headers.get("content-type").expect("a content type");
            assert!(found.starts_with(protocol.content_type()), "{found}");
        }
    }
}

fn exports(backend: &Backend) -> Vec<Export> {
    backend.accepted().iter().map(|export| Export::clone(export)).collect()
}
