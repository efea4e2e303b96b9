//! Linking without a camera: WhatsApp is told the number, the owner types eight characters into its phone.
//!
//! QR and code wait side by side on one connection, and whichever is used first links the device.

use std::sync::Arc;
use std::time::Duration;

use interflow_application::whatsapp::{EngineError, PairCode};
use interflow_domain::PhoneNumber;
use wacore::pair_code::PairCodeUtils;
use whatsapp_rust::Client;
use whatsapp_rust::pair_code::{PairCodeError as E, PairCodeOptions, PairCodeRejection, PairError};

/// How long WhatsApp may take to answer, the stretching of the code's key included.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Asks for a code. One that was asked for before is void: two would answer to one number, and only one could work.
pub(crate) async fn request(client: &Arc<Client>, phone: &PhoneNumber) -> Result<PairCode, EngineError> {
    client.cancel_pair_code().await;
    let options = PairCodeOptions { phone_number: phone.as_str().to_owned(), ..PairCodeOptions::default() };
    let asked = tokio::time::timeout(TIMEOUT, Box::pin(client.pair_with_code(options))).await;
    let asked = asked.map_err(|_| EngineError::Failed("WhatsApp gave no pair code in time".to_owned()))?;
    let code = asked.map_err(|error| refusal(&error))?;
    Ok(PairCode { code, valid_for: PairCodeUtils::code_validity() })
}

/// Why there is no code. The engine's own words may hold the number, so they are not passed on.
fn refusal(error: &PairError) -> EngineError {
    match (error, error.rejection()) {
        (
            PairError::PairCode(
                E::PhoneNumberRequired | E::PhoneNumberTooShort | E::PhoneNumberNotInternational,
            ),
            _,
        ) => EngineError::Refused("the number must begin with its country code".to_owned()),
        (_, Some(PairCodeRejection::FeatureNotAvailable | PairCodeRejection::Forbidden)) => {
            EngineError::Refused(
                "the account cannot be linked by a pair code: scan the QR instead".to_owned(),
            )
        }
        (_, Some(rejection)) if rejection.is_throttled() => {
            EngineError::Failed("WhatsApp gives no more pair codes for the number now".to_owned())
        }
        _ => EngineError::Failed("WhatsApp gave no pair code".to_owned()),
    }
}
