//! What changed between two answers about the same thing.

use serde_json::Value;

/// A field that is not what it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which, as answers have it; within another one by its path, as in `attributes.city`.
    pub field: String,
    /// What it was; null where there was none.
    pub before: Value,
    /// What it is; null where there is none.
    pub after: Value,
}

/// The fields that differ, but for these, in the order of their names. What is not there is null, and so are its fields.
/// Fields of objects are looked at one by one, lists as a whole.
#[must_use]
pub fn changes(before: &Value, after: &Value, but: &[&str]) -> Vec<Change> {
    let mut found = vec![];
    compare("", before, after, &mut found);
    found.retain(|change| !but.contains(&change.field.as_str()));
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<Change>) {
    if before == after {
        return;
    }
    let fields = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
    let names = match (fields(before), fields(after)) {
        (Some(one), Some(other)) => [one, other].concat(),
        // One that comes or goes is told field by field.
        (Some(names), None) if after.is_null() && (path.is_empty() || !names.is_empty()) => names,
        (None, Some(names)) if before.is_null() && (path.is_empty() || !names.is_empty()) => names,
        _ => {
            let (field, before, after) = (path.to_owned(), before.clone(), after.clone());
            found.push(Change { field, before, after });
            return;
        }
    };
    let mut names = names;
    names.sort();
    names.dedup();
    for name in names {
        let (one, other) =
            (before.get(&name).unwrap_or(&Value::Null), after.get(&name).unwrap_or(&Value::Null));
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        compare(&path, one, other, found);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: Value, after: Value) -> Vec<(String, Value, Value)> {
        let changes = changes(&before, &after, &["version"]);
        changes.into_iter().map(|change| (change.field, change.before, change.after)).collect()
    }

    #[test]
    fn fields_that_differ_are_told_with_their_paths() {
        let before = json!({"name": "Ana", "tags": ["a"], "last": {"at": 1, "text": "x"}, "version": 1, "phone": null});
        let after = json!({"name": "Ana", "tags": ["a", "b"], "last": {"at": 2, "text": "x"}, "version": 2, "phone": "5"});
        let expected = vec![
            ("last.at".to_owned(), json!(1), json!(2)),
            ("phone".to_owned(), json!(null), json!("5")),
            ("tags".to_owned(), json!(["a"]), json!(["a", "b"])),
        ];
        assert_eq!(told(before, after), expected);
    }

    #[test]
    fn what_comes_and_goes_does_so_field_by_field() {
        let thing = json!({"name": "Ana", "email": null, "attributes": {}, "last": {"at": 1}});
        let came = vec![
            ("attributes".to_owned(), json!(null), json!({})),
            ("last.at".to_owned(), json!(null), json!(1)),
            ("name".to_owned(), json!(null), json!("Ana")),
        ];
        assert_eq!(told(Value::Null, thing.clone()), came);
        let went: Vec<_> = came.into_iter().map(|(field, before, after)| (field, after, before)).collect();
        assert_eq!(told(thing, Value::Null), went);
        assert_eq!(told(json!({}), json!({})), []);
        assert_eq!(told(Value::Null, Value::Null), []);
    }
}
