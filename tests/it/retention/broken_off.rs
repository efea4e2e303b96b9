//! A server dies while it forgets: what was done is whole, and the next goes on.

use std::sync::Arc;
use std::time::Duration;

use interflow_infrastructure::event_log::{Settings, Step};
use interflow_infrastructure::projections::Projections;
use interflow_infrastructure::retention::PgRetention;
use tokio::sync::Notify;

use super::{MovedClock, Shop};
use crate::faults::trap::Trap;
use crate::projections::verified;
use crate::webhook::Build;

const CUSTOMERS: usize = 7;

/// How many data keys of contents are destroyed, and how many messages show nothing.
async fn gone(shop: &Shop) -> (i64, i64) {
    let sql = "SELECT (SELECT count(*) FROM data_keys WHERE workspace_id = $1 AND subject LIKE '%/messages' \
             AND destroyed_at IS NOT NULL), \
         (SELECT count(*) FROM messages WHERE workspace_id = $1 AND content IS NULL)";
    sqlx::query_as(sql).bind(shop.context().workspace.uuid()).fetch_one(shop.pool()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_broke_off_is_done_by_the_next_and_certified_once() {
    for nth in [1, 3] {
        let clock = MovedClock::at("2026-01-10T10:00:00Z");
        let shop = Shop::open(Build::new().await, &clock, "shop").await;
        shop.keep(Some(1)).await;
        shop.send_to_many(CUSTOMERS, "one").await;
        shop.send_to_many(CUSTOMERS, "two").await;
        clock.put("2026-06-01T00:00:00Z");

        let reached = Arc::new(Notify::new());
        let reaches = Arc::clone(&reached);
        let trap = Trap::at(Step::AfterInsert, nth, move || {
            reaches.notify_one();
            std::future::pending()
        });
        let dying = shop.another_log(trap.settings()).await;
        let retention = PgRetention::new(dying, Arc::clone(&shop.core().clock)).in_parts_of(2);
        let keeper = shop.keeper(retention);
        let sweep = tokio::spawn(async move { keeper.sweep().await });
        tokio::time::timeout(Duration::from_secs(60), reached.notified()).await.unwrap();
        // Its transaction goes with it.
        sweep.abort();
        assert!(sweep.await.unwrap_err().is_cancelled());
        let parts = shop.certificates().await;
        let (keys, messages) = gone(&shop).await;
        assert!((keys as usize) < CUSTOMERS, "{nth}: it died on its way");
        assert_eq!(parts.iter().fold((0, 0), |(k, m), part| (k + part.0, m + part.1)), (keys, messages));

        let other = shop.another_log(Settings::default()).await;
        let next = PgRetention::new(other.clone(), Arc::clone(&shop.core().clock)).in_parts_of(2);
        // Two at once take turns.
        let keepers = [shop.keeper(next.clone()), shop.keeper(next)];
        let swept = futures::future::join_all(keepers.iter().map(|keeper| keeper.sweep())).await;
        let swept = swept.into_iter().map(|swept| swept.unwrap().data_keys).sum::<u64>();
        assert_eq!(swept as usize + keys as usize, CUSTOMERS);
        let all = (CUSTOMERS as i64, 2 * CUSTOMERS as i64);
        let certified = shop.certificates().await;
        assert_eq!(certified.iter().fold((0, 0), |(k, m), part| (k + part.0, m + part.1)), all);
        assert_eq!(gone(&shop).await, all);
        assert_eq!(verified(&Projections::new(&other), shop.context().workspace).await.1, []);
        other.close().await;
    }
}
