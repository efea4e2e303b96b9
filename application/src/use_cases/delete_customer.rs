use async_trait::async_trait;
use interflow_domain::CustomerId;
use interflow_domain::chat::{Chat, ChatCommand};
use interflow_domain::customer::{Customer, CustomerCommand};

use crate::log::StreamId;
use crate::{Claim, Decision, Error, ResourceRef, UseCase};

/// Deletes a customer, closes its chats and frees its number, LID and addresses.
#[derive(Debug, Clone)]
pub struct DeleteCustomer {
    /// The customer.
    pub id: CustomerId,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for DeleteCustomer {
    type Output = CustomerId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<CustomerId, Error> {
        let stream = StreamId::Customer(self.id);
        let customer = decision.load::<Customer>(stream).await?;
        if customer.exists() {
            decision.expect_version(stream, self.expected).await?;
        }
        decision.execute::<Customer>(stream, CustomerCommand::DeleteCustomer).await?;
        let claims = [
            customer.phone().map(Claim::customer_phone),
            customer.lid().map(Claim::customer_lid),
            customer.email().map(Claim::customer_email),
        ];
        for claim in claims.into_iter().flatten() {
            decision.release(claim, stream);
        }
        let core = decision.core();
        for chat in core.reads.open_chats_of(decision.context().workspace, self.id).await? {
            let (cause, stream) = (stream, StreamId::Chat(chat.id));
            decision.caused_within(stream, cause);
            if decision.execute::<Chat>(stream, ChatCommand::CloseChat).await? {
                decision.release(Claim::open_chat(chat.instance, self.id), stream);
            }
        }
        decision.answers_with(ResourceRef::Customer(self.id));
        Ok(self.id)
    }
}
