//! `interflow channels`.

use interflow_domain::workspace::Scope;
use serde_json::json;

use super::{Going, Person, objects};
use crate::rest::channel_qr::scanned_text;
use crate::rest::server::{ACCOUNT, Server};

/// The string behind the QR that is drawn next.
async fn drawn(connecting: &mut Going) -> String {
    let mut lines = connecting.until("Scan it with the phone").await;
    lines.pop();
    scanned_text(&lines.join("\n"))
}

async fn scan(server: &Server, qr: &str) {
    let scan = json!({"qr": qr, "phone": ACCOUNT, "name": "Ana's 東京 shop"});
    let (status, told) = server.phones.post("/scan", scan).await;
    assert!(status.is_success(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_connected_by_the_qr_that_is_drawn_and_drawn_again_when_it_changes() {
    let server = Server::start().await;
    let person = Person::of(&server);
    let mut connecting = person.start(&["channels", "connect", "shop"]);
    let first = drawn(&mut connecting).await;
    assert!(first.starts_with("2@"), "{first}");
    // What ends the pairing makes another QR.
    server.api.post("/v1/channels/shop/logout", json!({})).await.expect(200);
    let second = drawn(&mut connecting).await;
    assert_ne!(first, second);
    scan(&server, &second).await;
    let said = connecting.end().await.expect(0);
    let last = said.out.lines().last().unwrap();
    assert_eq!(last, format!("shop is connected: {ACCOUNT} (Ana's 東京 shop)"));
    assert!(!said.out.contains('\x1b'), "nothing is drawn over where no terminal is");

    let again = person.told(&["channels", "connect", "shop"]).await;
    assert_eq!(again.lines().last(), Some(last), "what is open is not paired again");

    let listed = person.told(&["channels", "list"]).await;
    let [titles, row] = listed.lines().collect::<Vec<_>>()[..] else { panic!("{listed}") };
    assert!(titles.starts_with("NAME  STATUS  PHONE"), "{listed}");
    assert!(row.starts_with("shop  open    5511900000000  Ana's 東京 shop  "), "{listed}");
    assert!(row.contains(" ago") || row.contains("now"), "{listed}");
    let data = person.data(&["channels", "list"]).await;
    assert_eq!(json!(data), server.api.get("/v1/channels").await.expect(200)["data"]);

    let shown = person.told(&["channels", "show", "shop"]).await;
    assert!(shown.contains("profile          Ana's 東京 shop"), "{shown}");
    assert!(shown.lines().last().unwrap().contains("ago") || shown.contains("now"), "{shown}");
    let restarted = person.told(&["channels", "restart", "shop"]).await;
    assert!(restarted.starts_with("shop is restarted: "), "{restarted}");
    let out = person.told(&["channels", "logout", "shop"]).await;
    assert_eq!(out, "shop is logged out: close\n");
    let deleted = person.data(&["channels", "delete", "shop"]).await;
    assert_eq!((&deleted[0]["id"], &deleted[0]["deleted"]), (&data[0]["id"], &json!(true)));
    person.run(&["channels", "show", "shop"]).await.expect(4);
    let none = person.run(&["channels", "list"]).await.expect(0);
    assert_eq!((none.out.as_str(), none.complaint.as_str()), ("", "There are no channels.\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_may_draw_the_qr_itself_or_have_a_code_typed() {
    let server = Server::start().await;
    let person = Person::of(&server);
    let mut connecting = person.start(&["channels", "connect", "one", "--json"]);
    let shown = objects(&connecting.line().await).remove(0);
    let channel = server.api.get("/v1/channels/one").await.expect(200)["data"].clone();
    assert_eq!((&shown["channel"]["id"], &shown["pair_code"]), (&channel["id"], &json!(null)));
    scan(&server, shown["qr"].as_str().unwrap()).await;
    let open = objects(&connecting.end().await.expect(0).out).pop().unwrap();
    assert_eq!((&open["channel"]["status"], &open["qr"]), (&json!("open"), &json!(null)));

    let other = "5511922223333";
    let mut connecting = person.start(&["channels", "connect", "two", "--pair-code", "+55 11 92222-3333"]);
    let line = connecting.until("Pair code: ").await.pop().unwrap();
    let code = line.strip_prefix("Pair code: ").unwrap();
    assert_eq!((code.len(), &code[4..5]), (9, "-"), "{line}");
    let typed = json!({"code": code.replace('-', ""), "phone": other});
    let (status, told) = server.phones.post("/link-code", typed).await;
    assert!(status.is_success(), "{told}");
    assert!(connecting.end().await.expect(0).out.contains(&format!("two is connected: {other}")));
    let wrong = person.run(&["channels", "connect", "three", "--pair-code", "ana", "--json"]).await.expect(4);
    assert_eq!(wrong.error()["details"][0]["field"], "phone");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_to_scan() {
    let server = Server::start().await;
    let person = Person::of(&server);
    let late = person.run(&["channels", "connect", "shop", "--timeout", "1s"]).await.expect(6);
    assert!(late.complaint.contains("shop was not linked within 1 s"), "{}", late.complaint);
    let mut connecting = person.start(&["channels", "connect", "shop"]);
    drawn(&mut connecting).await;
    connecting.signal("INT");
    let left = connecting.end().await.expect(130);
    assert_eq!(left.complaint.trim(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sees_the_channels_of_its_workspace_alone() {
    let server = Server::start().await;
    Person::of(&server).start(&["channels", "connect", "shop"]).until("Scan").await;
    let other = Person::with(&server.another("second", &[Scope::All], None).await);
    assert_eq!(other.told(&["channels", "list"]).await, "");
    for verb in ["show", "restart", "logout", "delete"] {
        let refused = other.run(&["channels", verb, "shop"]).await.expect(4);
        assert!(refused.complaint.contains("NOT_FOUND"), "{}", refused.complaint);
    }
    let id = Person::of(&server).data(&["channels", "show", "shop"]).await[0]["id"].clone();
    other.run(&["channels", "connect", id.as_str().unwrap()]).await.expect(4);
    assert_eq!(
        other.told(&["channels", "list"]).await,
        "",
        "an id that is not there is no name for a new one"
    );
}
