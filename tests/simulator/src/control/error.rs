//! Refusals of the control face: one place decides status and code.
//!
//! Every refusal has the body `{"error": {"code": "…", "message": "…"}}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use thiserror::Error;

use crate::delivery::LetterError;
use crate::error::PhoneError;
use crate::pairing::ScanError;

/// Why a call was refused.
#[derive(Debug, Error)]
pub(crate) enum ControlError {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error(transparent)]
    Letter(#[from] LetterError),
    #[error("a phone number has 7 to 15 digits")]
    NotANumber,
    #[error("the account {0} has no linked device")]
    NothingLinked(String),
    #[error("the body cannot be read: {0}")]
    BadBody(String),
    #[error("there is no such call")]
    NoSuchCall,
    #[error("a phone could not be made")]
    Phone(#[from] PhoneError),
}

impl ControlError {
    fn answer(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Scan(error) => scan_answer(error),
            Self::Letter(error) => letter_answer(error),
            Self::NotANumber => (StatusCode::BAD_REQUEST, "not_a_number"),
            Self::NothingLinked(_) => (StatusCode::NOT_FOUND, "nothing_linked"),
            Self::BadBody(_) => (StatusCode::BAD_REQUEST, "bad_body"),
            Self::NoSuchCall => (StatusCode::NOT_FOUND, "no_such_call"),
            Self::Phone(_) => (StatusCode::INTERNAL_SERVER_ERROR, "phone_failed"),
        }
    }
}

fn scan_answer(error: &ScanError) -> (StatusCode, &'static str) {
    match error {
        ScanError::Malformed(_) => (StatusCode::BAD_REQUEST, "qr_malformed"),
        ScanError::Unknown => (StatusCode::NOT_FOUND, "qr_unknown"),
        ScanError::Expired => (StatusCode::GONE, "qr_expired"),
        ScanError::OtherKeys => (StatusCode::CONFLICT, "qr_keys_differ"),
        ScanError::AlreadyScanned => (StatusCode::CONFLICT, "qr_already_scanned"),
        ScanError::NotANumber => (StatusCode::BAD_REQUEST, "not_a_number"),
        ScanError::NotOnWhatsApp(_) => (StatusCode::UNPROCESSABLE_ENTITY, "not_on_whatsapp"),
        ScanError::NoLinkCode(_) => (StatusCode::NOT_FOUND, "no_link_code"),
        ScanError::WrongCode => (StatusCode::UNPROCESSABLE_ENTITY, "wrong_code"),
        ScanError::RefusedByClient(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused_by_client"),
        ScanError::ClientGone => (StatusCode::GONE, "client_gone"),
        ScanError::Phone(_) => (StatusCode::INTERNAL_SERVER_ERROR, "phone_failed"),
    }
}

fn letter_answer(error: &LetterError) -> (StatusCode, &'static str) {
    match error {
        LetterError::NotANumber => (StatusCode::BAD_REQUEST, "not_a_number"),
        LetterError::NotOnWhatsApp(_) => (StatusCode::UNPROCESSABLE_ENTITY, "not_on_whatsapp"),
        LetterError::NothingLinked(_) => (StatusCode::NOT_FOUND, "nothing_linked"),
        LetterError::Phone(_) => (StatusCode::INTERNAL_SERVER_ERROR, "phone_failed"),
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let (status, code) = self.answer();
        if status.is_server_error() {
            tracing::error!(error = ?self, "the control face failed");
        }
        let body = json!({"error": {"code": code, "message": self.to_string()}});
        (status, Json(body)).into_response()
    }
}
