//! What both databases are asked in the same words. A macro, because sqlx ties each query to its database's type.

/// Implements the reads for tables with the fields `readers` (a pool) and `lists`.
macro_rules! reads {
    ($tables:ty, $row:ty) => {
        impl $tables {
            pub(super) async fn checkpoints(&self) -> Result<Vec<$crate::tables::apply::Stored>, $crate::ViewsError> {
                let query = sqlx::query(include_str!("sql/checkpoints.sql")).bind($crate::tables::VIEW);
                query.fetch_all(&self.readers).await?.iter().map(stored).collect()
            }

            pub(super) async fn workflow(
                &self,
                org: &ionveil_kernel::Org,
                id: &ionveil_kernel::EntityId,
            ) -> Result<Option<$crate::WorkflowRow>, $crate::ViewsError> {
                let query = sqlx::query(include_str!("sql/workflow.sql")).bind(org.as_str()).bind(id.as_str());
                query.fetch_optional(&self.readers).await?.as_ref().map(workflow).transpose()
            }

            pub(super) async fn workflows(
                &self,
                org: &ionveil_kernel::Org,
                filter: &$crate::WorkflowFilter,
                after: Option<&ionveil_kernel::EntityId>,
                limit: i64,
            ) -> Result<Vec<$crate::WorkflowRow>, $crate::ViewsError> {
                let query = sqlx::query($crate::tables::safe(self.lists.workflows.text(filter)));
                let query = query.bind(org.as_str()).bind(after.map_or("", |id| id.as_str())).bind(limit);
                let query = filter.values().fold(query, |query, value| query.bind(value));
                query.fetch_all(&self.readers).await?.iter().map(workflow).collect()
            }

            pub(super) async fn count(
                &self,
                org: &ionveil_kernel::Org,
                filter: &$crate::WorkflowFilter,
            ) -> Result<u64, $crate::ViewsError> {
                let query = sqlx::query($crate::tables::safe(self.lists.count.text(filter))).bind(org.as_str());
                let query = filter.values().fold(query, |query, value| query.bind(value));
                $crate::tables::count(sqlx::Row::try_get(&query.fetch_one(&self.readers).await?, 0)?)
            }
        }

        impl $tables {
            pub(super) async fn audit(
                &self,
                org: &ionveil_kernel::Org,
                filter: &$crate::AuditFilter,
                after: i64,
                limit: i64,
            ) -> Result<Vec<ionveil_policy::tree::AuditRecord>, $crate::ViewsError> {
                let text = if filter.node.is_some() { &self.lists.audit_of_node } else { &self.lists.audit };
                let since = filter.since.unwrap_or(ionveil_kernel::Timestamp::MIN).micros();
                let query = sqlx::query($crate::tables::safe(text)).bind(org.as_str()).bind(after).bind(since).bind(limit);
                let query = filter.node.iter().fold(query, |query, node| query.bind(node.as_str()));
                query.fetch_all(&self.readers).await?.iter().map(line).collect()
            }

            pub(super) async fn attempts(
                &self,
                org: &ionveil_kernel::Org,
                filter: &$crate::AttemptFilter,
                after: Option<&$crate::AttemptPlace>,
                limit: i64,
            ) -> Result<Vec<ionveil_channels::view::Attempt>, $crate::ViewsError> {
                use ionveil_kernel::Timestamp;
                let since = filter.since.unwrap_or(Timestamp::MIN).micros();
                // The last lawful instant is the end of all ranges.
                let until = filter.until.map_or(i64::MAX, Timestamp::micros);
                let (at, dispatch, number) =
                    after.map_or((i64::MIN, "", 0), |place| (place.at.micros(), place.dispatch.as_str(), i64::from(place.number)));
                let query = sqlx::query($crate::tables::safe(self.lists.attempts.text(filter))).bind(org.as_str()).bind(since).bind(until);
                let query = query.bind(at).bind(dispatch).bind(number).bind(limit);
                let query = filter.values().fold(query, |query, value| query.bind(value));
                query.fetch_all(&self.readers).await?.iter().map(attempt).collect()
            }

            pub(super) async fn scopes(
                &self,
                org: &ionveil_kernel::Org,
                from: ionveil_kernel::Timestamp,
                to: ionveil_kernel::Timestamp,
            ) -> Result<Vec<$crate::ScopeCount>, $crate::ViewsError> {
                let span = $crate::work::Span::of(from, to);
                let query = sqlx::query(include_str!("sql/scopes.sql")).bind(org.as_str()).bind(span.before.0).bind(span.before.1);
                let query = query.bind(span.hours.0).bind(span.hours.1).bind(span.behind.0).bind(span.behind.1);
                query.fetch_all(&self.readers).await?.iter().filter_map(|row| scope(row).transpose()).collect()
            }

            pub(super) async fn first_work(
                &self,
                org: &ionveil_kernel::Org,
                scope: &$crate::WorkScope,
                (from, to): (ionveil_kernel::Timestamp, ionveil_kernel::Timestamp),
                limit: i64,
            ) -> Result<Vec<$crate::WorkPlace>, $crate::ViewsError> {
                let query = sqlx::query(include_str!("sql/work.sql")).bind(org.as_str()).bind(scope.to_text()?);
                let query = query.bind(from.micros()).bind(to.micros()).bind(limit);
                query.fetch_all(&self.readers).await?.iter().map(place).collect()
            }
        }

        impl $tables {
            pub(super) async fn incidents(
                &self,
                org: &ionveil_kernel::Org,
                filter: &$crate::IncidentFilter,
                after: Option<&$crate::IncidentPlace>,
                limit: i64,
            ) -> Result<Vec<$crate::IncidentRow>, $crate::ViewsError> {
                let text = filter.put_into(include_str!("sql/incidents.sql"), 4);
                let (created_at, id) = after.map_or((i64::MAX, ""), |place| (place.created_at.micros(), place.id.as_str()));
                let query = sqlx::query($crate::tables::safe(&text)).bind(org.as_str()).bind(created_at).bind(id).bind(limit);
                let query = filter.texts().fold(query, |query, text| query.bind(text));
                let query = filter.priority.iter().fold(query, |query, priority| query.bind(i64::from(priority.number())));
                query.fetch_all(&self.readers).await?.iter().map(kept).collect()
            }

            pub(super) async fn count_incidents(
                &self,
                org: &ionveil_kernel::Org,
                filter: &$crate::IncidentFilter,
            ) -> Result<u64, $crate::ViewsError> {
                let text = filter.put_into(include_str!("sql/count_incidents.sql"), 1);
                let query = sqlx::query($crate::tables::safe(&text)).bind(org.as_str());
                let query = filter.texts().fold(query, |query, text| query.bind(text));
                let query = filter.priority.iter().fold(query, |query, priority| query.bind(i64::from(priority.number())));
                $crate::tables::count(sqlx::Row::try_get(&query.fetch_one(&self.readers).await?, 0)?)
            }

            pub(super) async fn units(
                &self,
                org: &ionveil_kernel::Org,
                filter: &$crate::UnitFilter,
                after: Option<&ionveil_kernel::EntityId>,
                limit: i64,
            ) -> Result<Vec<$crate::UnitRow>, $crate::ViewsError> {
                let text = filter.put_into(include_str!("sql/units.sql"), 3);
                let query = sqlx::query($crate::tables::safe(&text)).bind(org.as_str()).bind(after.map_or("", |id| id.as_str()));
                let query = filter.values().fold(query.bind(limit), |query, value| query.bind(value));
                query.fetch_all(&self.readers).await?.iter().map(kept).collect()
            }
        }

        impl $tables {
            pub(super) async fn alerts(
                &self,
                org: &ionveil_kernel::Org,
                rows: &$crate::alerts::AlertRows,
                after: Option<&$crate::AlertPlace>,
                limit: i64,
            ) -> Result<Vec<$crate::alerts::AlertRow>, $crate::ViewsError> {
                let text = rows.put_into(include_str!("sql/alerts.sql"), 5);
                let (created_at, id) = after.map_or((i64::MAX, ""), |place| (place.created_at.micros(), place.id.as_str()));
                let query = sqlx::query($crate::tables::safe(&text)).bind(org.as_str()).bind(rows.kind);
                let query = rows.values().fold(query.bind(created_at).bind(id).bind(limit), |query, value| query.bind(value));
                query.fetch_all(&self.readers).await?.iter().map(|row| alert(row).map(|(_, row)| row)).collect()
            }

            pub(super) async fn count_alerts(
                &self,
                org: &ionveil_kernel::Org,
                rows: &$crate::alerts::AlertRows,
            ) -> Result<u64, $crate::ViewsError> {
                let text = rows.put_into(include_str!("sql/count_alerts.sql"), 2);
                let query = sqlx::query($crate::tables::safe(&text)).bind(org.as_str()).bind(rows.kind);
                let query = rows.values().fold(query, |query, value| query.bind(value));
                $crate::tables::count(sqlx::Row::try_get(&query.fetch_one(&self.readers).await?, 0)?)
            }
        }

        /// An alert or a notification.
        fn alert(row: &$row) -> Result<(ionveil_kernel::Org, $crate::alerts::AlertRow), $crate::ViewsError> {
            use sqlx::Row as _;
            let org = ionveil_kernel::Org::new(row.try_get(0)?).map_err(|error| $crate::ViewsError::Corrupt(error.to_string()))?;
            Ok((org, $crate::alerts::AlertRow::read(row.try_get(1)?, row.try_get(3)?)?))
        }

        impl $tables {
            pub(super) async fn minutes(
                &self,
                org: &ionveil_kernel::Org,
                (from, to): (ionveil_kernel::Timestamp, ionveil_kernel::Timestamp),
                limit: i64,
            ) -> Result<Vec<$crate::MinuteRow>, $crate::ViewsError> {
                let query = sqlx::query(include_str!("sql/minutes.sql")).bind(org.as_str());
                let query = query.bind(from.micros()).bind(to.micros()).bind(limit);
                query.fetch_all(&self.readers).await?.iter().map(|row| minute(row).map(|(_, row)| row)).collect()
            }

            pub(super) async fn seals(
                &self,
                org: &ionveil_kernel::Org,
                partition: u16,
                position: i64,
                limit: i64,
            ) -> Result<Vec<$crate::SealRun>, $crate::ViewsError> {
                let query = sqlx::query(include_str!("sql/seals.sql")).bind(org.as_str()).bind(i32::from(partition));
                query.bind(position).bind(limit).fetch_all(&self.readers).await?.iter().map(seals).collect()
            }

            pub(super) async fn sealed(&self, partition: u16) -> Result<Vec<ionveil_kernel::Org>, $crate::ViewsError> {
                let query = sqlx::query(include_str!("sql/sealed.sql")).bind(i32::from(partition));
                let name = |error: ionveil_kernel::NameError| $crate::ViewsError::Corrupt(error.to_string());
                let org = |row: &$row| ionveil_kernel::Org::new(sqlx::Row::try_get(row, 0)?).map_err(name);
                query.fetch_all(&self.readers).await?.iter().map(org).collect()
            }
        }

        /// Observed dispatches of a minute.
        fn minute(row: &$row) -> Result<(ionveil_kernel::Org, $crate::MinuteRow), $crate::ViewsError> {
            use ionveil_analytics::store::RowKey;
            use sqlx::Row as _;
            let corrupt = |error: &dyn std::fmt::Display| $crate::ViewsError::Corrupt(format!("a minute: {error}"));
            let org = ionveil_kernel::Org::new(row.try_get(0)?).map_err(|error| corrupt(&error))?;
            let severity: i64 = row.try_get(3)?;
            let (region, unit_type): (&str, &str) = (row.try_get(2)?, row.try_get(4)?);
            let key = RowKey {
                minute: ionveil_kernel::Timestamp::from_micros(row.try_get(1)?),
                region: region.into(),
                severity: u8::try_from(severity).map_err(|error| corrupt(&error))?,
                unit_type: unit_type.into(),
            };
            let rolled = serde_json::from_str(row.try_get(5)?).map_err(|error| corrupt(&error))?;
            Ok((org, $crate::MinuteRow { key, rolled }))
        }

        fn seals(row: &$row) -> Result<$crate::SealRun, $crate::ViewsError> {
            use sqlx::Row as _;
            $crate::SealRun::from_row($crate::tables::count(row.try_get(0)?)?, row.try_get(1)?, row.try_get(2)?)
        }

        /// An incident or a unit.
        fn kept<S: serde::de::DeserializeOwned>(row: &$row) -> Result<ionveil_dispatch::view::Row<S>, $crate::ViewsError> {
            use ionveil_kernel::{EntityId, NameError, Org, Timestamp};
            use sqlx::Row as _;
            let name = |error: NameError| $crate::ViewsError::Corrupt(error.to_string());
            let record: &str = row.try_get(3)?;
            Ok(ionveil_dispatch::view::Row {
                org: Org::new(row.try_get(0)?).map_err(name)?,
                id: EntityId::new(row.try_get(1)?).map_err(name)?,
                version: $crate::tables::count(row.try_get(2)?)?,
                state: serde_json::from_str(record).map_err(|error| $crate::ViewsError::Corrupt(format!("a row of dispatch: {error}")))?,
                occurred_at: Timestamp::from_micros(row.try_get(4)?),
                recorded_at: Timestamp::from_micros(row.try_get(5)?),
            })
        }

        fn line(row: &$row) -> Result<ionveil_policy::tree::AuditRecord, $crate::ViewsError> {
            let text: &str = sqlx::Row::try_get(row, 0)?;
            serde_json::from_str(text).map_err(|error| $crate::ViewsError::Corrupt(format!("a line of the audit: {error}")))
        }

        fn attempt(row: &$row) -> Result<ionveil_channels::view::Attempt, $crate::ViewsError> {
            let text: &str = sqlx::Row::try_get(row, 0)?;
            serde_json::from_str(text).map_err(|error| $crate::ViewsError::Corrupt(format!("a line of the attempts: {error}")))
        }

        /// None of a scope without work in the time range.
        fn scope(row: &$row) -> Result<Option<$crate::ScopeCount>, $crate::ViewsError> {
            use sqlx::Row as _;
            let (count, first): (i64, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
            let Some(first) = first.map(ionveil_kernel::Timestamp::from_micros) else { return Ok(None) };
            let scope = $crate::WorkScope::from_text(row.try_get(0)?)?;
            Ok(Some($crate::ScopeCount { scope, count: $crate::tables::count(count)?, first }))
        }

        fn place(row: &$row) -> Result<$crate::WorkPlace, $crate::ViewsError> {
            use sqlx::Row as _;
            let partition: i32 = row.try_get(1)?;
            Ok($crate::WorkPlace {
                occurred_at: ionveil_kernel::Timestamp::from_micros(row.try_get(0)?),
                partition: u16::try_from(partition).map_err(|_| $crate::ViewsError::Corrupt(format!("partition {partition}")))?,
                position: $crate::tables::count(row.try_get(2)?)?,
            })
        }

        fn stored(row: &$row) -> Result<$crate::tables::apply::Stored, $crate::ViewsError> {
            use sqlx::Row as _;
            use $crate::tables::count;
            let position: Option<i64> = row.try_get(3)?;
            let event_id: Option<String> = row.try_get(4)?;
            let event = position.zip(event_id).map(|(position, id)| {
                let id = id.parse().map_err(|_| $crate::ViewsError::Corrupt(format!("event id {id:?}")))?;
                Ok::<_, $crate::ViewsError>((count(position)?, ionveil_kernel::EventId(id)))
            });
            let checkpoint = $crate::Checkpoint { position: count(row.try_get(2)?)?, event: event.transpose()? };
            Ok($crate::tables::apply::Stored { version: row.try_get(1)?, checkpoint })
        }

        fn workflow(row: &$row) -> Result<$crate::WorkflowRow, $crate::ViewsError> {
            use ionveil_kernel::{EntityId, NameError, Org, Timestamp};
            use sqlx::Row as _;
            let name = |error: NameError| $crate::ViewsError::Corrupt(error.to_string());
            Ok($crate::WorkflowRow {
                org: Org::new(row.try_get(0)?).map_err(name)?,
                id: EntityId::new(row.try_get(1)?).map_err(name)?,
                machine: row.try_get(2)?,
                terminal_states: row.try_get(3)?,
                assigning_states: row.try_get(4)?,
                state: row.try_get(5)?,
                terminal: row.try_get(6)?,
                version: $crate::tables::count(row.try_get(7)?)?,
                attributes: row.try_get(8)?,
                occurred_at: Timestamp::from_micros(row.try_get(9)?),
                recorded_at: Timestamp::from_micros(row.try_get(10)?),
            })
        }
    };
}

pub(super) use reads;
