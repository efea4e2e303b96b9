//! Who lost the lease writes nothing, also when it is lost in the middle.

use interflow_application::whatsapp::{Engine, EngineError, SessionSpec};
use interflow_whatsapp_web::store::KeyStore;
use interflow_whatsapp_web::{Settings, WhatsAppWeb};
use wacore::store::traits::{DeviceStore, ProtocolStore, SignalStore};

use crate::support::{database, key, leased, rows, set_epoch};

#[tokio::test]
async fn a_lost_epoch_writes_and_deletes_nothing_and_stays_shut() {
    let pool = database().await;
    let spec = leased(&pool).await;
    let store = KeyStore::new(pool.clone(), key(), spec);
    store.put_identity("a@lid", [1; 32]).await.unwrap();
    store.store_sent_message("c", "m", b"p").await.unwrap();
    set_epoch(&pool, spec, 2).await;
    assert!(store.put_identity("a@lid", [2; 32]).await.is_err());
    assert!(store.put_session("a@lid", b"ratchet").await.is_err());
    assert!(store.delete_identity("a@lid").await.is_err());
    assert!(store.take_sent_message("c", "m").await.is_err());
    assert_eq!(store.load_identity("a@lid").await.unwrap(), Some([1; 32]), "reading is harmless");
    assert_eq!(rows(&pool).await, 2);
    set_epoch(&pool, spec, 1).await;
    assert!(store.put_identity("b@lid", [2; 32]).await.is_err(), "what was fenced does not come back");
    let successor = KeyStore::new(pool.clone(), key(), spec);
    successor.put_identity("b@lid", [2; 32]).await.unwrap();
}

#[tokio::test]
async fn without_a_lease_there_is_no_device_and_no_session() {
    let pool = database().await;
    let spec = SessionSpec { epoch: 7, ..leased(&pool).await };
    assert!(KeyStore::new(pool.clone(), key(), spec).create().await.is_err());
    assert_eq!(rows(&pool).await, 0);
    let engine = WhatsAppWeb::new(Settings::new(pool.clone(), key()).at("ws://127.0.0.1:9/ws/chat"));
    assert_eq!(engine.forget(spec).await, Err(EngineError::Fenced));
}

#[tokio::test]
async fn a_write_waits_for_a_takeover_under_way_and_is_then_refused() {
    let pool = database().await;
    let spec = leased(&pool).await;
    let mut takeover = pool.begin().await.unwrap();
    sqlx::query("UPDATE leases SET epoch = 2 WHERE instance_id = $1")
        .bind(spec.instance.uuid())
        .execute(&mut *takeover)
        .await
        .unwrap();
    let store = KeyStore::new(pool.clone(), key(), spec);
    let write = tokio::spawn(async move { store.put_identity("a@lid", [1; 32]).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!write.is_finished(), "the write must wait for the takeover's commit");
    takeover.commit().await.unwrap();
    assert!(write.await.unwrap().is_err());
    assert_eq!(rows(&pool).await, 0);
}

#[tokio::test]
async fn forgetting_deletes_the_keys_of_one_instance() {
    let pool = database().await;
    let (spec, other) = (leased(&pool).await, leased(&pool).await);
    for spec in [spec, other] {
        let store = KeyStore::new(pool.clone(), key(), spec);
        store.create().await.unwrap();
        store.put_session("a@lid", b"ratchet").await.unwrap();
    }
    let engine = WhatsAppWeb::new(Settings::new(pool.clone(), key()));
    engine.forget(spec).await.unwrap();
    assert_eq!(rows(&pool).await, 2);
    assert!(KeyStore::new(pool.clone(), key(), other).exists().await.unwrap());
}

#[tokio::test]
async fn after_a_write_that_failed_nothing_is_written_any_more() {
    let pool = database().await;
    let spec = leased(&pool).await;
    let store = KeyStore::new(pool.clone(), key(), spec);
    store.put_session("a@lid", b"before").await.unwrap();
    sqlx::query("ALTER TABLE wa_keys RENAME TO away").execute(&pool).await.unwrap();
    assert!(store.put_session("a@lid", b"lost").await.is_err());
    sqlx::query("ALTER TABLE away RENAME TO wa_keys").execute(&pool).await.unwrap();
    assert!(store.put_session("b@lid", b"too late").await.is_err());
    let store = KeyStore::new(pool.clone(), key(), spec);
    assert_eq!(store.get_session("a@lid").await.unwrap().unwrap(), "before");
    assert!(!store.has_session("b@lid").await.unwrap());
}
