use axum::body::to_bytes;
use axum::response::IntoResponse;
use interflow_domain::{DisplayName, MessageText, PhoneNumber, Tag};
use serde_json::json;

use super::*;

#[derive(Debug, PartialEq)]
struct Letter {
    to: PhoneNumber,
    name: Option<DisplayName>,
    tags: Option<Vec<Tag>>,
    attributes: Option<Map<String, Value>>,
    text: MessageText,
}

impl FromForm for Letter {
    fn from_form(form: &mut Form) -> Option<Self> {
        let to = form.required("to");
        let name = form.optional("name");
        let tags = form.texts("tags");
        let attributes = form.object("attributes");
        let text = form.nested("content", |content| content.required("text"));
        Some(Self { to: to?, name: name?, tags: tags?, attributes: attributes?, text: text? })
    }
}

fn read(value: Value) -> Result<Letter, ApiError> {
    Form::read(value.as_object().unwrap().clone())
}

async fn refusal(value: Value) -> Value {
    let response = read(value).unwrap_err().into_response();
    serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
}

#[test]
fn what_is_there_is_read_and_null_is_absent() {
    let letter =
        read(json!({"to": "+55 11 99999-9999", "name": null, "tags": ["a"], "content": {"text": "hi"}}));
    let letter = letter.unwrap();
    assert_eq!(letter.to.as_str(), "5511999999999");
    assert_eq!((letter.name, letter.attributes), (None, None));
    assert_eq!(letter.tags.unwrap().len(), 1);
}

#[tokio::test]
async fn every_wrong_missing_and_unknown_field_is_listed() {
    let answer = refusal(json!({
        "to": "12ab", "name": 7, "tags": ["ok", "", 3], "attributes": {"a": ["\u{0}"]},
        "content": {"txt": "hi"}, "colour": "red"
    }))
    .await;
    let details = answer["error"]["details"].as_array().unwrap();
    let fields: Vec<_> = details.iter().map(|detail| detail["field"].as_str().unwrap()).collect();
    assert_eq!(
        fields,
        ["to", "name", "tags[1]", "tags[2]", "attributes", "content.text", "content.txt", "colour"]
    );
    assert_eq!(details[5]["message"], "Required field");
    assert_eq!(details[6]["message"], "Unknown field");
    assert_eq!(
        answer["error"]["message"],
        "The 'to' field must be the full number with country code: 7 to 15 digits, for example 5511999999999"
    );
}

#[tokio::test]
async fn a_missing_field_reads_as_the_reference_prints_it() {
    let answer = refusal(json!({"content": {"text": "hi"}})).await;
    assert_eq!(answer["error"]["message"], "The 'to' field is required");
    assert_eq!(answer["error"]["details"], json!([{"field": "to", "message": "Required field"}]));
}

#[test]
fn a_change_tells_absent_from_null() {
    let mut form = Form::new(json!({"name": null, "phone": "5511999999999"}).as_object().unwrap().clone());
    assert_eq!(form.change::<DisplayName>("name"), Some(Some(None)));
    assert_eq!(form.change::<DisplayName>("email"), Some(None));
    assert_eq!(form.change("phone"), Some(Some(Some("5511999999999".parse::<PhoneNumber>().unwrap()))));
}
