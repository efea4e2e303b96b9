//! Which numbers are on WhatsApp, and by which number WhatsApp knows them.
//!
//! WhatsApp says of some countries' mobile numbers that they are written with a digit more or less; what it answers
//! is what is sent to.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use interflow_application::whatsapp::SendError;
use interflow_domain::PhoneNumber;
use tokio::time::Instant;
use wacore_binary::Jid;
use whatsapp_rust::Client;

/// How many answers are kept a session.
const KEPT: usize = 256;
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);
/// Somebody may install WhatsApp the next minute.
const BAD_FOR: Duration = Duration::from_secs(300);

struct Answer {
    until: Instant,
    jid: Option<Jid>,
}

/// The answers of late.
#[derive(Default)]
pub(crate) struct Numbers(Mutex<HashMap<PhoneNumber, Answer>>);

impl Numbers {
    /// The JID to send to.
    pub(crate) async fn resolve(&self, client: &Client, phone: &PhoneNumber) -> Result<Jid, SendError> {
        let asked = Jid::pn(phone.as_str());
        let answer = match self.remembered(phone) {
            Some(answer) => answer,
            None => {
                let answer = lookup(client, asked).await?;
                self.remember(phone, answer.clone());
                answer
            }
        };
        answer.ok_or(SendError::NotOnWhatsApp)
    }

    fn remembered(&self, phone: &PhoneNumber) -> Option<Option<Jid>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(phone).filter(|answer| answer.until > Instant::now()).map(|answer| answer.jid.clone())
    }

    fn remember(&self, phone: &PhoneNumber, jid: Option<Jid>) {
        let now = Instant::now();
        let until = now + if jid.is_some() { GOOD_FOR } else { BAD_FOR };
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= KEPT {
            answers.retain(|_, answer| answer.until > now);
        }
        if answers.len() >= KEPT
            && let Some(first) =
                answers.iter().min_by_key(|(_, answer)| answer.until).map(|(phone, _)| phone.clone())
        {
            answers.remove(&first);
        }
        answers.insert(phone.clone(), Answer { until, jid });
    }
}

/// Asks what the engine knows already (whoever wrote to us has a mapping), then WhatsApp.
async fn lookup(client: &Client, asked: Jid) -> Result<Option<Jid>, SendError> {
    if matches!(client.get_lid_pn_entry(&asked).await, Ok(Some(_))) {
        return Ok(Some(asked));
    }
    let answers = client
        .contacts()
        .is_on_whatsapp(std::slice::from_ref(&asked))
        .await
        .map_err(|_| SendError::Retry("the number could not be looked up".to_owned()))?;
    let Some(answer) = answers.into_iter().next() else {
        return Err(SendError::Retry("the number was not answered for".to_owned()));
    };
    if answer.contact_error.is_some() {
        return Err(SendError::Retry("WhatsApp could not look up the number".to_owned()));
    }
    if !answer.is_registered {
        return Ok(None);
    }
    let known_as = [Some(answer.jid), answer.pn_jid].into_iter().flatten().find(Jid::is_pn);
    Ok(Some(known_as.map_or(asked, |jid| jid.to_non_ad())))
}
