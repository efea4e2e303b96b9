//! Each trait of the engine's `Backend`, through a restart where that matters.

use std::sync::Arc;

use bytes::Bytes;
use interflow_whatsapp_web::store::KeyStore;
use wacore::appstate::hash::HashState;
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::traits::{
    AppStateSyncKey, AppSyncStore, Backend, DeviceInfo, DeviceListRecord, DeviceStore, LidPnMappingEntry,
    MsgSecretEntry, MsgSecretStore, PendingInboundKey, PendingInboundRow, ProtocolStore, SignalStore,
    TcTokenEntry,
};

use crate::support::{database, key, leased};

const ADDRESS: &str = "5511999990001:3@s.whatsapp.net";
const OTHER: &str = "5511999990002@s.whatsapp.net";

/// A store, and a way to open it again.
async fn store() -> (KeyStore, impl Fn() -> KeyStore) {
    let pool = database().await;
    let spec = leased(&pool).await;
    let again = move || KeyStore::new(pool.clone(), key(), spec);
    (again(), again)
}

fn is_backend(_: &impl Backend) {}

#[tokio::test]
async fn identities_and_ratchets_are_kept_and_found_by_their_user() {
    let (store, again) = store().await;
    is_backend(&store);
    assert_eq!(store.load_identity(ADDRESS).await.unwrap(), None);
    store.put_identity(ADDRESS, [1; 32]).await.unwrap();
    store.put_identities_batch(&[(OTHER.into(), [2; 32]), (ADDRESS.into(), [3; 32])]).await.unwrap();
    store.put_session(ADDRESS, b"old").await.unwrap();
    let batch: [(Arc<str>, Bytes); 3] = [
        (ADDRESS.into(), Bytes::from_static(b"twice")),
        (OTHER.into(), Bytes::from_static(b"other")),
        (ADDRESS.into(), Bytes::from_static(b"new")),
    ];
    store.put_sessions_batch(&batch).await.unwrap();
    let store = again();
    assert_eq!(store.load_identity(ADDRESS).await.unwrap(), Some([3; 32]));
    assert_eq!(store.get_session(ADDRESS).await.unwrap().unwrap(), "new", "the last of equal keys wins");
    assert!(store.has_session(OTHER).await.unwrap());
    for (user, known) in [("5511999990001", true), ("5511999990002", true), ("551199999000", false)] {
        assert_eq!(store.has_signal_state_for_user(user).await.unwrap(), known, "{user}");
    }
    store.delete_session(OTHER).await.unwrap();
    store.delete_identity(OTHER).await.unwrap();
    assert!(!store.has_session(OTHER).await.unwrap());
    assert!(!store.has_signal_state_for_user("5511999990002").await.unwrap());
}

#[tokio::test]
async fn a_pre_key_that_was_consumed_is_not_brought_back_by_marking_it_uploaded() {
    let (store, again) = store().await;
    let batch: Vec<_> = [1, 300, 2].map(|id: u32| (id, Bytes::from(id.to_string()))).into();
    store.store_prekeys_batch(&batch, false).await.unwrap();
    store.store_prekey(4, b"4", true).await.unwrap();
    store.remove_prekey(2).await.unwrap();
    store.mark_prekeys_uploaded(&[1, 2]).await.unwrap();
    let store = again();
    assert_eq!(store.load_prekey(2).await.unwrap(), None);
    assert_eq!(store.load_prekey(300).await.unwrap().unwrap(), "300");
    assert_eq!(store.get_max_prekey_id().await.unwrap(), 300);
    let mut loaded = store.load_prekeys_batch(&[1, 2, 300, 301]).await.unwrap();
    loaded.sort();
    assert_eq!(loaded, [(1, Bytes::from("1")), (300, Bytes::from("300"))]);
    store.store_signed_prekey(7, b"signed").await.unwrap();
    store.store_signed_prekey(8, b"newer").await.unwrap();
    store.remove_signed_prekey(7).await.unwrap();
    assert_eq!(store.load_all_signed_prekeys().await.unwrap(), [(8, b"newer".to_vec())]);
    assert_eq!(store.load_signed_prekey(7).await.unwrap(), None);
}

#[tokio::test]
async fn sender_keys_and_who_has_them_are_kept_by_group_and_by_device() {
    let (store, _) = store().await;
    store.put_sender_key("group:me", b"one").await.unwrap();
    store.put_sender_keys_batch(&[("group:me".into(), Bytes::from_static(b"two"))]).await.unwrap();
    assert_eq!(store.get_sender_key("group:me").await.unwrap().unwrap(), b"two");
    store.delete_sender_key("group:me").await.unwrap();
    assert_eq!(store.get_sender_key("group:me").await.unwrap(), None);

    store.set_sender_key_status("g1", &[("a", true), ("b", false)]).await.unwrap();
    store.set_sender_key_status("g1", &[("b", true)]).await.unwrap();
    store.set_sender_key_status("g2", &[("a", true)]).await.unwrap();
    let mut devices = store.get_sender_key_devices("g1").await.unwrap();
    devices.sort();
    assert_eq!(devices, [("a".to_owned(), true), ("b".to_owned(), true)]);
    store.delete_sender_key_device_rows(&["a"]).await.unwrap();
    assert_eq!(store.get_sender_key_devices("g1").await.unwrap(), [("b".to_owned(), true)]);
    assert!(store.get_sender_key_devices("g2").await.unwrap().is_empty());
    store.clear_sender_key_devices("g1").await.unwrap();
    assert!(store.get_sender_key_devices("g1").await.unwrap().is_empty());
    store.set_sender_key_status("g2", &[("c", true)]).await.unwrap();
    store.clear_all_sender_key_devices().await.unwrap();
    assert!(store.get_sender_key_devices("g2").await.unwrap().is_empty());
}

#[tokio::test]
async fn app_state_is_kept_by_collection_and_the_latest_key_is_known() {
    let (store, again) = store().await;
    assert_eq!(store.get_version("critical").await.unwrap().version, 0);
    let state = HashState { version: 9, hash: [5; 128], ..HashState::default() };
    store.set_version("critical", state).await.unwrap();
    assert_eq!(store.get_latest_sync_key_id().await.unwrap(), None);
    for id in [2_u8, 1] {
        let synced = AppStateSyncKey { key_data: vec![id], fingerprint: vec![], timestamp: 1 };
        store.set_sync_key(&[id], synced).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    let mac = |n: u8| AppStateMutationMAC { index_mac: vec![n; 32], value_mac: vec![n; 4] };
    store.put_mutation_macs("critical", 9, &[mac(1), mac(2), mac(3)]).await.unwrap();
    store.put_mutation_macs("regular", 1, &[mac(1)]).await.unwrap();
    let store = again();
    assert_eq!(store.get_version("critical").await.unwrap().hash, [5; 128]);
    assert_eq!(store.get_latest_sync_key_id().await.unwrap(), Some(vec![1]), "stored last");
    assert_eq!(store.get_sync_key(&[2]).await.unwrap().unwrap().key_data, [2]);
    store.delete_mutation_macs("critical", &[vec![2; 32]]).await.unwrap();
    let macs = store.get_mutation_macs("critical", &[[1; 32], [2; 32], [3; 32]]).await.unwrap();
    assert_eq!(macs.len(), 2);
    assert_eq!(macs[&[3; 32]], [3; 4]);
    store.clear_mutation_macs("critical").await.unwrap();
    assert_eq!(store.get_mutation_mac("critical", &[1; 32]).await.unwrap(), None);
    assert!(store.get_mutation_mac("regular", &[1; 32]).await.unwrap().is_some());
}

fn mapping(lid: &str, phone: &str, updated_at: i64) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: lid.into(),
        phone_number: phone.into(),
        created_at: 1,
        updated_at,
        learning_source: "usync".into(),
    }
}

#[tokio::test]
async fn of_two_lids_of_a_number_the_later_counts() {
    let (store, again) = store().await;
    store.put_lid_mapping(&mapping("L1", "551", 20)).await.unwrap();
    store.put_lid_mappings(&[mapping("L2", "551", 30), mapping("L3", "552", 10)]).await.unwrap();
    let store = again();
    assert_eq!(store.get_pn_mapping("551").await.unwrap().unwrap().lid, "L2");
    assert_eq!(store.get_lid_mapping("L1").await.unwrap().unwrap().phone_number, "551");
    store.put_lid_mapping(&mapping("L2", "553", 40)).await.unwrap();
    assert_eq!(
        store.get_pn_mapping("551").await.unwrap().unwrap().lid,
        "L1",
        "a LID that moved left its number"
    );
    assert_eq!(store.get_all_lid_mappings().await.unwrap().len(), 3);
    assert!(store.get_pn_mapping("559").await.unwrap().is_none());
}

#[tokio::test]
async fn device_lists_groups_and_base_keys_are_kept_and_deleted() {
    let (store, again) = store().await;
    let list = |user: &str, devices: u32| DeviceListRecord {
        user: user.into(),
        devices: (0..devices).map(|id| DeviceInfo::new(id, Some(id))).collect(),
        timestamp: 5,
        phash: None,
        raw_id: Some(1),
    };
    store.update_device_list(list("551", 1)).await.unwrap();
    store.update_device_lists(vec![list("551", 2), list("552", 3), list("551", 4)]).await.unwrap();
    store.put_group_metadata("g", b"info").await.unwrap();
    store.save_base_key(ADDRESS, "M1", b"base").await.unwrap();
    let store = again();
    assert_eq!(store.get_devices("551").await.unwrap().unwrap().devices.len(), 4);
    store.delete_devices("551").await.unwrap();
    assert!(store.get_devices("551").await.unwrap().is_none());
    assert_eq!(store.get_group_metadata("g").await.unwrap().unwrap(), b"info");
    store.delete_group_metadata("g").await.unwrap();
    assert!(store.get_group_metadata("g").await.unwrap().is_none());
    assert!(store.has_same_base_key(ADDRESS, "M1", b"base").await.unwrap());
    assert!(!store.has_same_base_key(ADDRESS, "M1", b"else").await.unwrap());
    store.delete_base_key(ADDRESS, "M1").await.unwrap();
    assert!(!store.has_same_base_key(ADDRESS, "M1", b"base").await.unwrap());
}

#[tokio::test]
async fn the_writers_of_privacy_tokens_never_undo_each_other() {
    let (store, _) = store().await;
    store.touch_tc_token_sender_timestamp("lid", 50).await.unwrap();
    store.store_received_tc_token("lid", b"first", 10).await.unwrap();
    store.store_received_tc_token("lid", b"older", 5).await.unwrap();
    store.touch_tc_token_sender_timestamp("lid", 40).await.unwrap();
    let token = store.get_tc_token("lid").await.unwrap().unwrap();
    assert_eq!(
        (token.token.as_slice(), token.token_timestamp, token.sender_timestamp),
        (&b"first"[..], 10, Some(50))
    );
    let gone = TcTokenEntry { token: b"t".to_vec(), token_timestamp: 3, sender_timestamp: None };
    store.put_tc_token("gone", &gone).await.unwrap();
    let mut jids = store.get_all_tc_token_jids().await.unwrap();
    jids.sort();
    assert_eq!(jids, ["gone", "lid"]);
    assert_eq!(store.delete_expired_tc_tokens(20, 45).await.unwrap(), 1, "the sender's time keeps the other");
    assert_eq!(store.delete_expired_tc_tokens(20, 51).await.unwrap(), 1);
    store.put_tc_token("gone", &gone).await.unwrap();
    store.delete_tc_token("gone").await.unwrap();
    assert!(store.get_tc_token("gone").await.unwrap().is_none());
}

#[tokio::test]
async fn a_sent_message_is_taken_once_and_old_ones_are_swept() {
    let (store, again) = store().await;
    store.store_sent_message(OTHER, "M1", b"payload").await.unwrap();
    store.store_sent_message(OTHER, "M2", b"payload").await.unwrap();
    let store = again();
    assert_eq!(store.take_sent_message(OTHER, "M1").await.unwrap().unwrap(), b"payload");
    assert_eq!(store.take_sent_message(OTHER, "M1").await.unwrap(), None);
    let now = wacore::time::now_secs();
    assert_eq!(store.delete_expired_sent_messages(now - 60).await.unwrap(), 0);
    assert_eq!(store.delete_expired_sent_messages(now + 60).await.unwrap(), 1);
}

#[tokio::test]
async fn pending_inbound_messages_are_told_apart_by_chat_sender_and_id() {
    let (store, again) = store().await;
    let row = |chat, id| PendingInboundRow { chat, sender: OTHER, id, message: b"decrypted" };
    store.store_pending_inbound_batch(&[row("c1", "M1"), row("c1", "M2"), row("c2", "M1")]).await.unwrap();
    store.store_pending_inbound("c3", OTHER, "M1", b"single").await.unwrap();
    let store = again();
    store
        .delete_pending_inbound_batch(&[PendingInboundKey { chat: "c1", sender: OTHER, id: "M1" }])
        .await
        .unwrap();
    assert_eq!(store.get_pending_inbound("c1", OTHER, "M1").await.unwrap(), None);
    let nobody_knows = "one that this process was not done with must not be acknowledged";
    assert!(again().get_pending_inbound("c1", OTHER, "M1").await.is_err(), "{nobody_knows}");
    assert_eq!(store.get_pending_inbound("c2", OTHER, "M1").await.unwrap().unwrap(), b"decrypted");
    assert_eq!(store.get_pending_inbound("c3", OTHER, "M1").await.unwrap().unwrap(), b"single");
    store.delete_pending_inbound("c3", OTHER, "M1").await.unwrap();
    assert_eq!(store.delete_expired_pending_inbound(wacore::time::now_secs() + 60).await.unwrap(), 2);
}

#[tokio::test]
async fn the_deadline_of_a_message_secret_is_never_shortened() {
    let (store, _) = store().await;
    let entry = |id: &str, secret: u8, expires_at: i64, message_ts: i64| MsgSecretEntry {
        chat: "c".into(),
        sender: "s".into(),
        msg_id: id.into(),
        secret: [secret; 32],
        expires_at,
        message_ts,
    };
    assert_eq!(store.put_msg_secrets(vec![entry("A", 1, 100, 10), entry("B", 1, 50, 5)]).await.unwrap(), 2);
    store.put_msg_secrets(vec![entry("A", 2, 80, 0)]).await.unwrap();
    assert_eq!(store.get_msg_secret_with_ts("c", "s", "A").await.unwrap(), Some((vec![2; 32], 10)));
    store.put_msg_secret("c", "s", "B", &[3; 32]).await.unwrap();
    assert_eq!(store.delete_expired_msg_secrets(90).await.unwrap(), 0, "A runs to 100, B for ever");
    assert_eq!(store.delete_expired_msg_secrets(100).await.unwrap(), 1);
    assert_eq!(store.get_msg_secret("c", "s", "B").await.unwrap().unwrap(), [3; 32]);
}

#[tokio::test]
async fn the_device_survives_a_restart_with_all_its_keys() {
    let (store, again) = store().await;
    assert!(!store.exists().await.unwrap() && store.load().await.unwrap().is_none());
    store.create().await.unwrap();
    let mut device = store.load().await.unwrap().unwrap();
    device.pn = Some("5511999990001:2@s.whatsapp.net".parse().unwrap());
    device.push_name = "Bakery".into();
    device.account = Some(Arc::default());
    store.save(&device).await.unwrap();
    let loaded = again().load().await.unwrap().unwrap();
    assert_eq!(loaded.pn.as_ref().map(|jid| jid.device), Some(2));
    assert_eq!(loaded.push_name, "Bakery");
    assert_eq!(loaded.noise_key.private_key.serialize(), device.noise_key.private_key.serialize());
    assert_eq!(loaded.adv_secret_key, device.adv_secret_key);
    assert!(loaded.account.is_some() && loaded.device_props.os.is_some());
}
