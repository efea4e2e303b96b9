use interflow_application::{
    ChannelRef, DeleteCustomer, Error, OpenChat, Partner, PatchCustomer, ProfilePatch,
};
use interflow_domain::chat::ChatStatus;

use super::{Desk, profile};

const ANA: &str = "5511999999999";
const BIA: &str = "5511777777777";

#[tokio::test(flavor = "multi_thread")]
async fn a_number_and_an_address_are_one_customers_whatever_their_spelling() {
    let desk = Desk::open().await;
    desk.create(profile(Some(ANA), Some("ana@example.com"))).await.unwrap();
    for taken in [profile(Some("+55 11 99999-9999"), None), profile(None, Some("Ana@Example.com"))] {
        assert!(matches!(desk.create(taken).await, Err(Error::Conflict(_))));
    }
    assert_eq!(desk.customers().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_customers_created_at_once_with_one_number_one_is_refused() {
    let desk = Desk::open().await;
    let (one, two) =
        futures::join!(desk.create(profile(Some(ANA), None)), desk.create(profile(Some(ANA), None)));
    assert_eq!(one.is_ok() as u8 + two.is_ok() as u8, 1, "{one:?} {two:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_given_up_is_free_for_another() {
    let desk = Desk::open().await;
    let ana = desk.create(profile(Some(ANA), None)).await.unwrap();
    let patch = ProfilePatch { phone: Some(Some(BIA.parse().unwrap())), ..ProfilePatch::default() };
    desk.run(&PatchCustomer { id: ana, patch, expected: None }).await.unwrap();
    desk.create(profile(Some(ANA), None)).await.unwrap();
    assert!(matches!(desk.create(profile(Some(BIA), None)).await, Err(Error::Conflict(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_customer_is_gone_its_chats_are_closed_and_its_number_is_free() {
    let desk = Desk::open().await;
    let ana = desk.create(profile(Some(ANA), Some("ana@example.com"))).await.unwrap();
    let open = OpenChat { channel: ChannelRef::id(desk.instance), partner: Partner::Customer(ana) };
    let chat = desk.run(&open).await.unwrap();
    assert!(chat.created);
    assert!(!desk.run(&open).await.unwrap().created, "the open chat is returned rather than doubled");

    desk.run(&DeleteCustomer { id: ana, expected: None }).await.unwrap();
    assert_eq!(desk.customer(ana).await, None);
    assert_eq!(desk.chats().await[0].status, ChatStatus::Closed);
    let again = desk.create(profile(Some(ANA), Some("ana@example.com"))).await.unwrap();
    assert_ne!(again, ana);
    assert!(matches!(desk.run(&open).await, Err(Error::Invalid { .. })));
    let reopened = OpenChat { partner: Partner::Customer(again), ..open };
    assert_ne!(desk.run(&reopened).await.unwrap().id, chat.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_is_refused_and_changes_nothing() {
    let desk = Desk::open().await;
    let ana = desk.create(profile(Some(ANA), None)).await.unwrap();
    let rename = |name: &str, expected| PatchCustomer {
        id: ana,
        patch: ProfilePatch { name: Some(Some(name.parse().unwrap())), ..ProfilePatch::default() },
        expected,
    };
    desk.run(&rename("Ana", Some(1))).await.unwrap();
    let stale = desk.run(&rename("Anna", Some(1))).await;
    assert!(matches!(stale, Err(Error::PreconditionFailed { current: 2 })), "{stale:?}");
    assert_eq!(desk.customer(ana).await.unwrap().name.as_deref(), Some("Ana"));
}
