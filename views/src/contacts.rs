//! Addresses of recipients: personal data, which stand in no event and no view (`docs/adr/0002-personal-data.md`). They are kept in
//! a file or a table of their own beside the views, which no rebuild touches, and are gone when they are removed.

use crate::{Location, ViewsError};
use ionveil_kernel::{EntityId, Org};
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use sqlx::{AssertSqlSafe, Row, SqlSafeStr};
use std::time::Duration;

/// How long a reader waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// The name of the file, beside that of the views.
pub const CONTACTS_FILE: &str = "contacts.sqlite";

/// A cheap handle on what is kept of recipients outside of the journal. All methods may be called concurrently.
#[derive(Clone, Debug)]
pub struct Contacts {
    pool: AnyPool,
    table: String,
}

impl Contacts {
    /// Opens what belongs to the views of `location`, making it if it is missing.
    ///
    /// # Errors
    /// `Unavailable`; `Invalid` for a bad location.
    pub async fn open(location: &Location) -> Result<Self, ViewsError> {
        sqlx::any::install_default_drivers();
        let (url, table, connections) = match location {
            Location::Memory => ("sqlite::memory:".to_owned(), "contacts".to_owned(), 1),
            Location::Sqlite(path) => {
                let file = path.with_file_name(CONTACTS_FILE);
                (
                    format!("sqlite://{}?mode=rwc", file.display().to_string().replace('%', "%25").replace('?', "%3F")),
                    "contacts".to_owned(),
                    1,
                )
            }
            Location::Postgres { url, schema } => (url.clone(), format!("{schema}.contacts"), 2),
        };
        let pool = AnyPoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE).idle_timeout(None).max_lifetime(None);
        let contacts = Self { pool: pool.connect(&url).await?, table };
        contacts.make().await?;
        Ok(contacts)
    }

    async fn make(&self) -> Result<(), ViewsError> {
        let text = "CREATE TABLE IF NOT EXISTS {} (org TEXT NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (org, id))";
        sqlx::query(self.sql(text)).execute(&self.pool).await?;
        Ok(())
    }

    fn sql(&self, text: &str) -> sqlx::SqlStr {
        // The name of the table is made of constants and a schema that was checked.
        AssertSqlSafe(text.replace("{}", &self.table)).into_sql_str()
    }

    /// Keeps what belongs to a recipient, in the place of what there was.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn put(&self, org: &Org, recipient: &EntityId, record: &str) -> Result<(), ViewsError> {
        let text = "INSERT INTO {} (org, id, record) VALUES ($1, $2, $3) ON CONFLICT (org, id) DO UPDATE SET record = excluded.record";
        sqlx::query(self.sql(text)).bind(org.as_str()).bind(recipient.as_str()).bind(record).execute(&self.pool).await?;
        Ok(())
    }

    /// What is kept of a recipient.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn get(&self, org: &Org, recipient: &EntityId) -> Result<Option<String>, ViewsError> {
        let query = sqlx::query(self.sql("SELECT record FROM {} WHERE org = $1 AND id = $2"));
        let row = query.bind(org.as_str()).bind(recipient.as_str()).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Forgets a recipient.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn remove(&self, org: &Org, recipient: &EntityId) -> Result<(), ViewsError> {
        let query = sqlx::query(self.sql("DELETE FROM {} WHERE org = $1 AND id = $2"));
        query.bind(org.as_str()).bind(recipient.as_str()).execute(&self.pool).await?;
        Ok(())
    }

    /// Keeps everything there as well; says how much there was. What is kept there under the same ids is replaced.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn copy_to(&self, there: &Self) -> Result<u64, ViewsError> {
        let (mut after, mut copied) = ((String::new(), String::new()), 0);
        loop {
            let text = "SELECT org, id, record FROM {} WHERE org > $1 OR (org = $2 AND id > $3) ORDER BY org, id LIMIT 500";
            let query = sqlx::query(self.sql(text)).bind(after.0.clone()).bind(after.0.clone()).bind(after.1.clone());
            let rows = query.fetch_all(&self.pool).await?;
            for row in &rows {
                let (org, id, record): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                let text =
                    "INSERT INTO {} (org, id, record) VALUES ($1, $2, $3) ON CONFLICT (org, id) DO UPDATE SET record = excluded.record";
                sqlx::query(there.sql(text)).bind(org.clone()).bind(id.clone()).bind(record).execute(&there.pool).await?;
                (after, copied) = ((org, id), copied + 1);
            }
            if rows.is_empty() {
                return Ok(copied);
            }
        }
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_is_copied_and_only_that() {
        let folder = std::env::temp_dir().join(format!("ionveil-contacts-copied-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let there = Contacts::open(&Location::Sqlite(folder.join("views.sqlite"))).await.unwrap();
        let here = Contacts::open(&Location::Memory).await.unwrap();
        for number in 0..1_001 {
            let (org, id) = (Org::new(&format!("org{}", number % 3)).unwrap(), EntityId::new(&format!("r{number}")).unwrap());
            here.put(&org, &id, &number.to_string()).await.unwrap();
        }
        assert_eq!((here.copy_to(&there).await.unwrap(), there.copy_to(&here).await.unwrap()), (1_001, 1_001));
        let found = there.get(&Org::new("org2").unwrap(), &EntityId::new("r500").unwrap()).await.unwrap();
        assert_eq!(found.as_deref(), Some("500"));
        here.close().await;
        there.close().await;
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn what_is_kept_is_found_again_and_gone_when_it_is_removed() {
        let folder = std::env::temp_dir().join(format!("ionveil-contacts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (org, id) = (Org::new("default").unwrap(), EntityId::new("desk").unwrap());
        for location in [Location::Memory, Location::Sqlite(folder.join("views.sqlite"))] {
            let contacts = Contacts::open(&location).await.unwrap();
            contacts.put(&org, &id, "one").await.unwrap();
            contacts.put(&org, &id, "two").await.unwrap();
            assert_eq!(contacts.get(&org, &id).await.unwrap().as_deref(), Some("two"));
            assert_eq!(contacts.get(&Org::new("other").unwrap(), &id).await.unwrap(), None);
            contacts.close().await;
            if location != Location::Memory {
                let contacts = Contacts::open(&location).await.unwrap();
                assert_eq!(contacts.get(&org, &id).await.unwrap().as_deref(), Some("two"));
                contacts.remove(&org, &id).await.unwrap();
                assert_eq!(contacts.get(&org, &id).await.unwrap(), None);
                contacts.close().await;
            }
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
