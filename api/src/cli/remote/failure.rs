//! Why a command came to nothing, and the exit code that says so.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::words::clean;

/// Why a command came to nothing. The exit codes are documented in docs/cli.md, and stay.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for happened otherwise, or only in part.
    #[error("{0}")]
    Failed(String),
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Standard output cannot be written, as on a full disk.
    #[error("standard output cannot be written")]
    Unwritable {
        /// Why.
        source: io::Error,
    },
    /// The command was not given what it needs.
    #[error("{0}")]
    Usage(String),
    /// No answer came.
    #[error("{url} is not reachable{}", unsure(.idempotency_key.as_deref()))]
    Unreachable {
        /// Where the server should be.
        url: String,
        /// Why. Boxed, because it is large.
        source: Box<ureq::Error>,
        /// How to repeat what may have been carried out.
        idempotency_key: Option<String>,
    },
    /// An answer came, and it is none of Interflow's.
    #[error("what answers at {url} is not Interflow: {what}")]
    Foreign {
        /// Where.
        url: String,
        /// What came instead.
        what: String,
    },
    /// The API said no.
    #[error("{} ({})", clean(&.0.message), clean(&.0.code))]
    Refused(Refusal),
    /// What was waited for did not happen in time.
    #[error("{0}")]
    TimedOut(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Nobody reads what is printed any more.
    #[error("standard output is closed")]
    OutputClosed,
}

/// An error answer.
#[derive(Debug, Deserialize)]
pub struct Refusal {
    /// What went wrong, for programs.
    pub code: String,
    /// What went wrong, for people.
    pub message: String,
    /// Which fields are wrong.
    #[serde(default)]
    pub details: Vec<Detail>,
    /// The HTTP status.
    #[serde(skip)]
    pub status: u16,
    /// What the server's log has it under.
    #[serde(skip)]
    pub request_id: Option<String>,
    /// When to ask again.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

/// What is wrong with a field.
#[derive(Debug, Deserialize)]
pub struct Detail {
    /// Which field.
    pub field: String,
    /// What it must be.
    pub message: String,
}

fn unsure(idempotency_key: Option<&str>) -> String {
    idempotency_key.map_or_else(String::new, |key| {
        format!("; it may have been carried out: repeat the command with --idempotency-key {key}")
    })
}

impl Refusal {
    /// Whether the same may be answered later.
    fn is_passing(&self) -> bool {
        self.status >= 500 || self.status == 429 || self.status == 408
    }
}

impl Failure {
    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(refusal) => refusal.is_passing(),
            _ => false,
        }
    }

    /// Whether the API said no with this status.
    #[must_use]
    pub fn has_status(&self, status: u16) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == status)
    }

    fn status(&self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Failed(_) | Self::Unreadable { .. } | Self::Unwritable { .. } => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } | Self::Foreign { .. } => 3,
            Self::Refused(refusal) if refusal.is_passing() => 5,
            Self::Refused(_) => 4,
            Self::TimedOut(_) => 6,
            Self::Interrupted => 130,
        }
    }

    /// What the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status())
    }

    /// What a person may do with it beside its message: wrong fields, when to try again, what to tell the operator.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let Self::Refused(refusal) = self else { return vec![] };
        let details =
            refusal.details.iter().map(|one| format!("{}: {}", clean(&one.field), clean(&one.message)));
        let later = refusal.retry_after.map(|wait| format!("try again in {} s", wait.as_secs()));
        let id = refusal.request_id.as_deref().filter(|_| refusal.status >= 500);
        details.chain(later).chain(id.map(|id| format!("request {}", clean(id)))).collect()
    }

    /// The same for programs, in the shape of the API's errors.
    #[must_use]
    pub fn for_machines(&self) -> Value {
        let code = match self {
            Self::Refused(Refusal { code, message, details, request_id, .. }) => {
                let details: Vec<_> = details
                    .iter()
                    .map(|Detail { field, message }| json!({"field": field, "message": message}))
                    .collect();
                return json!({"error": {
                    "code": code, "message": message, "details": details, "request_id": request_id,
                }});
            }
            Self::Failed(_) => "FAILED",
            Self::Unreadable { .. } => "UNREADABLE",
            Self::Unwritable { .. } => "UNWRITABLE",
            Self::Usage(_) => "USAGE",
            Self::Unreachable { .. } => "UNREACHABLE",
            Self::Foreign { .. } => "NOT_INTERFLOW",
            Self::TimedOut(_) => "TIMED_OUT",
            Self::Interrupted => "INTERRUPTED",
            Self::OutputClosed => "OUTPUT_CLOSED",
        };
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}")).unwrap_or_default();
        json!({"error": {"code": code, "message": format!("{self}{cause}"), "details": []}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> Failure {
        let text =
            r#"{"code":"X","message":"Mend \u001b[2Jit","details":[{"field":"to","message":"must be"}]}"#;
        let retry_after = (status == 429).then_some(Duration::from_secs(7));
        let read: Refusal = serde_json::from_str(text).unwrap();
        Failure::Refused(Refusal { status, retry_after, request_id: Some("req_1".to_owned()), ..read })
    }

    #[test]
    fn the_exit_code_says_whose_turn_it_is() {
        let codes = [400, 401, 404, 409, 422, 408, 429, 500, 503].map(|status| refused(status).status());
        assert_eq!(codes, [4, 4, 4, 4, 4, 5, 5, 5, 5]);
        assert_eq!(Failure::Usage(String::new()).status(), 2);
        assert_eq!(Failure::TimedOut(String::new()).status(), 6);
        assert_eq!(Failure::OutputClosed.status(), 0);
    }

    #[test]
    fn what_the_api_said_is_told_without_commands_to_the_terminal() {
        let failure = refused(429);
        assert_eq!(failure.to_string(), "Mend \u{fffd}[2Jit (X)");
        assert_eq!(failure.hints(), ["to: must be", "try again in 7 s"]);
        assert_eq!(refused(500).hints(), ["to: must be", "request req_1"]);
        assert_eq!(failure.for_machines()["error"]["details"][0]["field"], "to");
    }
}
