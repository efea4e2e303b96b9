//! What a customer was ever known by, from all of its events: also a number that it had before, and what it was known by
//! before it was deleted.

use std::collections::BTreeSet;

use interflow_application::Claim;
use interflow_application::log::{ClaimChange, Event, RecordedEvent, StreamId};
use interflow_domain::customer::{CustomerEvent, Profile};
use interflow_domain::{ChatId, CustomerId, Email, InstanceId, Lid, Personal, PhoneNumber};

/// What a customer was ever known by.
#[derive(Default)]
pub(super) struct Known {
    phones: BTreeSet<PhoneNumber>,
    emails: Vec<Email>,
    lids: Vec<Lid>,
    /// What WhatsApp may call it: numbers, in every form it has for one, and LIDs.
    pub(super) users: BTreeSet<String>,
}

impl Known {
    /// `shown` are the numbers that its messages went to or came from.
    pub(super) fn of(events: &[RecordedEvent], shown: &[String]) -> Self {
        use CustomerEvent as E;

        let mut known = Self::default();
        for recorded in events {
            let Event::Customer(event) = &recorded.event else { continue };
            match event {
                E::CustomerCreated { profile, lid, .. } => {
                    known.profile(profile);
                    known.lids.extend(lid.as_ref().and_then(Personal::get).cloned());
                }
                E::CustomerUpdated { profile } => known.profile(profile),
                E::PhoneLinked { phone } => known.phones.extend(phone.get().cloned()),
                E::LidLinked { lid } => known.lids.extend(lid.get().cloned()),
                E::CustomerNamed { .. } | E::CustomerDeleted {} | E::CustomerErased { .. } => {}
            }
        }
        let numbers = known.phones.iter().map(ToString::to_string).chain(shown.iter().cloned());
        known.users = numbers.flat_map(|number| forms(&number)).collect();
        known.users.extend(known.lids.iter().map(ToString::to_string));
        known
    }

    fn profile(&mut self, profile: &Profile) {
        self.phones.extend(profile.phone.as_ref().and_then(Personal::get).cloned());
        self.emails.extend(profile.email.as_ref().and_then(Personal::get).cloned());
    }

    /// Every claim it may hold, let go of.
    pub(super) fn releases(&self, owner: StreamId) -> Vec<ClaimChange> {
        let phones = self.phones.iter().map(Claim::customer_phone);
        let emails = self.emails.iter().map(Claim::customer_email);
        let claims: BTreeSet<Claim> =
            phones.chain(emails).chain(self.lids.iter().map(Claim::customer_lid)).collect();
        claims.into_iter().map(|claim| ClaimChange::Release { claim, owner }).collect()
    }

    /// The claim of an open chat, let go of.
    pub(super) fn release_chat(instance: InstanceId, customer: CustomerId, chat: ChatId) -> ClaimChange {
        ClaimChange::Release { claim: Claim::open_chat(instance, customer), owner: StreamId::Chat(chat) }
    }
}

/// A number, and what else WhatsApp may call the same account: Brazilian mobiles have a ninth digit and Mexican ones a
/// 1 that some accounts lack.
fn forms(number: &str) -> Vec<String> {
    let other = match (number.get(..2), number.len()) {
        (Some("55"), 13) => number.get(..4).zip(number.get(5..)).map(|(area, rest)| format!("{area}{rest}")),
        (Some("55"), 12) => number.get(..4).zip(number.get(4..)).map(|(area, rest)| format!("{area}9{rest}")),
        (Some("52"), 13) => number.get(3..).map(|rest| format!("52{rest}")),
        (Some("52"), 12) => number.get(2..).map(|rest| format!("521{rest}")),
        _ => None,
    };
    std::iter::once(number.to_owned()).chain(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_looked_for_in_both_forms_that_whatsapp_may_have_of_it() {
        assert_eq!(forms("5511988887777"), ["5511988887777", "551188887777"]);
        assert_eq!(forms("551188887777"), ["551188887777", "5511988887777"]);
        assert_eq!(forms("5215512345678"), ["5215512345678", "525512345678"]);
        assert_eq!(forms("525512345678"), ["525512345678", "5215512345678"]);
        assert_eq!(forms("4930123456"), ["4930123456"]);
    }
}
