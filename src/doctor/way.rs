//! The way to one endpoint as checks: which proxy, which addresses, who answers, with which TLS, speaking what.

use std::time::{Duration, SystemTime};

use super::edit::{Site, edit};
use super::report::{Check, Trouble};
use crate::failure::{Class, Failure, Phase};
use crate::transport::client::{Encrypted, Reached, Step, Survey};
use crate::transport::tls::CertificateFacts;

/// What the checks of one way are told of it.
pub(super) struct Signpost<'a> {
    /// The exporter: `exporters::otlp_grpc`.
    pub(super) target: &'a str,
    /// What is written where, for edits.
    pub(super) site: &'a Site<'a>,
    /// Why there is no proxy; none where there is one.
    pub(super) direct: Option<String>,
}

/// What was found on the way, and what the steps behind it need that is not there.
pub(super) struct Walked {
    pub(super) checks: Vec<Check>,
    pub(super) needs: Option<&'static str>,
}

/// The checks of `survey`.
pub(super) fn walked(survey: &Survey, post: &Signpost<'_>) -> Walked {
    let mut walked = Walked { checks: vec![proxy(survey, post)], needs: None };
    if let Some(resolved) = &survey.resolved {
        walked.add(lookup(resolved, post), resolved.outcome.is_err().then_some("needs an address"));
    }
    walked.connections(survey, post);
    if let Some(tunnel) = &survey.tunnel {
        let check = Check::ok("tunnel", post.target, "the proxy opens a tunnel to the endpoint (CONNECT)");
        let check = post.judged(check, tunnel, &[]);
        walked.add(check, tunnel.outcome.is_err().then_some("needs the proxy"));
    }
    if post.site.is_tls {
        match (&survey.tls, walked.needs) {
            (Some(tls), _) => {
                walked.add(handshake(tls, post), tls.step.outcome.is_err().then_some("needs TLS"));
                if tls.step.outcome.is_ok() {
                    walked.checks.extend(tls.chain.first().map(|leaf| validity(leaf, post)));
                }
            }
            (None, Some(needs)) => walked.checks.push(Check::skipped("tls", post.target, "TLS handshake", needs)),
            (None, None) => {}
        }
    }
    match (&survey.speaks, walked.needs) {
        (Some(speaks), _) => {
            let failed = speaks.outcome.is_err().then_some("the port speaks another protocol");
            walked.add(spoken(speaks, post), failed);
        }
        // Over TLS, ALPN tells.
        (None, Some(needs)) if !post.site.is_tls => {
            walked.checks.push(Check::skipped("protocol", post.target, "what speaks there", needs));
        }
        (None, _) => {}
    }
    walked
}

impl Walked {
    fn add(&mut self, check: Check, needs: Option<&'static str>) {
        self.checks.push(check);
        self.needs = self.needs.or(needs);
    }

    /// One address that does not answer is a warning while another one does: the relay goes on to that.
    fn connections(&mut self, survey: &Survey, post: &Signpost<'_>) {
        let someone = survey.reached.iter().any(|reached| reached.step.outcome.is_ok());
        for Reached { to, step } in &survey.reached {
            let check = Check::ok("connect", post.target, format!("{to} accepts connections")).within(step.took);
            self.checks.push(match &step.outcome {
                Ok(()) => check,
                Err(failure) => {
                    let check = Check { description: format!("connection to {to}"), ..check };
                    let trouble = post.trouble(failure, &[]);
                    if someone { check.but(trouble) } else { check.fails(trouble) }
                }
            });
        }
        if survey.reached.is_empty() {
            let needs = self.needs.unwrap_or("needs an address");
            self.checks.push(Check::skipped("connect", post.target, "connection", needs));
        }
        if !someone {
            self.needs = self.needs.or(Some("needs a connection"));
        }
    }
}

impl Signpost<'_> {
    /// What is wrong, with its edit where there is one.
    pub(super) fn trouble(&self, failure: &Failure, chain: &[CertificateFacts]) -> Trouble {
        Trouble::of(failure).edit(edit(failure.class(), self.site, chain))
    }

    fn judged<T>(&self, check: Check, step: &Step<T>, chain: &[CertificateFacts]) -> Check {
        let check = check.within(step.took);
        match &step.outcome {
            Ok(_) => check,
            Err(failure) => check.fails(self.trouble(failure, chain)),
        }
    }
}

fn proxy(survey: &Survey, post: &Signpost<'_>) -> Check {
    let description = match (&survey.via, &post.direct) {
        (Some(via), _) => format!("goes through {via}"),
        (None, Some(why)) => format!("goes directly: {why}"),
        (None, None) => "goes directly".to_owned(),
    };
    Check::ok("proxy", post.target, description)
}

fn lookup(resolved: &Step<Vec<std::net::SocketAddr>>, post: &Signpost<'_>) -> Check {
    let named = format!("\"{}\"", post.site.endpoint.host);
    let whose = if post.direct.is_none() { "the proxy's name" } else { &named };
    let description = match &resolved.outcome {
        Ok(addresses) => {
            let told: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
            let v6 = addresses.iter().filter(|address| address.is_ipv6()).count();
            let families = match (addresses.len() - v6, v6) {
                (_, 0) => "IPv4 only",
                (0, _) => "IPv6 only",
                _ => "IPv4 and IPv6",
            };
            format!("{whose} has {} ({families})", told.join(", "))
        }
        Err(_) => format!("addresses of {whose}"),
    };
    post.judged(Check::ok("resolve", post.target, description), resolved, &[])
}

fn handshake(tls: &Encrypted, post: &Signpost<'_>) -> Check {
    let description = match &tls.step.outcome {
        Ok(terms) => format!("{terms}, for {}", post.site.server_name),
        Err(_) => format!("TLS handshake, for {}", post.site.server_name),
    };
    let blamed = tls.step.outcome.as_ref().err().and_then(|failure| blame(failure, &tls.chain));
    let now = SystemTime::now();
    let link = |(depth, facts): (usize, &CertificateFacts)| {
        let mark = if blamed == Some(depth) { "   ← this one fails" } else { "" };
        format!("certificate {depth} as sent: {}{mark}", describe(facts, now))
    };
    let chain: Vec<String> = tls.chain.iter().enumerate().map(link).collect();
    let check = Check::ok("tls", post.target, description).with(chain);
    post.judged(check, &tls.step, &tls.chain)
}

/// Which certificate of a chain a failure is about.
fn blame(failure: &Failure, chain: &[CertificateFacts]) -> Option<usize> {
    let now = SystemTime::now();
    match failure.class() {
        Class::TlsCertificateExpired => chain.iter().position(|facts| facts.time_left(now).is_none()),
        Class::TlsCertificateNotYetValid => chain.iter().position(|facts| now < facts.not_before),
        // The last one sent is the one whose issuer nobody here knows.
        Class::TlsUnknownCa => chain.len().checked_sub(1),
        Class::TlsHostnameMismatch
        | Class::TlsSelfSignedCertificate
        | Class::TlsCertificateWrongPurpose
        | Class::TlsBadSignature
        | Class::TlsCertificateWeak
        | Class::TlsCertificateInvalid
        | Class::TlsCertificateRevoked => (!chain.is_empty()).then_some(0),
        _ => None,
    }
}

/// A certificate in one line.
pub(super) fn describe(facts: &CertificateFacts, now: SystemTime) -> String {
    let names = if facts.names.is_empty() { "no host".to_owned() } else { facts.names.join(", ") };
    let left = match facts.time_left(now) {
        Some(left) => format!("{} days left", days(left)),
        None => "expired".to_owned(),
    };
    format!(
        "\"{}\", issued by \"{}\", for {names}, valid {} to {} ({left})",
        facts.subject,
        facts.issuer,
        date(facts.not_before),
        date(facts.not_after)
    )
}

fn validity(leaf: &CertificateFacts, post: &Signpost<'_>) -> Check {
    let check = Check::ok("certificate", post.target, "");
    aged(check, leaf, "the server's certificate", "renew the server's certificate before it expires")
}

/// `check`, with what is to be said of the age of a certificate that is accepted.
pub(super) fn aged(check: Check, leaf: &CertificateFacts, whose: &str, remedy: &str) -> Check {
    let now = SystemTime::now();
    let left = leaf.time_left(now).unwrap_or_default();
    let description = format!("{whose} is valid until {}, {} days from now", date(leaf.not_after), days(left));
    let check = Check { description, ..check };
    if SOON <= left {
        return check;
    }
    check.but(Trouble::new(format!("{whose} expires in {} days", days(left)), remedy))
}

fn spoken(speaks: &Step<Option<&'static str>>, post: &Signpost<'_>) -> Check {
    let description = match &speaks.outcome {
        Ok(Some(what)) => format!("the port speaks {what}"),
        Ok(None) => "the port does not show what it speaks; the export tells".to_owned(),
        Err(_) => "what speaks there".to_owned(),
    };
    post.judged(Check::ok("protocol", post.target, description), speaks, &[])
}

/// `21 Nov 2026`
pub(super) fn date(time: SystemTime) -> String {
    let text = httpdate::fmt_http_date(time.min(SystemTime::UNIX_EPOCH + LAST_DATE));
    text.get(5..16).unwrap_or_default().to_owned()
}

pub(super) fn days(time: Duration) -> u64 {
    time.as_secs() / 86_400
}

/// Where the time of an export went: `connect 1 ms, request 0 ms, response 3 ms`.
pub(super) fn times(phases: &[(Phase, Duration)]) -> String {
    let told: Vec<String> = phases.iter().map(|(phase, took)| format!("{phase} {} ms", took.as_millis())).collect();
    told.join(", ")
}

/// A certificate with less time left should be renewed.
const SOON: Duration = Duration::from_secs(14 * 86_400);
/// The first second of the year 9999.
const LAST_DATE: Duration = Duration::from_secs(253_370_764_800);
