//! As an operator does it, whose key is a file in the data directory: a shop goes on where it was.

use std::process::Command;

use interflow_application::proof::{Checkpoint, Note, Verifier};
use interflow_vault::{MasterKey, RootKeys};
use serde_json::json;

use super::said;
use crate::proof::command::audit;
use crate::support::PATIENCE;
use crate::support::lab::{Lab, built};

const SHOP: &str = "5511888888888";
const ANA: &str = "5511999999999";

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_goes_on_under_the_new_key_without_a_new_qr() {
    let mut lab = Lab::start();
    lab.pair("shop", SHOP).await;
    lab.phones.write(ANA, "Ana", SHOP, "before").await;
    lab.api.until("/v1/customers?q=Ana", |body| body["meta"]["total"] == 1).await;
    let draft = json!({"name": "Bea", "phone": "5511977777777"});
    let made = lab.api.post_once("/v1/customers", draft.clone(), "once").await;
    let (location, made) = (made.header("location").to_owned(), made.expect(201));
    let log_key =
        lab.api.until("/v1/audit/log/keys", |body| !body["data"][0].is_null()).await["data"].clone();
    let file = lab.data.path().join("master.key");
    let old = std::fs::read_to_string(&file).unwrap();

    let mut rotate = Command::new(built("interflow"));
    rotate.args(["master-key", "rotate", "--data-dir", lab.data.path().to_str().unwrap()]);
    rotate.env("INTERFLOW_LEASE_EXPIRY", "1s");
    let refused = said(&rotate.output().unwrap(), false);
    assert!(refused.contains("another Interflow is using"), "{refused}");
    lab.server.terminate();
    let done = said(&rotate.output().unwrap(), true);
    assert!(done.contains("master.key of the data directory"), "{done}");
    let new = std::fs::read_to_string(&file).unwrap();
    assert_ne!(new, old);
    let files: Vec<_> =
        std::fs::read_dir(lab.data.path()).unwrap().flatten().map(|file| file.file_name()).collect();
    assert!(!files.iter().any(|name| name.to_string_lossy().contains("master.key.")), "{files:?}");

    // The old key starts nothing, and says why.
    let mut serve = Command::new(built("interflow"));
    serve
        .args(["key", "create", "--data-dir", lab.data.path().to_str().unwrap()])
        .env("INTERFLOW_MASTER_KEY", &old);
    let refused = said(&serve.output().unwrap(), false);
    assert!(refused.contains("the master key is not that of this database"), "{refused}");

    lab.restart();
    let pool = sqlx::PgPool::connect(&format!(
        "postgres:///interflow?host={}&user=interflow",
        lab.data.path().join("postgres/socket").display()
    ))
    .await
    .unwrap();
    let roots: Vec<(i16, Vec<u8>)> =
        sqlx::query_as("SELECT generation, wrapped FROM root_keys").fetch_all(&pool).await.unwrap();
    let [(generation, wrapped)] = &roots[..] else { panic!("{roots:?}") };
    let [old, new] = [old, new].map(|text| MasterKey::parse(&text).unwrap());
    assert!(RootKeys::open(&old, *generation, wrapped).is_err());
    assert!(RootKeys::open(&new, *generation, wrapped).is_ok());
    pool.close().await;

    // The session opens: no QR, and messages in both directions. Names, claims and kept answers too.
    lab.until_status("shop", "open").await;
    lab.phones.write(ANA, "Ana", SHOP, "after").await;
    let chat = lab.api.until("/v1/chats", |body| body["data"][0]["unread_count"] == 2).await;
    assert_eq!(chat["meta"]["total"], 1, "the same customer, found by its number");
    lab.api.send("shop", ANA, "hello again").await.expect(201);
    lab.phones.until_received(ANA, 1).await;
    assert_eq!(lab.api.get(&location).await.expect(200)["data"]["name"], "Bea");
    let again = lab.api.post_once("/v1/customers", draft.clone(), "once").await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.expect(201), made);
    lab.api.post("/v1/customers", draft).await.refused(409, "CONFLICT");

    // The same key signs the log on, and what was sealed before opens for others.
    let head = lab.api.get("/v1/events?after=end&limit=1").await.expect(200)["meta"]["next_after"].clone();
    let key: Verifier = log_key[0]["key"].as_str().unwrap().parse().unwrap();
    let begin = std::time::Instant::now();
    loop {
        let note: Note = lab.api.get("/v1/audit/log/checkpoint").await.text.parse().unwrap();
        assert_eq!(note.verified_by(std::slice::from_ref(&key)), [&key]);
        let checkpoint: Checkpoint = note.text().parse().unwrap();
        if checkpoint.size >= head.as_u64().unwrap() {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "nothing more is sealed");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(lab.api.get("/v1/audit/log/keys").await.expect(200)["data"], log_key);
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().to_str().unwrap();
    let exported = audit(lab.data.path(), &["export", "--from", "1", "--out", bundle]);
    assert!(exported.success, "{}", exported.text);
    let checked = audit(lab.data.path(), &["verify", "--bundle", bundle, "--key", &key.to_string()]);
    assert!(checked.success, "{}", checked.text);
    let lines = std::fs::read_to_string(directory.path().join("bundle.jsonl")).unwrap();
    assert!(lines.contains("\"text\":\"before\"") && lines.contains("\"text\":\"after\""));
}
