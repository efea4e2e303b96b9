//! GraphQL, on the same use cases and the same questions as REST.
//!
//! Cast:
//! - [`http`] takes a request apart, lets the schema answer it, and puts the answer together;
//! - an [`asker::Asker`] is who asks: the key, its workspace and its scopes, in every resolver;
//! - [`guard`] keeps a field from those whose key lacks its scope, and makes one that fails null;
//! - [`queries`] holds the fields of `Query`, [`types`] what they give;
//! - [`loaders`] gathers what many fields need of the same kind into one question;
//! - [`listing`] and [`connection`] are a list that is asked for, and a page of it;
//! - [`cost`] charges the workspace's plan for what an answer may come to;
//! - [`errors`] gives every error its code, also where no schema was asked.

mod asker;
mod connection;
mod cost;
mod errors;
mod guard;
mod http;
mod listing;
mod loaders;
mod queries;
mod scalars;
mod types;

use std::sync::LazyLock;

use async_graphql::{EmptyMutation, EmptySubscription, ID, SDLExportOptions};

pub use errors::speak;
pub use http::routes;
use queries::Query;

/// What can be asked.
pub type Schema = async_graphql::Schema<Query, EmptyMutation, EmptySubscription>;

/// How deep a query may nest. What tools ask for to know the schema is 15 deep.
const DEPTH: usize = 20;
/// How many fields an answer may come to, at most.
const COMPLEXITY: usize = 50_000;

/// The schema.
#[must_use]
pub fn schema() -> Schema {
    Schema::build(Query::default(), EmptyMutation, EmptySubscription)
        .limit_depth(DEPTH)
        .limit_complexity(COMPLEXITY)
        .override_output_type_description::<ID>(
            "What something is known by: a prefix that says what it is, and a TypeID. A bare UUID is understood as well, \
             where it is known what it is of.",
        )
        .extension(cost::Charging)
        .finish()
}

/// The schema in its own language.
pub fn sdl() -> &'static str {
    static SDL: LazyLock<String> = LazyLock::new(|| {
        schema().sdl_with_options(
            SDLExportOptions::new().sorted_fields().sorted_arguments().prefer_single_line_descriptions(),
        )
    });
    &SDL
}
