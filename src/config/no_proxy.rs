//! Which hosts `NO_PROXY` keeps away from the proxy, by the rules of Go's `httpproxy`, which the Collector follows.

use std::net::IpAddr;

/// The entries of `NO_PROXY`, each with its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NoProxy(Vec<(String, Exempt)>);

/// Why requests go directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exemption<'a> {
    /// They go to this machine itself.
    ThisMachine,
    /// This entry of `NO_PROXY` says so.
    Entry(&'a str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Exempt {
    /// `*`
    Everything,
    /// `10.0.0.0/8`
    Network(IpAddr, u32),
    /// `10.0.0.1`, `[::1]:4317`
    Address(IpAddr, Option<String>),
    /// `example.com:4317`, `.example.com`, `*.example.com`; the name without a dot in front.
    Domain { name: String, apex: Apex, port: Option<String> },
}

/// Whether a domain is exempt itself, and not only the names below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apex {
    Exempt,
    Proxied,
}

impl NoProxy {
    /// Reads the value of `NO_PROXY`. What is no entry matches nothing.
    pub(crate) fn parse(text: &str) -> NoProxy {
        let entries = text.split(',').map(|entry| entry.trim().to_ascii_lowercase());
        NoProxy(entries.filter_map(|entry| Exempt::parse(&entry).map(|exempt| (entry, exempt))).collect())
    }

    /// Whether requests to `host` (without brackets) and `port` go directly. This machine itself is never asked through a
    /// proxy.
    pub(crate) fn exempts(&self, host: &str, port: u16) -> bool {
        self.exemption(host, port).is_some()
    }

    /// Why requests to `host` and `port` go directly; nothing where they do not.
    pub(crate) fn exemption(&self, host: &str, port: u16) -> Option<Exemption<'_>> {
        let host = host.to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return Some(Exemption::ThisMachine);
        }
        let port = port.to_string();
        let covering = self.0.iter().find(|(_, exempt)| exempt.covers(&host, address, &port));
        covering.map(|(entry, _)| Exemption::Entry(entry))
    }
}

impl Exempt {
    fn parse(entry: &str) -> Option<Exempt> {
        if entry == "*" {
            return Some(Exempt::Everything);
        }
        if let Some(network) = network(entry) {
            return Some(network);
        }
        let (host, port) = split_port(entry);
        let port = port.filter(|port| !port.is_empty()).map(str::to_owned);
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(Exempt::Address(address.to_canonical(), port));
        }
        let name = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        let (name, apex) = match name.strip_prefix('.') {
            Some(below) => (below, Apex::Proxied),
            None => (name, Apex::Exempt),
        };
        (!name.is_empty()).then(|| Exempt::Domain { name: name.to_owned(), apex, port })
    }

    fn covers(&self, host: &str, address: Option<IpAddr>, port: &str) -> bool {
        let fits = |wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| wanted == port);
        match (self, address) {
            (Exempt::Everything, _) => true,
            (Exempt::Network(network, bits), Some(address)) => prefix(*network, *bits) == prefix(address, *bits),
            (Exempt::Address(exempt, wanted), Some(address)) => *exempt == address && fits(wanted),
            (Exempt::Domain { name, apex, port: wanted }, None) => {
                let is_below = host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
                let is_it = *apex == Apex::Exempt && host == name;
                (is_below || is_it) && fits(wanted)
            }
            _ => false,
        }
    }
}

/// `10.0.0.0/8`
fn network(entry: &str) -> Option<Exempt> {
    let (address, bits) = entry.split_once('/')?;
    let (address, bits) = (address.parse::<IpAddr>().ok()?, bits.parse().ok()?);
    let most = if address.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some(Exempt::Network(address, bits))
}

/// The first bits of an address, marked with its family.
fn prefix(address: IpAddr, bits: u32) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (false, u128::from(v4.to_bits().checked_shr(32 - bits.min(32)).unwrap_or(0))),
        IpAddr::V6(v6) => (true, v6.to_bits().checked_shr(128 - bits.min(128)).unwrap_or(0)),
    }
}

/// `host:port` and `[host]:port`; any other text is a host.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    let Some((host, port)) = entry.rsplit_once(':') else { return (entry, None) };
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return (inner, Some(port));
    }
    if host.contains(':') { (entry, None) } else { (host, Some(port)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(no_proxy: &str, exempt: &[&str], proxied: &[&str]) {
        let rules = NoProxy::parse(no_proxy);
        let exempts = |target: &str| {
            let (host, port) = split_port(target);
            rules.exempts(host, port.and_then(|port| port.parse().ok()).unwrap_or(80))
        };
        for target in exempt {
            assert!(exempts(target), "NO_PROXY={no_proxy} does not exempt {target}");
        }
        for target in proxied {
            assert!(!exempts(target), "NO_PROXY={no_proxy} exempts {target}");
        }
    }

    #[test]
    fn this_machine_is_always_exempt() {
        let here = ["localhost:4317", "LOCALHOST", "127.0.0.1", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80"];
        check("", &here, &["localhost.example", "10.0.0.1", "0.0.0.0"]);
    }

    #[test]
    fn the_rules_are_those_of_go() {
        check("*", &["anything", "10.0.0.1", "[2001:db8::1]:1"], &[]);
        check("example.com", &["example.com", "a.example.com", "A.B.Example.COM:9"], &["badexample.com", "com"]);
        check(".example.com", &["a.example.com"], &["example.com"]);
        check("*.example.com", &["a.example.com", "a.b.example.com"], &["example.com", "xexample.com"]);
        check("*example.com", &[], &["a.example.com", "xexample.com"]);
        check("example.com:4317", &["example.com:4317", "a.example.com:4317"], &["example.com:4318"]);
        check("*.svc, svc.local:", &["b.svc:1", "svc.local:7"], &["svc"]);
        check("10.0.0.0/8,2001:db8::/32", &["10.1.2.3", "[2001:db8::9]:1"], &["11.0.0.1", "[2001:db9::1]:1", "10.x"]);
        check("0.0.0.0/0", &["8.8.8.8"], &["[2001:db8::1]:1", "name"]);
        check("10.0.0.1,[2001:db8::1]:80", &["10.0.0.1:9", "[2001:db8::1]:80"], &["10.0.0.2", "[2001:db8::1]:81"]);
        check("10.0.0.1:80", &["10.0.0.1:80"], &["10.0.0.1:81"]);
        check("2001:db8::1", &["[2001:db8::1]:4317"], &["[2001:db8::2]:4317"]);
        check(",, :80, ., *.,10.0.0.0/99", &[], &["example.com", "10.0.0.1:80"]);
        check("0.1", &[], &["10.0.0.1"]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[*.:/,\\[\\]a-f0-9 é-]{0,40}", host in "[a-f0-9.:é]{0,20}") {
            NoProxy::parse(&text).exempts(&host, 80);
        }

        #[test]
        fn a_listed_host_is_exempt(host in "[a-z]{1,8}(\\.[a-z]{2,5}){1,2}") {
            let listed = NoProxy::parse(&format!("x.y, {host}"));
            prop_assert!(listed.exempts(&host, 80));
        }
    }
}
