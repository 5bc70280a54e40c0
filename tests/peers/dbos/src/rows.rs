//! What the database must hold afterwards, and how it must have kept it.

use crate::{arguments::Arguments, failure::Failure};
use sqlx::{Connection as _, PgConnection};

/// What makes a commit wait for the disk. Without them, the peer would be measured on other terms than Mandate.
const DURABLE: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

const WORKFLOWS: &str = "select count(*) from dbos.workflow_status";
const FINISHED: &str = "select count(*) from dbos.workflow_status where status = 'SUCCESS'";
const STEPS: &str = "select count(*) from dbos.operation_outputs";
const WITH_OUTPUT: &str =
    "select count(*) from dbos.operation_outputs where octet_length(output) >= $1";

/// Holds the database to exactly the claimed work.
pub(crate) async fn hold_to(arguments: &Arguments, output_bytes: usize) -> Result<(), Failure> {
    let mut database = PgConnection::connect(&arguments.url).await?;
    for name in DURABLE {
        let value: String = sqlx::query_scalar("select current_setting($1)")
            .bind(name)
            .fetch_one(&mut database)
            .await?;
        if value != "on" {
            return Err(Failure::Wrong(format!(
                "the server has `{name} = {value}` instead of `on`"
            )));
        }
    }
    let (executions, steps) = (u64::from(arguments.executions), arguments.all_steps());
    for (what, query, wanted) in [
        ("workflows", WORKFLOWS, executions),
        ("finished workflows", FINISHED, executions),
        ("steps", STEPS, steps),
    ] {
        let found: i64 = sqlx::query_scalar(query).fetch_one(&mut database).await?;
        counted(what, found, wanted)?;
    }
    let found: i64 = sqlx::query_scalar(WITH_OUTPUT)
        .bind(i32::try_from(output_bytes).unwrap_or(i32::MAX))
        .fetch_one(&mut database)
        .await?;
    counted("steps with their output", found, steps)?;
    database.close().await?;
    Ok(())
}

fn counted(what: &str, found: i64, wanted: u64) -> Result<(), Failure> {
    if u64::try_from(found) == Ok(wanted) {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "the database holds {found} {what} instead of {wanted}"
    )))
}
