//! Which events an auditor wants, from the query.

use std::collections::BTreeSet;

use interflow_application::audit::{EventFilter, Span, named_actor};
use interflow_application::log::StreamId;
use interflow_application::webhook::Glob;
use interflow_domain::EVENT_TYPES;
use interflow_domain::webhook::EventPattern;

use crate::extract::Query;

/// The types of aggregates, as they are stored. `channel` is what the API calls an instance.
const AGGREGATES: [&str; 8] =
    ["workspace", "instance", "customer", "chat", "message", "job", "webhook", "checkpoint"];

/// Reads the filter; what is wrong with it the query has noted.
pub(super) fn filter(query: &mut Query) -> EventFilter {
    let kind = query.text("aggregate").flatten().and_then(|text| {
        let kind = AGGREGATES
            .into_iter()
            .find(|known| *known == text || (text == "channel" && *known == "instance"));
        if kind.is_none() {
            query.wrong("aggregate", format!("must be one of: {}", AGGREGATES.join(", ")));
        }
        kind
    });
    let stream = query.text("aggregate_id").flatten().and_then(|text| {
        let stream = AGGREGATES
            .into_iter()
            .filter(|known| kind.is_none_or(|kind| kind == *known))
            .find_map(|known| StreamId::parse(known, &text).filter(|_| kind.is_some() || text.contains('_')));
        if stream.is_none() {
            query.wrong(
                "aggregate_id",
                "must be the id of an aggregate, with its prefix, and of the type that 'aggregate' names",
            );
        }
        stream
    });
    let types = types(query, if stream.is_some() { None } else { kind });
    let actor = query.text("actor").flatten();
    let actor = actor.and_then(|text| named_actor(&text).map_err(|error| query.wrong("actor", error)).ok());
    let correlation = query.text("correlation_id").flatten().filter(|text| {
        let fits = is_correlation(text);
        if !fits {
            query.wrong("correlation_id", "must be a request's id");
        }
        fits
    });
    let recorded = query.range("recorded").unwrap_or_default();
    let positions =
        Span { after: position(query, "position_after"), before: position(query, "position_before") };
    if positions.is_empty() {
        query.wrong("position_before", "must leave a position behind 'position_after'");
    }
    EventFilter { stream, types, actor, correlation, recorded, positions }
}

/// What a request may be called.
pub(super) fn is_correlation(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte))
}

/// The types that the patterns mean, of those of an aggregate; none is all.
fn types(query: &mut Query, kind: Option<&str>) -> BTreeSet<&'static str> {
    let of_kind = |name: &&str| kind.is_none_or(|kind| name.split('.').next() == Some(kind));
    let texts = query.repeated::<String>("types").unwrap_or_default();
    let texts: Vec<&str> = texts.iter().flat_map(|text| text.split(',')).collect();
    let (mut found, mut unknown) = (BTreeSet::new(), vec![]);
    for text in &texts {
        let pattern = text.parse::<EventPattern>().ok();
        let meant = EVENT_TYPES.into_iter().filter(of_kind);
        let meant: Vec<_> = meant
            .filter(|name| pattern.as_ref().is_some_and(|pattern| Glob::new(pattern).matches(name)))
            .collect();
        if meant.is_empty() {
            unknown.push(*text);
        }
        found.extend(meant);
    }
    if !unknown.is_empty() {
        query.wrong("types", format!("means no type of event: {}", unknown.join(", ")));
    }
    if texts.is_empty() && kind.is_some() {
        found.extend(EVENT_TYPES.into_iter().filter(of_kind));
    }
    if found.len() == EVENT_TYPES.len() { BTreeSet::new() } else { found }
}

fn position(query: &mut Query, name: &str) -> Option<u64> {
    let text = query.text(name).flatten()?;
    let digits = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    if number.is_none() {
        query.wrong(name, "must be a position, a number from 0");
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<EventFilter, String> {
        let mut query = Query::new(query);
        let filter = filter(&mut query);
        query.close().map(|()| filter).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn filters_are_read() {
        let message = "msg_01h455vb4pex5vsknk084sn02q";
        let filter = read(&format!(
            "aggregate_id={message}&types=message.s*,message.failed&actor=system:sender&correlation_id=order-7/1\
             &recorded_after=2026-01-01T00:00:00Z&position_after=3&position_before=900"
        ))
        .unwrap();
        assert_eq!(filter.stream, StreamId::parse("message", message));
        assert_eq!(filter.types, ["message.failed", "message.sent"].into());
        assert_eq!(filter.correlation.as_deref(), Some("order-7/1"));
        assert_eq!(filter.positions, Span { after: Some(3), before: Some(900) });
        assert_eq!(read("").unwrap(), EventFilter::default());
        assert_eq!(read("types=*").unwrap(), EventFilter::default());
        assert_eq!(read("aggregate=channel").unwrap(), read("aggregate=instance").unwrap());
        assert_eq!(read("aggregate=chat").unwrap().types.len(), 6);
        assert_eq!(read("aggregate=chat&types=*.closed,chat.re*").unwrap().types.len(), 3);
        let bare = "0188bac7-25f6-7abf-b9e5-8080000c8057";
        assert!(read(&format!("aggregate=message&aggregate_id={bare}")).unwrap().stream.is_some());
    }

    #[test]
    fn every_mistake_is_named() {
        let refused = read(
            "aggregate=cart&aggregate_id=x&types=massage.*&actor=me&correlation_id=a%20b&position_after=-1&recorded_after=x&x=1",
        )
        .unwrap_err();
        for name in [
            "aggregate",
            "aggregate_id",
            "types",
            "actor",
            "correlation_id",
            "position_after",
            "recorded_after",
            "\"x\"",
        ] {
            assert!(refused.contains(name), "{name}: {refused}");
        }
        for query in [
            "aggregate=chat&types=message.*",
            "aggregate=chat&aggregate_id=msg_01h455vb4pex5vsknk084sn02q",
            "aggregate_id=0188bac7-25f6-7abf-b9e5-8080000c8057",
            "position_after=5&position_before=6",
            "position_before=",
            "types=",
            "correlation_id=",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
