//! By what the rows about a person are found, when the person is to be forgotten.

use interflow_domain::{InstanceId, WorkspaceId};
use interflow_vault::StoreKey;

use super::keys::{hash, home};

/// Servers under which a person has devices.
const SERVERS: [&str; 4] = ["s.whatsapp.net", "lid", "hosted", "hosted.lid"];
/// WhatsApp numbers the devices of an account from 0.
const DEVICES: u16 = 100;

/// What the rows of `wa_keys` about a person are found by, whom WhatsApp calls by these numbers and LIDs: each is the
/// whole `key` of a row, the second half of one that is made of two, or its `scope`.
///
/// What is in a group's own rows, under the group's name, is not among them.
#[must_use]
pub fn traces(
    key: &StoreKey,
    workspace: WorkspaceId,
    instance: InstanceId,
    users: &[String],
) -> Vec<Vec<u8>> {
    let hash = |domain, name: &str| hash(&key.lookup, home(workspace, instance), domain, &[name.as_bytes()]);
    let mut found = vec![];
    for user in users {
        found.extend(["user", "phone", "lid", "token"].map(|domain| hash(domain, user)));
        for server in SERVERS {
            let jid = format!("{user}@{server}");
            found.extend(["token", "device"].map(|domain| hash(domain, &jid)));
            found.extend((0..DEVICES).map(|device| hash("device", &format!("{user}:{device}@{server}"))));
        }
    }
    found
}
