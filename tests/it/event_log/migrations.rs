use interflow_infrastructure::database::{self, DatabaseError, Options};

use crate::support::database::Database;

#[tokio::test]
async fn servers_that_start_together_migrate_once() {
    let options = Options { max_connections: 2, ..Options::new(Database::empty_options(None).await) };
    let start = || async {
        let pool = database::connect(options.clone()).await.unwrap();
        database::migrate(&pool).await.unwrap();
        pool
    };
    let (pool, _, _) = tokio::join!(start(), start(), start());
    database::migrate(&pool).await.unwrap();
    let applied: i64 =
        sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(&pool).await.unwrap();
    let versions = "SELECT count(DISTINCT version) FROM _sqlx_migrations WHERE success";
    assert_eq!(sqlx::query_scalar::<_, i64>(versions).fetch_one(&pool).await.unwrap(), applied);
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_not_repeated_in_the_error() {
    let error = Options::parse("postgres://ana:secret@host:notaport/x").unwrap_err();
    assert!(matches!(error, DatabaseError::BadUrl));
    assert!(!format!("{error} {error:?}").contains("secret"));
}
