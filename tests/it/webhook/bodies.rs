//! Bodies are made of the log each time, so they show what it shows: also that something was erased.

use interflow_application::webhook::ReplayFrom;
use sqlx::Executor as _;

use super::Build;
use crate::support::receiver::Receiver;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_not_told_again_and_the_body_says_so() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let id = node.endpoint(&receiver.url).await;
    node.customers(1).await;
    node.until_idle(id).await;
    let first = receiver.received()[0].json();
    assert!(first["data"]["email"].is_string() && first["data"]["erased"] == false);

    let erase =
        "UPDATE data_keys SET wrapped = NULL, destroyed_at = clock_timestamp() WHERE subject LIKE '%cus_%'";
    let erased = node.database.pool.execute(erase).await.unwrap().rows_affected();
    assert_eq!(erased, 1);
    node.database.pool.execute("UPDATE heads SET erasures = erasures + 1").await.unwrap();
    // What a process remembers of keys is another's business: this one begins anew.
    node.dispatcher.stop().await;
    let next = Build::on(std::sync::Arc::clone(&node.database)).node(node.context.workspace).started().await;
    next.dispatcher.replay(&next.context, id, ReplayFrom::Position(1), None).await.unwrap();
    let received = receiver.until(|received| received.len() == 2).await;
    let again = received[1].json();
    assert!(again["data"]["email"].is_null() && again["data"]["erased"] == true);
    assert_eq!((received[1].id(), &again["sequence"]), (received[0].id(), &first["sequence"]));
}
