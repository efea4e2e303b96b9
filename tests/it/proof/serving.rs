use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use interflow_application::proof::merkle::{verify_consistency, verify_inclusion};
use interflow_application::proof::{Checkpoint, Hash, Signer, Verifier};
use interflow_application::workspace_id;
use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{hashes, opened, root_of, stored};
use crate::rest::server::Server;
use crate::support::PATIENCE;
use crate::support::api::{Api, fields};

const LOG: &str = "/v1/audit/log";

fn hash(value: &Value) -> Hash {
    value.as_str().unwrap().parse().unwrap()
}

fn path(proof: &Value) -> Vec<Hash> {
    proof["path"].as_array().unwrap().iter().map(hash).collect()
}

async fn keys(api: &Api) -> Vec<Verifier> {
    let keys = api.get(&format!("{LOG}/keys")).await.expect(200);
    keys["data"].as_array().unwrap().iter().map(|key| key["key"].as_str().unwrap().parse().unwrap()).collect()
}

/// The checkpoint of everything that has happened, and its keys' word for it.
async fn sealed(api: &Api) -> (Checkpoint, String) {
    let head =
        api.get("/v1/events?after=end&limit=1").await.expect(200)["meta"]["next_after"].as_u64().unwrap();
    let begin = Instant::now();
    loop {
        let answer = api.get(&format!("{LOG}/checkpoint")).await;
        if answer.status == 200 {
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
            let checkpoint = opened(&answer.text, &keys(api).await);
            if checkpoint.size == head {
                return (checkpoint, answer.text);
            }
        }
        assert!(begin.elapsed() < PATIENCE, "{head}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// A tile's bytes.
async fn tile(api: &Api, path: &str) -> Vec<u8> {
    let url = format!("{}{LOG}/tile/{path}", api.url);
    let answer = api.http.get(url).bearer_auth(api.key.as_ref().unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    answer.bytes().await.unwrap().to_vec()
}

/// Asks for the proof of every event of the tree of a size, and checks it.
pub(super) async fn every_event_is_proved(api: &Api, size: u64) {
    for position in 1..=size {
        let proof = api.get(&format!("{LOG}/inclusion?position={position}&size={size}")).await.expect(200);
        let proof = &proof["data"];
        let entry = BASE64.decode(proof["entry"].as_str().unwrap()).unwrap();
        assert_eq!(entry[20..28], position.to_be_bytes());
        let leaf = Hash::leaf(&entry);
        assert_eq!(leaf, hash(&proof["leaf_hash"]));
        assert!(verify_inclusion(leaf, position - 1, size, &path(proof), hash(&proof["root"])), "{position}");
    }
}

async fn create(api: &Api, customers: std::ops::Range<usize>) {
    for number in customers {
        let customer = json!({"name": "Ana", "email": format!("ana.{number}@example.com")});
        api.post("/v1/customers", customer).await.expect(201);
    }
}

#[tokio::test]
async fn every_event_is_proved_to_be_in_the_signed_tree_and_the_tree_to_have_only_grown() {
    let server = Server::start().await;
    create(&server.api, 0..5).await;
    let (old, _) = sealed(&server.api).await;
    create(&server.api, 5..20).await;
    let (new, note) = sealed(&server.api).await;
    every_event_is_proved(&server.api, new.size).await;

    let workspace = workspace_id(&"default".parse().unwrap());
    let leaves = stored(&server.pool().await, workspace).await;
    assert_eq!(root_of(&hashes(&leaves)), new.root);
    let proof = server.api.get(&format!("{LOG}/inclusion?position=3")).await.expect(200)["data"].clone();
    assert_eq!(BASE64.decode(proof["entry"].as_str().unwrap()).unwrap(), leaves[2].entry());
    assert_eq!((&proof["size"], &proof["checkpoint"]), (&json!(new.size), &json!(note)));

    for from in 1..=new.size {
        let proof =
            server.api.get(&format!("{LOG}/consistency?from={from}")).await.expect(200)["data"].clone();
        let before = hash(&proof["from_root"]);
        assert_eq!(before, root_of(&hashes(&leaves[..usize::try_from(from).unwrap()])));
        assert!(verify_consistency((from, before), (new.size, new.root), &path(&proof)), "{from}");
        assert!(from != old.size || before == old.root);
    }
    let earlier = server.api.get(&format!("{LOG}/consistency?from=1&to={}", old.size)).await.expect(200);
    assert_eq!((hash(&earlier["data"]["to_root"]), &earlier["data"]["checkpoint"]), (old.root, &Value::Null));
}

#[tokio::test]
async fn tiles_lie_where_verifiers_of_others_look_for_them() {
    let server = Server::start().await;
    let load = "INSERT INTO events (workspace_id, position, event_id, aggregate_type, aggregate_id, sequence, event_type, \
                    event_version, payload, metadata, timestamp) \
                SELECT h.workspace_id, h.position + n, gen_random_uuid(), 'chat', 'cht_' || n, 1, 'chat.opened', '1.0', \
                    '{}', '{}', now() FROM heads h, generate_series(1, 700) n; \
                UPDATE heads SET position = position + 700";
    server.execute(load).await;
    create(&server.api, 0..1).await;
    let (checkpoint, _) = sealed(&server.api).await;
    let leaves = stored(&server.pool().await, workspace_id(&"default".parse().unwrap())).await;
    let all = hashes(&leaves);
    let bytes = |hashes: &[Hash]| hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>();
    assert_eq!(tile(&server.api, "0/000").await, bytes(&all[..256]));
    assert_eq!(
        tile(&server.api, "0/001.p/7").await,
        bytes(&all[256..263]),
        "also the beginning of a full one"
    );
    let rest = all.len() - 512;
    assert_eq!(tile(&server.api, &format!("0/002.p/{rest}")).await, bytes(&all[512..]));
    let above = [root_of(&all[..256]), root_of(&all[256..512])];
    assert_eq!(tile(&server.api, "1/000.p/2").await, bytes(&above));

    let mut entries = vec![];
    for leaf in &leaves[256..512] {
        let entry = leaf.entry();
        entries.extend(u16::try_from(entry.len()).unwrap().to_be_bytes());
        entries.extend(entry);
    }
    assert_eq!(tile(&server.api, "entries/001").await, entries);
    let full = server.api.get(&format!("{LOG}/tile/0/000")).await;
    assert_eq!(full.header("cache-control"), "private, max-age=31536000, immutable");
    let partial = server.api.get(&format!("{LOG}/tile/0/000.p/9")).await;
    assert_eq!(partial.header("cache-control"), "private, no-cache");
    assert_eq!(Hash::node(root_of(&all[..512]), root_of(&all[512..])), checkpoint.root);

    for none in [
        "0/002",
        "0/003.p/1",
        "0/004",
        "1/000",
        "1/000.p/3",
        "2/000.p/1",
        "entries/002",
        "entries/999",
        "0/2",
        "0/000.p/0",
        "0/000.p/256",
        "64/000",
        "x/000",
        "0/x999/x999/x999/x999/x999/999",
        "..%2f..%2fkeys",
        "0",
    ] {
        server.api.get(&format!("{LOG}/tile/{none}")).await.refused(404, "NOT_FOUND");
    }
    let wider = format!("{LOG}/tile/0/002.p/{}", rest + 1);
    server.api.get(&wider).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_cannot_be_proved_is_refused_with_the_bounds() {
    let server = Server::start().await;
    let (Checkpoint { size, .. }, _) = sealed(&server.api).await;
    let refused = async |query: &str, wrong: &[&str]| {
        let error = server.api.get(&format!("{LOG}/{query}")).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), wrong, "{query}: {error}");
        error["error"]["message"].as_str().unwrap().to_owned()
    };
    refused("inclusion", &["position"]).await;
    refused("inclusion?size=1", &["position"]).await;
    refused("inclusion?position=0", &["position"]).await;
    refused("inclusion?position=-1&size=x&y=1", &["position", "size", "y"]).await;
    refused("inclusion?position=1&position=2", &["position"]).await;
    refused("inclusion?position=9223372036854775808", &["position"]).await;
    let beyond = refused(&format!("inclusion?position={}", size + 1), &["position"]).await;
    assert!(beyond.contains(&format!("from 1 to {size}")), "{beyond}");
    refused(&format!("inclusion?position=1&size={}", size + 1), &["size"]).await;
    refused("inclusion?position=2&size=1", &["position"]).await;
    refused("consistency", &["from"]).await;
    refused("consistency?from=2&to=1", &["from"]).await;
    refused(&format!("consistency?from={}", size + 1), &["from"]).await;
    refused(&format!("consistency?from=1&to={}", size + 1), &["to"]).await;
    server
        .api
        .call(Method::POST, &format!("{LOG}/checkpoint"), &[], None::<&str>)
        .await
        .refused(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn each_workspace_has_a_tree_and_a_key_of_its_own() {
    let server = Server::start().await;
    create(&server.api, 0..3).await;
    let other = server.another("second", &[Scope::All], None).await;
    let (mine, note) = sealed(&server.api).await;
    let (theirs, _) = sealed(&other).await;
    assert_ne!(mine.origin, theirs.origin);
    assert_ne!(mine.size, theirs.size);
    let (my_keys, their_keys) = (keys(&server.api).await, keys(&other).await);
    assert!(my_keys.iter().all(|key| their_keys.iter().all(|theirs| theirs.public() != key.public())));
    let note: interflow_application::proof::Note = note.parse().unwrap();
    assert!(note.verified_by(&their_keys).is_empty());
    let beyond = format!("{LOG}/inclusion?position={}", mine.size.max(theirs.size));
    let (api, refused) = if mine.size > theirs.size { (&server.api, &other) } else { (&other, &server.api) };
    api.get(&beyond).await.expect(200);
    refused.get(&beyond).await.refused(422, "VALIDATION_ERROR");
}

#[tokio::test]
async fn the_proofs_of_a_customer_that_was_erased_are_what_they_were() {
    let server = Server::start().await;
    create(&server.api, 0..3).await;
    let customer =
        server.api.get("/v1/customers").await.expect(200)["data"][0]["id"].as_str().unwrap().to_owned();
    let (old, _) = sealed(&server.api).await;
    let of = async |size: u64| {
        let mut proofs = vec![];
        for position in 1..=size {
            proofs.push(
                server.api.get(&format!("{LOG}/inclusion?position={position}&size={size}")).await.expect(200)
                    ["data"]
                    .clone(),
            );
        }
        proofs
    };
    let mut before = of(old.size).await;
    server.api.post(&format!("/v1/customers/{customer}/erase"), json!({})).await.expect(200);
    let (new, _) = sealed(&server.api).await;
    assert!(new.size > old.size);
    let mut after = of(old.size).await;
    // The checkpoint beside them is of another tree by now.
    before.iter_mut().chain(&mut after).for_each(|proof| drop(proof["checkpoint"].take()));
    assert_eq!(before, after);
    every_event_is_proved(&server.api, new.size).await;
    let leaves = stored(&server.pool().await, workspace_id(&"default".parse().unwrap())).await;
    assert_eq!(root_of(&hashes(&leaves)), new.root);
}

/// `scripts/verify-log` runs it, with docs/verify_log.go built.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Go: scripts/verify-log"]
async fn the_packages_that_verify_gos_checksum_database_verify_a_log() {
    let program = std::env::var("LOG_VERIFIER").unwrap();
    let server = Server::start().await;
    let api = &server.api;
    create(api, 0..20).await;
    let (early, note) = sealed(api).await;
    let kept = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kept.path(), note).unwrap();
    create(api, 20..600).await;
    let (checkpoint, _) = sealed(api).await;
    assert!(early.size < 256 && checkpoint.size > 2 * 256, "tiles that are full, and one that is not");
    let key = keys(api).await[0].to_string();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&program);
        let output = command.args([&api.url, api.key.as_ref().unwrap()]).args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let kept_at = kept.path().to_str().unwrap();
    let (good, said) = run(&[&key, kept_at]);
    assert!(good && said.contains(&format!("verified: {} events", checkpoint.size)), "{said}");
    let other = Signer::from_seed(key.split('+').next().unwrap(), &[7; 32]);
    let (good, said) = run(&[&other.verifier().to_string()]);
    assert!(!good && said.contains("NOT VERIFIED"), "{said}");

    server.execute("ALTER TABLE events DISABLE TRIGGER ALL").await;
    server.execute("UPDATE events SET event_type = 'customer.erased' WHERE position = 7").await;
    let (good, said) = run(&[&key, kept_at]);
    assert!(!good && said.contains("event 7"), "{said}");
}
