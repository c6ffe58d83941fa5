//! The classes of finding and reaching the peer: names, TCP, proxies.

use super::rows;

rows! {
    DnsNotFound "dns_not_found"
        Resolve Resolve BackOff Person Unavailable 503 {
        meaning "the host name does not exist"
        evidence "getaddrinfo answers EAI_NONAME, EAI_NODATA or EAI_ADDRFAMILY"
        causes [
            "a typing mistake in the host name",
            "a short name of another namespace, or a service name of Docker or Kubernetes used outside of it",
            "the backend's container is not on the same network",
            "the name has no address of a family that this machine uses",
        ]
        remedies [
            "check the spelling of the endpoint's host, and which names this machine or container can resolve",
            "in Kubernetes write name.namespace.svc; in Docker put both containers on one network",
            "ask the resolver from the same place: getent hosts NAME",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: colector:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: collector.monitoring.svc:4317"
    }

    DnsTemporaryFailure "dns_temporary_failure"
        Resolve Resolve BackOff Time Unavailable 503 {
        meaning "the DNS server gave no answer (temporary failure)"
        evidence "getaddrinfo answers EAI_AGAIN or EAI_FAIL"
        causes [
            "the DNS server is down or restarts",
            "UDP port 53 is blocked on the way",
            "/etc/resolv.conf names the server of another network",
        ]
        remedies [
            "check the nameserver in /etc/resolv.conf",
            "ask it directly: nslookup NAME SERVER",
        ]
        broken "echo nameserver 10.255.255.53 > /etc/resolv.conf"
        mended "docker run --dns 192.0.2.53 otlp-relay"
    }

    DnsTimeout "dns_timeout"
        Resolve Resolve BackOff Time Unavailable 503 {
        meaning "looking up the host name took too long"
        evidence "the time of the attempt was up while getaddrinfo had not answered"
        causes [
            "the DNS server does not answer, and is asked again and again",
            "a long search list (ndots:5 in Kubernetes) makes many questions of one",
        ]
        remedies [
            "check the nameserver in /etc/resolv.conf",
            "end the host name with a dot, so that no search list is tried",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: collector.example.com:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: collector.example.com.:4317"
    }

    ConnectionRefused "connection_refused"
        Refused Connect BackOff Either Unavailable 503 {
        meaning "nothing is listening on the port"
        evidence "the peer's system answers the connection attempt with a reset (ECONNREFUSED)"
        causes [
            "the backend is not running, or not yet",
            "the port is another one: 4317 is usual for gRPC, 4318 for HTTP",
            "the endpoint is localhost, but the backend runs in another container",
            "the backend listens on its own loopback address only, or on the other address family",
            "a Kubernetes service has no ready pod behind it",
        ]
        remedies [
            "check that the backend is running and listening on this address and port",
            "in a container use the name of the backend's service, or host.docker.internal for the host",
            "let the backend listen on 0.0.0.0, and see with ss -ltn whether it does",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: localhost:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: collector:4317"
    }

    ConnectTimeout "connect_timeout"
        Unreachable Connect BackOff Either Unavailable 503 {
        meaning "no reply at all to the connection attempt"
        evidence "the time for connecting was up, or the system gave up with ETIMEDOUT; nothing was refused"
        causes [
            "a firewall, security group or network policy drops the packets",
            "the host is down, or the address is of another network",
            "the port is another one, and the firewall drops what it does not know",
        ]
        remedies [
            "look for a firewall or security group that drops packets",
            "try from the same place: nc -vz HOST PORT",
        ]
        broken "iptables -A OUTPUT -p tcp --dport 4317 -j DROP"
        mended "iptables -D OUTPUT -p tcp --dport 4317 -j DROP"
    }

    NetworkUnreachable "network_unreachable"
        Unreachable Connect BackOff Either Unavailable 503 {
        meaning "there is no route to the network"
        evidence "connecting fails with ENETUNREACH or EINVAL"
        causes [
            "a VPN or an interface is down",
            "there is no default route",
            "the name has only IPv6 addresses, and this machine has no IPv6",
        ]
        remedies [
            "check the VPN, the default route, and whether the host has only IPv6 addresses",
            "see which way a packet would go: ip route get ADDRESS",
        ]
        broken "ip route del default"
        mended "ip route add default via 192.0.2.1"
    }

    HostUnreachable "host_unreachable"
        Unreachable Connect BackOff Either Unavailable 503 {
        meaning "the host cannot be reached"
        evidence "connecting fails with EHOSTUNREACH"
        causes [
            "the host is down, and its neighbours say so",
            "a firewall rejects the connection with an ICMP message",
        ]
        remedies [
            "check that the host is up and that no firewall rejects the connection",
            "look at the neighbour table: ip neigh",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: 192.0.2.77:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: 192.0.2.7:4317"
    }

    ConnectBlocked "connect_blocked"
        Unreachable Connect BackOff Person Unavailable 503 {
        meaning "a local policy forbids the connection"
        evidence "connecting fails with EACCES or EPERM: the packet never left this machine"
        causes [
            "a firewall rule of this machine rejects it",
            "SELinux, seccomp or an eBPF policy forbids the process to connect",
        ]
        remedies [
            "check the firewall, SELinux or seccomp rules of this machine",
            "look for the refusal: ausearch -m avc, or nft list ruleset",
        ]
        broken "iptables -A OUTPUT -p tcp --dport 4317 -j REJECT --reject-with icmp-admin-prohibited"
        mended "iptables -I OUTPUT -p tcp --dport 4317 -j ACCEPT"
    }

    ProxyUnreachable "proxy_unreachable"
        Proxy Proxy BackOff Person Unavailable 503 {
        meaning "the proxy in front of the backend cannot be reached"
        evidence "resolving or connecting fails, and what is dialled is the proxy of the environment"
        causes [
            "HTTPS_PROXY or HTTP_PROXY points to a host that is not there",
            "the backend is local and should not go through the proxy, but NO_PROXY does not name it",
        ]
        remedies [
            "check the proxy's address, or name the backend in NO_PROXY",
            "unset the variable for this process where no proxy is needed",
        ]
        broken "HTTPS_PROXY=http://proxy.old.example:3128 otlp-relay"
        mended "HTTPS_PROXY=http://proxy.example:3128 NO_PROXY=.svc,collector otlp-relay"
    }

    ProxyAuthRequired "proxy_auth_required"
        Proxy Proxy Hold Person Unavailable 503 {
        meaning "the proxy demands a user name and a password"
        evidence "the proxy answers CONNECT with status 407"
        causes [
            "the proxy's URL has no user and password, or wrong ones",
            "the proxy takes only NTLM or Kerberos",
        ]
        remedies [
            "write them into the proxy's URL: http://user:password@host:port",
            "name the backend in NO_PROXY, if it can be reached directly",
        ]
        broken "HTTPS_PROXY=http://proxy.example:3128 otlp-relay"
        mended "HTTPS_PROXY=http://relay:PASSWORD@proxy.example:3128 otlp-relay"
    }

    ProxyDenied "proxy_denied"
        Proxy Proxy Hold Person Unavailable 503 {
        meaning "the proxy refuses to connect to the backend"
        evidence "the proxy answers CONNECT with 403, 405 or another status of the 400s"
        causes [
            "the proxy allows CONNECT to port 443 only, and the backend's port is 4317 or 4318",
            "the backend's host is not on the proxy's list",
        ]
        remedies [
            "let the proxy's rules allow the backend's host and port, or name it in NO_PROXY",
            "use the backend's port 443, if it has one",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:443"
    }

    ProxyUpstreamUnreachable "proxy_upstream_unreachable"
        Proxy Proxy BackOff Either Unavailable 503 {
        meaning "the proxy cannot reach the backend"
        evidence "the proxy answers CONNECT with 502, 503 or 504"
        causes [
            "the backend is a name of this network that the proxy does not know",
            "the backend is down, or a firewall is between it and the proxy",
        ]
        remedies [
            "check the endpoint's host and port as the proxy sees them, or name the backend in NO_PROXY",
        ]
        broken "HTTPS_PROXY=http://proxy.example:3128 otlp-relay"
        mended "HTTPS_PROXY=http://proxy.example:3128 NO_PROXY=collector,10.0.0.0/8 otlp-relay"
    }

    ProxyProtocolMismatch "proxy_protocol_mismatch"
        Proxy Proxy Hold Person Unavailable 503 {
        meaning "the proxy does not speak what its URL says"
        evidence "the answer to CONNECT has no HTTP status line, or an https:// or socks5:// proxy answers with something else"
        causes [
            "the URL begins with http:// and the proxy speaks SOCKS, or the other way round",
            "the proxy wants TLS on that port",
        ]
        remedies [
            "check the proxy's port, and write http://, https:// or socks5:// as it speaks",
            "name the backend in NO_PROXY, if it can be reached directly",
        ]
        broken "HTTPS_PROXY=http://proxy.example:1080 otlp-relay"
        mended "HTTPS_PROXY=socks5://proxy.example:1080 otlp-relay"
    }

    ProxyClosed "proxy_closed"
        Proxy Proxy BackOff Person Unavailable 503 {
        meaning "the proxy closed the connection without an answer"
        evidence "the connection ended before an answer to CONNECT"
        causes [
            "the proxy allows only known source addresses",
            "the proxy expects TLS on that port",
            "the proxy is overloaded",
        ]
        remedies [
            "check that the proxy takes CONNECT requests in plain HTTP from this machine",
            "try it by hand: curl -v -x PROXY https://HOST:PORT",
        ]
        broken "HTTPS_PROXY=http://proxy.example:3129 otlp-relay"
        mended "HTTPS_PROXY=http://proxy.example:3128 otlp-relay"
    }
}
