use std::collections::BTreeSet;

use async_trait::async_trait;
use interflow_domain::customer::{Customer, CustomerCommand, ProfileDraft};
use interflow_domain::{CustomerId, DisplayName, Email, ExternalId, Personal, PhoneNumber, Tag};
use serde_json::{Map, Value};

use super::create_customer::take_identities;
use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Replaces all that is known of a customer.
#[derive(Debug, Clone)]
pub struct ReplaceCustomer {
    /// The customer.
    pub id: CustomerId,
    /// All that is known.
    pub profile: ProfileDraft,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for ReplaceCustomer {
    type Output = CustomerId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<CustomerId, Error> {
        update(decision, self.id, self.expected, |_| self.profile.clone()).await
    }
}

/// Changes some of what is known of a customer.
#[derive(Debug, Clone)]
pub struct PatchCustomer {
    /// The customer.
    pub id: CustomerId,
    /// What changes.
    pub patch: ProfilePatch,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

/// What changes: absent leaves a field, `Some(None)` empties it. Attributes are merged key by key as JSON Merge Patch
/// does: `null` removes a key.
#[derive(Debug, Clone, Default)]
pub struct ProfilePatch {
    /// The name.
    pub name: Option<Option<DisplayName>>,
    /// The e-mail address.
    pub email: Option<Option<Email>>,
    /// The telephone number.
    pub phone: Option<Option<PhoneNumber>>,
    /// The id in the caller's own system.
    pub external_id: Option<Option<ExternalId>>,
    /// All labels.
    pub tags: Option<BTreeSet<Tag>>,
    /// Free fields to set, and to remove where `null`; `Some(None)` removes all.
    pub attributes: Option<Option<Map<String, Value>>>,
}

#[async_trait]
impl UseCase for PatchCustomer {
    type Output = CustomerId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<CustomerId, Error> {
        update(decision, self.id, self.expected, |known| self.patch.clone().over(known)).await
    }
}

impl ProfilePatch {
    fn over(self, known: ProfileDraft) -> ProfileDraft {
        let attributes = match self.attributes {
            None => known.attributes,
            Some(None) => Map::new(),
            Some(Some(changes)) => merge(known.attributes, changes),
        };
        ProfileDraft {
            name: self.name.unwrap_or(known.name),
            email: self.email.unwrap_or(known.email),
            phone: self.phone.unwrap_or(known.phone),
            external_id: self.external_id.unwrap_or(known.external_id),
            tags: self.tags.unwrap_or(known.tags),
            attributes,
        }
    }
}

/// RFC 7396.
fn merge(mut into: Map<String, Value>, changes: Map<String, Value>) -> Map<String, Value> {
    for (key, change) in changes {
        match change {
            Value::Null => {
                into.remove(&key);
            }
            Value::Object(change) => {
                let inner = match into.remove(&key) {
                    Some(Value::Object(inner)) => inner,
                    _ => Map::new(),
                };
                into.insert(key, Value::Object(merge(inner, change)));
            }
            other => {
                into.insert(key, other);
            }
        }
    }
    into
}

async fn update(
    decision: &mut Decision<'_>,
    id: CustomerId,
    expected: Option<u64>,
    next: impl FnOnce(ProfileDraft) -> ProfileDraft + Send,
) -> Result<CustomerId, Error> {
    let stream = StreamId::Customer(id);
    let before = decision.load::<Customer>(stream).await?;
    if before.exists() {
        decision.expect_version(stream, expected).await?;
    }
    let profile = next(known(&before));
    let command = CustomerCommand::UpdateCustomer { profile: profile.clone() };
    if decision.execute::<Customer>(stream, command).await? {
        take_identities(decision, stream, &profile, Some(&before)).await?;
    }
    decision.answers_with(ResourceRef::Customer(id));
    Ok(id)
}

/// What is known, as a draft. What was erased is not known.
fn known(customer: &Customer) -> ProfileDraft {
    fn clear<T: Clone>(field: Option<&Personal<T>>) -> Option<T> {
        field.and_then(Personal::get).cloned()
    }
    let profile = customer.profile();
    ProfileDraft {
        name: clear(profile.name.as_ref()),
        email: clear(profile.email.as_ref()),
        phone: clear(profile.phone.as_ref()),
        external_id: clear(profile.external_id.as_ref()),
        tags: profile.tags().cloned().collect(),
        attributes: clear(profile.attributes.as_ref()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn attributes_merge_as_rfc_7396_says() {
        let merged = merge(
            object(json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1]})),
            object(json!({"a": null, "b": {"c": null, "x": {"y": null}}, "e": {"z": 4}})),
        );
        assert_eq!(Value::Object(merged), json!({"b": {"d": 3, "x": {}}, "e": {"z": 4}}));
    }

    #[test]
    fn a_patch_leaves_what_it_does_not_name_and_empties_what_it_nulls() {
        let known = ProfileDraft {
            name: Some("Ana".parse().unwrap()),
            email: Some("ana@example.com".parse().unwrap()),
            ..ProfileDraft::default()
        };
        let patch = ProfilePatch { name: Some(None), ..ProfilePatch::default() };
        let next = patch.over(known.clone());
        assert_eq!((next.name, next.email), (None, known.email));
    }
}
