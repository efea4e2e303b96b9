use super::*;
use crate::webhook::testing;

/// What schema version 1 makes of a message, byte for byte. This never changes.
const RECEIVED: &str = concat!(
    r#"{"type":"message.received","timestamp":"2026-07-01T10:00:05.000Z","data":{"#,
    r#""id":"msg_01j0000000e008000000000006","chat_id":"cht_01j0000000e008000000000005","#,
    r#""channel_id":"ins_01j0000000e008000000000003","channel_name":"user_id_001","#,
    r#""customer_id":"cus_01j0000000e008000000000004","#,
    r#""customer":{"name":"Bruno","phone":"5511999999999","lid":"123456789012345"},"#,
    r#""direction":"inbound","to":null,"from":"5511999999999","type":"text","#,
    r#""content":{"text":"Hey! How can I buy?"},"status":"delivered","status_reason":null,"#,
    r#""whatsapp_id":"3EB0C767D097B7C7C030","reply_to":null,"created_at":"2026-07-01T10:00:05.000Z","#,
    r#""sent_at":"2026-07-01T09:59:59.000Z","delivered_at":"2026-07-01T10:00:05.000Z","read_at":null,"#,
    r#""failed_at":null,"version":1,"erased":false},"sequence":2,"previous_sequence":1}"#,
);

#[test]
fn a_body_is_the_same_bytes_for_ever() {
    let body = body(&testing::received(), Numbering::nth(2), 1).unwrap();
    assert_eq!(body, RECEIVED);
}

#[test]
fn a_body_made_again_is_byte_equal() {
    let (first, again) = (testing::everything(), testing::everything());
    assert!(first.len() > 100);
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(body(first, Numbering::nth(7), 1), body(again, Numbering::nth(7), 1));
    }
}

#[test]
fn an_erased_body_says_so_and_holds_nothing_personal() {
    let log: Vec<_> = testing::incoming().iter().map(testing::erased).collect();
    let body = body(&testing::materials(&log).unwrap(), Numbering::nth(1), 1).unwrap();
    for personal in ["Bruno", "5511", "123456789012345", "How can I buy"] {
        assert!(!body.contains(personal), "{body}");
    }
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["data"]["erased"], true);
    assert_eq!(body["data"]["content"], serde_json::Value::Null);
    assert_eq!(body["data"]["type"], "text");
}

#[test]
fn there_is_no_body_in_a_version_that_there_is_not() {
    assert_eq!(body(&testing::received(), Numbering::nth(1), 0), None);
    assert_eq!(body(&testing::received(), Numbering::nth(1), 2), None);
}
