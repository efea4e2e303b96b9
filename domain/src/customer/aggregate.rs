use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CustomerCommand, CustomerError, CustomerEvent, Profile, ProfileDraft};
use crate::{CustomerId, Decide, DisplayName, Email, Lid, Personal, PhoneNumber, Subject};

/// What the events of a customer amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Customer {
    life: Life,
    profile: Profile,
    lid: Option<Personal<Lid>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Life {
    #[default]
    NotCreated,
    Known(CustomerId),
    Deleted(CustomerId),
    Erased(CustomerId),
}

impl Customer {
    /// Whether it was created and not deleted.
    #[must_use]
    pub const fn exists(&self) -> bool {
        matches!(self.life, Life::Known(_))
    }

    /// Whether it was deleted.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        matches!(self.life, Life::Deleted(_))
    }

    /// Whether it was erased.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        matches!(self.life, Life::Erased(_))
    }

    /// Its id, once created.
    #[must_use]
    pub const fn id(&self) -> Option<CustomerId> {
        match self.life {
            Life::NotCreated => None,
            Life::Known(id) | Life::Deleted(id) | Life::Erased(id) => Some(id),
        }
    }

    /// What is known of it: nothing before it was created and after it was deleted or erased.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Its number, unless it was erased.
    #[must_use]
    pub fn phone(&self) -> Option<&PhoneNumber> {
        self.profile.phone.as_ref().and_then(Personal::get)
    }

    /// Its LID, unless it was erased.
    #[must_use]
    pub fn lid(&self) -> Option<&Lid> {
        self.lid.as_ref().and_then(Personal::get)
    }

    /// Whether it has a LID, erased or not.
    #[must_use]
    pub const fn has_lid(&self) -> bool {
        self.lid.is_some()
    }

    /// Its e-mail address, unless it was erased.
    #[must_use]
    pub fn email(&self) -> Option<&Email> {
        self.profile.email.as_ref().and_then(Personal::get)
    }

    fn decide_update(
        &self,
        id: CustomerId,
        draft: ProfileDraft,
    ) -> Result<Vec<CustomerEvent>, CustomerError> {
        check(&draft, self.has_lid())?;
        let profile = draft.belonging_to(id);
        Ok(if profile == self.profile { vec![] } else { vec![CustomerEvent::CustomerUpdated { profile }] })
    }

    /// What is missing; a field that was erased is there.
    fn decide_learned(
        &self,
        id: CustomerId,
        phone: Option<PhoneNumber>,
        lid: Option<Lid>,
        name: Option<DisplayName>,
    ) -> Vec<CustomerEvent> {
        use CustomerEvent as E;

        let subject = Subject::Customer(id);
        let phone = phone.filter(|_| self.profile.phone.is_none());
        let lid = lid.filter(|_| self.lid.is_none());
        let name = name.filter(|_| self.profile.name.is_none());
        [
            phone.map(|value| E::PhoneLinked { phone: Personal::new(subject, value) }),
            lid.map(|value| E::LidLinked { lid: Personal::new(subject, value) }),
            name.map(|value| E::CustomerNamed { name: Personal::new(subject, value) }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn check(draft: &ProfileDraft, has_lid: bool) -> Result<(), CustomerError> {
    if draft.phone.is_none() && draft.email.is_none() && !has_lid {
        return Err(CustomerError::NoIdentity);
    }
    if draft.tags.len() > ProfileDraft::MAX_TAGS {
        return Err(CustomerError::TooManyTags);
    }
    let bytes = serde_json::to_string(&draft.attributes).map_or(usize::MAX, |json| json.len());
    let depth = 1 + deepest(draft.attributes.values());
    if bytes > ProfileDraft::MAX_ATTRIBUTES_BYTES || depth > ProfileDraft::MAX_ATTRIBUTES_DEPTH {
        return Err(CustomerError::AttributesTooLarge);
    }
    Ok(())
}

fn deepest<'a>(values: impl Iterator<Item = &'a Value>) -> usize {
    let depth = |value: &Value| match value {
        Value::Array(values) => 1 + deepest(values.iter()),
        Value::Object(fields) => 1 + deepest(fields.values()),
        _ => 0,
    };
    values.map(depth).max().unwrap_or(0)
}

impl Decide for Customer {
    fn decide(&self, command: CustomerCommand) -> Result<Vec<CustomerEvent>, CustomerError> {
        use CustomerCommand as C;
        use CustomerEvent as E;

        match (self.life, command) {
            (Life::Erased(_), C::EraseCustomer { .. }) => Ok(vec![]),
            (Life::Erased(_), _) => Err(CustomerError::Erased),
            (Life::Known(_) | Life::Deleted(_), C::EraseCustomer { reason, destroyed }) => {
                Ok(vec![E::CustomerErased { reason, destroyed }])
            }
            (Life::Deleted(_), _) => Err(CustomerError::Deleted),
            (Life::NotCreated, C::CreateCustomer { customer_id, profile, lid }) => {
                check(&profile, lid.is_some())?;
                let lid = lid.map(|value| Personal::new(Subject::Customer(customer_id), value));
                let profile = profile.belonging_to(customer_id);
                Ok(vec![E::CustomerCreated { customer_id, profile, lid }])
            }
            (Life::NotCreated, _) => Err(CustomerError::NotCreated),
            (Life::Known(_), C::CreateCustomer { .. }) => Err(CustomerError::AlreadyCreated),
            (Life::Known(id), C::UpdateCustomer { profile }) => self.decide_update(id, profile),
            (Life::Known(id), C::LearnIdentity { phone, lid, name }) => {
                Ok(self.decide_learned(id, phone, lid, name))
            }
            (Life::Known(_), C::DeleteCustomer) => Ok(vec![E::CustomerDeleted {}]),
        }
    }
}

impl Aggregate for Customer {
    const TYPE: &'static str = "customer";
    type Command = CustomerCommand;
    type Event = CustomerEvent;
    type Error = CustomerError;
    type Services = ();

    async fn handle(
        &mut self,
        command: CustomerCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), CustomerError> {
        self.write_decided(command, sink).await
    }

    fn apply(&mut self, event: CustomerEvent) {
        use CustomerEvent as E;

        match event {
            E::CustomerCreated { customer_id, profile, lid } => {
                *self = Self { life: Life::Known(customer_id), profile, lid };
            }
            E::CustomerUpdated { profile } => self.profile = profile,
            E::PhoneLinked { phone } => self.profile.phone = Some(phone),
            E::LidLinked { lid } => self.lid = Some(lid),
            E::CustomerNamed { name } => self.profile.name = Some(name),
            E::CustomerDeleted {} => {
                let life = self.id().map_or(Life::NotCreated, Life::Deleted);
                *self = Self { life, ..Self::default() };
            }
            E::CustomerErased { .. } => {
                let life = self.id().map_or(Life::NotCreated, Life::Erased);
                *self = Self { life, ..Self::default() };
            }
        }
    }
}
