//! A file of messages: CSV with the columns `to` and `text`, or JSON Lines with a message each.

use std::path::Path;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::failure::Failure;

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values; the first line names the columns: to, text, and others, which are ignored
    Csv,
    /// An object a line: {"to","text"}, or {"to","type","content"}
    Jsonl,
}

/// A message and where it is in the file.
#[derive(Debug, PartialEq)]
pub struct Entry {
    pub line: u64,
    pub message: Value,
}

/// Reads a file; `-` is standard input.
pub fn read(file: &Path, format: Option<Format>) -> Result<Vec<Entry>, Failure> {
    let format = match (format, file.extension().and_then(|extension| extension.to_str())) {
        (Some(format), _) => format,
        (None, Some("csv")) => Format::Csv,
        (None, Some("jsonl" | "ndjson")) => Format::Jsonl,
        (None, _) => {
            let what = "neither ends in .csv nor in .jsonl: say --format";
            return Err(Failure::Usage(format!("{} {what}", file.display())));
        }
    };
    let unreadable = |source| Failure::Unreadable { path: file.display().to_string(), source };
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).map_err(unreadable)?
    } else {
        std::fs::read_to_string(file).map_err(unreadable)?
    };
    // Spreadsheets begin what they save with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let entries = match format {
        Format::Csv => csv(text),
        Format::Jsonl => jsonl(text),
    };
    let entries = entries.map_err(|why| Failure::Failed(format!("{}: {why}", file.display())))?;
    if entries.is_empty() {
        return Err(Failure::Failed(format!("{} holds no messages", file.display())));
    }
    Ok(entries)
}

fn csv(table: &str) -> Result<Vec<Entry>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(table.as_bytes());
    let titles = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |name: &str| {
        let found = titles.iter().position(|title| title.eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("its first line names no column '{name}'"))
    };
    let (to, text) = (column("to")?, column("text")?);
    let entry = |record: csv::Result<csv::StringRecord>| {
        let record = record.map_err(|error| error.to_string())?;
        let field = |at: usize| record.get(at).unwrap_or_default();
        let message = of_text(field(to), field(text));
        Ok(Entry { line: record.position().map_or(0, |end| line_after(table, end)), message })
    };
    reader.records().map(entry).collect()
}

/// The line a record begins on: empty ones may lie between it and the end of the record before, which is its position.
fn line_after(table: &str, end: &csv::Position) -> u64 {
    let rest = usize::try_from(end.byte()).ok().and_then(|at| table.as_bytes().get(at..)).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
    end.line() + empty.map(|_| 1).sum::<u64>()
}

fn of_text(to: &str, text: &str) -> Value {
    json!({"to": to, "type": "text", "content": {"text": text}})
}

fn jsonl(text: &str) -> Result<Vec<Entry>, String> {
    let lines = (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty());
    let entry = |(line, text): (u64, &str)| {
        let message =
            serde_json::from_str(text).map_err(|error| format!("line {line} is not JSON: {error}"))?;
        Ok(Entry { line, message: spelt_out(message) })
    };
    lines.map(entry).collect()
}

/// `text` is short for a `type` and a `content`. The server judges all the rest.
fn spelt_out(mut message: Value) -> Value {
    if let Some(fields) = message.as_object_mut()
        && !fields.contains_key("content")
        && let Some(text) = fields.remove("text")
    {
        fields.insert("type".to_owned(), "text".into());
        fields.insert("content".to_owned(), json!({"text": text}));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_with_its_quotes_and_the_lines_of_its_records() {
        let text = "Name,To,text\nAna,5511,\"Olá, \"\"Ana\"\"\nsecond line\"\n\nBea,5512,東京\n";
        let entries = csv(text).unwrap();
        let wanted = [
            Entry { line: 2, message: of_text("5511", "Olá, \"Ana\"\nsecond line") },
            Entry { line: 5, message: of_text("5512", "東京") },
        ];
        assert_eq!(entries, wanted);
        assert_eq!(csv("to,body\n1,x\n").unwrap_err(), "its first line names no column 'text'");
        assert!(csv("to,text\n1\n").unwrap_err().contains("line: 2"));
    }

    #[test]
    fn lines_of_json_are_messages_spelt_out_or_short() {
        let text = "{\"to\":\"1\",\"text\":\"a\"}\r\n\n{\"to\":\"2\",\"type\":\"poll\",\"content\":{}}\n[]";
        let entries = jsonl(text).unwrap();
        assert_eq!(entries[0], Entry { line: 1, message: of_text("1", "a") });
        assert_eq!(entries[1].message["type"], "poll");
        assert_eq!((entries[2].line, &entries[2].message), (4, &json!([])));
        assert!(jsonl("{\"to\"").unwrap_err().starts_with("line 1 is not JSON"));
    }
}
