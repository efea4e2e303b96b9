//! How customers are found.

use interflow_application::log::LogError;
use interflow_application::read::{
    Customer, CustomerFilter, CustomerSort, Listing, Marked, SearchText, TimeRange,
};
use interflow_domain::WorkspaceId;
use sqlx::PgPool;

use super::{Argument, Condition, Gathered, Order, Query};
use crate::read_models::columns::storable;
use crate::read_models::customers::{COLUMNS, TABLE, decode};

/// The expressions that migration 0007 has indexes on.
const NAME_ORDER: &str = "coalesce('0' || left(folded(name), 100), '1') COLLATE \"C\"";
const WORDS: &str = "folded(' ' || coalesce(name, '') || ' ' || coalesce(email, '') || ' ' || coalesce(phone, '') \
     || ' ' || coalesce(external_id, ''))";

pub(in crate::read_models::reads) async fn customers(
    pool: &PgPool,
    workspace: WorkspaceId,
    listing: &Listing<CustomerFilter, CustomerSort>,
) -> Result<Marked<Customer>, LogError> {
    let query = query(listing);
    query.page(pool, workspace, (&listing.start, listing.size), |row| decode(row).map(|row| row.view)).await
}

pub(in crate::read_models) fn query(listing: &Listing<CustomerFilter, CustomerSort>) -> Query {
    let Listing { filter, sort, .. } = listing;
    let (value, by_time) = match sort.key {
        CustomerSort::CreatedAt => ("created_at", Some(&filter.created)),
        CustomerSort::UpdatedAt => ("updated_at", Some(&filter.updated)),
        CustomerSort::Name => (NAME_ORDER, None),
    };
    let order = Order {
        value,
        is_text: by_time.is_none(),
        position: "created_position",
        descending: sort.descending,
    };
    let served = by_time.and_then(|range| within(value, range)).into_iter().collect();

    // The most telling first: the first is gathered by its index, the others are tried on what it finds.
    let mut candidates = vec![];
    if let Some(phone) = &filter.phone {
        candidates.push((Condition::of("phone = ?", text(phone)), Some("created_position")));
    }
    if let Some(email) = &filter.email {
        let same = "lower(email COLLATE \"C\") = lower(? COLLATE \"C\")";
        candidates.push((Condition::of(same, text(email)), Some("created_position")));
    }
    if let Some(id) = &filter.external_id {
        candidates.push((Condition::of("external_id = ?", text(id)), Some("created_position")));
    }
    let (indexed, others) = filter.words.as_ref().map_or((None, None), words);
    let tags: Vec<String> = filter.tags.iter().map(|tag| storable(tag.as_str()).into_owned()).collect();
    let tags = (!tags.is_empty()).then(|| Condition::of("tags @> ?", Argument::Texts(tags)));
    candidates.extend(both(tags, indexed).map(|condition| (condition, None)));
    let ranges = [("created_at", &filter.created), ("updated_at", &filter.updated)];
    for (column, range) in ranges.into_iter().filter(|(column, _)| *column != value) {
        let order = if column == "created_at" {
            "created_at, created_position"
        } else {
            "updated_at, created_position"
        };
        candidates.extend(within(column, range).map(|condition| (condition, Some(order))));
    }

    let mut candidates = candidates.into_iter();
    let gathered = candidates.next().map(|(condition, order)| Gathered { condition, order });
    let tried = candidates.map(|(condition, _)| condition).chain(others).collect();
    Query { table: TABLE, columns: COLUMNS, order, served, gathered, tried }
}

fn text(value: &impl ToString) -> Argument {
    Argument::Text(storable(&value.to_string()).into_owned())
}

pub(super) fn within(column: &str, range: &TimeRange) -> Option<Condition> {
    let from = range.from().map(|from| Condition::of(format!("{column} >= ?"), Argument::Time(from)));
    let until = range.until().map(|until| Condition::of(format!("{column} < ?"), Argument::Time(until)));
    both(from, until)
}

fn both(one: Option<Condition>, other: Option<Condition>) -> Option<Condition> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.and(other)),
        (one, other) => one.or(other),
    }
}

/// The words the index of trigrams helps to find, and the others. A word of [`SearchText::ANYWHERE`] letters and digits
/// in a row is found anywhere, a shorter one at the beginning of a word. Letters other than of ASCII are no help:
/// whether the index knows them for letters is the database's locale's to say.
fn words(text: &SearchText) -> (Option<Condition>, Option<Condition>) {
    let (mut indexed, mut others) = (None, None);
    for word in text.words() {
        let mut escaped = String::with_capacity(word.len());
        for c in word.chars() {
            if matches!(c, '%' | '_' | '\\') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        let runs = word.split(|c: char| !c.is_ascii_alphanumeric());
        let has_run = runs.map(str::len).max().unwrap_or_default() >= SearchText::ANYWHERE;
        let begins = word.starts_with(|c: char| c.is_ascii_alphanumeric());
        let anywhere = has_run || word.chars().count() >= SearchText::ANYWHERE && !begins;
        let pattern = if anywhere { format!("%{escaped}%") } else { format!("% {escaped}%") };
        let found = Condition::of(format!("{WORDS} LIKE folded(?)"), Argument::Text(pattern));
        let place = if has_run || begins { &mut indexed } else { &mut others };
        *place = both(place.take(), Some(found));
    }
    (indexed, others)
}
