//! Patterns of event types: `message.received`, `message.*`, `*`.

use std::collections::BTreeSet;

use interflow_domain::webhook::{EventPattern, Format};

use super::catalogue::PublicType;
use super::evolution::EvolutionType;

/// A pattern that types are held against. `*` stands for any run of characters, also none.
#[derive(Debug, Clone, Copy)]
pub struct Glob<'p>(&'p str);

impl<'p> Glob<'p> {
    /// The pattern, ready to be used.
    #[must_use]
    pub fn new(pattern: &'p EventPattern) -> Self {
        Self(pattern.as_str())
    }

    /// Whether a type is one of those meant. Takes time in proportion to the lengths of both at most.
    #[must_use]
    pub fn matches(self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        // Where the latest star stood, and how much of the name it takes so far.
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            if pattern.get(p) == Some(&b'*') {
                star = Some((p, n));
                p += 1;
            } else if pattern.get(p) == Some(&name[n]) {
                p += 1;
                n += 1;
            } else if let Some((at, taken)) = star {
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|rest| *rest == b'*')
    }
}

/// Patterns that mean no type of the format, or are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("means no type of event: {}", .0.join(", "))]
pub struct UnknownEvents(pub Vec<String>);

/// The patterns a caller wrote, for a format. Names of the format `evolution` may be written as its clients do
/// (`MESSAGES_UPSERT`). Each must mean a type, so that a mistake is seen when it is made.
pub fn patterns<'t>(
    format: Format,
    texts: impl IntoIterator<Item = &'t str>,
) -> Result<BTreeSet<EventPattern>, UnknownEvents> {
    let mut unknown = vec![];
    let mut found = BTreeSet::new();
    for text in texts {
        let constant = match format {
            Format::Evolution => EvolutionType::by_constant(text),
            Format::Standard => None,
        };
        let pattern = constant.unwrap_or(text).parse::<EventPattern>().ok();
        match pattern.filter(|pattern| names(format).any(|name| Glob::new(pattern).matches(name))) {
            Some(pattern) => drop(found.insert(pattern)),
            None => unknown.push(text.to_owned()),
        }
    }
    if unknown.is_empty() { Ok(found) } else { Err(UnknownEvents(unknown)) }
}

/// The names of all types of a format; of `evolution` also those that are never sent, which its clients subscribe to.
fn names(format: Format) -> Box<dyn Iterator<Item = &'static str>> {
    match format {
        Format::Standard => Box::new(PublicType::ALL.iter().map(|public| public.name())),
        Format::Evolution => Box::new(EvolutionType::WIRE_NAMES.iter().copied()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::new(&pattern.parse().unwrap()).matches(name)
    }

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, name) in [
            ("*", "message.received"),
            ("message.*", "message.received"),
            ("*.deleted", "customer.deleted"),
            ("c*.*ed", "chat.opened"),
            ("message.received", "message.received"),
            ("**", "chat.opened"),
            ("message.received*", "message.received"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("message.*", "chat.opened"), ("message", "message.received"), ("*.read", "message.ready")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_are_refused_when_they_mean_nothing_and_all_of_them_are_named() {
        let known = patterns(Format::Standard, ["message.*", "chat.opened", "message.*"]).unwrap();
        assert_eq!(known.iter().map(EventPattern::as_str).collect::<Vec<_>>(), ["chat.opened", "message.*"]);
        let unknown = patterns(Format::Standard, ["message.*", "massage.*", "MESSAGES_UPSERT", ""]);
        assert_eq!(unknown.unwrap_err().0, ["massage.*", "MESSAGES_UPSERT", ""]);
    }

    #[test]
    fn evolutions_constants_are_its_names() {
        let known = patterns(Format::Evolution, ["MESSAGES_UPSERT", "GROUP_UPDATE", "connection.*"]).unwrap();
        let known: Vec<_> = known.iter().map(EventPattern::as_str).collect();
        assert_eq!(known, ["connection.*", "groups.update", "messages.upsert"]);
    }

    /// The rule itself, as slow as it is simple.
    fn by_the_book(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|taken| by_the_book(rest, &name[taken..])),
            Some((byte, rest)) => name.first() == Some(byte) && by_the_book(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn patterns_match_as_the_rule_says(pattern in "[ab.*]{1,10}", name in "[ab.]{0,14}") {
            prop_assert_eq!(matches(&pattern, &name), by_the_book(pattern.as_bytes(), name.as_bytes()));
        }

        #[test]
        fn a_name_matches_itself_and_every_pattern_with_a_part_of_it_starred(
            name in "[a-z._]{1,20}",
            from in 0_usize..20,
            length in 0_usize..20,
        ) {
            let from = from.min(name.len());
            let to = (from + length).min(name.len());
            prop_assert!(matches(&name, &name));
            let starred = format!("{}*{}", &name[..from], &name[to..]);
            prop_assert!(matches(&starred, &name));
        }
    }
}
