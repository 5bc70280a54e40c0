//! The tables, as numbered migrations. A migration, once released, is never edited: the next one changes what it made.

use crate::StoreError;
use rusqlite::{Connection, TransactionBehavior};

/// Says in the file's header that this is one of Mandate's databases ("MNDT").
const APPLICATION_ID: u32 = 0x4d4e_4454;

/// Migration `n` (from 1) leads from schema version `n - 1` to `n`.
const MIGRATIONS: [&str; 6] = [
    include_str!("schema/v1.sql"),
    include_str!("schema/v2.sql"),
    include_str!("schema/v3.sql"),
    include_str!("schema/v4.sql"),
    include_str!("schema/v5.sql"),
    include_str!("schema/v6.sql"),
];

/// The schema version that this program writes.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings the database to [`VERSION`]: a new one at once, so that nobody finds it half made; an older one step by step, each
/// in its own transaction.
pub(crate) fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    apply(db, &MIGRATIONS)
}

/// The database's schema version; refuses a newer one and a file that is something else.
pub(crate) fn version(db: &Connection, known: u32) -> Result<u32, StoreError> {
    let found: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let id: u32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if found > 0 && id != APPLICATION_ID {
        return Err(StoreError::Damaged(
            "`journal.db` is not a journal of this program".to_owned(),
        ));
    }
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    Ok(found)
}

fn apply(db: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let known = migrations.len() as u32;
    let found = version(db, known)?;
    let steps: Vec<Vec<(u32, &str)>> = {
        let missing = (1..).zip(migrations.iter().copied()).skip(found as usize);
        match found {
            0 => vec![missing.collect()],
            _ => missing.map(|step| vec![step]).collect(),
        }
    };
    for step in steps {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (number, sql) in step {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
        transaction.commit()?;
    }
    tracing::debug!(from = found, to = known, "journal schema migrated");
    Ok(())
}

/// Every table, index, view and trigger with its text, sorted: what `verify` compares with a database made afresh.
pub(crate) fn objects(db: &Connection) -> Result<Vec<(String, String)>, StoreError> {
    let mut query =
        db.prepare("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The objects of a database made afresh.
pub(crate) fn expected_objects() -> Result<Vec<(String, String)>, StoreError> {
    let mut fresh = Connection::open_in_memory()?;
    migrate(&mut fresh)?;
    objects(&fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [&str; 2] = [
        "CREATE TABLE a (x INTEGER NOT NULL) STRICT; INSERT INTO a VALUES (7);",
        "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 1; UPDATE a SET y = x * 2;",
    ];

    #[test]
    fn a_database_of_an_older_version_is_brought_up_with_its_data() {
        let mut db = Connection::open_in_memory().unwrap();
        apply(&mut db, &STEPS[..1]).unwrap();
        apply(&mut db, &STEPS).unwrap();
        apply(&mut db, &STEPS).unwrap();
        let y: i64 = db.query_row("SELECT y FROM a", [], |r| r.get(0)).unwrap();
        assert_eq!(y, 14);
        assert_eq!(version(&db, 2).unwrap(), 2);
    }

    #[test]
    fn a_step_that_fails_leaves_nothing_behind() {
        let mut db = Connection::open_in_memory().unwrap();
        apply(&mut db, &STEPS[..1]).unwrap();
        let before = objects(&db).unwrap();
        assert!(apply(&mut db, &[STEPS[0], "CREATE TABLE b (z); SELECT nonsense;"]).is_err());
        assert_eq!(objects(&db).unwrap(), before);
        assert_eq!(version(&db, 2).unwrap(), 1);
    }

    #[test]
    fn a_newer_or_foreign_database_is_refused() {
        let mut db = Connection::open_in_memory().unwrap();
        apply(&mut db, &STEPS).unwrap();
        let newer = apply(&mut db, &STEPS[..1]).unwrap_err();
        assert!(
            matches!(newer, StoreError::TooNew { found: 2, known: 1 }),
            "{newer}"
        );
        db.pragma_update(None, "application_id", 1).unwrap();
        assert!(matches!(
            apply(&mut db, &STEPS),
            Err(StoreError::Damaged(_))
        ));
    }
}
