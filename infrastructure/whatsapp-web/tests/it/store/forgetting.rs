//! What is deleted by a person's traces: all that is about the person, and nothing about anybody else.

use std::sync::Arc;

use bytes::Bytes;
use interflow_application::whatsapp::SessionSpec;
use interflow_whatsapp_web::store::{KeyStore, traces};
use sqlx::PgPool;
use wacore::store::traits::{
    DeviceInfo, DeviceListRecord, LidPnMappingEntry, MsgSecretEntry, MsgSecretStore, ProtocolStore,
    SignalStore, TcTokenEntry,
};

use crate::support::{database, key, leased, rows};

const ANA: (&str, &str) = ("5511999990001", "111111111111111");
const BIA: (&str, &str) = ("5511999990002", "222222222222222");
const GROUP: &str = "120363000000000000@g.us";

/// One of everything about a person.
async fn know(store: &KeyStore, (phone, lid): (&str, &str)) {
    for address in [format!("{phone}:3@s.whatsapp.net"), format!("{lid}@lid"), format!("{lid}:7@lid.0")] {
        store.put_identity(&address, [1; 32]).await.unwrap();
        store.put_session(&address, b"ratchet").await.unwrap();
        store.put_sender_key(&format!("{GROUP}:{address}"), b"sender key").await.unwrap();
        let batch: [(Arc<str>, Bytes); 1] =
            [(format!("status@broadcast:{address}").into(), Bytes::from_static(b"k"))];
        store.put_sender_keys_batch(&batch).await.unwrap();
        store.set_sender_key_status(GROUP, &[(address.trim_end_matches(".0"), true)]).await.unwrap();
        store.save_base_key(&address, "M1", b"base").await.unwrap();
    }
    let mapping = LidPnMappingEntry {
        lid: lid.into(),
        phone_number: phone.into(),
        created_at: 1,
        updated_at: 2,
        learning_source: "usync".into(),
    };
    store.put_lid_mapping(&mapping).await.unwrap();
    for user in [phone, lid] {
        let devices = vec![DeviceInfo::new(0, Some(0))];
        let user = user.into();
        let list = DeviceListRecord { user, devices, timestamp: 5, phash: None, raw_id: Some(1) };
        store.update_device_list(list).await.unwrap();
    }
    let token = TcTokenEntry { token: b"t".to_vec(), token_timestamp: 3, sender_timestamp: None };
    for jid in [phone.to_owned(), format!("{lid}@lid")] {
        store.put_tc_token(&jid, &token).await.unwrap();
        store.store_sent_message(&jid, "M2", b"what was sent").await.unwrap();
        store.store_pending_inbound(&jid, &jid, "M3", b"what came").await.unwrap();
        let secret = MsgSecretEntry {
            chat: jid.as_str().into(),
            sender: jid.as_str().into(),
            msg_id: "M4".into(),
            secret: [9; 32],
            expires_at: 0,
            message_ts: 1,
        };
        store.put_msg_secrets(vec![secret]).await.unwrap();
    }
}

async fn forget(pool: &PgPool, spec: SessionSpec, (phone, lid): (&str, &str)) -> u64 {
    let traces = traces(&key().into(), spec.workspace, spec.instance, &[phone.to_owned(), lid.to_owned()]);
    let sql = "DELETE FROM wa_keys WHERE workspace_id = $1 AND instance_id = $2 \
         AND (scope = ANY($3) OR key = ANY($3) OR substring(key FROM 17) = ANY($3))";
    let query = sqlx::query(sql).bind(spec.workspace.uuid()).bind(spec.instance.uuid()).bind(traces);
    query.execute(pool).await.unwrap().rows_affected()
}

#[tokio::test]
async fn all_that_is_about_a_person_is_found_and_nothing_about_another() {
    let pool = database().await;
    let (spec, other) = (leased(&pool).await, leased(&pool).await);
    let store = KeyStore::new(pool.clone(), key(), spec);
    know(&store, ANA).await;
    let of_ana = rows(&pool).await;
    know(&store, BIA).await;
    // What is nobody's: pre-keys, and what is known of a group.
    store.store_prekey(1, b"pre-key", true).await.unwrap();
    store.put_group_metadata(GROUP, b"info").await.unwrap();
    know(&KeyStore::new(pool.clone(), key(), other), ANA).await;

    assert_eq!(forget(&pool, spec, ANA).await, of_ana.unsigned_abs());
    assert_eq!(rows(&pool).await, 2 * of_ana + 2, "Bia's, nobody's, and Ana's at the other instance");
    assert_eq!(forget(&pool, spec, ANA).await, 0);
    assert!(!store.has_signal_state_for_user(ANA.0).await.unwrap());
    assert!(store.has_signal_state_for_user(BIA.0).await.unwrap());
    assert!(store.get_lid_mapping(BIA.1).await.unwrap().is_some());
    assert!(store.load_prekey(1).await.unwrap().is_some());
}
