//! By which name a page is asked for: one that pages of the web can have may be a trick to read it through a browser (DNS
//! rebinding).

use std::net::IpAddr;

use http::header;
use http::request::Parts;
use http::uri::Authority;

/// Whether each name that `request` gives its server is an address, `localhost`, or passes `other`.
pub(super) fn is_named_rightly(request: &Parts, other: impl Fn(&str) -> bool) -> bool {
    let of_header = request.headers.get_all(header::HOST).iter().map(|host| host.to_str().ok());
    let mut hosts = of_header.chain(request.uri.authority().map(|authority| Some(authority.as_str())));
    hosts.all(|host| host.is_some_and(|host| is_no_name_of_the_web(host) || other(host)))
}

/// Whether `host`, perhaps with a port, is an address or `localhost`.
pub(super) fn is_no_name_of_the_web(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}
