//! Which proxy stands in front of an exporter's endpoint: `proxy_url`, else HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

use crate::config::environment::Environment;
use crate::config::model::{ClientTls, Config, Endpoint, Exporter, Proxy, ProxyKind, Receiver, Secret};
use crate::config::no_proxy::{Exemption, NoProxy};
use crate::config::percent;
use crate::config::problem::{Mistake, Place, Problem};
use crate::config::reading::Report;
use crate::config::section::Section;

use super::address::{character_name, host_and_port, shown};

/// Reads `proxy_url`. It stands in front of every host, even this one.
pub(super) fn configured(exporter: &mut Section<'_>) -> Option<Proxy> {
    let value = exporter.value("proxy_url")?;
    let text = value.text().filter(|text| !text.is_empty())?;
    match parse(&text, "proxy_url") {
        Ok(proxy) => Some(proxy),
        Err(problem) => {
            let mut named = value.fault(problem.what);
            named.hint = problem.hint;
            value.refuse(named.is(Mistake::InvalidProxy));
            None
        }
    }
}

/// Gives each target without a proxy the one that the environment names for it; those that are scraped, where their job
/// asks for that.
pub(super) fn choose(config: &mut Config, env: &dyn Environment, report: &Report) {
    let mut surroundings = Surroundings::of(env);
    for receiver in config.receivers.values_mut() {
        let Receiver::Prometheus(scraping) = receiver else { continue };
        for job in scraping.jobs.iter_mut().filter(|job| job.proxy_from_environment) {
            for target in &mut job.targets {
                target.proxy = surroundings.proxy(&target.endpoint, ProxyVariable::of(target.tls.as_ref()));
            }
        }
    }
    for exporter in config.exporters.values_mut() {
        match exporter {
            // grpc-go asks for the proxy of https whether it speaks TLS or not.
            Exporter::OtlpGrpc(grpc) => grpc.link.proxy = surroundings.proxy(&grpc.endpoint, ProxyVariable::Https),
            Exporter::OtlpHttp(http) => {
                for target in http.targets.values_mut().filter(|target| target.proxy.is_none()) {
                    target.proxy = surroundings.proxy(&target.endpoint, ProxyVariable::of(target.tls.as_ref()));
                }
            }
            Exporter::Debug(_) | Exporter::File(_) | Exporter::Prometheus(_) | Exporter::Nop => {}
        }
    }
    surroundings.problems.into_iter().for_each(|problem| report.refuse(problem));
}

/// Which variable names the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVariable {
    /// `HTTP_PROXY`: of OTLP/HTTP in plaintext.
    Http,
    /// `HTTPS_PROXY`: of OTLP/HTTP over TLS, and of OTLP/gRPC whether it is TLS or not.
    Https,
}

/// Why requests to `endpoint` go directly, for people; where a proxy stands in front of it, the proxy itself says who
/// chose it.
pub fn why_direct(endpoint: &Endpoint, variable: ProxyVariable, env: &dyn Environment) -> String {
    let surroundings = Surroundings::of(env);
    if endpoint.socket().is_some() {
        return "a unix socket is never behind a proxy".to_owned();
    }
    let Some(found) = surroundings.found(variable) else {
        return match variable {
            ProxyVariable::Http => "neither HTTP_PROXY nor http_proxy is set".to_owned(),
            ProxyVariable::Https => "neither HTTPS_PROXY nor https_proxy is set".to_owned(),
        };
    };
    let name = found.name;
    match surroundings.no_proxy.exemption(&endpoint.host, endpoint.port) {
        Some(Exemption::Entry(entry)) => {
            let exceptions = surroundings.exceptions.unwrap_or_default();
            format!("{name} is set, but the entry \"{entry}\" of {exceptions} matches {}", endpoint.authority())
        }
        _ => format!("{name} is set, but this machine itself is never asked through a proxy"),
    }
}

impl ProxyVariable {
    fn of(tls: Option<&ClientTls>) -> ProxyVariable {
        if tls.is_some() { ProxyVariable::Https } else { ProxyVariable::Http }
    }
}

/// What the variables say.
struct Surroundings {
    http: Option<Found>,
    https: Option<Found>,
    no_proxy: NoProxy,
    exceptions: Option<&'static str>,
    problems: Vec<Problem>,
}

struct Found {
    name: &'static str,
    value: String,
}

impl Surroundings {
    fn of(env: &dyn Environment) -> Surroundings {
        let no_proxy = Found::first(env, ["NO_PROXY", "no_proxy"]);
        Surroundings {
            http: Found::first(env, ["HTTP_PROXY", "http_proxy"]),
            https: Found::first(env, ["HTTPS_PROXY", "https_proxy"]),
            exceptions: no_proxy.as_ref().map(|found| found.name),
            no_proxy: no_proxy.map(|found| NoProxy::parse(&found.value)).unwrap_or_default(),
            problems: Vec::new(),
        }
    }

    fn found(&self, variable: ProxyVariable) -> Option<&Found> {
        match variable {
            ProxyVariable::Http => self.http.as_ref(),
            ProxyVariable::Https => self.https.as_ref(),
        }
    }

    /// The proxy in front of `endpoint`. A value that is no proxy is a problem only for those who would use it.
    fn proxy(&mut self, endpoint: &Endpoint, variable: ProxyVariable) -> Option<Proxy> {
        let found = self.found(variable)?;
        if endpoint.socket().is_some() || self.no_proxy.exempts(&endpoint.host, endpoint.port) {
            return None;
        }
        let chosen_by = match self.exceptions {
            Some(exceptions) => {
                format!("{}, and no entry of {exceptions} matches {}", found.name, endpoint.authority())
            }
            None => found.name.to_owned(),
        };
        match parse(&found.value, &chosen_by) {
            Ok(proxy) => Some(proxy),
            Err(mut problem) => {
                let source = format!("environment variable {}", found.name);
                problem.place = Some(Place { source: source.into(), line: 0, column: 0 });
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                None
            }
        }
    }
}

impl Found {
    /// The first of `names` that is set to something.
    fn first(env: &dyn Environment, names: [&'static str; 2]) -> Option<Found> {
        let set = |name| env.var(name).filter(|value| !value.is_empty()).map(|value| Found { name, value });
        names.into_iter().find_map(set)
    }
}

/// Reads `[http://][user[:password]@]host[:port]`, or the same with `https://`, `socks5://` or `socks5h://`: those that Go knows.
fn parse(text: &str, chosen_by: &str) -> Result<Proxy, Problem> {
    let fault = |what: String| {
        Problem::new(None, "", format!("invalid proxy address {}: {what}", shown(text))).is(Mistake::InvalidProxy)
    };
    if let Some((at, c)) = text.chars().enumerate().find(|(_, c)| c.is_whitespace() || c.is_control() || !c.is_ascii())
    {
        return Err(fault(format!("it has {} at character {}", character_name(c), at + 1)));
    }
    if text.contains("${") {
        return Err(fault("it holds a reference that was not expanded".to_owned()));
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let scheme = scheme.to_ascii_lowercase();
    let Some((_, usual_port)) = SCHEMES.iter().find(|(known, _)| *known == scheme) else {
        return Err(fault(format!("the scheme {scheme}:// is no proxy's")).hint("write http://host:port"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if rest[authority.len()..].contains('@') {
        return Err(fault("a slash or question mark in a password must be percent-encoded: %2F, %3F".to_owned()));
    }
    let (user, address) = match authority.rsplit_once('@') {
        Some((user, address)) => (Some(user), address),
        None => (None, authority),
    };
    let (host, port) = host_and_port(address).map_err(|problem| fault(problem.what))?;
    if host.is_empty() {
        return Err(fault("it names no host".to_owned()).hint("write http://host:port"));
    }
    let login = match user.map(login) {
        Some(None) => return Err(fault("user name and password are not percent-encoded as they should be".to_owned())),
        Some(login) => login,
        None => None,
    };
    let mut endpoint = Endpoint { text: String::new(), host, port: port.unwrap_or(*usual_port) };
    endpoint.text = format!("{scheme}://{}", endpoint.authority());
    let (kind, authorization) = match (scheme.as_str(), login) {
        ("http", login) => (ProxyKind::Http, login.as_ref().map(authorization)),
        ("https", login) => (ProxyKind::Https, login.as_ref().map(authorization)),
        (_, Some((name, password))) if [&name, &password].iter().any(|part| !(1..=255).contains(&part.len())) => {
            return Err(fault("SOCKS takes user names and passwords of 1 to 255 bytes".to_owned()));
        }
        (_, login) => (ProxyKind::Socks5(login.map(|(name, password)| (name, Secret::new(password)))), None),
    };
    Ok(Proxy { endpoint, kind, authorization, chosen_by: chosen_by.to_owned() })
}

/// User name and password; nothing where the encoding is broken.
fn login(user: &str) -> Option<(String, String)> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    Some((percent::decode(name)?, percent::decode(password)?))
}

/// The value of `Proxy-Authorization`.
fn authorization((name, password): &(String, String)) -> Secret {
    Secret::login(name, password)
}

/// What Go's client takes, with the port that each has unless it is written.
const SCHEMES: [(&str, u16); 4] = [("http", 80), ("https", 443), ("socks5", 1080), ("socks5h", 1080)];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::io;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    struct Variables(&'static [(&'static str, &'static str)]);

    impl Environment for Variables {
        fn var(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        }

        fn exists(&self, _: &Path) -> bool {
            false
        }

        fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    #[test]
    fn why_there_is_no_proxy_is_said() {
        let why = |variables, host: &str| {
            let endpoint = Endpoint { text: String::new(), host: host.to_owned(), port: 4317 };
            why_direct(&endpoint, ProxyVariable::Https, &Variables(variables))
        };
        assert_eq!(why(&[], "backend"), "neither HTTPS_PROXY nor https_proxy is set");
        let set: &[_] = &[("https_proxy", "proxy:1"), ("NO_PROXY", "a.example, .corp")];
        assert_eq!(why(set, "b.corp"), "https_proxy is set, but the entry \".corp\" of NO_PROXY matches b.corp:4317");
        assert_eq!(why(set, "::1"), "https_proxy is set, but this machine itself is never asked through a proxy");
    }

    #[track_caller]
    fn check(text: &str, expected: &str, authorization: Option<&str>) {
        let proxy = parse(text, "HTTPS_PROXY").unwrap();
        assert_eq!(proxy.endpoint.text, expected, "{text}");
        assert_eq!(proxy.authorization.as_ref().map(Secret::reveal), authorization, "{text}");
    }

    #[test]
    fn a_proxy_is_a_url_or_an_address() {
        check("http://proxy:3128", "http://proxy:3128", None);
        check("proxy:3128", "http://proxy:3128", None);
        check("HTTP://proxy/", "http://proxy:80", None);
        check("[2001:db8::1]:8080", "http://[2001:db8::1]:8080", None);
        check("http://me:s%40cret@proxy:1", "http://proxy:1", Some("Basic bWU6c0BjcmV0"));
        check("me@proxy:1", "http://proxy:1", Some("Basic bWU6"));
        check("https://me@proxy", "https://proxy:443", Some("Basic bWU6"));
        check("socks5://proxy", "socks5://proxy:1080", None);
    }

    #[test]
    fn socks_has_a_user_name_and_a_password() {
        let kind = parse("socks5h://me:s%40cret@proxy:1", "proxy_url").unwrap().kind;
        assert_eq!(kind, ProxyKind::Socks5(Some(("me".to_owned(), Secret::new("s@cret")))));
        assert_eq!(parse("SOCKS5://proxy", "proxy_url").unwrap().kind, ProxyKind::Socks5(None));
    }

    #[track_caller]
    fn check_fault(text: &str, words: &str) {
        let problem = parse(text, "HTTPS_PROXY").unwrap_err();
        assert!(problem.mistake == Mistake::InvalidProxy && problem.what.contains(words), "{problem}");
    }

    #[test]
    fn what_is_no_proxy_says_why() {
        check_fault("socks4://proxy:1080", "the scheme socks4:// is no proxy's");
        check_fault("socks5://me@proxy:1080", "1 to 255 bytes");
        check_fault("ftp://proxy", "the scheme ftp:// is no proxy's");
        check_fault("http://proxy:99999", "invalid port");
        check_fault("http://${PROXY}:80", "not expanded");
        check_fault("http://", "names no host");
        check_fault("http://u:%zz@proxy", "not percent-encoded");
        check_fault("http://u:a/b@proxy", "must be percent-encoded");
        check_fault("proxy:3128 ", "a blank at character 11");
    }

    proptest! {
        #[test]
        fn credentials_are_never_shown(secret in "[a-z]{4,6}[/?#]?[a-z]{4,6}", rest in "[a-z:/ %$é@]{0,20}") {
            let text = format!("http://u:{secret}@{rest}");
            let shown = match parse(&text, "x") {
                Ok(proxy) => format!("{proxy:?}"),
                Err(problem) => problem.to_string(),
            };
            for part in secret.split(['/', '?', '#']) {
                prop_assert!(!shown.contains(part), "{}", shown);
            }
        }
    }
}
