//! Wake-ups as processes tell them to each other: a word each. Ids alone, nothing of anybody's.

use interflow_application::live::{Activity, Sign};
use interflow_application::wakeups::Wakeup;
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId, WorkspaceId};
use uuid::Uuid;

/// Most bytes of a payload; Postgres refuses 8,000.
const MOST: usize = 7_900;

/// Puts wake-ups into as few payloads as will do.
pub(super) fn write(wakeups: &[Wakeup]) -> Vec<String> {
    let mut payloads: Vec<String> = vec![];
    for wakeup in wakeups {
        let word = word(wakeup);
        match payloads.last_mut() {
            Some(last) if last.len() + 1 + word.len() <= MOST => {
                last.push(' ');
                last.push_str(&word);
            }
            _ => payloads.push(word),
        }
    }
    payloads
}

fn word(wakeup: &Wakeup) -> String {
    match wakeup {
        Wakeup::Appended { workspace, position } => format!("a{}:{position}", workspace.uuid().simple()),
        Wakeup::SendQueued { instance } => format!("q{}", instance.uuid().simple()),
        Wakeup::SendDone { message } => format!("d{}", message.uuid().simple()),
        Wakeup::Erased { workspace } => format!("e{}", workspace.uuid().simple()),
        Wakeup::Sign { workspace, sign } => signed(*workspace, sign),
        Wakeup::Lost => "*".to_owned(),
    }
}

fn signed(workspace: WorkspaceId, sign: &Sign) -> String {
    let chat = sign.chat.map(|chat| chat.uuid().simple().to_string()).unwrap_or_default();
    let activity = match sign.activity {
        Activity::Offline { last_seen: Some(at) } => format!("offline@{at}"),
        activity => activity.name().to_owned(),
    };
    let (workspace, channel, customer) =
        (workspace.uuid().simple(), sign.channel.uuid().simple(), sign.customer.uuid().simple());
    format!("s{workspace}:{}:{channel}:{customer}:{chat}:{activity}", sign.at_millis)
}

fn sign(text: &str) -> Option<Wakeup> {
    let id = |text: &str| Uuid::try_parse(text).ok();
    let mut parts = text.split(':');
    let workspace = WorkspaceId::new(id(parts.next()?)?);
    let at_millis = parts.next()?.parse().ok()?;
    let channel = InstanceId::new(id(parts.next()?)?);
    let customer = CustomerId::new(id(parts.next()?)?);
    let chat = match parts.next()? {
        "" => None,
        chat => Some(ChatId::new(id(chat)?)),
    };
    let activity = match parts.next()? {
        "typing" => Activity::Typing,
        "recording" => Activity::Recording,
        "paused" => Activity::Paused,
        "online" => Activity::Online,
        "offline" => Activity::Offline { last_seen: None },
        other => Activity::Offline { last_seen: Some(other.strip_prefix("offline@")?.parse().ok()?) },
    };
    Some(Wakeup::Sign { workspace, sign: Sign { at_millis, channel, customer, chat, activity } })
}

/// What a payload says. A word that this build does not know may mean anything.
pub(super) fn read(payload: &str) -> impl Iterator<Item = Wakeup> {
    payload.split(' ').map(|word| known(word).unwrap_or(Wakeup::Lost))
}

fn known(word: &str) -> Option<Wakeup> {
    let mut letters = word.chars();
    let (kind, rest) = (letters.next()?, letters.as_str());
    let id = |text: &str| Uuid::try_parse(text).ok();
    Some(match kind {
        'a' => {
            let (workspace, position) = rest.split_once(':')?;
            Wakeup::Appended { workspace: WorkspaceId::new(id(workspace)?), position: position.parse().ok()? }
        }
        'q' => Wakeup::SendQueued { instance: InstanceId::new(id(rest)?) },
        'e' => Wakeup::Erased { workspace: WorkspaceId::new(id(rest)?) },
        'd' => Wakeup::SendDone { message: MessageId::new(id(rest)?) },
        's' => sign(rest)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_is_heard_in_payloads_that_postgres_takes() {
        let id = |number: u128| Uuid::from_u128(u128::MAX - number);
        let told: Vec<Wakeup> = (0..300)
            .flat_map(|number| {
                [
                    Wakeup::Appended { workspace: WorkspaceId::new(id(number)), position: u64::MAX },
                    Wakeup::SendQueued { instance: InstanceId::new(id(number)) },
                    Wakeup::SendDone { message: MessageId::new(id(number)) },
                    Wakeup::Erased { workspace: WorkspaceId::new(id(number)) },
                    Wakeup::Sign {
                        workspace: WorkspaceId::new(id(number)),
                        sign: Sign {
                            at_millis: i64::MAX,
                            channel: InstanceId::new(id(number)),
                            customer: CustomerId::new(id(number)),
                            chat: (number % 2 == 0).then(|| ChatId::new(id(number))),
                            activity: [
                                Activity::Typing,
                                Activity::Recording,
                                Activity::Paused,
                                Activity::Online,
                                Activity::Offline { last_seen: None },
                                Activity::Offline { last_seen: Some(i64::MAX) },
                            ][number as usize % 6],
                        },
                    },
                    Wakeup::Lost,
                ]
            })
            .collect();
        let payloads = write(&told);
        assert!(payloads.len() < 25 && payloads.iter().all(|payload| payload.len() < 8_000));
        let heard: Vec<Wakeup> = payloads.iter().flat_map(|payload| read(payload)).collect();
        assert_eq!(heard, told);
    }

    #[test]
    fn a_word_of_another_version_may_mean_anything() {
        for payload in ["", "z", "a1", "q", "dno-id", "a00000000000000000000000000000001:x", "é"] {
            assert_eq!(read(payload).collect::<Vec<_>>(), [Wakeup::Lost], "{payload}");
        }
    }
}
