//! An origin as browsers name it in the `Origin` header: `https://example.com`, or `*` for any.

use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// The origin of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// What was given is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a scheme and a host without a path, for example https://app.example.com, or *")]
pub struct InvalidOrigin;

impl Origin {
    /// As browsers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for every origin.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0 == "*"
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let text = text.trim();
        if text == "*" {
            return Ok(Self(text.to_owned()));
        }
        let (scheme, host) = text.split_once("://").ok_or(InvalidOrigin)?;
        // Browsers write no slash at the end and compare letter by letter.
        let host = host.strip_suffix('/').unwrap_or(host).to_ascii_lowercase();
        let is_host = !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte));
        let scheme = scheme.to_ascii_lowercase();
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if is_host && is_scheme { Ok(Self(format!("{scheme}://{host}"))) } else { Err(InvalidOrigin) }
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        let parsed = |text: &str| text.parse::<Origin>().map(|origin| origin.0);
        assert_eq!(parsed("https://App.Example.com/"), Ok("https://app.example.com".to_owned()));
        assert_eq!(parsed("http://localhost:5173"), Ok("http://localhost:5173".to_owned()));
        assert_eq!(parsed("http://[::1]:80"), Ok("http://[::1]:80".to_owned()));
        assert!("*".parse::<Origin>().unwrap().is_any());
        for text in
            ["", "example.com", "https://", "https://a/b", "https://*.example.com", "://a", "https://a b"]
        {
            assert_eq!(parsed(text), Err(InvalidOrigin), "{text}");
        }
    }
}
