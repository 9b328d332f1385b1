//! What is stored between releases.

use super::given::{PARTITIONS, Place, Script, rows};
use crate::support::postgres::Postgres;
use ionveil_views::{Location, Views, ViewsError};
use sqlx::{Connection, SqliteConnection};

/// Lets the stored views be those of projection `version`.
async fn pretend(location: &Location, version: i64) {
    let sql = "UPDATE checkpoints SET version = ";
    match location {
        Location::Memory => panic!("nothing is stored"),
        Location::Sqlite(path) => {
            let url = format!("sqlite:{}", path.display());
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(format!("{sql}{version}"))).execute(&mut connection).await.unwrap();
        }
        Location::Postgres { url, schema } => {
            let database = url.rsplit('/').next().unwrap();
            Postgres::shared().psql(database, &format!("SET search_path = {schema}; {sql}{version}"));
        }
    }
}

#[tokio::test]
async fn rows_of_an_older_projection_are_made_anew() {
    for mut place in [Place::sqlite(), Place::postgres()] {
        let script = Script::with(5).await;
        script.project(&place.open().await).await;
        pretend(&place.location, 0).await;
        let views = place.open().await;
        assert!(rows(&views).await.is_empty());
        script.project(&views).await;
        assert_eq!(rows(&views).await, script.expected().await);
    }
}

#[tokio::test]
async fn views_of_a_newer_release_are_left_alone() {
    for mut place in [Place::sqlite(), Place::postgres()] {
        let script = Script::with(5).await;
        let views = place.open().await;
        script.project(&views).await;
        pretend(&place.location, 9).await;
        let error = Views::open(&place.location, PARTITIONS).await.err().unwrap();
        assert!(matches!(error, ViewsError::Newer { found: 9, .. }), "{error}");
        let error = views.apply(0, 0, &[], 1_000_000).await.unwrap_err();
        assert!(matches!(error, ViewsError::Newer { .. }) && !error.retryable(), "a node of this release stops");
        assert!(matches!(views.rebuild().await.unwrap_err(), ViewsError::Newer { .. }));
    }
}

#[tokio::test]
async fn another_number_of_partitions_begins_anew() {
    for mut place in [Place::sqlite(), Place::postgres()] {
        Script::with(5).await.project(&place.open().await).await;
        let views = Views::open(&place.location, PARTITIONS + 3).await.unwrap();
        assert_eq!(views.positions().await.unwrap(), vec![0; usize::from(PARTITIONS) + 3]);
        assert!(rows(&views).await.is_empty());
    }
}

#[tokio::test]
async fn many_nodes_may_open_a_new_database_at_once() {
    let place = Place::postgres();
    let open = || Views::open(&place.location, PARTITIONS);
    let (a, b, c) = tokio::join!(open(), open(), open());
    for views in [a.unwrap(), b.unwrap(), c.unwrap()] {
        assert_eq!(views.positions().await.unwrap().len(), usize::from(PARTITIONS));
    }
}

#[tokio::test]
async fn bad_places_are_refused() {
    let schema = |schema: &str| Location::Postgres { url: "postgres://h/d".to_owned(), schema: schema.to_owned() };
    for location in [schema("views; DROP TABLE x"), schema(""), schema("Views"), schema(&"v".repeat(64))] {
        let error = Views::open(&location, PARTITIONS).await.err().unwrap();
        assert!(matches!(error, ViewsError::Invalid(_)), "{error}");
    }
    let missing = Location::Sqlite("/nowhere/at/all/views.sqlite".into());
    assert!(Views::open(&missing, PARTITIONS).await.err().unwrap().retryable());
}
