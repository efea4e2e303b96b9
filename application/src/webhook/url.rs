//! What the address of an endpoint may be.
//!
//! It is read as browsers read it, so that `http://2130706433/`, `http://0x7f.1/` and `http://127.0.0.1/` are one and
//! the same address, and are judged as that one.

use std::net::{IpAddr, Ipv4Addr};

use interflow_domain::webhook::WebhookUrl;
use url::{Host, Url};

use super::address::{AllowList, Blocked};

/// What an operator allows of the addresses of endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UrlPolicy {
    /// Whether `http://` is allowed beside `https://`.
    pub http: bool,
    /// Networks that are allowed though they are not public. Whoever lists any has services behind ports of their own:
    /// then every port is allowed.
    pub allowed: AllowList,
    /// Whether ports below 1024 other than 80 and 443 are allowed.
    pub any_port: bool,
}

impl UrlPolicy {
    /// What holds for the endpoint that the operator set: it is exempt.
    #[must_use]
    pub fn exempt() -> Self {
        Self { http: true, allowed: AllowList::everything(), any_port: true }
    }
}

/// Why an address cannot be that of an endpoint. Says nothing of the address, which may hold a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is no address.
    #[error("must be an address like https://example.com/webhook")]
    NotAUrl,
    /// Another scheme than allowed.
    #[error("must begin with https://")]
    Scheme,
    /// A name and a password before the host.
    #[error("must not hold a name or password: use a header")]
    UserInfo,
    /// A part that is never sent.
    #[error("must not have a fragment ('#…')")]
    Fragment,
    /// A port that is another protocol's.
    #[error("must have port 80, 443, or one above 1023")]
    Port,
    /// Longer than allowed.
    #[error("must be at most 2048 bytes")]
    TooLong,
    /// It is, or resolves to, where deliveries must not go.
    #[error("must not lead to a private or otherwise special address")]
    Blocked,
    /// Its name does not resolve.
    #[error("has a host that does not resolve")]
    Unresolved,
}

impl From<Blocked> for UrlError {
    fn from(_: Blocked) -> Self {
        Self::Blocked
    }
}

/// Where an address leads, as far as can be said without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The address in the form in which two are compared.
    pub url: WebhookUrl,
    /// The name that is to be resolved, or the address it is.
    pub host: TargetHost,
    /// The port.
    pub port: u16,
}

/// The host of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetHost {
    /// A name; each address it resolves to is to be judged by [`AllowList::check`].
    Name(String),
    /// An address that was judged.
    Address(IpAddr),
}

/// Reads and judges the address of an endpoint. A name that resolves is judged by whoever resolves it; names of this
/// machine are judged here, whatever they would resolve to.
pub fn parse(text: &str, policy: &UrlPolicy) -> Result<Target, UrlError> {
    if text.len() > WebhookUrl::MAX_BYTES {
        return Err(UrlError::TooLong);
    }
    // A fault in the host is the host's: no scheme of ours goes without one.
    let url = Url::parse(text.trim()).map_err(|_| UrlError::NotAUrl)?;
    match url.scheme() {
        "https" => {}
        "http" if policy.http => {}
        _ => return Err(UrlError::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::UserInfo);
    }
    if url.fragment().is_some() {
        return Err(UrlError::Fragment);
    }
    let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(UrlError::Port)?;
    if port < 1024 && ![80, 443].contains(&port) && !policy.any_port {
        return Err(UrlError::Port);
    }
    let host = match url.host().ok_or(UrlError::NotAUrl)? {
        Host::Ipv4(address) => TargetHost::Address(IpAddr::V4(address)),
        Host::Ipv6(address) => TargetHost::Address(IpAddr::V6(address)),
        Host::Domain(name) => TargetHost::Name(name.to_owned()),
    };
    match &host {
        TargetHost::Address(address) => policy.allowed.check(*address)?,
        TargetHost::Name(name) if is_this_machine(name) => {
            policy.allowed.check(IpAddr::V4(Ipv4Addr::LOCALHOST))?;
        }
        TargetHost::Name(_) => {}
    }
    // What it was read as may be longer than what was written.
    let url = String::from(url).parse().map_err(|_| UrlError::TooLong)?;
    Ok(Target { url, host, port })
}

/// RFC 6761: `localhost` and all below it.
fn is_this_machine(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(text: &str) -> UrlError {
        parse(text, &UrlPolicy { http: true, ..UrlPolicy::default() }).unwrap_err()
    }

    #[test]
    fn an_address_is_brought_to_the_form_in_which_two_are_compared() {
        let policy = UrlPolicy { http: true, ..UrlPolicy::default() };
        for (text, normal) in [
            ("https://example.com", "https://example.com/"),
            ("HTTPS://Example.COM:443/Hook?a=1", "https://example.com/Hook?a=1"),
            ("https://example.com/a/../b", "https://example.com/b"),
            (" https://exämple.com/ ", "https://xn--exmple-cua.com/"),
            ("http://8.8.8.8:8080/", "http://8.8.8.8:8080/"),
            ("http://134744072/", "http://8.8.8.8/"),
        ] {
            assert_eq!(parse(text, &policy).unwrap().url.expose(), normal);
        }
    }

    #[test]
    fn this_machine_is_refused_however_it_is_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "①②⑦.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::7f00:1]",
            "[2002:7f00:1::]",
            "[::127.0.0.1]",
            "0",
            "0.0.0.0",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "169.254.169.254",
            "2852039166",
        ] {
            assert_eq!(refused(&format!("http://{host}/")), UrlError::Blocked, "{host}");
        }
    }

    #[test]
    fn what_else_an_address_must_not_be_is_said() {
        assert_eq!(refused("ftp://example.com/"), UrlError::Scheme);
        assert_eq!(refused("file:///etc/passwd"), UrlError::Scheme);
        assert_eq!(refused("https://user@example.com/"), UrlError::UserInfo);
        assert_eq!(refused("https://user:secret@example.com/"), UrlError::UserInfo);
        assert_eq!(refused("https://8.8.8.8@127.0.0.1/"), UrlError::UserInfo);
        assert_eq!(refused("https://example.com/#top"), UrlError::Fragment);
        for port in ["0", "1", "22", "25", "1023"] {
            assert_eq!(refused(&format!("https://example.com:{port}/")), UrlError::Port, "{port}");
        }
        for nonsense in ["", "example.com", "https://", "https://exa mple.com/", "https://example.com:99999/"]
        {
            assert_eq!(refused(nonsense), UrlError::NotAUrl, "{nonsense}");
        }
        assert_eq!(refused(&format!("https://example.com/{}", "a".repeat(2048))), UrlError::TooLong);
        assert_eq!(refused(&format!("https://example.com/{}", "ä".repeat(900))), UrlError::TooLong);
        assert_eq!(parse("http://example.com/", &UrlPolicy::default()), Err(UrlError::Scheme));
    }

    #[test]
    fn the_operators_own_endpoint_is_exempt() {
        for text in ["http://localhost:3000/webhook/evolution", "http://127.0.0.1:81/", "http://[::1]:3000/"]
        {
            assert!(parse(text, &UrlPolicy::exempt()).is_ok(), "{text}");
        }
        assert_eq!(parse("ftp://localhost/", &UrlPolicy::exempt()), Err(UrlError::Scheme));
    }

    #[test]
    fn a_name_is_left_to_whoever_resolves_it() {
        let target = parse("https://hooks.example.com:8443/x", &UrlPolicy::default()).unwrap();
        assert_eq!(target.host, TargetHost::Name("hooks.example.com".to_owned()));
        assert_eq!(target.port, 8443);
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_read_again_as_itself(text in "https?://[a-z0-9.:\\[\\]@/#?x-]{0,30}") {
            let policy = UrlPolicy { http: true, ..UrlPolicy::default() };
            if let Ok(target) = parse(&text, &policy) {
                prop_assert_eq!(parse(target.url.expose(), &policy).unwrap(), target);
            }
        }

        #[test]
        fn an_ipv4_address_is_judged_alike_in_every_notation(bits in any::<u32>()) {
            let policy = UrlPolicy { http: true, ..UrlPolicy::default() };
            let dotted = Ipv4Addr::from_bits(bits);
            let plain = parse(&format!("http://{dotted}/"), &policy);
            for written in [format!("{bits}"), format!("{bits:#x}"), format!("0{bits:o}")] {
                prop_assert_eq!(parse(&format!("http://{written}/"), &policy), plain.clone());
            }
        }
    }
}
