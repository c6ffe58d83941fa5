//! Is a mistake on the command line named, with its place and its mend?

use crate::scene::Sink;
use crate::support::cli;

async fn check(flags: &[&str], words: &[&str]) {
    let arguments = [&["sink"], flags].concat();
    let finished = cli::run(&arguments, &[]).await;
    assert_eq!(finished.code, Some(1), "{flags:?}: {}", finished.stderr);
    for word in words {
        assert!(finished.stderr.contains(word), "{flags:?} should say {word:?}: {}", finished.stderr);
    }
}

#[tokio::test]
async fn a_bad_flag_is_named_with_its_place_and_its_mend() {
    check(&["--fail", "hang=1%,unavailabel=5%"], &["--fail", "entry 2", "did you mean \"unavailable\""]).await;
    check(&["--fail", "hang=60%", "--fail", "reset=60%"], &["--fail", "120 %"]).await;
    check(&["--latency", "gauss:5ms"], &["--latency", "gauss", "normal"]).await;
    check(&["--max-request-bytes", "4MB"], &["--max-request-bytes", "4MiB"]).await;
    check(&["--grpc", "0.0.0.0"], &["--grpc", "missing port"]).await;
    check(&["--http", "http://0.0.0.0:4318"], &["--http", "host:port"]).await;
    check(&["--cert-file", "/no/such.pem", "--key-file", "/no/such.key"], &["--cert-file", "/no/such.pem"]).await;
    check(&["--cert-file", "/no/such.pem"], &["--key-file"]).await;
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_holder() {
    let sink = Sink::start(&[]).await;
    let taken = format!("127.0.0.1:{}", sink.http);
    let flags = ["--grpc", "127.0.0.1:0", "--http", &taken, "--admin", "127.0.0.1:0"];
    check(&flags, &["--http", &taken, "otlp-relay", "bind_address_in_use"]).await;
}
