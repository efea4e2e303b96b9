//! Whose call it is: the address at the other end, or behind the proxies that the operator trusts.
//!
//! `X-Forwarded-For` names everybody on the way, the last of them first behind us. It is read from its end, as long as
//! who has written an entry is trusted; what a stranger wrote at its beginning counts for nothing.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use interflow_application::webhook::address::Cidr;

use crate::state::App;

const FORWARDED: &str = "x-forwarded-for";

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// The address of the caller, where there is a connection.
#[derive(Debug, Clone, Copy)]
pub struct Client(pub Option<IpAddr>);

/// Finds out whose call it is.
pub async fn client(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let client = peer.map(|peer| behind(peer, request.headers(), &app.settings.trusted_proxies));
    request.extensions_mut().insert(Client(client));
    next.run(request).await
}

fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines: Vec<_> = headers.get_all(FORWARDED).iter().collect();
    let entries = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    for entry in entries {
        if !trusted.iter().any(|network| network.contains(client)) {
            break;
        }
        // Whoever is trusted has written something else than an address: nobody is known behind it.
        let Some(address) = address(entry.trim()) else { break };
        client = address;
    }
    client
}

/// An entry is an address; some proxies add the port.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let with_port = || entry.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse().or_else(|_| with_port()).ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED, line.parse().unwrap());
        }
        behind(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_who_is_trusted_is_believed() {
        assert_eq!(found("203.0.113.7", &["198.51.100.1"]), "203.0.113.7", "a stranger claims to be another");
        assert_eq!(found("10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(
            found("10.0.0.1", &["1.1.1.1, 203.0.113.7"]),
            "203.0.113.7",
            "what the caller wrote first"
        );
        assert_eq!(found("10.0.0.1", &["1.1.1.1, 203.0.113.7, 10.2.3.4"]), "203.0.113.7");
        assert_eq!(found("10.0.0.1", &["203.0.113.7", "10.2.3.4"]), "203.0.113.7", "in several lines");
    }

    #[test]
    fn what_is_no_address_hides_what_is_behind_it() {
        assert_eq!(found("10.0.0.1", &["203.0.113.7, unknown"]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &["203.0.113.7, unknown, 10.2.3.4"]), "10.2.3.4");
        assert_eq!(found("10.0.0.1", &[""]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &["10.9.9.9"]), "10.9.9.9", "all of them are trusted: the first");
    }

    #[test]
    fn an_address_may_have_a_port_and_be_of_either_kind() {
        for (entry, address) in [
            ("203.0.113.7:4711", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(found("fd00::1", &[entry]), address, "{entry}");
        }
        assert_eq!(found("::ffff:10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
    }
}
