//! The way out: where it goes, where it does not, and how it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use interflow_application::webhook::address::AllowList;
use interflow_application::webhook::ports::{Post, Resolver, Transport as _};
use interflow_application::webhook::{ErrorClass, Outcome};
use interflow_infrastructure::webhooks::{HttpTransport, SystemResolver};
use tokio::net::TcpListener;

use super::{Names, TIMEOUTS};
use crate::support::receiver::{Receiver, Reply};

fn post(url: &str, exempt: bool) -> Post {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Post { url: url.to_owned(), headers, body: b"{}".to_vec(), exempt }
}

fn transport(resolver: impl Resolver + 'static) -> HttpTransport {
    HttpTransport::with_timeouts(Arc::new(resolver), AllowList::default(), TIMEOUTS)
}

async fn outcome(behaviour: Reply) -> Outcome {
    let receiver = Receiver::start(move |_, _| behaviour.clone()).await;
    transport(SystemResolver).post(post(&receiver.url, true)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_public_is_not_connected_to_however_it_is_written() {
    let receiver = Receiver::accepting().await;
    let port = receiver.url.rsplit(':').next().unwrap();
    let transport = transport(SystemResolver);
    for host in
        ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "169.254.169.254", "10.0.0.1"]
    {
        let outcome = transport.post(post(&format!("http://{host}:{port}/"), false)).await;
        assert_eq!((outcome.status, outcome.error), (None, Some(ErrorClass::Blocked)), "{host}");
    }
    assert_eq!(receiver.count(), 0);
    let exempt = transport.post(post(&format!("http://127.0.0.1:{port}/"), true)).await;
    assert_eq!((exempt.status, exempt.error), (Some(204), None));
    // The connection that is kept is nobody else's.
    let other = transport.post(post(&format!("http://127.0.0.1:{port}/"), false)).await;
    assert_eq!((other.error, receiver.count()), (Some(ErrorClass::Blocked), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_whose_addresses_change_after_it_was_checked_is_judged_by_what_is_connected_to() {
    let receiver = Receiver::accepting().await;
    let port: u16 = receiver.url.rsplit(':').next().unwrap().parse().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    // Public when it is saved, this machine from then on.
    let rebinding = Names(move |_: &str| -> Vec<IpAddr> {
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => vec!["93.184.216.34".parse().unwrap()],
            _ => vec!["127.0.0.1".parse().unwrap()],
        }
    });
    assert!(AllowList::default().check(rebinding.resolve("rebind.example", port).await[0]).is_ok());
    let outcome = transport(rebinding).post(post(&format!("http://rebind.example:{port}/"), false)).await;
    assert_eq!((outcome.error, receiver.count()), (Some(ErrorClass::Blocked), 0));
    assert_eq!(asked.load(Ordering::SeqCst), 2, "what was judged is not resolved again");

    // One good address does not help another.
    let both = Names(|_: &str| vec!["93.184.216.34".parse().unwrap(), "127.0.0.1".parse().unwrap()]);
    let outcome = transport(both).post(post(&format!("http://both.example:{port}/"), false)).await;
    assert_eq!((outcome.error, receiver.count()), (Some(ErrorClass::Blocked), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = Receiver::accepting().await;
    let location = vec![("location", format!("{}/stolen", target.url))];
    for status in [301, 302, 303, 307, 308] {
        let outcome = outcome(Reply::With(status, location.clone())).await;
        assert_eq!((outcome.status, outcome.error), (Some(status), None));
        assert_eq!(outcome.header("location"), Some(location[0].1.as_str()));
    }
    assert_eq!(target.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_an_attempt_failed_is_told() {
    let errors = [(Reply::Hang, ErrorClass::Timeout), (Reply::Reset, ErrorClass::Reset)];
    for (behaviour, class) in errors {
        let outcome = outcome(behaviour).await;
        assert_eq!((outcome.status, outcome.error), (None, Some(class)));
    }
    let dripping = outcome(Reply::Drip).await;
    assert_eq!((dripping.status, dripping.error), (Some(200), Some(ErrorClass::Timeout)));

    let transport = transport(Names(|_: &str| vec![]));
    let unknown = transport.post(post("http://nowhere.example/", false)).await;
    assert_eq!(unknown.error, Some(ErrorClass::Dns));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(transport.post(post(&closed, true)).await.error, Some(ErrorClass::Connect));
    let plain = Receiver::accepting().await;
    let tls = plain.url.replace("http://", "https://");
    assert_eq!(transport.post(post(&tls, true)).await.error, Some(ErrorClass::Tls));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_answer_the_beginning_is_kept() {
    let outcome = outcome(Reply::Long(1_000_000)).await;
    assert_eq!((outcome.status, outcome.error), (Some(200), None));
    assert_eq!(outcome.body.len(), Outcome::MAX_BODY_BYTES);
    let many = (0..40).map(|_| ("x-more", "y".repeat(400))).collect();
    let outcome = self::outcome(Reply::With(200, many)).await;
    let kept: usize = outcome.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(kept <= Outcome::MAX_HEADERS_BYTES && kept > Outcome::MAX_HEADERS_BYTES / 2);
}
