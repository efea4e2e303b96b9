//! What happens, told as it does: to listeners that begin in the past, break off, are slow, lose their key; of several
//! workspaces, by several processes.

mod access;
mod bench;
mod feed;
mod graphql;
mod resuming;
mod signals;
mod sse;

use std::time::Duration;

use interflow_application::{Context, Core, CreateCustomer};
use serde_json::json;

use crate::support::api::Api;

/// How many events are followed; `INTERFLOW_TEST_EVENTS` changes it.
fn many() -> u64 {
    std::env::var("INTERFLOW_TEST_EVENTS").ok().map_or(2_000, |count| count.parse().unwrap())
}

/// Makes so many customers, an event each, some at once.
async fn customers(core: &Core, context: &Context, count: u64) {
    use futures::{StreamExt as _, stream};

    stream::iter(0..count)
        .for_each_concurrent(32, |number| async move {
            let email = format!("{}@example.com", uuid::Uuid::new_v4().simple());
            let profile = interflow_domain::customer::ProfileDraft {
                name: Some(format!("Customer {number}").parse().unwrap()),
                email: Some(email.parse().unwrap()),
                ..Default::default()
            };
            core.run(context, &CreateCustomer { profile }).await.unwrap();
        })
        .await;
}

/// One customer more, over the API.
async fn customer(api: &Api) -> String {
    let email = format!("{}@example.com", uuid::Uuid::new_v4().simple());
    let made = api.post("/v1/customers", json!({"email": email})).await.expect(201);
    made["data"]["id"].as_str().unwrap().to_owned()
}

/// A moment, so that what must not come has the time to.
async fn moment() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}
