use async_trait::async_trait;
use interflow_domain::CustomerId;
use interflow_domain::customer::{Customer, CustomerCommand, ProfileDraft};

use crate::log::StreamId;
use crate::{Claim, Decision, Error, ResourceRef, UseCase};

/// Creates a customer.
#[derive(Debug, Clone)]
pub struct CreateCustomer {
    /// What is known.
    pub profile: ProfileDraft,
}

#[async_trait]
impl UseCase for CreateCustomer {
    type Output = CustomerId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<CustomerId, Error> {
        let id = CustomerId::new(decision.core().ids.next());
        let stream = StreamId::Customer(id);
        let command =
            CustomerCommand::CreateCustomer { customer_id: id, profile: self.profile.clone(), lid: None };
        decision.begin::<Customer>(stream, command).await?;
        take_identities(decision, stream, &self.profile, None).await?;
        decision.answers_with(ResourceRef::Customer(id));
        Ok(id)
    }
}

/// Moves the claims of a customer from the identities it had to those it has now.
pub(super) async fn take_identities(
    decision: &mut Decision<'_>,
    stream: StreamId,
    now: &ProfileDraft,
    before: Option<&Customer>,
) -> Result<(), Error> {
    let phone_before = before.and_then(|customer| customer.phone().cloned());
    if phone_before != now.phone {
        if let Some(phone) = phone_before {
            decision.release(Claim::customer_phone(&phone), stream);
        }
        if let Some(phone) = &now.phone {
            take(decision, Claim::customer_phone(phone), stream, "phone").await?;
        }
    }
    let email_before = before.and_then(|customer| customer.email().map(Claim::customer_email));
    let email_now = now.email.as_ref().map(Claim::customer_email);
    if email_before != email_now {
        if let Some(claim) = email_before {
            decision.release(claim, stream);
        }
        if let Some(claim) = email_now {
            take(decision, claim, stream, "email").await?;
        }
    }
    Ok(())
}

async fn take(decision: &mut Decision<'_>, claim: Claim, stream: StreamId, field: &str) -> Result<(), Error> {
    match decision.holder(&claim).await? {
        Some(holder) if holder == stream => Ok(()),
        Some(_) => Err(Error::Conflict(format!("another customer has this {field}"))),
        None => {
            decision.take(claim, stream);
            Ok(())
        }
    }
}
