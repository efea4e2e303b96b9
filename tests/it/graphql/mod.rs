//! GraphQL: the real server on a real database, over real HTTP.

mod batching;
mod changes;
mod costs;
mod errors;
mod guide;
mod hostile;
mod lists;
mod once;
mod page;
mod past;
mod persisted;
mod reading;
mod schema;
mod seen;
mod telling;
pub mod walk;

use serde_json::{Value, json};

use crate::support::api::{Answer, Api};

impl Api {
    /// Asks for what a query says.
    pub async fn ask(&self, query: &str, variables: Value) -> Answer {
        self.post("/graphql", json!({"query": query, "variables": variables})).await
    }

    /// What a query is answered with, when nothing of it went wrong.
    #[track_caller]
    pub fn asked(&self, query: &str) -> impl Future<Output = Value> {
        self.asked_with(query, json!({}))
    }

    /// The same, with variables.
    pub async fn asked_with(&self, query: &str, variables: Value) -> Value {
        let answer = self.ask(query, variables).await;
        assert!(answer.body.get("errors").is_none(), "{query}: {}", answer.text);
        answer.expect(200)["data"].clone()
    }
}

impl Answer {
    /// The errors' codes, where they are of the documented form.
    pub fn codes(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no errors: {}", self.text));
        errors
            .iter()
            .map(|error| {
                assert!(
                    error["message"].as_str().is_some_and(|message| !message.is_empty()),
                    "{}",
                    self.text
                );
                for detail in error["extensions"]["details"].as_array().into_iter().flatten() {
                    assert!(detail["field"].is_string() && detail["message"].is_string(), "{}", self.text);
                }
                error["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code: {}", self.text))
            })
            .collect()
    }
}

/// The customer, chat and message ids of a message that was sent.
pub fn ids(sent: &Value) -> [&str; 3] {
    ["customer_id", "chat_id", "id"].map(|name| sent["data"][name].as_str().unwrap())
}
