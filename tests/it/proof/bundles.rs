//! Parts of a log for somebody who has nothing else: what is in them, that they are checked without the server, and that
//! nothing can be changed in them unnoticed.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::command::{Said, audit, sql};
use crate::support::lab::Lab;

const SHOP: &str = "5511888888888";
const ANA: &str = "5511999999999";
const BEA: &str = "5511999999998";

/// A server that two customers wrote to, and a directory for bundles.
struct Story {
    lab: Lab,
    out: TempDir,
    chat: String,
    customer: String,
}

impl Story {
    async fn told() -> Self {
        let lab = Lab::start();
        lab.pair("shop", SHOP).await;
        for number in 0..5 {
            lab.phones.write(ANA, "Ana", SHOP, &format!("<b>secret {number}</b>")).await;
            lab.phones.write(BEA, "Bea", SHOP, &format!("other {number}")).await;
        }
        let of_ana = |body: &Value| body["data"].as_array().is_some_and(|all| all.len() == 10);
        lab.api.until("/v1/messages?direction=inbound&per_page=100", of_ana).await;
        let customer =
            lab.api.get(&format!("/v1/customers?phone={ANA}")).await.expect(200)["data"][0].clone();
        let customer = customer["id"].as_str().unwrap().to_owned();
        let chats = lab.api.get(&format!("/v1/chats?customer_id={customer}")).await.expect(200);
        let chat = chats["data"][0]["id"].as_str().unwrap().to_owned();
        let channel = chats["data"][0]["channel_id"].as_str().unwrap().to_owned();
        let sent = lab.api.send(&channel, ANA, "an answer").await.expect(201);
        // Nothing more happens in the chat by itself.
        let sent = format!("/v1/messages/{}", sent["data"]["id"].as_str().unwrap());
        lab.api.until(&sent, |body| body["data"]["status"] == "read").await;
        // Nothing is ever told to it: its secret is what matters.
        let webhook = json!({"url": "https://1.1.1.1/hook", "events": ["channel.deleted"]});
        lab.api.post("/v1/webhooks", webhook).await.expect(201);
        Self { lab, out: tempfile::tempdir().unwrap(), chat, customer }
    }

    fn export(&self, name: &str, what: &[&str]) -> (PathBuf, Said) {
        let out = self.out.path().join(name);
        let arguments = [&["export", "--json", "--out", out.to_str().unwrap()], what].concat();
        let said = audit(self.lab.data.path(), &arguments);
        (out, said)
    }

    async fn key(&self) -> String {
        let keys = self.lab.api.get("/v1/audit/log/keys").await.expect(200);
        keys["data"][0]["key"].as_str().unwrap().to_owned()
    }
}

fn lines(bundle: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(bundle.join("bundle.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn check(bundle: &Path, keys: &[&str]) -> Said {
    let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key]).collect();
    // No database is named: there is none to look at.
    let arguments = [&["verify", "--json", "--bundle", bundle.to_str().unwrap()], &keys[..]].concat();
    audit(Path::new("/nowhere"), &arguments)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_a_customer_or_a_stretch_is_proved_to_whoever_has_the_bundle_and_a_key() {
    let story = Story::told().await;
    let key = story.key().await;
    let (chat, said) = story.export("chat", &["--chat", &story.chat]);
    assert!(said.success, "{}", said.text);
    let all = lines(&chat);
    assert_eq!(all[0]["events"], all.len() - 1);
    assert_eq!(said.lines[0]["events"], all.len() - 1);
    let texts: Vec<&str> =
        all.iter().filter_map(|line| line.pointer("/opened/content/$p/v/text")?.as_str()).collect();
    assert_eq!(texts.iter().filter(|text| text.contains("secret")).count(), 5);
    assert!(texts.contains(&"an answer") && !texts.iter().any(|text| text.contains("other")), "{texts:?}");
    assert!(
        all[1..].iter().all(|line| ["chat", "message"].contains(&line["aggregate_type"].as_str().unwrap()))
    );
    let checked = check(&chat, &[&key]);
    assert!(checked.success, "{}", checked.text);
    assert_eq!(checked.lines[0]["signed_with"], json!([key]));

    let seen = story.lab.api.get("/v1/audit/reads?resource=export").await.expect(200);
    let seen = &seen["data"][0];
    assert_eq!((&seen["actor"], &seen["resource_id"]), (&json!("operator"), &json!(story.chat)));
    assert_eq!((&seen["reads"], &seen["items"]), (&json!(1), &all[0]["events"]));

    let (customer, _) = story.export("customer", &["--customer", &story.customer]);
    let kinds: std::collections::BTreeSet<String> = lines(&customer)[1..]
        .iter()
        .map(|line| line["aggregate_type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["chat", "customer", "message"]);
    assert!(check(&customer, &[&key]).success);

    let (stretch, said) = story.export("stretch", &["--from", "1"]);
    assert!(said.success, "{}", said.text);
    let everything = lines(&stretch);
    assert_eq!(everything[0]["events"], said.lines[0]["size"], "all there is");
    let text = std::fs::read_to_string(stretch.join("bundle.jsonl")).unwrap();
    assert!(text.contains("\"withheld\":true") && !text.contains("whsec_"), "secrets are nobody's to read");
    assert!(check(&stretch, &[&key]).success);
    let (part, _) = story.export("part", &["--from", "3", "--to", "7"]);
    let positions: Vec<u64> =
        lines(&part)[1..].iter().map(|line| line["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, [3, 4, 5, 6, 7]);
    assert!(check(&part, &[]).success);
    let (_, said) = story.export("future", &["--from", "2999-01-01T00:00:00Z"]);
    assert!(!said.success && said.text.contains("nothing of the log is selected"), "{}", said.text);

    let page = std::fs::read_to_string(chat.join("report.html")).unwrap();
    assert!(
        page.contains("&lt;b&gt;secret 0&lt;/b&gt;") && !page.contains("<b>secret"),
        "what customers write is text"
    );
    assert!(page.contains(&story.chat) && page.ends_with("</body></html>\n"));
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_refused_and_nothing_is_written_over() {
    let story = Story::told().await;
    let chat = story.chat.clone();
    let refused = |name: &str, what: &[&str], why: &str| {
        let (_, said) = story.export(name, what);
        assert!(!said.success && said.text.contains(why), "{}", said.text);
    };
    refused("a", &[], "required");
    refused("a", &["--chat", &chat, "--from", "1"], "cannot be used with");
    refused("a", &["--chat", "nonsense"], "cht_");
    refused("a", &["--from", "yesterday"], "must be a position");
    refused("a", &["--chat", "cht_00000000000000000000000000"], "nothing of the log is selected");
    refused("a", &["--workspace", "stranger", "--chat", &chat], "nothing of the log is selected");
    let (bundle, said) = story.export("b", &["--chat", &chat]);
    assert!(said.success);
    let before = std::fs::read(bundle.join("bundle.jsonl")).unwrap();
    refused("b", &["--from", "1"], "is not empty");
    assert_eq!(std::fs::read(bundle.join("bundle.jsonl")).unwrap(), before);
    for nothing in ["/nowhere", "/etc/passwd"] {
        let said = check(Path::new(nothing), &[]);
        assert!(!said.success && said.text.contains(nothing), "{}", said.text);
    }
    // What cannot be noted is not shown.
    sql(story.lab.data.path(), "ALTER TABLE audit_reads RENAME TO away");
    let (unnoted, said) = story.export("unnoted", &["--chat", &chat]);
    assert!(!said.success && !unnoted.exists(), "{}", said.text);
    sql(story.lab.data.path(), "ALTER TABLE away RENAME TO audit_reads");
    // What others have may not be another's: a second workspace's chat is not exported from the first.
    story.lab.api.post("/v1/workspaces", json!({"slug": "second", "plan": "starter"})).await.expect(201);
    refused("c", &["--workspace", "second", "--chat", &chat], "nothing of the log is selected");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_changed_in_a_bundle_unnoticed() {
    let story = Story::told().await;
    let key = story.key().await;
    let (bundle, _) = story.export("chat", &["--chat", &story.chat]);
    let whole = lines(&bundle);
    let at = whole.iter().position(|line| line.pointer("/opened/content/$p/v/text").is_some()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let kinds = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut lines = whole.clone();
        change(&mut lines);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(other.path().join("bundle.jsonl"), text).unwrap();
        let said = check(other.path(), &[&key]);
        let faults = said.lines[0]["faults"].as_array().unwrap().clone();
        assert_eq!(said.success, faults.is_empty());
        faults.iter().map(|fault| fault["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(kinds(&|_| ()).is_empty(), "another spelling of the same JSON is the same");
    let change = |pointer: &'static str, value: Value| {
        kinds(&move |lines| *lines[at].pointer_mut(pointer).unwrap() = value.clone())
    };
    assert_eq!(change("/opened/content/$p/v/text", json!("I owe you a million")), ["changed"]);
    assert_eq!(change("/opened/content/$p", json!({"s": "cus_1", "erased": true})), ["changed"]);
    assert_eq!(change("/openings/0/key", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")), ["changed"]);
    assert_eq!(change("/payload", json!("{}")), ["changed"]);
    assert_eq!(change("/metadata", json!("{}")), ["changed"]);
    assert_eq!(change("/recorded_micros", json!(0)), ["changed"]);
    assert_eq!(change("/recorded_at", json!("2020-01-01T00:00:00Z")), ["changed"]);
    assert_eq!(change("/event_type", json!("message.sent")), ["changed"]);
    assert_eq!(change("/event_id", json!("00000000-0000-0000-0000-000000000000")), ["changed"]);
    assert_eq!(change("/path", json!([])), ["changed"]);
    assert_eq!(kinds(&|lines| lines.swap(2, 3)), ["reordered"]);
    assert_eq!(kinds(&|lines| lines.insert(3, lines[2].clone())), ["inserted"]);
    let as_one_more = |lines: &mut Vec<Value>| {
        let mut line = lines[at].clone();
        let position = lines[lines.len() - 1]["position"].as_u64().unwrap() + 1;
        (line["position"], line["sequence"]) = (json!(position), json!(2));
        lines.push(line);
    };
    assert_eq!(kinds(&as_one_more), ["inserted"]);
    assert_eq!(kinds(&|lines| drop(lines.pop())), ["truncated"]);
    let sealed_is_shown_as_gone = kinds(&|lines| {
        let shown = lines[at].pointer_mut("/opened/content/$p").unwrap();
        *shown = json!({"s": shown["s"], "erased": true});
    });
    assert_eq!(sealed_is_shown_as_gone, ["changed"], "its key is there");
    let queued = whole.iter().position(|line| line["event_type"] == "message.queued").unwrap();
    let left_out = kinds(&|lines| {
        lines.remove(queued);
        lines[0]["events"] = json!(lines.len() - 1);
    });
    assert_eq!(left_out, ["missing"], "what follows in the stream says so");
    let forged = kinds(&|lines| {
        let note = lines[0]["checkpoint"].as_str().unwrap().replace("\n\n", "0\n\n");
        lines[0]["checkpoint"] = json!(note);
    });
    assert_eq!(forged.first().map(String::as_str), Some("signature"));
    story.lab.api.post("/v1/customers", json!({"email": "ana@example.com"})).await.expect(201);
    let (later, _) = story.export("later", &["--chat", &story.chat]);
    assert_ne!(lines(&later)[0]["checkpoint"], whole[0]["checkpoint"]);
    let exchanged = kinds(&|own| own[0]["checkpoint"] = lines(&later)[0]["checkpoint"].clone());
    assert_eq!(exchanged, ["rewritten"], "a checkpoint of the same log, well signed, and not this one");
    let second = json!({"slug": "second", "plan": "starter"});
    story.lab.api.post("/v1/workspaces", second).await.expect(201);
    let (other, said) = story.export("other", &["--workspace", "second", "--from", "1"]);
    assert!(said.success, "{}", said.text);
    let another_log = kinds(&|own| own[0]["checkpoint"] = lines(&other)[0]["checkpoint"].clone());
    assert_eq!(another_log, ["signature", "signature", "rewritten"]);
    let stranger = "log+00000000+AQ";
    assert!(
        !audit(Path::new("/nowhere"), &["verify", "--bundle", bundle.to_str().unwrap(), "--key", stranger])
            .success
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_from_before_an_erasure_and_one_from_after_are_both_proved() {
    let story = Story::told().await;
    let key = story.key().await;
    let (before, _) = story.export("before", &["--customer", &story.customer]);
    story.lab.api.post(&format!("/v1/customers/{}/erase", story.customer), json!({})).await.expect(200);
    let (after, said) = story.export("after", &["--customer", &story.customer]);
    assert!(said.success, "{}", said.text);
    assert!(check(&before, &[&key]).success && check(&after, &[&key]).success);
    let (old, new) = (lines(&before), lines(&after));
    assert!(new.len() > old.len(), "the certificate is in it");
    let payloads =
        |lines: &[Value]| lines[1..].iter().map(|line| line["payload"].clone()).collect::<Vec<_>>();
    assert_eq!(payloads(&old), payloads(&new)[..old.len() - 1], "byte for byte");
    let text = std::fs::read_to_string(after.join("bundle.jsonl")).unwrap();
    let page = std::fs::read_to_string(after.join("report.html")).unwrap();
    for gone in ["secret 0", ANA, "an answer"] {
        assert!(!text.contains(gone) && !page.contains(gone), "{gone}");
    }
    assert!(text.contains("\"erased\":true") && page.contains(">erased<"));
}

/// `scripts/verify-bundle` runs it, with a Python that has what the script needs.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Python with an Ed25519 package: scripts/verify-bundle"]
async fn the_printed_script_verifies_a_bundle_and_refuses_a_changed_one() {
    let python = std::env::var("BUNDLE_PYTHON").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/verify_bundle.py");
    let run = |bundle: &Path, keys: &[&str]| {
        let output = Command::new(&python).arg(script).arg(bundle).args(keys).output().unwrap();
        (
            output.status.success(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    let story = Story::told().await;
    let key = story.key().await;
    for (name, what) in [
        ("chat", ["--chat", &story.chat]),
        ("customer", ["--customer", &story.customer]),
        ("all", ["--from", "1"]),
    ] {
        let (bundle, said) = story.export(name, &what);
        assert!(said.success, "{}", said.text);
        let (good, text) = run(&bundle, &[&key]);
        assert!(good && text.contains("signed by a key you named"), "{text}");
        let path = bundle.join("bundle.jsonl");
        let whole = std::fs::read_to_string(&path).unwrap();
        for (from, to) in [
            ("secret 1", "secret 7"),
            ("\\\"type\\\":\\\"message.received\\\"", "\\\"type\\\":\\\"message.received\\\" "),
            ("\"sequence\":1", "\"sequence\":2"),
        ] {
            assert!(whole.contains(from), "{from}");
            std::fs::write(&path, whole.replacen(from, to, 1)).unwrap();
            let (good, text) = run(&bundle, &[&key]);
            assert!(!good && text.contains("NOT VERIFIED"), "{from}: {text}");
        }
        std::fs::write(&path, &whole).unwrap();
        std::fs::write(&path, whole.lines().take(4).map(|line| format!("{line}\n")).collect::<String>())
            .unwrap();
        assert!(!run(&bundle, &[&key]).0);
    }
    story.lab.api.post(&format!("/v1/customers/{}/erase", story.customer), json!({})).await.expect(200);
    let (bundle, _) = story.export("erased", &["--customer", &story.customer]);
    let (good, text) = run(&bundle, &[]);
    assert!(good && text.contains("compare it with the published one"), "{text}");
}
