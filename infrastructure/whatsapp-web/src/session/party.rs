//! Who is who: the account, and the other side of a conversation, by every name there is.

use interflow_application::whatsapp::Party;
use wacore::types::message::MessageInfo;
use wacore_binary::{Jid, JidExt, Server};
use whatsapp_rust::Client;

/// The linked account.
pub(crate) fn account(client: &Client) -> Party {
    let device = client.persistence_manager().get_device_snapshot();
    named(device.pn.iter().chain(&device.lid))
}

/// The other side of a one-to-one conversation; `None` when it is no such conversation.
pub(crate) async fn other(client: &Client, info: &MessageInfo) -> Option<Party> {
    if !is_person(&info.source.chat) {
        return None;
    }
    let source = &info.source;
    let mut party = if source.is_from_me {
        named([&source.chat].into_iter().chain(&source.recipient_alt).chain(&info.peer_recipient_pn))
    } else {
        named([&source.sender].into_iter().chain(&source.sender_alt).chain([&source.chat]))
    };
    complete(client, &mut party).await;
    (party != Party::default()).then_some(party)
}

/// Whether a JID names a person, not a group, a channel, a status list, WhatsApp itself or one of its bots.
pub(crate) fn is_person(jid: &Jid) -> bool {
    (jid.server.is_pn_family() || jid.server.is_lid_family()) && !jid.is_bot() && !jid.is_psa()
}

/// The party of these names; the first of each kind counts.
pub(crate) fn named<'a>(names: impl IntoIterator<Item = &'a Jid>) -> Party {
    let mut party = Party::default();
    for name in names {
        if name.server.is_lid_family() {
            party.lid.get_or_insert_with(|| name.user.to_string());
        } else if name.server.is_pn_family() && party.phone.is_none() {
            party.phone = name.user.parse().ok();
        }
    }
    party
}

/// The party of a name, with the other name as far as the engine has learned it.
pub(crate) async fn known(client: &Client, name: &Jid) -> Party {
    let mut party = named([name]);
    complete(client, &mut party).await;
    party
}

/// What to call a party of a one-to-one chat: by its LID where it has one, as WhatsApp does.
pub(crate) fn jid(party: &Party) -> Option<Jid> {
    let by_lid = party.lid.as_deref().map(Jid::lid);
    by_lid.or_else(|| party.phone.as_ref().map(|phone| Jid::pn(phone.as_str())))
}

/// Adds the other name from what the engine has learned so far.
async fn complete(client: &Client, party: &mut Party) {
    let known = match (&party.phone, &party.lid) {
        (Some(phone), None) => Jid::pn(phone.as_str()),
        (None, Some(lid)) => Jid::lid(lid.as_str()),
        _ => return,
    };
    match client.get_lid_pn_entry(&known).await {
        Ok(Some(entry)) => {
            let phone = Jid::new(&*entry.phone_number, Server::Pn);
            let both = named([&phone, &Jid::new(&*entry.lid, Server::Lid)]);
            party.phone = party.phone.take().or(both.phone);
            party.lid = party.lid.take().or(both.lid);
        }
        Ok(None) => {}
        Err(_) => tracing::debug!("the other name of a party could not be looked up"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_has_every_name_that_was_given() {
        let party = named([
            &Jid::lid_device("100000012345678", 3),
            &Jid::pn("5511999990001"),
            &Jid::pn("5511999990002"),
        ]);
        assert_eq!(party.lid.as_deref(), Some("100000012345678"));
        assert_eq!(party.phone.unwrap().as_str(), "5511999990001");
    }

    #[test]
    fn a_party_is_called_by_its_lid_before_its_number() {
        let both = named([&Jid::pn("5511999990001"), &Jid::lid("100000012345678")]);
        assert_eq!(jid(&both), Some(Jid::lid("100000012345678")));
        assert_eq!(jid(&Party { lid: None, ..both }), Some(Jid::pn("5511999990001")));
        assert_eq!(jid(&Party::default()), None);
    }

    #[test]
    fn groups_channels_broadcasts_and_whatsapp_itself_are_no_persons() {
        for (jid, person) in [
            ("5511999990001@s.whatsapp.net", true),
            ("100000012345678@lid", true),
            ("120363021033254949@g.us", false),
            ("status@broadcast", false),
            ("120363021033254949@newsletter", false),
            ("0@s.whatsapp.net", false),
        ] {
            assert_eq!(is_person(&jid.parse().unwrap()), person, "{jid}");
        }
    }
}
