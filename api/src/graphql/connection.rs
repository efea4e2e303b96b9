//! Pages of lists, as Relay has them.

use std::borrow::Cow;

use async_graphql::connection::PageInfo;
use async_graphql::{Object, OutputType, TypeName};
use interflow_application::read::Page;

use super::past::AsOf;
use super::scalars::Long;

/// A page of a list.
pub struct Connection<T> {
    edges: Vec<Edge<T>>,
    has_previous: bool,
    has_next: bool,
    /// Where the page ends. Behind the last entry, or further: what lies between fits no filter.
    end: Option<String>,
    total: u64,
    total_is_estimate: bool,
    as_of: Option<AsOf>,
}

/// An entry of a list.
pub struct Edge<T> {
    cursor: String,
    node: T,
}

impl<T> Connection<T> {
    /// A page by its entries and their cursors, in order.
    pub fn new(entries: impl IntoIterator<Item = (T, String)>, total: (u64, bool)) -> Self {
        let edges: Vec<_> = entries.into_iter().map(|(node, cursor)| Edge { cursor, node }).collect();
        let end = edges.last().map(|edge| edge.cursor.clone());
        let (total, total_is_estimate) = total;
        Self { edges, has_previous: false, has_next: false, end, total, total_is_estimate, as_of: None }
    }

    /// A page of a list that goes one way, asked for with a cursor or without.
    pub fn of<V>(page: Page<V>, continued: bool, shape: impl Fn(V) -> T) -> Self {
        let has_next = page.next.is_some();
        let cursors = page.cursors.iter().map(ToString::to_string);
        let entries = page.items.into_iter().map(shape).zip(cursors);
        Self { has_next, ..Self::new(entries, (page.total, page.total_is_estimate)).following(continued) }
    }

    /// How many entries it has.
    pub const fn count(&self) -> usize {
        self.edges.len()
    }

    /// Whether there is something before it.
    pub fn following(self, has_previous: bool) -> Self {
        Self { has_previous, ..self }
    }

    /// Where the next page begins, if there is one.
    pub fn followed_by(self, next: Option<String>) -> Self {
        Self { has_next: next.is_some(), end: next.or(self.end), ..self }
    }

    /// As it was then.
    pub fn dated(self, as_of: AsOf) -> Self {
        Self { as_of: Some(as_of), ..self }
    }

    /// Whether there is something after it.
    pub fn followed(self, has_next: bool) -> Self {
        Self { has_next, ..self }
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// A page of a list.
#[Object(name_type)]
impl<T: OutputType> Connection<T> {
    /// The entries with their cursors.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// The entries alone.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Where the page is in the list.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: self.end.clone(),
        }
    }

    /// How many entries the list has: exact up to 10,000.
    async fn total_count(&self) -> Long {
        Long(self.total)
    }

    /// As of when the page is told; absent where it is the present.
    async fn as_of(&self) -> Option<AsOf> {
        self.as_of
    }

    /// Whether `totalCount` is an estimate.
    async fn total_count_is_estimate(&self) -> bool {
        self.total_is_estimate
    }
}

/// An entry of a list.
#[Object(name_type)]
impl<T: OutputType> Edge<T> {
    /// The entry.
    async fn node(&self) -> &T {
        &self.node
    }

    /// Where it is in the list: what `after` and `before` take.
    async fn cursor(&self) -> &str {
        &self.cursor
    }
}
