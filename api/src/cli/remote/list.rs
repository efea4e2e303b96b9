//! Lists, read page by page.

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::Value;

use super::Outcome;
use super::client::{Call, Client, Data, Path};
use super::failure::Failure;
use super::screen::{Cell, Screen};

/// Most entries of a page.
const PAGE: u32 = 100;

/// How much of a list is wanted.
#[derive(Debug, Args)]
pub struct Limit {
    /// How many are shown at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Limit {
    /// Not more than these.
    #[must_use]
    pub const fn of(limit: u32) -> Self {
        Self { limit }
    }
}

/// The beginning of a list.
pub struct Listed {
    entries: Vec<Data>,
    total: u64,
    has_more: bool,
    /// What time it is on the server.
    pub now: Option<DateTime<Utc>>,
}

/// Reads the beginning of a list.
pub async fn list(
    client: &Client,
    path: Path<'_>,
    filters: Vec<(&str, String)>,
    Limit { limit }: &Limit,
) -> Result<Listed, Failure> {
    let (mut listed, mut cursor) = (Listed { entries: vec![], total: 0, has_more: false, now: None }, None);
    loop {
        let missing = *limit - u32::try_from(listed.entries.len()).unwrap_or(*limit).min(*limit);
        let mut query = filters.clone();
        query.push(("per_page", missing.clamp(1, PAGE).to_string()));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let answer = client.call(Call { path, query: &query, ..Call::default() }).await?;
        listed.now = answer.now;
        let (entries, meta) = answer.entries(client)?;
        listed.entries.extend(entries);
        listed.total = listed.total.max(meta.total);
        cursor = meta.next_cursor;
        listed.has_more = cursor.is_some();
        if !listed.has_more || listed.entries.len() >= *limit as usize {
            return Ok(listed);
        }
    }
}

impl Listed {
    /// Shows it, for people with a row an entry.
    pub fn show<const N: usize>(
        &self,
        screen: Screen,
        what: &str,
        titles: [&str; N],
        row: impl Fn(&Value) -> [Cell; N],
    ) -> Outcome {
        if screen.json {
            return self.entries.iter().try_for_each(|entry| screen.data(entry));
        }
        if self.entries.is_empty() {
            screen.remark(&format!("There are no {what}."));
            return Ok(());
        }
        screen.table(titles, self.entries.iter().map(|entry| row(&entry.value)).collect())?;
        if self.has_more {
            let shown = self.entries.len();
            screen.remark(&format!("{shown} of {} {what} are shown; see --limit.", self.total));
        }
        Ok(())
    }

    /// Shows a row an entry, without titles.
    pub fn rows<const N: usize>(&self, screen: Screen, row: impl Fn(&Value) -> [Cell; N]) -> Outcome {
        screen.rows(&self.entries.iter().map(|entry| row(&entry.value)).collect::<Vec<_>>())
    }
}
