use chrono::DateTime;
use interflow_application::gateway::Leases;
use interflow_application::log::StreamId;
use interflow_application::whatsapp::{InboundContent, InboundMessage, Party};
use interflow_application::{Decision, Error, ReceiveMessage, UseCase};
use interflow_domain::ChatId;
use interflow_domain::chat::{Chat, ChatCommand, ChatStatus};
use interflow_domain::message::{Content, Direction, MessageStatus};

use super::{Desk, profile};

const ANA: &str = "5511999999999";
const ANAS_LID: &str = "111222333444555";

fn message(id: &str, phone: Option<&str>, lid: Option<&str>) -> InboundMessage {
    InboundMessage {
        whatsapp_id: id.to_owned(),
        party: Party { phone: phone.map(|phone| phone.parse().unwrap()), lid: lid.map(str::to_owned) },
        from_me: false,
        push_name: Some("Ana".to_owned()),
        sent_at: DateTime::UNIX_EPOCH,
        content: InboundContent::Text(format!("text of {id}")),
    }
}

impl Desk {
    async fn receive(&self, message: InboundMessage) -> Result<bool, Error> {
        self.run(&ReceiveMessage { instance: self.instance, epoch: self.epoch, message }).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_delivered_twice_is_recorded_once() {
    let desk = Desk::open().await;
    assert!(desk.receive(message("3A", Some(ANA), None)).await.unwrap());
    assert!(!desk.receive(message("3A", Some(ANA), None)).await.unwrap());
    let (one, two) = futures::join!(
        desk.receive(message("3B", Some(ANA), None)),
        desk.receive(message("3B", Some(ANA), None))
    );
    assert!(one.unwrap() ^ two.unwrap(), "one of two at once is new");
    let chats = desk.chats().await;
    assert_eq!((chats.len(), chats[0].unread_count), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_known_by_lid_and_later_by_number_is_one_customer() {
    let desk = Desk::open().await;
    desk.receive(message("3A", None, Some(ANAS_LID))).await.unwrap();
    desk.receive(message("3B", Some(ANA), Some(ANAS_LID))).await.unwrap();
    desk.receive(message("3C", Some(ANA), None)).await.unwrap();
    let customers = desk.customers().await;
    assert_eq!(customers.len(), 1, "{customers:?}");
    assert_eq!((customers[0].phone.as_deref(), customers[0].lid.as_deref()), (Some(ANA), Some(ANAS_LID)));
    assert_eq!(customers[0].name.as_deref(), Some("Ana"));
    assert_eq!(desk.chats().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_number_and_lid_are_two_customers_the_numbers_is_taken() {
    let desk = Desk::open().await;
    desk.receive(message("3A", None, Some(ANAS_LID))).await.unwrap();
    let known = desk.create(profile(Some(ANA), None)).await.unwrap();
    desk.receive(message("3B", Some(ANA), Some(ANAS_LID))).await.unwrap();
    let customers = desk.customers().await;
    assert_eq!(customers.len(), 2);
    assert_eq!(desk.customer(known).await.unwrap().lid, None);
    assert!(desk.chats().await.iter().any(|chat| chat.customer == known));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_a_caller_gave_is_not_replaced_by_the_one_whatsapp_shows() {
    let desk = Desk::open().await;
    let mut draft = profile(Some(ANA), None);
    draft.name = Some("Dona Ana".parse().unwrap());
    let ana = desk.create(draft).await.unwrap();
    desk.receive(message("3A", Some(ANA), None)).await.unwrap();
    assert_eq!(desk.customer(ana).await.unwrap().name.as_deref(), Some("Dona Ana"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_owner_writes_on_the_phone_is_outbound_and_unread_by_nobody() {
    let desk = Desk::open().await;
    let echo = InboundMessage {
        from_me: true,
        push_name: Some("Shop".to_owned()),
        ..message("3A", Some(ANA), None)
    };
    desk.receive(echo).await.unwrap();
    let chat = &desk.chats().await[0];
    assert_eq!(chat.unread_count, 0);
    let recorded = &desk.messages(chat.id).await[0];
    assert_eq!((recorded.direction, recorded.status), (Direction::Outbound, MessageStatus::Sent));
    assert_eq!(desk.customers().await[0].name, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_carried_yet_is_recorded_as_having_come() {
    let desk = Desk::open().await;
    let content = InboundContent::Unsupported { kind: "imageMessage".to_owned() };
    desk.receive(InboundMessage { content, ..message("3A", Some(ANA), None) }).await.unwrap();
    let chat = &desk.chats().await[0];
    let recorded = &desk.messages(chat.id).await[0];
    assert_eq!(recorded.content, Some(Content::Unsupported { kind: "imageMessage".to_owned() }));
    assert_eq!(chat.unread_count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snoozed_chat_wakes_when_the_customer_writes() {
    struct Snooze(ChatId);
    #[async_trait::async_trait]
    impl UseCase for Snooze {
        type Output = ();
        async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
            let snooze = ChatCommand::SnoozeChat { until: None };
            decision.execute::<Chat>(StreamId::Chat(self.0), snooze).await.map(drop)
        }
    }
    let desk = Desk::open().await;
    desk.receive(message("3A", Some(ANA), None)).await.unwrap();
    desk.run(&Snooze(desk.chats().await[0].id)).await.unwrap();
    assert_eq!(desk.chats().await[0].status, ChatStatus::Snoozed);
    desk.receive(message("3B", Some(ANA), None)).await.unwrap();
    assert_eq!(desk.chats().await[0].status, ChatStatus::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_lost_its_lease_records_nothing() {
    let desk = Desk::open().await;
    let newer = desk.leases.acquire(desk.context.workspace, desk.instance).await.unwrap().unwrap();
    assert!(newer > desk.epoch);
    let fenced = desk.receive(message("3A", Some(ANA), None)).await;
    assert!(matches!(fenced, Err(Error::Fenced)), "{fenced:?}");
    assert_eq!(desk.customers().await, []);
}
