use std::time::Duration;

use interflow_application::proof::{Note, TransparencyLog, Verifier};
use interflow_infrastructure::proof::PgProofs;

use super::opened;
use crate::event_log::fixture::{Fixture, master, new_chat};

async fn verifiers(proofs: &PgProofs, fixture: &Fixture) -> Vec<Verifier> {
    proofs.keys(fixture.workspace).await.unwrap().into_iter().map(|key| key.verifier).collect()
}

#[tokio::test]
async fn a_new_key_signs_with_the_old_one_and_then_alone() {
    let fixture = Fixture::new().await;
    let proofs = PgProofs::new(fixture.pool.clone(), &master());
    let grow = async || {
        fixture.append(fixture.opened(new_chat())).await.unwrap();
        proofs.seal_up(fixture.workspace).await.unwrap();
        proofs.latest(fixture.workspace).await.unwrap().unwrap()
    };
    let first = grow().await;
    let old = verifiers(&proofs, &fixture).await.pop().unwrap();
    assert_eq!(opened(&first.note, std::slice::from_ref(&old)), first.checkpoint);
    assert_eq!(old.name(), first.checkpoint.origin);

    let rotated = proofs.rotate(fixture.workspace, Duration::from_secs(3600)).await.unwrap();
    let both = [old.clone(), rotated.key.clone()];
    assert_eq!(
        opened(rotated.note.as_ref().unwrap(), &both),
        first.checkpoint,
        "the old key vouches for the new"
    );
    assert_eq!(proofs.latest(fixture.workspace).await.unwrap().unwrap().note, rotated.note.unwrap());
    let kept: Vec<String> =
        sqlx::query_scalar("SELECT note FROM audit_checkpoints").fetch_all(&fixture.pool).await.unwrap();
    assert_eq!(opened(&kept[0], &both), first.checkpoint);
    let keys = proofs.keys(fixture.workspace).await.unwrap();
    assert_eq!(
        keys.iter().map(|key| key.verifier.clone()).collect::<Vec<_>>(),
        [both[1].clone(), both[0].clone()]
    );
    assert_eq!((keys[0].retires_at, keys[1].retires_at), (None, rotated.retires_at));
    opened(&grow().await.note, &both);

    let past = "UPDATE audit_keys SET retires_at = clock_timestamp() WHERE retires_at IS NOT NULL";
    sqlx::query(past).execute(&fixture.pool).await.unwrap();
    let last = grow().await;
    let note: Note = last.note.parse().unwrap();
    assert_eq!(note.verified_by(&both), [&both[1]]);
    assert_eq!(verifiers(&proofs, &fixture).await, [both[1].clone(), both[0].clone()], "it stays known");
    let private = "SELECT count(*) FROM audit_keys WHERE sealed IS NOT NULL";
    assert_eq!(sqlx::query_scalar::<_, i64>(private).fetch_one(&fixture.pool).await.unwrap(), 1);
}

#[tokio::test]
async fn a_key_may_take_over_at_once_and_before_anything_is_sealed() {
    let fixture = Fixture::new().await;
    let proofs = PgProofs::new(fixture.pool.clone(), &master());
    let rotated = proofs.rotate(fixture.workspace, Duration::ZERO).await.unwrap();
    assert_eq!(rotated.note, None);
    fixture.append(fixture.opened(new_chat())).await.unwrap();
    proofs.seal_up(fixture.workspace).await.unwrap();
    let rotated = [rotated, proofs.rotate(fixture.workspace, Duration::ZERO).await.unwrap()];
    let keys = rotated.each_ref().map(|rotated| rotated.key.clone());
    opened(rotated[1].note.as_ref().unwrap(), &keys);
    fixture.append(fixture.opened(new_chat())).await.unwrap();
    proofs.seal_up(fixture.workspace).await.unwrap();
    let note: Note = proofs.latest(fixture.workspace).await.unwrap().unwrap().note.parse().unwrap();
    assert_eq!(note.verified_by(&verifiers(&proofs, &fixture).await), [&keys[1]]);
}

#[tokio::test]
async fn keys_are_stored_sealed() {
    let fixture = Fixture::new().await;
    let proofs = PgProofs::new(fixture.pool.clone(), &master());
    fixture.append(fixture.opened(new_chat())).await.unwrap();
    proofs.seal_up(fixture.workspace).await.unwrap();
    let sealed: Vec<u8> =
        sqlx::query_scalar("SELECT sealed FROM audit_keys").fetch_one(&fixture.pool).await.unwrap();
    assert_eq!(sealed.len(), 24 + 32 + 16, "a nonce, a seed, a tag");
}
