use interflow_infrastructure::database::{self, DatabaseError, Options};

use super::pooler::{Pooler, certify};
use crate::support::database::Database;

#[tokio::test(flavor = "multi_thread")]
async fn each_sslmode_trusts_what_it_says_and_nothing_else() {
    let options = Database::empty_options(Some("interflow_template")).await;
    let Some(pooler) = Pooler::start(&options, true) else { return };
    let stranger = tempfile::tempdir().unwrap();
    certify(stranger.path());
    let ours = format!("&sslrootcert={}", pooler.root.display());
    let theirs = format!("&sslrootcert={}", stranger.path().join("ca.crt").display());
    let connects = async |host: &str, parameters: String| {
        let options = Options::parse(&pooler.url(host, &options, &parameters)).unwrap();
        match database::connect(Options { max_connections: 1, ..options }).await {
            Ok(pool) => {
                pool.close().await;
                true
            }
            Err(DatabaseError::Unreachable(_)) => false,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(!connects("localhost", "&sslmode=disable".into()).await, "the server insists on TLS");
    assert!(connects("localhost", "&sslmode=require".into()).await);
    assert!(connects("localhost", format!("&sslmode=verify-ca{ours}")).await);
    assert!(connects("localhost", format!("&sslmode=verify-full{ours}")).await);
    for mode in ["verify-ca", "verify-full"] {
        // The certificate is not for the address. libpq's verify-ca would not mind; sqlx's does, which is safe.
        assert!(!connects("127.0.0.1", format!("&sslmode={mode}{ours}")).await, "{mode}: another's name");
        assert!(!connects("localhost", format!("&sslmode={mode}{theirs}")).await, "{mode}: a stranger's");
        assert!(!connects("localhost", format!("&sslmode={mode}")).await, "{mode}: nobody's");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_no_tls_is_not_spoken_to_where_tls_is_required() {
    let options = Database::empty_options(Some("interflow_template")).await;
    let Some(pooler) = Pooler::start(&options, false) else { return };
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = pooler.url("localhost", &options, &format!("&sslmode={mode}"));
        let refused = database::connect(Options::parse(&url).unwrap()).await;
        assert!(matches!(refused, Err(DatabaseError::Unreachable(_))), "{mode}");
    }
    let url = pooler.url("localhost", &options, "&sslmode=prefer");
    database::connect(Options::parse(&url).unwrap()).await.unwrap().close().await;
}
