//! GraphQL, on the same use cases and the same questions as REST.
//!
//! Cast:
//! - [`http`] takes a request apart, lets the schema answer it, and puts the answer together;
//! - an [`asker::Asker`] is who asks: the key, its workspace and its scopes, in every resolver;
//! - [`guard`] keeps a field from those whose key lacks its scope, and makes one that fails null;
//! - [`queries`] holds the fields of `Query`, [`types`] what they give, [`mutations`] the fields of `Mutation`;
//! - a [`change::Change`] is a call of a mutation: what REST's handlers have, idempotency key included;
//! - [`loaders`] gathers what many fields need of the same kind into one question;
//! - [`listing`] and [`connection`] are a list that is asked for, and a page of it; [`past`] is either as it was;
//! - [`cost`] charges the workspace's plan for what an answer may come to;
//! - [`subscriptions`] holds the fields of `Subscription`, and a [`socket`] is how they are told;
//! - [`request`] makes a request ready: [`persisted`] finds its document by its hash, and
//! - [`bounds`] keep a document from costing more to look at than it says;
//! - [`page`] is GraphiQL;
//! - [`errors`] gives every error its code, also where no schema was asked.

mod asker;
mod bounds;
mod change;
mod connection;
mod cost;
mod errors;
mod guard;
mod http;
mod listing;
mod loaders;
mod mutations;
mod page;
mod past;
mod persisted;
mod queries;
mod request;
mod scalars;
mod socket;
mod subscriptions;
mod types;

use std::sync::LazyLock;

use async_graphql::{ID, SDLExportOptions};

pub use errors::speak;
pub use http::routes;
use mutations::Mutation;
pub use persisted::Persisted;
use queries::Query;
pub use socket::sockets;
use subscriptions::Subscription;

/// What can be asked.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// How deep a query may nest. What tools ask for to know the schema is 15 deep.
const DEPTH: usize = 20;
/// How many fields an answer may come to, at most.
const COMPLEXITY: usize = 50_000;

/// The schema, which tells of itself when it is asked to, or not.
#[must_use]
pub fn schema(introspection: bool) -> Schema {
    let schema = Schema::build(Query::default(), Mutation::default(), Subscription)
        .limit_depth(DEPTH)
        .limit_complexity(COMPLEXITY)
        .override_output_type_description::<ID>(
            "What something is known by: a prefix that says what it is, and a TypeID. A bare UUID is understood as well, \
             where it is known what it is of.",
        )
        .extension(cost::Charging);
    // What it does not tell of, it does not suggest.
    let schema = if introspection { schema } else { schema.disable_introspection().disable_suggestions() };
    schema.finish()
}

/// The schema in its own language.
pub fn sdl() -> &'static str {
    static SDL: LazyLock<String> = LazyLock::new(|| {
        schema(true).sdl_with_options(
            SDLExportOptions::new().sorted_fields().sorted_arguments().prefer_single_line_descriptions(),
        )
    });
    &SDL
}
