//! `interflow workspaces`.

use super::Person;
use crate::rest::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_made_looked_at_suspended_and_resumed() {
    let server = Server::start().await;
    let person = Person::of(&server);
    let arguments = ["workspaces", "create", "ana", "--plan", "starter", "--name", "Ana's 東京"];
    let made = person.run(&arguments).await.expect(0);
    assert!(made.out.starts_with("ifl_live_"), "{}", made.out);
    let ana = Person { key: Some(made.out.trim_end().to_owned()), ..Person::of(&server) };
    let own = ana.told(&["workspaces", "show"]).await;
    assert!(own.contains("ana") && own.contains("requests a minute  60"), "{own}");
    let usage = ana.told(&["workspaces", "usage"]).await;
    assert!(usage.contains("customers     0") && usage.contains("keys          1"), "{usage}");
    for foreign in
        [&["workspaces", "list"][..], &["workspaces", "show", "default"], &["workspaces", "resume", "ana"]]
    {
        let refused = ana.run(foreign).await.expect(4);
        assert!(refused.complaint.contains("FORBIDDEN"), "{}", refused.complaint);
    }

    let listed = person.told(&["workspaces", "list"]).await;
    assert!(listed.lines().nth(1).unwrap().starts_with("ana      Ana's 東京  starter    active"), "{listed}");
    let planned = person.told(&["workspaces", "plan", "ana", "enterprise"]).await;
    assert_eq!(planned, "ana is active, on the plan enterprise.\n");
    let kept = person.told(&["workspaces", "retention", "ana", "90"]).await;
    assert_eq!(kept, "ana keeps contents of messages: 90 days.\n");
    assert!(ana.told(&["workspaces", "show"]).await.contains("90 days"));
    let kept = person.told(&["workspaces", "retention", "ana", "--for-ever"]).await;
    assert_eq!(kept, "ana keeps contents of messages: for ever.\n");
    let suspended = person.told(&["workspaces", "suspend", "ana", "--reason", "not paid"]).await;
    assert_eq!(suspended, "ana is suspended, on the plan enterprise.\n");
    let refused = ana.run(&["workspaces", "show"]).await.expect(4);
    assert!(refused.complaint.contains("WORKSPACE_SUSPENDED"), "{}", refused.complaint);
    assert!(person.told(&["workspaces", "show", "ana"]).await.contains("not paid"));
    person.told(&["workspaces", "resume", "ana"]).await;
    let id = ana.data(&["workspaces", "show"]).await[0]["id"].clone();
    assert_eq!(person.data(&["workspaces", "usage", id.as_str().unwrap()]).await[0]["keys"], 1);
    for (wrong, code) in [
        (&["workspaces", "create", "ana", "--plan", "starter"][..], 4),
        (&["workspaces", "create", "No Slug", "--plan", "starter"], 4),
        (&["workspaces", "create", "bea", "--plan", "golden"], 2),
        (&["workspaces", "suspend", "default"], 4),
        (&["workspaces", "retention", "ana"], 2),
        (&["workspaces", "retention", "ana", "90", "--for-ever"], 2),
        (&["workspaces", "retention", "ana", "0"], 4),
        (&["workspaces", "show", "nobody"], 4),
    ] {
        person.run(wrong).await.expect(code);
    }
}
