//! `interflow keys`.

use interflow_domain::workspace::Scope;
use serde_json::json;

use super::Person;
use crate::rest::server::Server;
use crate::support::api::Api;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_rotated_and_revoked() {
    let server = Server::start().await;
    let person = Person::of(&server);
    let with = |key: &str| Api { key: Some(key.trim_end().to_owned()), ..server.api.clone() };
    let arguments =
        ["keys", "create", "Ana's 東京", "--scope", "chats:read,channels:read", "--expires-in", "2h"];
    let made = person.run(&arguments).await.expect(0);
    assert!(made.out.starts_with("ifl_live_") && made.out.trim_end().len() == 45, "{}", made.out);
    assert!(made.complaint.contains("expires in "), "{}", made.complaint);
    with(&made.out).get("/v1/channels").await.expect(200);
    with(&made.out).get("/v1/keys").await.refused(403, "FORBIDDEN");
    let id = made.complaint.split(',').next().unwrap().to_owned();

    let listed = person.told(&["keys", "list"]).await;
    let row = listed.lines().find(|line| line.starts_with(&id)).unwrap();
    assert!(row.contains("Ana's 東京") && row.contains("chats:read, channels:read"), "{listed}");
    assert!(!listed.contains(made.out.trim_end()));

    let rotated = person.run(&["keys", "rotate", &id, "--overlap", "0s"]).await.expect(0);
    with(&made.out).get("/v1/channels").await.refused(401, "UNAUTHORIZED");
    with(&rotated.out).get("/v1/channels").await.expect(200);
    let once = ["keys", "rotate", &id, "--idempotency-key", "r-1"];
    assert_eq!(person.told(&once).await, person.told(&once).await, "a repetition has the same secret");
    let other = Person::with(&server.another("second", &[Scope::All], None).await);
    for arguments in [["keys", "rotate", &id], ["keys", "revoke", &id]] {
        other.run(&arguments).await.expect(4);
    }
    assert_eq!(person.told(&["keys", "revoke", &id]).await, format!("{id} is revoked.\n"));
    assert!(!person.told(&["keys", "list"]).await.contains(&id));

    let moment = "2100-01-01T00:00:00Z";
    let made = person.data(&["keys", "create", "Later", "--scope", "*", "--expires-at", moment]).await;
    assert_eq!(made[0]["expires_at"], json!("2100-01-01T00:00:00.000Z"));
    for (wrong, code) in [
        (&["keys", "create", "x"][..], 2),
        (&["keys", "create", "x", "--scope", "everything"], 2),
        (&["keys", "create", "x", "--scope", "*", "--expires-in", "1h", "--expires-at", moment], 2),
        (&["keys", "create", "", "--scope", "*"], 4),
        (&["keys", "create", "x", "--scope", "*", "--expires-at", "tomorrow"], 4),
        (&["keys", "rotate", &id, "--overlap", "8d"], 4),
    ] {
        person.run(wrong).await.expect(code);
    }
}
