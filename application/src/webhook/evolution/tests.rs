use serde_json::{Value, json};

use super::*;
use crate::webhook::testing;

const DESTINATION: &str = "http://localhost:3000/webhook/evolution";

fn told(materials: &Materials) -> Value {
    serde_json::from_str(&body(materials, DESTINATION, "http://localhost:8080", 1).unwrap()).unwrap()
}

/// Whether all of an example is in a body.
fn assert_subset(example: &Value, body: &Value) {
    match example {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| assert_subset(value, &body[name])),
        plain => assert_eq!(plain, body),
    }
}

#[test]
fn the_references_example_is_a_subset_of_what_arrives() {
    let example = json!({
        "event": "messages.upsert",
        "instance": "user_id_001",
        "data": { "message": { "conversation": "Hey! How can I buy?" } },
    });
    assert_subset(&example, &told(&testing::received()));
}

#[test]
fn a_message_that_comes_in_has_exactly_evolutions_fields() {
    assert_eq!(
        told(&testing::received()),
        json!({
            "event": "messages.upsert",
            "instance": "user_id_001",
            "data": {
                "key": {
                    "remoteJid": "5511999999999@s.whatsapp.net",
                    "fromMe": false,
                    "id": "3EB0C767D097B7C7C030",
                    "remoteJidAlt": "123456789012345@lid",
                    "addressingMode": "pn",
                },
                "pushName": "Bruno",
                "status": "DELIVERY_ACK",
                "message": { "conversation": "Hey! How can I buy?" },
                "contextInfo": null,
                "messageType": "conversation",
                "messageTimestamp": 1_782_899_999,
                "instanceId": testing::received().channel.unwrap().id,
                "source": "unknown",
            },
            "destination": DESTINATION,
            "date_time": "2026-07-01T10:00:05.000Z",
            "sender": "5511988887777@s.whatsapp.net",
            "server_url": "http://localhost:8080",
            "apikey": null,
        })
    );
}

#[test]
fn every_event_is_told_under_a_name_of_that_server_or_not_at_all() {
    let mut told_as = std::collections::BTreeSet::new();
    for materials in testing::everything() {
        let public = EvolutionType::of(&materials.recorded.event);
        let body = body(&materials, DESTINATION, "", 1);
        assert_eq!(body.is_some(), public.is_some(), "{}", materials.recorded.event.event_type());
        let Some(body) = body else { continue };
        let body: Value = serde_json::from_str(&body).unwrap();
        let name = body["event"].as_str().unwrap().to_owned();
        assert!(EvolutionType::WIRE_NAMES.contains(&name.as_str()), "{name}");
        let fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        for field in
            ["event", "instance", "data", "destination", "date_time", "sender", "server_url", "apikey"]
        {
            assert!(fields.contains(&field), "{field}");
        }
        assert_eq!(fields.len(), 8);
        told_as.insert(name);
    }
    assert_eq!(told_as.len(), 12, "{told_as:?}");
}

#[test]
fn an_erased_body_says_so_and_holds_nothing_personal() {
    let log: Vec<_> = testing::incoming().iter().map(testing::erased).collect();
    let body = told(&testing::materials(&log).unwrap());
    assert_eq!(body["data"]["erased"], true);
    assert_eq!(body["data"]["message"], json!({}));
    for personal in ["Bruno", "5511", "123456789012345", "How can I buy"] {
        assert!(!body.to_string().contains(personal), "{body}");
    }
}

#[test]
fn a_customer_known_by_its_lid_alone_is_addressed_by_it() {
    let mut materials = testing::received();
    if let Some(customer) = &mut materials.customer {
        customer.phone = Known::Absent;
    }
    if let Subject::Message(own) = &mut materials.subject {
        own.phone = Known::Absent;
    }
    let key = told(&materials)["data"]["key"].clone();
    assert_eq!(key["remoteJid"], "123456789012345@lid");
    assert_eq!(key["addressingMode"], "lid");
    assert_eq!(key.get("remoteJidAlt"), None);
}
