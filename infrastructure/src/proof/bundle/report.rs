//! The page of a bundle: what happened, for people. It needs nothing but itself, and runs no script.

use std::io::{self, Write};

use interflow_application::proof::{Checkpoint, Note};
use interflow_domain::PERSONAL_MARK;
use serde_json::{Value, json};

use super::line::{Header, Line};
use super::{Bound, Selection};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:52rem;padding:0 1rem;color:#1b1b1b}\
    h1{font-size:1.5rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.3rem 0}\
    dt{color:#666}dd{margin:0;overflow-wrap:anywhere}pre{background:#f4f4f4;padding:.7rem;overflow-x:auto}\
    article{border-top:1px solid #ddd;padding:.7rem 0}article h2{font-size:1rem;margin:0}\
    time,.at{color:#666;font-weight:normal}blockquote{margin:.4rem 0;padding:.4rem .8rem;border-radius:.6rem;\
    background:#eef3fb;white-space:pre-wrap;overflow-wrap:anywhere}.in blockquote{background:#e9f7ec}\
    .gone{color:#a33;font-style:italic}details{color:#444}h3{background:#f4f4f4;font-size:.95rem;padding:.2rem .6rem}";

/// What was shown last.
#[derive(Default)]
pub(super) struct Report {
    day: String,
}

impl Report {
    pub(super) fn begin(&self, page: &mut impl Write, header: &Header) -> io::Result<()> {
        let checkpoint: Option<Checkpoint> =
            header.checkpoint.parse::<Note>().ok().and_then(|note| note.text().parse().ok());
        let (size, root) = checkpoint
            .map_or_else(Default::default, |checkpoint| (checkpoint.size, checkpoint.root.to_string()));
        writeln!(
            page,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Interflow audit report</title>\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
             <style>{STYLE}</style></head><body>\n<h1>Audit report</h1>\n<dl>\
             <dt>What</dt><dd>{}</dd><dt>Events</dt><dd>{}</dd><dt>Workspace</dt><dd>{}</dd><dt>Made</dt><dd>{}</dd>\
             <dt>Proved by</dt><dd>a signed checkpoint of {size} events with the root {}</dd></dl>\n\
             <p>This page is a picture of <code>bundle.jsonl</code>, which lies beside it and can be checked without the \
             server: <code>interflow audit verify --bundle</code> with this directory, or any program after \
             docs/audit-log.md. The signed checkpoint:</p>\n<pre>{}</pre>\n<p>The keys it is signed with:</p>\n<pre>{}</pre>",
            escaped(&selected(&header.selection)),
            header.events,
            header.workspace,
            header.made_at.format("%Y-%m-%d %H:%M:%S UTC"),
            escaped(&root),
            escaped(&header.checkpoint),
            escaped(&header.keys.join("\n")),
        )
    }

    pub(super) fn event(&mut self, page: &mut impl Write, line: &Line<'_>) -> io::Result<()> {
        let day = line.recorded_at.format("%Y-%m-%d").to_string();
        if day != self.day {
            writeln!(page, "<h3>{day}</h3>")?;
            self.day = day;
        }
        let direction = if line.event_type == "message.received" { " class=\"in\"" } else { "" };
        writeln!(
            page,
            "<article{direction}><h2>{} <span class=\"at\"><time>{}</time> · event {} · {}</span></h2>",
            escaped(&words(&line.event_type)),
            line.recorded_at.format("%H:%M:%S%.3f"),
            line.position,
            escaped(&line.aggregate_id),
        )?;
        if let Some(content) = line.opened.get("content") {
            let text = content.pointer("/$p/v/text").and_then(Value::as_str);
            let text = text.map_or_else(|| shown(content), escaped);
            writeln!(page, "<blockquote>{text}</blockquote>")?;
        }
        let mut fields = vec![];
        flatten(&line.opened, "", &mut fields);
        if let Ok(mut metadata) = serde_json::from_str::<Value>(&line.metadata) {
            // Sealed under a key that a bundle has not.
            if let Some(address) = metadata.get_mut("client_address") {
                *address = json!({PERSONAL_MARK: {"c": address}});
            }
            flatten(&metadata, "", &mut fields);
        }
        write!(page, "<details><summary>all fields</summary><dl>")?;
        for (name, value) in fields {
            write!(page, "<dt>{}</dt><dd>{value}</dd>", escaped(&name))?;
        }
        writeln!(page, "</dl></details></article>")
    }

    pub(super) fn end(&self, page: &mut impl Write) -> io::Result<()> {
        writeln!(page, "</body></html>")
    }
}

fn selected(selection: &Selection) -> String {
    let bound = |bound: Bound| match bound {
        Bound::Position(position) => format!("event {position}"),
        Bound::Time(time) => time.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    };
    match selection {
        Selection::Chat(chat) => format!("the chat {chat} and its messages"),
        Selection::Customer(customer) => format!("the customer {customer}, its chats and their messages"),
        Selection::Range { from, to } => format!(
            "everything from {} to {}",
            from.map_or_else(|| "the beginning".to_owned(), bound),
            to.map_or_else(|| "the end".to_owned(), bound)
        ),
    }
}

/// `message.received` for people.
fn words(event_type: &str) -> String {
    event_type.replace(['.', '_'], " ")
}

/// Every field and what it holds, as HTML.
fn flatten(value: &Value, name: &str, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) if !object.contains_key(PERSONAL_MARK) && !object.is_empty() => {
            for (field, inner) in object {
                let dot = if name.is_empty() { "" } else { "." };
                flatten(inner, &format!("{name}{dot}{field}"), fields);
            }
        }
        Value::Null => {}
        other => fields.push((name.to_owned(), shown(other))),
    }
}

/// A value as HTML: what is personal in it as what it is, or as gone.
fn shown(value: &Value) -> String {
    if let Some(personal) = value.get(PERSONAL_MARK) {
        return match personal.get("v") {
            Some(value) => shown(value),
            None if personal.get("c").is_some() => "<span class=\"gone\">sealed</span>".to_owned(),
            None if personal.get("withheld").is_some() => {
                "<span class=\"gone\">withheld: a secret</span>".to_owned()
            }
            None => "<span class=\"gone\">erased</span>".to_owned(),
        };
    }
    match value {
        Value::String(text) => escaped(text),
        other => escaped(&other.to_string()),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // What would turn the text around it.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                escaped.push_str(&format!("&#x{:x};", u32::from(character)));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_wrote_is_text_and_what_is_gone_says_so() {
        assert_eq!(
            escaped("<script>alert('x') & \"y\"</script>"),
            "&lt;script&gt;alert(&#39;x&#39;) &amp; &quot;y&quot;&lt;/script&gt;"
        );
        let personal = |inside: Value| shown(&json!({"$p": inside}));
        assert_eq!(personal(json!({"s": "cus_1", "v": "<b>"})), "&lt;b&gt;");
        assert!(personal(json!({"s": "cus_1", "erased": true})).contains("erased"));
        assert!(personal(json!({"s": "whk_1", "withheld": true})).contains("withheld"));
        let mut fields = vec![];
        flatten(
            &json!({"a": {"b": 1, "c": {"$p": {"s": "x", "v": "y"}}}, "n": null, "l": [1]}),
            "",
            &mut fields,
        );
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(fields, [("a.b", "1"), ("a.c", "y"), ("l", "[1]")]);
    }
}
