//! A customer with something distinctive everywhere is erased, the operator's sequence is run, and nothing of it is found:
//! not in a dump, not in any file of the data directory.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::{interflow, programs, run};
use crate::support::api::Api;
use crate::support::lab::{KEY, Lab, NetworkProcess};
use crate::support::receiver::{Receiver, Reply};

const SHOP: &str = "5511888888888";
const PHONE: &str = "5511976253418";
const OTHER: &str = "5511900000077";
/// What is known of the customer, each to be found nowhere else.
const KNOWN: [&str; 12] = [
    PHONE,
    "Zebulina Quagmire",
    "Zebulina Renamedova",
    "zebulina.quagmire@xylo.example",
    "crm-zq-998877",
    "zebu-vip-label",
    "quokkamint",
    "Zebby Pushname",
    "inbound wombatine",
    "outbound narwhalia",
    "bulk axolotlia",
    "waiting pangolinia",
];

/// Every form in which a value could stand in a file.
fn forms(value: &str) -> Vec<Vec<u8>> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let plain = value.as_bytes().to_vec();
    let hex: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
    let wide = |order: fn(u16) -> [u8; 2]| value.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    // At each of the three places in a group of base64 that it may begin at: what does not depend on its neighbours.
    let base64 = (0..3_usize).map(|before| {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(plain.iter().copied()).collect();
        let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1)).collect();
        let digits =
            bits.chunks_exact(6).map(|six| DIGITS[six.iter().fold(0, |n, bit| n << 1 | bit) as usize]);
        digits.skip((before * 8).div_ceil(6)).collect::<Vec<u8>>()
    });
    let mut forms = vec![
        value.to_lowercase().into_bytes(),
        value.to_uppercase().into_bytes(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        wide(u16::to_le_bytes),
        wide(u16::to_be_bytes),
        plain.clone(),
    ];
    forms.extend(base64);
    forms.sort();
    forms.dedup();
    forms
}

/// Looks for many things in one pass.
struct Search {
    needles: BTreeMap<[u8; 2], Vec<(String, Vec<u8>)>>,
}

impl Search {
    fn of(values: &[String]) -> Self {
        let mut needles: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for value in values {
            for form in forms(value) {
                needles.entry([form[0], form[1]]).or_default().push((value.clone(), form));
            }
        }
        Self { needles }
    }

    fn in_bytes(&self, bytes: &[u8]) -> Vec<String> {
        let mut first = vec![false; 1 << 16];
        self.needles.keys().for_each(|start| first[usize::from(u16::from_be_bytes(*start))] = true);
        let mut found = vec![];
        for (at, pair) in bytes.windows(2).enumerate() {
            if first[usize::from(u16::from_be_bytes([pair[0], pair[1]]))] {
                let here = self.needles[&[pair[0], pair[1]]]
                    .iter()
                    .filter(|(_, form)| bytes[at..].starts_with(form));
                found.extend(here.map(|(value, _)| value.clone()));
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// Every file under a directory that holds one of them.
    fn in_files(&self, directory: &Path) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                found.extend(self.in_files(&path));
            } else if kind.is_file() {
                let values = self.in_bytes(&std::fs::read(&path).unwrap());
                if !values.is_empty() {
                    found.insert(path.display().to_string(), values);
                }
            }
        }
        found
    }
}

fn url(data: &Path) -> String {
    format!("postgres:///interflow?host={}&user=interflow", data.join("postgres/socket").display())
}

fn dump(lab: &Lab) -> Vec<u8> {
    let bin = programs(lab.postmaster());
    run(&bin.join("pg_dump"), &[&url(lab.data.path())], &[]).into_bytes()
}

fn lab() -> Lab {
    let network = NetworkProcess::start();
    let data = tempfile::tempdir().unwrap();
    let environment = [("INTERFLOW_WEBHOOK_ALLOW", "127.0.0.0/8"), ("INTERFLOW_BULK_RATE_PER_MINUTE", "1")];
    let (server, url) = network.serve(data.path(), &environment);
    let api = Api { http: reqwest::Client::new(), url, key: Some(KEY.to_owned()) };
    Lab { api, phones: network.phones.clone(), server, data, network }
}

fn bulk(texts: &[&str]) -> Value {
    let letter = |text: &&str| json!({"to": PHONE, "type": "text", "content": {"text": text}});
    json!({"channel_id": "shop", "messages": texts.iter().map(letter).collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_customer_is_found_in_a_dump_or_in_any_file() {
    let mut lab = lab();
    let receiver =
        Receiver::start(|received, _| Reply::With(200, vec![("x-echo", received.body.clone())])).await;
    lab.pair("shop", SHOP).await;
    let api = lab.api.clone();
    let webhook = api.post("/v1/webhooks", json!({"url": format!("{}/", receiver.url)})).await.expect(201);
    let webhook = webhook["data"]["id"].as_str().unwrap().to_owned();

    // A customer with something everywhere, and a neighbour who stays.
    let draft = json!({
        "name": "Zebulina Quagmire", "email": "zebulina.quagmire@xylo.example", "phone": PHONE,
        "external_id": "crm-zq-998877", "tags": ["zebu-vip-label"], "attributes": {"favourite": "quokkamint"}
    });
    let made = api.post_once("/v1/customers", draft.clone(), "create-once").await;
    let location = made.header("location").to_owned();
    let id = made.expect(201)["data"]["id"].as_str().unwrap().to_owned();
    api.patch(&location, json!({"name": "Zebulina Renamedova"})).await.expect(200);
    let neighbour = json!({"name": "Neighbour Nandu", "phone": OTHER});
    let neighbour = api.post("/v1/customers", neighbour).await.header("location").to_owned();
    lab.phones.write(PHONE, "Zebby Pushname", SHOP, "inbound wombatine").await;
    let of_customer = format!("/v1/messages?customer_id={id}");
    api.until(&of_customer, |body| body["meta"]["total"] == 1).await;
    api.send("shop", PHONE, "outbound narwhalia").await.expect(201);
    api.send("shop", OTHER, "to the neighbour").await.expect(201);
    let job = api
        .post_once("/v1/messages/bulk", bulk(&["bulk axolotlia", "waiting pangolinia"]), "bulk-once")
        .await;
    let job = job.header("location").to_owned();
    lab.phones.until_received(PHONE, 2).await;
    let echoed = |received: &[crate::support::receiver::Received]| {
        KNOWN[8..].iter().all(|value| received.iter().any(|one| one.body.contains(value)))
    };
    receiver.until(echoed).await;
    let seen = api.get(&location).await.expect(200);
    let lid = seen["data"]["identities"].as_array().unwrap().iter().find(|one| one["kind"] == "lid");
    let lid = lid.map(|lid| lid["value"].as_str().unwrap().to_owned());
    let values: Vec<String> = KNOWN.iter().map(|value| (*value).to_owned()).chain(lid).collect();
    let search = Search::of(&values);
    let dumped = search.in_bytes(&dump(&lab));
    for value in
        [PHONE, "Zebulina Renamedova", "zebulina.quagmire@xylo.example", "crm-zq-998877", "quokkamint"]
    {
        assert!(dumped.contains(&value.to_owned()), "{value} would be found: {dumped:?}");
    }

    // Erased.
    let erase = format!("{location}/erase");
    let erased = api.post(&erase, json!({"reason": "gdpr_art_17"})).await.expect(200)["data"].clone();
    assert_eq!((&erased["customer_id"], &erased["reason"]), (&json!(id), &json!("gdpr_art_17")));
    let destroyed = &erased["destroyed"];
    assert!(destroyed["data_keys"].as_array().unwrap().len() >= 2, "{erased}");
    assert_eq!(
        (&destroyed["messages"], &destroyed["chats"], &destroyed["sends"]),
        (&json!(4), &json!(1), &json!(1))
    );
    assert_eq!(destroyed["answers"], 2, "of its creation and of the bulk: {erased}");
    assert!(destroyed["webhook_attempts"].as_u64().unwrap() >= 5, "{erased}");
    assert!(destroyed["whatsapp_keys"].as_u64().unwrap() >= 3, "{erased}");
    assert_eq!(api.post(&erase, json!({})).await.expect(200)["data"], erased, "the second time");

    // What is shown of it now.
    api.get(&location).await.refused(404, "NOT_FOUND");
    api.patch(&location, json!({"name": "Back"})).await.refused(404, "NOT_FOUND");
    for message in api.get(&of_customer).await.expect(200)["data"].as_array().unwrap() {
        assert_eq!(
            (&message["content"], &message["to"], &message["from"]),
            (&json!(null), &json!(null), &json!(null))
        );
    }
    let waiting = api.get(&format!("{of_customer}&status=failed")).await.expect(200);
    assert_eq!(waiting["data"][0]["status_reason"], "customer_erased", "{waiting}");
    let chats = api.get(&format!("/v1/chats?customer_id={id}")).await.expect(200);
    assert_eq!((&chats["data"][0]["status"], &chats["meta"]["total"]), (&json!("closed"), &json!(1)));
    assert_eq!(chats["data"][0]["last_message"]["preview"], json!(null));
    api.until(&job, |body| body["data"]["status"] == "completed").await;
    // Not carried out again, and no more is said of what it was.
    api.post_once("/v1/customers", draft, "create-once").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let told = receiver.until(|all| all.iter().any(|one| one.json()["type"] == "customer.erased")).await;
    let told = told.iter().find(|one| one.json()["type"] == "customer.erased").unwrap().json();
    assert_eq!((&told["data"]["id"], &told["data"]["erased"]), (&json!(id), &json!(true)));

    // The channel is there again, the neighbour as it was, and whoever writes from the number is somebody new.
    lab.until_status("shop", "open").await;
    assert_eq!(api.get(&neighbour).await.expect(200)["data"]["name"], "Neighbour Nandu");
    let projections = interflow(lab.data.path(), &["projections", "verify"]);
    assert!(projections.contains(" 0 differ"), "{projections}");

    // The operator's sequence, beside the running server.
    let purged = interflow(lab.data.path(), &["erasures", "purge"]);
    assert!(!purged.contains("NOT DONE"), "{purged}");
    assert_eq!(search.in_bytes(&dump(&lab)), Vec::<String>::new(), "in a dump");
    let replay = json!({"from": {"position": 1}});
    api.post(&format!("/v1/webhooks/{webhook}/replay"), replay).await.expect(202);
    let again = receiver
        .until(|all| all.iter().filter(|one| one.json()["type"] == "customer.created").count() >= 3)
        .await;
    let again = again.iter().rev().find(|one| one.json()["data"]["id"] == json!(id)).unwrap();
    assert!(values.iter().all(|value| !again.body.contains(value.as_str())), "{}", again.body);

    lab.server.terminate();
    assert_eq!(search.in_files(lab.data.path()), BTreeMap::new(), "in the data directory");
    // Again on the same data: the same certificate, and a new customer from the same number.
    lab.restart();
    let api = lab.api.clone();
    assert_eq!(api.post(&erase, json!({})).await.expect(200)["data"], erased);
    lab.until_status("shop", "open").await;
    lab.phones.write(PHONE, "Zebby Pushname", SHOP, "here I am again").await;
    let all = api.until("/v1/customers?q=Zebby", |body| body["meta"]["total"] == 1).await;
    assert_ne!(all["data"][0]["id"], json!(id));
    let chats = api.get(&format!("/v1/chats?customer_id={id}")).await.expect(200);
    assert_eq!(chats["meta"]["total"], 1, "the old chat stays the old customer's");
}

#[tokio::test]
async fn an_erasure_says_what_is_wrong_with_what_it_is_asked() {
    let server = crate::rest::server::Server::start().await;
    let api = &server.api;
    let location = api.post("/v1/customers", json!({"phone": PHONE})).await.header("location").to_owned();
    let erase = format!("{location}/erase");
    for reason in ["", "two words", "tel:5511976253418", "ana@example.com"] {
        let refused = api.post(&erase, json!({"reason": reason})).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(refused["error"]["details"][0]["field"], "reason", "{reason}");
    }
    api.post(&erase, json!({"why": "x"})).await.refused(422, "VALIDATION_ERROR");
    let nobody = "/v1/customers/cus_01jh9qzq3te5v9d4xk6w2y8rbn/erase";
    api.post(nobody, json!({})).await.refused(404, "NOT_FOUND");

    api.delete(&location).await.expect(200);
    let erased = api.post_once(&erase, json!({}), "once").await.expect(200);
    let again = api.post_once(&erase, json!({}), "once").await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.expect(200), erased);
    let bare = api.call(Method::POST, &erase, &[], None::<&str>).await.expect(200);
    assert_eq!(bare["data"], erased["data"], "without a body");
    api.get(&location).await.refused(404, "NOT_FOUND");
    api.delete(&location).await.refused(404, "NOT_FOUND");
    api.post("/v1/customers", json!({"phone": PHONE})).await.expect(201);
}
