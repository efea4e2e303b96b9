//! Scopes by the names they have in the API and at the command line.

use interflow_domain::workspace::Scope;

/// Every scope and its name.
const NAMES: [(Scope, &str); 21] = [
    (Scope::All, "*"),
    (Scope::CustomersRead, "customers:read"),
    (Scope::CustomersWrite, "customers:write"),
    (Scope::CustomersErase, "customers:erase"),
    (Scope::ChatsRead, "chats:read"),
    (Scope::ChatsWrite, "chats:write"),
    (Scope::MessagesRead, "messages:read"),
    (Scope::MessagesWrite, "messages:write"),
    (Scope::ChannelsRead, "channels:read"),
    (Scope::ChannelsWrite, "channels:write"),
    (Scope::KeysRead, "keys:read"),
    (Scope::KeysWrite, "keys:write"),
    (Scope::WorkspacesRead, "workspaces:read"),
    (Scope::WorkspacesWrite, "workspaces:write"),
    (Scope::JobsRead, "jobs:read"),
    (Scope::JobsWrite, "jobs:write"),
    (Scope::WebhooksRead, "webhooks:read"),
    (Scope::WebhooksWrite, "webhooks:write"),
    (Scope::EventsRead, "events:read"),
    (Scope::AuditRead, "audit:read"),
    (Scope::AuditWrite, "audit:write"),
];

/// The scope's name.
#[must_use]
pub fn scope_name(scope: Scope) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == scope).map_or("?", |(_, name)| name)
}

/// Every scope's name.
#[must_use]
pub fn scope_names() -> [&'static str; NAMES.len()] {
    NAMES.map(|(_, name)| name)
}

/// The scope with a name, or what names there are.
pub fn scope_from(name: &str) -> Result<Scope, String> {
    NAMES
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(scope, _)| *scope)
        .ok_or_else(|| format!("no such scope; there are: {}", scope_names().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_events_carry() {
        for (scope, name) in NAMES {
            assert_eq!(serde_json::to_value(scope).unwrap(), name);
            assert_eq!(scope_from(name), Ok(scope));
        }
        assert!(scope_from("customers").is_err());
    }
}
