use axum::body::to_bytes;
use interflow_domain::customer::CustomerError;
use interflow_domain::instance::InstanceError;
use interflow_domain::workspace::WorkspaceError;

use super::*;

async fn printed(error: impl Into<ApiError>) -> String {
    let response = error.into().into_response();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    format!("{status} {}", String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn the_catalogue_of_codes_is_the_documented_one() {
    let table: Vec<_> =
        Code::ALL.iter().map(|code| format!("{} {}", code.status().as_u16(), code.name())).collect();
    insta::assert_snapshot!(table.join("\n"), @r"
    400 INVALID_JSON
    401 UNAUTHORIZED
    403 FORBIDDEN
    403 WORKSPACE_SUSPENDED
    404 NOT_FOUND
    405 METHOD_NOT_ALLOWED
    408 REQUEST_TIMEOUT
    409 CONFLICT
    409 CHANNEL_NOT_CONNECTED
    409 IDEMPOTENCY_IN_FLIGHT
    412 PRECONDITION_FAILED
    413 PAYLOAD_TOO_LARGE
    414 URI_TOO_LONG
    415 UNSUPPORTED_MEDIA_TYPE
    422 VALIDATION_ERROR
    422 NUMBER_NOT_ON_WHATSAPP
    422 IDEMPOTENCY_KEY_REUSED
    429 RATE_LIMITED
    431 HEADERS_TOO_LARGE
    500 INTERNAL
    503 UNAVAILABLE
    ");
}

#[tokio::test]
async fn a_customer_with_neither_is_the_reference_s_own_example() {
    let answer = printed(app::Error::from(CustomerError::NoIdentity)).await;
    insta::assert_snapshot!(answer, @r#"422 {"success":false,"error":{"code":"VALIDATION_ERROR","message":"The 'email' field is required","details":[{"field":"email","message":"Required field"}]}}"#);
}

#[tokio::test]
async fn every_refusal_of_a_use_case_has_its_answer() {
    let refusals: Vec<ApiError> = vec![
        app::Error::field("to", "must be a number").into(),
        app::Error::NotFound(Resource::Chat).into(),
        app::Error::from(InstanceError::Deleted).into(),
        app::Error::from(InstanceError::NotLinked).into(),
        app::Error::from(WorkspaceError::NoScopes).into(),
        app::Error::Conflict("another customer has this phone".to_owned()).into(),
        app::Error::PreconditionFailed { current: 7 }.into(),
        app::Error::ChannelNotConnected.into(),
        app::Error::NumberNotOnWhatsApp.into(),
        app::Error::Unavailable("the server cannot reach its database right now".to_owned()).into(),
        app::Error::Internal("row 17 of ana@example.com is odd".to_owned()).into(),
    ];
    let mut lines = vec![];
    for refusal in refusals {
        lines.push(printed(refusal).await);
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn an_internal_error_keeps_its_cause_for_the_log() {
    let error = ApiError::internal("the disk is on fire");
    assert!(!printed(error.clone()).await.contains("disk"));
    let response = error.into_response();
    assert_eq!(response.extensions().get::<Failure>().unwrap().cause.as_deref(), Some("the disk is on fire"));
}
