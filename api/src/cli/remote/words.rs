//! Values as people read them.

use chrono::{DateTime, Local, TimeDelta, Utc};
use serde_json::Value;

/// What stands for nothing.
pub const NOTHING: &str = "-";

/// A text that strangers wrote, on one line and without anything that a terminal would obey.
#[must_use]
pub fn clean(text: &str) -> String {
    let replaced = |c: char| match c {
        '\n' => '⏎',
        '\t' => ' ',
        // What changes the direction of what follows can make one text look like another.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.replace("\r\n", "\n").chars().map(replaced).collect()
}

/// A field at a pointer (`/last_message/preview`): its text, or `-` when it is absent, null or empty.
#[must_use]
pub fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => NOTHING.to_owned(),
        Some(Value::String(text)) if text.is_empty() => NOTHING.to_owned(),
        Some(Value::String(text)) => clean(text),
        Some(Value::Array(items)) => {
            let texts: Vec<_> = items.iter().map(|item| text(item, "")).collect();
            if texts.is_empty() { NOTHING.to_owned() } else { texts.join(", ") }
        }
        Some(other) => other.to_string(),
    }
}

/// A field that is a text.
#[must_use]
pub fn string<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// A field that is a number.
#[must_use]
pub fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// A field that is a time.
#[must_use]
pub fn time(value: &Value, pointer: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(string(value, pointer)?).ok()?;
    Some(time.with_timezone(&Utc))
}

/// A field that is a time, seen from the server's now; the time itself where that is not known.
#[must_use]
pub fn when(value: &Value, pointer: &str, now: Option<DateTime<Utc>>) -> String {
    match (time(value, pointer), now) {
        (Some(at), Some(now)) => relative(at - now, at),
        (Some(at), None) => local(at),
        (None, _) => NOTHING.to_owned(),
    }
}

/// A time in the place of the reader.
#[must_use]
pub fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `12 s ago`, `in 3 h`; beyond a month, the day.
fn relative(distance: TimeDelta, at: DateTime<Utc>) -> String {
    let seconds = distance.num_seconds().unsigned_abs();
    let amount = match seconds {
        0..2 => return "now".to_owned(),
        2..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        172_800..2_592_000 => format!("{} d", seconds / 86_400),
        _ => return at.with_timezone(&Local).format("%Y-%m-%d").to_string(),
    };
    if distance < TimeDelta::zero() { format!("{amount} ago") } else { format!("in {amount}") }
}

/// How far a message is, as phones draw it, and in a word.
#[must_use]
pub fn ticks(status: &str) -> String {
    let drawn = match status {
        "queued" => "…",
        "sent" => "✓",
        "delivered" | "read" | "played" => "✓✓",
        "failed" => "✗",
        _ => "",
    };
    format!("{drawn} {}", clean(status)).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_strangers_wrote_cannot_command_a_terminal() {
        assert_eq!(clean("a\x1b[2J\u{9b}b\r\nc\td\u{202e}e"), "a\u{fffd}[2J\u{fffd}b⏎c d\u{fffd}e");
        assert_eq!(clean("Olá, 東京 👩‍👩‍👧"), "Olá, 東京 👩‍👩‍👧");
    }

    #[test]
    fn what_is_absent_is_a_dash() {
        let value = json!({"a": null, "b": "", "c": {"d": "x"}, "e": [], "f": ["y", "z"], "g": 7});
        let said = ["/a", "/b", "/c/d", "/e", "/f", "/g", "/h"].map(|pointer| text(&value, pointer));
        assert_eq!(said, ["-", "-", "x", "-", "y, z", "7", "-"]);
    }

    #[test]
    fn a_time_is_told_in_the_unit_that_matters() {
        let now: DateTime<Utc> = "2026-01-31T12:00:00Z".parse().unwrap();
        let said = |seconds| relative(TimeDelta::seconds(seconds), now);
        assert_eq!([said(0), said(-1), said(-59), said(-120)], ["now", "now", "59 s ago", "2 min ago"]);
        assert_eq!([said(7_200), said(-172_800)], ["in 2 h", "2 d ago"]);
        assert!(said(-2_592_000).starts_with("20"));
        assert_eq!(when(&json!({}), "/at", Some(now)), "-");
    }

    #[test]
    fn a_status_is_drawn_as_phones_do_and_named() {
        assert_eq!(ticks("read"), "✓✓ read");
        assert_eq!(ticks("failed"), "✗ failed");
        assert_eq!(ticks("received"), "received");
    }
}
