//! The feed itself, on the real log.

use interflow_application::live::{Cut, Filter, Item, Live, Since, SubscribeError, Subscription};
use interflow_application::{Actor, Context, home_workspace};
use tokio::time::timeout;

use super::{customers, many};
use crate::rest::server::Server;
use crate::support::PATIENCE;

fn context() -> Context {
    Context::internal(home_workspace(), Actor::Operator, "req_test".to_owned())
}

async fn position(subscription: &mut Subscription) -> u64 {
    match timeout(PATIENCE, subscription.next()).await.expect("nothing was told").unwrap() {
        Item::Event(event) => event.position(),
        Item::Signal(_) => panic!("a signal nobody asked for"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_begins_anywhere_while_the_log_grows_gets_everything_once() {
    let server = Server::start().await;
    let (core, context) = (server.running.core(), context());
    let live = Live::new(core.log.clone(), server.running.wakeups());
    let begin = core.log.head(context.workspace).await.unwrap();
    let all = Filter::of(|_| true);
    customers(core, &context, many() / 2).await;
    let end = begin + many();
    let readers = (0..8).map(|reader| {
        let (live, all) = (live.clone(), all.clone());
        tokio::spawn(async move {
            // One begins at the beginning, others in the middle of what is there or is being written.
            let since = begin + reader * many() / 16;
            let mut subscription =
                live.subscribe(home_workspace(), all, Since::Position(since)).await.unwrap();
            for expected in since + 1..=end {
                assert_eq!(position(&mut subscription).await, expected, "reader {reader}");
            }
            assert_eq!(subscription.position(), end);
        })
    });
    let readers: Vec<_> = readers.collect();
    customers(core, &context, many() - many() / 2).await;
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_take_what_waits_is_cut_and_told_where_to_go_on() {
    let server = Server::start().await;
    let (core, context) = (server.running.core(), context());
    let live = Live::new(core.log.clone(), server.running.wakeups());
    let all = Filter::of(|_| true);
    let mut slow = live.subscribe(context.workspace, all.clone(), Since::Now).await.unwrap();
    let begin = slow.position();
    let mut brisk = live.subscribe(context.workspace, all.clone(), Since::Now).await.unwrap();
    customers(core, &context, 1).await;
    assert_eq!((position(&mut slow).await, position(&mut brisk).await), (begin + 1, begin + 1));
    let (written, taken) = tokio::join!(customers(core, &context, 1_500), async {
        for expected in begin + 2..begin + 1_502 {
            assert_eq!(position(&mut brisk).await, expected, "one is held up by another");
        }
    });
    let ((), ()) = (written, taken);
    let mut got = begin + 1;
    let resume_after = loop {
        match slow.next().await {
            Ok(Item::Event(event)) => {
                assert_eq!(event.position(), got + 1);
                got += 1;
            }
            Ok(Item::Signal(_)) => panic!("a signal nobody asked for"),
            Err(Cut::TooSlow { resume_after }) => break resume_after,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(resume_after, got, "what was told is not told again");
    assert!(got < begin + 1_501, "a queue without bounds");
    let mut again = live.subscribe(context.workspace, all, Since::Position(resume_after)).await.unwrap();
    for expected in resume_after + 1..begin + 1_502 {
        assert_eq!(position(&mut again).await, expected);
    }
}

#[tokio::test]
async fn a_position_beyond_the_end_is_of_another_log() {
    let server = Server::start().await;
    let live = Live::new(server.running.core().log.clone(), server.running.wakeups());
    let end = server.running.core().log.head(home_workspace()).await.unwrap();
    let asked = live.subscribe(home_workspace(), Filter::of(|_| true), Since::Position(end + 1)).await;
    assert!(matches!(asked.err().unwrap(), SubscribeError::BeyondTheEnd { end: told } if told == end));
}
