//! What the database holds tells nothing, and a value is good in its place alone.

use interflow_vault::SealingKey;
use interflow_whatsapp_web::store::KeyStore;
use wacore::store::traits::{LidPnMappingEntry, ProtocolStore, SignalStore};

use crate::support::{database, key, leased};

const PHONE: &str = "5511999990001";

#[tokio::test]
async fn a_sealed_value_copied_to_another_row_does_not_open() {
    let pool = database().await;
    let (spec, other) = (leased(&pool).await, leased(&pool).await);
    let store = KeyStore::new(pool.clone(), key(), spec);
    store.put_session("a@lid", b"alpha").await.unwrap();
    store.put_session("b@lid", b"beta").await.unwrap();
    KeyStore::new(pool.clone(), key(), other).put_session("a@lid", b"elsewhere").await.unwrap();
    // Every row of the first instance gets the value of its other row, and then that of the other instance.
    for source in ["o.instance_id = w.instance_id AND o.key <> w.key", "o.instance_id <> w.instance_id"] {
        let copy = format!(
            "UPDATE wa_keys w SET value = o.value FROM wa_keys o WHERE {source} AND w.instance_id = $1"
        );
        sqlx::query(&copy).bind(spec.instance.uuid()).execute(&pool).await.unwrap();
        assert!(store.get_session("a@lid").await.is_err());
        assert!(store.get_session("b@lid").await.is_err());
    }
}

#[tokio::test]
async fn another_key_opens_and_finds_nothing() {
    let pool = database().await;
    let spec = leased(&pool).await;
    KeyStore::new(pool.clone(), key(), spec).put_session("a@lid", b"alpha").await.unwrap();
    let stranger = KeyStore::new(pool.clone(), SealingKey::new([8; 32]), spec);
    assert_eq!(stranger.get_session("a@lid").await.unwrap(), None);
}

#[tokio::test]
async fn neither_numbers_nor_contents_are_in_the_database_in_clear() {
    let pool = database().await;
    let spec = leased(&pool).await;
    let store = KeyStore::new(pool.clone(), key(), spec);
    let address = format!("{PHONE}@s.whatsapp.net");
    store.put_session(&address, b"a ratchet in clear").await.unwrap();
    store.store_sent_message(&address, "3EB0CLEAR", b"a message in clear").await.unwrap();
    let mapping = LidPnMappingEntry {
        lid: "100000012345678".into(),
        phone_number: PHONE.into(),
        created_at: 1,
        updated_at: 1,
        learning_source: "usync".into(),
    };
    store.put_lid_mapping(&mapping).await.unwrap();
    let rows: Vec<Vec<u8>> = sqlx::query_scalar("SELECT key || coalesce(scope, '') || value FROM wa_keys")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let all = String::from_utf8_lossy(&row).into_owned();
        for clear in [PHONE, "100000012345678", "3EB0CLEAR", "in clear"] {
            assert!(!all.contains(clear), "{clear}");
        }
    }
}

#[tokio::test]
async fn the_same_contact_looks_different_in_two_instances() {
    let pool = database().await;
    for spec in [leased(&pool).await, leased(&pool).await] {
        KeyStore::new(pool.clone(), key(), spec).put_session("a@lid", b"alpha").await.unwrap();
    }
    let distinct: i64 =
        sqlx::query_scalar("SELECT count(DISTINCT key) FROM wa_keys").fetch_one(&pool).await.unwrap();
    assert_eq!(distinct, 2);
}
