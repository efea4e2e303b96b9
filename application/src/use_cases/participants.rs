//! Finding, or making, the customer and the chat that a message belongs to.

use interflow_domain::chat::{Chat, ChatCommand};
use interflow_domain::customer::{Customer, CustomerCommand, ProfileDraft};
use interflow_domain::message::Participants;
use interflow_domain::{ChatId, CustomerId, DisplayName, InstanceId, Lid, PhoneNumber};

use crate::log::StreamId;
use crate::{Claim, Decision, Error};

/// The other side, by what is known of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub phone: Option<PhoneNumber>,
    pub lid: Option<Lid>,
    pub name: Option<DisplayName>,
}

/// The customer and the chat that is not closed; both are made when there is none.
pub(super) async fn participants(
    decision: &mut Decision<'_>,
    instance_id: InstanceId,
    known: Known,
) -> Result<Participants, Error> {
    let customer_id = customer(decision, known).await?;
    let (chat_id, _) = chat(decision, instance_id, customer_id).await?;
    Ok(Participants { chat_id, instance_id, customer_id })
}

/// The customer with this number or LID. What was not known of it yet is added.
///
/// When number and LID are two customers', the number's is taken and the LID stays where it is: merging two
/// customers is a decision for people.
pub(super) async fn customer(decision: &mut Decision<'_>, known: Known) -> Result<CustomerId, Error> {
    let phone_claim = known.phone.as_ref().map(Claim::customer_phone);
    let lid_claim = known.lid.as_ref().map(Claim::customer_lid);
    let by_phone = held_by_customer(decision, phone_claim.as_ref()).await?;
    let by_lid = held_by_customer(decision, lid_claim.as_ref()).await?;

    let Some(id) = by_phone.or(by_lid) else {
        let id = CustomerId::new(decision.core().ids.next());
        let profile = ProfileDraft { name: known.name, phone: known.phone, ..ProfileDraft::default() };
        let command = CustomerCommand::CreateCustomer { customer_id: id, profile, lid: known.lid };
        decision.begin::<Customer>(StreamId::Customer(id), command).await?;
        for claim in [phone_claim, lid_claim].into_iter().flatten() {
            decision.take(claim, StreamId::Customer(id));
        }
        return Ok(id);
    };

    let stream = StreamId::Customer(id);
    let present = decision.load::<Customer>(stream).await?;
    let new_phone = known.phone.filter(|_| by_phone.is_none() && present.profile().phone.is_none());
    let new_lid = known.lid.filter(|_| by_lid.is_none() && !present.has_lid());
    for claim in [new_phone.as_ref().and(phone_claim), new_lid.as_ref().and(lid_claim)].into_iter().flatten()
    {
        decision.take(claim, stream);
    }
    let command = CustomerCommand::LearnIdentity { phone: new_phone, lid: new_lid, name: known.name };
    decision.execute::<Customer>(stream, command).await?;
    Ok(id)
}

async fn held_by_customer(
    decision: &Decision<'_>,
    claim: Option<&Claim>,
) -> Result<Option<CustomerId>, Error> {
    let Some(claim) = claim else { return Ok(None) };
    Ok(match decision.holder(claim).await? {
        Some(StreamId::Customer(id)) => Some(id),
        _ => None,
    })
}

/// The chat of an instance and a customer that is not closed, and whether it had to be opened.
pub(super) async fn chat(
    decision: &mut Decision<'_>,
    instance_id: InstanceId,
    customer_id: CustomerId,
) -> Result<(ChatId, bool), Error> {
    let claim = Claim::open_chat(instance_id, customer_id);
    if let Some(StreamId::Chat(id)) = decision.holder(&claim).await? {
        return Ok((id, false));
    }
    let chat_id = ChatId::new(decision.core().ids.next());
    let command = ChatCommand::OpenChat { chat_id, instance_id, customer_id };
    decision.begin::<Chat>(StreamId::Chat(chat_id), command).await?;
    decision.take(claim, StreamId::Chat(chat_id));
    Ok((chat_id, true))
}
