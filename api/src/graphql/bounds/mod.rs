//! What a document may ask of the server before anything of it is looked at: how long it is, how deep it nests, how many
//! fields, aliases and directives it comes to once every fragment is put where it is spread.
//!
//! The schema's own limits on depth and complexity are reckoned from a document that was read and walked. These make
//! reading and walking it safe: a parser that descends into thousands of brackets has no stack left, and thirty fragments
//! that each spread the next twice are a thousand million fields.

mod nesting;

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Positioned, Request};

use super::errors::brief;
use crate::error::{ApiError, Code};
use nesting::nesting;

/// Longest document, in bytes. Variables are in no document.
pub const DOCUMENT_BYTES: usize = 64 * 1024;
/// How deep brackets may nest, and what is selected within what is selected, fragments counted.
pub const NESTING: usize = 50;
/// How many fields a document may have, each fragment counted wherever it is spread.
pub const FIELDS: usize = 5_000;
/// How many of them may have another name in the answer.
pub const ALIASES: usize = 200;
/// How many directives a document may have.
pub const DIRECTIVES: usize = 200;

/// Refuses a document that is out of bounds; gives the operation that is meant.
pub fn check(request: &mut Request) -> Result<&OperationDefinition, ApiError> {
    if request.query.len() > DOCUMENT_BYTES {
        let message = format!(
            "The document must not be longer than {DOCUMENT_BYTES} bytes: what changes from call to call belongs in variables"
        );
        return Err(ApiError::new(Code::PayloadTooLarge, message));
    }
    if nesting(&request.query) > NESTING {
        return Err(too_deep());
    }
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(|error| refused(&brief(&error.message)))?;
    let mut reckoning = Reckoning { document, known: HashMap::new() };
    let mut whole = Size::default();
    for (_, operation) in document.operations.iter() {
        whole = whole.and(reckoning.operation(&operation.node)?)?;
    }
    // What nothing spreads is walked all the same.
    for name in document.fragments.keys() {
        whole = whole.and(reckoning.fragment(name.as_str(), 0)?)?;
    }
    meant(document, name.as_deref())
}

/// The operation that is meant; a subscription has one field.
fn meant<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Result<&'d OperationDefinition, ApiError> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().next().filter(|_| operations.len() == 1)
        }
    };
    let operation = operation.ok_or_else(|| match name {
        Some(name) => refused(&format!(
            "The document has no operation '{}'",
            name.chars().take(100).collect::<String>()
        )),
        None => refused("The document has several operations: 'operationName' must say which is meant"),
    })?;
    let fields = &operation.node.selection_set.node.items;
    if operation.node.ty == OperationType::Subscription
        && !matches!(fields.as_slice(), [field] if matches!(field.node, Selection::Field(_)))
    {
        return Err(refused("A subscription must have exactly one field, and no fragment beside it"));
    }
    Ok(&operation.node)
}

fn refused(message: &str) -> ApiError {
    ApiError::invalid(message, vec![])
}

fn too_deep() -> ApiError {
    refused(&format!("The document must not nest deeper than {NESTING}"))
}

/// What part of a document comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    fields: usize,
    aliases: usize,
    directives: usize,
}

impl Size {
    /// Both together, unless that is too much.
    fn and(self, other: Self) -> Result<Self, ApiError> {
        let sum = Self {
            fields: self.fields + other.fields,
            aliases: self.aliases + other.aliases,
            directives: self.directives + other.directives,
        };
        for (count, most, what) in [
            (sum.fields, FIELDS, "fields, each fragment counted wherever it is spread"),
            (sum.aliases, ALIASES, "aliases, each fragment counted wherever it is spread"),
            (sum.directives, DIRECTIVES, "directives, each fragment counted wherever it is spread"),
        ] {
            if count > most {
                return Err(refused(&format!("The document must not have more than {most} {what}")));
            }
        }
        Ok(sum)
    }
}

/// What is known of a fragment.
#[derive(Clone, Copy)]
enum Fragment {
    /// It is being looked at: whoever comes across it has gone in a circle.
    Begun,
    Known(Size),
}

/// Sizes what fragments come to once, wherever they are spread.
struct Reckoning<'d> {
    document: &'d ExecutableDocument,
    known: HashMap<&'d str, Fragment>,
}

impl<'d> Reckoning<'d> {
    fn operation(&mut self, operation: &'d OperationDefinition) -> Result<Size, ApiError> {
        let variables = operation.variable_definitions.iter().map(|variable| variable.node.directives.len());
        let own =
            Size { directives: operation.directives.len() + variables.sum::<usize>(), ..Size::default() };
        own.and(self.selections(&operation.selection_set.node, 0)?)
    }

    fn selections(&mut self, selections: &'d SelectionSet, depth: usize) -> Result<Size, ApiError> {
        if depth > NESTING {
            return Err(too_deep());
        }
        let mut whole = Size::default();
        for selection in &selections.items {
            let (own, inner) = match &selection.node {
                Selection::Field(field) => {
                    let aliases = usize::from(field.node.alias.is_some());
                    let own = Size { fields: 1, aliases, directives: count(&field.node.directives) };
                    (own, self.selections(&field.node.selection_set.node, depth + 1)?)
                }
                Selection::InlineFragment(fragment) => {
                    let own = Size { directives: count(&fragment.node.directives), ..Size::default() };
                    (own, self.selections(&fragment.node.selection_set.node, depth + 1)?)
                }
                Selection::FragmentSpread(spread) => {
                    // One that spreads nothing at all costs a step, too.
                    let own =
                        Size { fields: 1, directives: count(&spread.node.directives), ..Size::default() };
                    (own, self.fragment(spread.node.fragment_name.node.as_str(), depth + 1)?)
                }
            };
            whole = whole.and(own)?.and(inner)?;
        }
        Ok(whole)
    }

    fn fragment(&mut self, name: &str, depth: usize) -> Result<Size, ApiError> {
        // One that is not there is refused by name later.
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Size::default());
        };
        match self.known.get(name.as_str()) {
            Some(Fragment::Known(size)) => return Ok(*size),
            Some(Fragment::Begun) => return Err(refused(&format!("The fragment '{name}' spreads itself"))),
            None => {}
        }
        self.known.insert(name.as_str(), Fragment::Begun);
        let own = Size { directives: count(&fragment.node.directives), ..Size::default() };
        let size = own.and(self.selections(&fragment.node.selection_set.node, depth)?)?;
        self.known.insert(name.as_str(), Fragment::Known(size));
        Ok(size)
    }
}

fn count(directives: &[Positioned<Directive>]) -> usize {
    directives.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(query: impl Into<String>) -> Result<OperationType, String> {
        check(&mut Request::new(query.into()))
            .map(|operation| operation.ty)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn what_nests_too_deep_is_refused_before_it_is_parsed() {
        for (open, close) in [("{a", "}"), ("{a(b:[", "])}"), ("{a(b:{c:", "})}")] {
            let query = format!("{}{}", open.repeat(20_000 / open.len()), close);
            assert!(checked(query).unwrap_err().contains("nest deeper than 50"), "{open}");
        }
        assert!(checked(format!("{{{}{}}}", "a{".repeat(40), "b}".to_owned() + &"}".repeat(39))).is_ok());
    }

    #[test]
    fn fragments_count_wherever_they_are_spread_and_may_not_spread_themselves() {
        let doubling = |times: usize| {
            let fragments: String =
                (1..times).map(|n| format!("fragment f{n} on Q{{...f{m} ...f{m}}}", m = n + 1)).collect();
            format!("{{...f1}}{fragments}fragment f{times} on Q{{a}}")
        };
        assert_eq!(checked(doubling(5)), Ok(OperationType::Query));
        assert!(checked(doubling(40)).unwrap_err().contains("more than 5000 fields"));
        let chain: String = (1..200).map(|n| format!("fragment f{n} on Q{{...f{}}}", n + 1)).collect();
        assert!(
            checked(format!("{{...f1}}{chain}fragment f200 on Q{{a}}")).unwrap_err().contains("nest deeper")
        );
        let (open, close) = ("a{".repeat(40), "}".repeat(40));
        let long: String =
            (1..40).map(|n| format!("fragment f{n} on Q{{{open}...f{}{close}}}", n + 1)).collect();
        assert!(
            checked(format!("{{...f1}}{long}fragment f40 on Q{{a}}")).unwrap_err().contains("nest deeper")
        );
        for circle in [
            "{...a}fragment a on Q{...a}",
            "{...a}fragment a on Q{b{...c}}fragment c on Q{...a}",
            "{x}fragment a on Q{...a}",
        ] {
            assert!(checked(circle).unwrap_err().contains("spreads itself"), "{circle}");
        }
    }

    #[test]
    fn aliases_directives_and_length_have_bounds() {
        let aliases: String = (0..5_000).map(|n| format!("a{n}:x ")).collect();
        assert!(checked(format!("{{{aliases}}}")).unwrap_err().contains("200 aliases"));
        assert!(checked(format!("{{x {}}}", "@a".repeat(10_000))).unwrap_err().contains("200 directives"));
        assert!(checked(format!("query {} {{x}}", "@a".repeat(201))).unwrap_err().contains("200 directives"));
        assert!(checked("x".repeat(DOCUMENT_BYTES + 1)).unwrap_err().contains("65536 bytes"));
        assert!(checked("{").is_err());
    }

    #[test]
    fn the_operation_that_is_meant_is_one() {
        let both = "query A {a} subscription B {b}";
        let named =
            |name: &str| check(&mut Request::new(both).operation_name(name)).map(|operation| operation.ty);
        assert_eq!(
            (named("A").unwrap(), named("B").unwrap()),
            (OperationType::Query, OperationType::Subscription)
        );
        assert!(named("C").is_err() && checked(both).is_err());
        for several in ["subscription {a b}", "subscription {...f} fragment f on S {a}"] {
            assert!(checked(several).unwrap_err().contains("exactly one field"), "{several}");
        }
    }
}
