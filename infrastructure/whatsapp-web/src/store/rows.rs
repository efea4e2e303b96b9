//! Rows as they are before sealing, and the columns of a set-wise write.

use std::collections::BTreeMap;

/// A row to write.
pub(crate) struct Row {
    pub(crate) key: Vec<u8>,
    pub(crate) scope: Option<Vec<u8>>,
    pub(crate) value: Vec<u8>,
    pub(crate) stamp: i64,
    pub(crate) until: i64,
}

impl Row {
    pub(crate) fn new(key: Vec<u8>, value: impl Into<Vec<u8>>) -> Self {
        Self { key, scope: None, value: value.into(), stamp: 0, until: 0 }
    }

    pub(crate) fn in_scope(mut self, scope: Vec<u8>) -> Self {
        self.scope = Some(scope);
        self
    }

    pub(crate) fn stamped(mut self, stamp: i64) -> Self {
        self.stamp = stamp;
        self
    }

    pub(crate) fn until(mut self, until: i64) -> Self {
        self.until = until;
        self
    }
}

/// A row as it was read and opened.
pub(crate) struct Found {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) stamp: i64,
}

/// The columns of one set-wise write, values already sealed.
pub(crate) struct Columns {
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) scopes: Vec<Option<Vec<u8>>>,
    pub(crate) values: Vec<Vec<u8>>,
    pub(crate) stamps: Vec<i64>,
    pub(crate) untils: Vec<i64>,
}

impl Columns {
    /// Postgres refuses to touch a row twice in one upsert, and two upserts that lock rows in different orders
    /// deadlock: so the last of equal keys wins, and keys are in order.
    pub(crate) fn of(rows: Vec<Row>, seal: impl Fn(&Row) -> Vec<u8>) -> Self {
        let rows: BTreeMap<Vec<u8>, Row> = rows.into_iter().map(|row| (row.key.clone(), row)).collect();
        let mut columns = Self {
            keys: Vec::with_capacity(rows.len()),
            scopes: Vec::with_capacity(rows.len()),
            values: Vec::with_capacity(rows.len()),
            stamps: Vec::with_capacity(rows.len()),
            untils: Vec::with_capacity(rows.len()),
        };
        for row in rows.into_values() {
            columns.values.push(seal(&row));
            columns.keys.push(row.key);
            columns.scopes.push(row.scope);
            columns.stamps.push(row.stamp);
            columns.untils.push(row.until);
        }
        columns
    }
}
