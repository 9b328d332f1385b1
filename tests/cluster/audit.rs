//! Who wrote what, as the database saw it: each of the servers has an address of its own there, and a trigger notes it beside every
//! event, with the node whose the partition was at that moment. So no server is asked whether it kept to its lease.

use super::field::Field;
use crate::support::postgres::Postgres;

const NOTE: &str = "
    CREATE SCHEMA audit;
    CREATE TABLE audit.writes (partition smallint NOT NULL, epoch bigint NOT NULL, writer inet, holder uuid);
    CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO audit.writes
        SELECT l.partition, l.epoch, inet_client_addr(), l.node FROM ionveil.leases l WHERE l.partition = NEW.partition;
        RETURN NULL;
    END $$;
    CREATE TRIGGER audit AFTER INSERT ON ionveil.events FOR EACH ROW EXECUTE FUNCTION audit.note()";

/// What must not be, as a count, and statements that make it once.
const FAULTS: [(&str, &str, &str); 2] = [
    (
        "writes while another had the lease",
        "SELECT count(*) FROM audit.writes w JOIN ionveil.nodes n ON n.node = w.holder
         WHERE split_part(n.address, ':', 1) IS DISTINCT FROM host(w.writer)",
        "INSERT INTO ionveil.events
         SELECT (jsonb_populate_record(e, jsonb_build_object('position', e.position + 1000000, 'sequence_number', 1000000))).*
         FROM ionveil.events e LIMIT 1",
    ),
    (
        "epochs in which two have written: one may after it gave the partition back, as long as nobody has taken it",
        "SELECT count(*) FROM (
            SELECT FROM audit.writes GROUP BY partition, epoch HAVING count(DISTINCT coalesce(host(writer), '')) > 1
         ) shared",
        "INSERT INTO audit.writes SELECT partition, epoch, NULL, NULL FROM audit.writes LIMIT 1",
    ),
];

/// Begins to note; the servers must have made the tables.
pub(crate) fn begin(postgres: &Postgres, database: &str) {
    postgres.psql(database, NOTE);
}

/// How many events a server has written while another had the lease.
pub(crate) fn written_under_another(field: &Field) -> String {
    let [(_, count, _), _] = FAULTS;
    field.postgres.psql(&field.stage.database.name, count)
}

/// That every event was noted, and none was written by a server under the epoch of another.
///
/// # Panics
/// If one was, with the number of them.
pub(crate) fn check(field: &Field) {
    let ask = |sql: &str| field.postgres.psql(&field.stage.database.name, sql);
    let (noted, events) = (ask("SELECT count(*) FROM audit.writes"), ask("SELECT count(*) FROM ionveil.events"));
    assert_eq!(noted, events, "every event is noted");
    assert_eq!(ask("SELECT count(DISTINCT writer) FROM audit.writes"), field.machines.len().to_string(), "each server has written");
    for (fault, count, make) in FAULTS {
        assert_eq!(ask(count), "0", "{fault}");
        assert_eq!(ask(&format!("BEGIN; {make}; {count}; ROLLBACK")), "1", "this would not be seen: {fault}");
    }
    println!("{noted} events, {} of them written while another had the lease", written_under_another(field));
}
