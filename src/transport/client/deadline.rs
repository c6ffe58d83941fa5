//! The one timer of an attempt, and what its expiry means: that depends on how far the attempt had got.

use std::future::Future;
use std::time::Duration;

use super::resolve::nameservers;
use crate::attempt::{Attempt, Progress};
use crate::failure::{Class, Failure, Phase};
use crate::units::ByteCount;

/// Runs `work` for at most `limit`. Its expiry is a failure of the phase that `progress` was in.
pub async fn within<T>(
    limit: Option<Duration>,
    progress: &Progress,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(limit) = limit else { return work.await };
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(expired(limit, &progress.record())),
    }
}

fn expired(limit: Duration, attempt: &Attempt) -> Failure {
    let (phase, in_phase) = attempt.phases.last().copied().unwrap_or((Phase::Local, limit));
    let phase = if attempt.request_written { Phase::Response } else { phase };
    let peer = attempt.peer.map_or_else(|| "the peer".to_owned(), |peer| peer.to_string());
    let (in_phase, size) = (in_phase.as_millis(), ByteCount(attempt.request_bytes));
    let (class, what) = match phase {
        Phase::Resolve | Phase::Connect if attempt.via.is_some() => {
            let via = attempt.via.as_deref().unwrap_or_default();
            (Class::ProxyUnreachable, format!("{via} gave no reply for {in_phase} ms"))
        }
        Phase::Proxy => {
            let via = attempt.via.as_deref().unwrap_or_default();
            let text = format!("{via} accepts the connection, but did not answer CONNECT for {in_phase} ms");
            (Class::ProxyUpstreamUnreachable, text)
        }
        Phase::Response => {
            let text = format!("{peer} gave no answer; the request was sent ({size}), and then {in_phase} ms went by");
            (Class::DeadlineExceeded, text)
        }
        Phase::Resolve => (Class::DnsTimeout, format!("DNS gave no answer for {in_phase} ms{}", nameservers())),
        Phase::Connect => {
            (Class::ConnectTimeout, format!("no reply at all for {in_phase} ms to the connection attempt"))
        }
        Phase::Tls => (
            Class::TlsHandshakeTimeout,
            format!("TCP connects, but for {in_phase} ms nothing answered the TLS handshake"),
        ),
        other => {
            (Class::DeadlineExceededBeforeSend, format!("nothing was sent; {in_phase} ms went by in phase {other}"))
        }
    };
    let text = format!("the timeout of {limit:?} is over: {what}{}", times(attempt));
    let phase = if class == Class::ProxyUnreachable { Phase::Proxy } else { phase };
    Failure::new(class, text).in_phase(phase)
}

/// Where the time went: ` (connect 2 ms, tls 998 ms)`.
fn times(attempt: &Attempt) -> String {
    let told: Vec<String> =
        attempt.phases.iter().map(|(phase, took)| format!("{phase} {} ms", took.as_millis())).collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::future::pending;

    use super::*;

    async fn check(phases: &[Phase], class: Class, phase: Phase) -> String {
        let progress = Progress::new();
        for phase in phases {
            progress.enter(*phase);
        }
        if phases.contains(&Phase::Response) {
            progress.request_written();
        }
        let failure = within::<()>(Some(Duration::from_millis(1)), &progress, pending()).await.unwrap_err();
        assert_eq!((failure.class(), failure.phase()), (class, phase), "{failure:?}");
        failure.cause()
    }

    #[tokio::test]
    async fn expiry_is_classified_by_the_phase_that_it_hit() {
        check(&[], Class::DeadlineExceededBeforeSend, Phase::Local).await;
        check(&[Phase::Resolve], Class::DnsTimeout, Phase::Resolve).await;
        check(&[Phase::Resolve, Phase::Connect], Class::ConnectTimeout, Phase::Connect).await;
        check(&[Phase::Connect, Phase::Tls], Class::TlsHandshakeTimeout, Phase::Tls).await;
        check(&[Phase::Connect, Phase::Request], Class::DeadlineExceededBeforeSend, Phase::Request).await;
        let all = [Phase::Connect, Phase::Request, Phase::Response];
        let cause = check(&all, Class::DeadlineExceeded, Phase::Response).await;
        assert!(cause.starts_with("the timeout of 1ms is over: the peer gave no answer"), "{cause}");
        assert!(cause.contains("(connect 0 ms, request 0 ms, response "), "{cause}");
    }
}
