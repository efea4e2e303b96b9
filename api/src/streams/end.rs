use interflow_application::live::Cut;
use serde::Serialize;

use crate::error::ApiError;

/// Why a stream ends, and where its client goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct End {
    /// For programs: `TOO_SLOW`, or a code of the catalogue.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Up to here everything was told.
    pub resume_after: u64,
}

impl End {
    /// The server stops.
    #[must_use]
    pub fn stopping(position: u64) -> Self {
        let message = "The server is shutting down: connect again".to_owned();
        Self { code: "UNAVAILABLE", message, resume_after: position }
    }

    /// The key does not work any more.
    #[must_use]
    pub fn refused(error: &ApiError, position: u64) -> Self {
        Self { code: error.code().name(), message: error.message().to_owned(), resume_after: position }
    }

    /// The feed gave the listener up.
    #[must_use]
    pub fn cut(cut: Cut, position: u64) -> Self {
        match cut {
            Cut::TooSlow { resume_after } => {
                let message =
                    "Too many events waited for this client: connect again, and read faster or ask for fewer";
                Self { code: "TOO_SLOW", message: message.to_owned(), resume_after }
            }
            Cut::Log(error) => Self::refused(&error.into(), position),
        }
    }
}
