//! The journal as a whole: its head, whether it is as it was written, and copies of it.

use crate::asked::Asked;
use crate::body::MayBeGiven;
use crate::export;
use crate::forms::Verify;
use crate::problem::Problem;
use crate::site::Site;
use crate::view::{ChainedEvent, schemas};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use mandate_host::Rebuilder;
use mandate_store::{
    ExportFormat, ExportOptions, Head, Selection, SignedHead, SigningKey, VerifyReport, verify,
};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// How soon one who has to wait may ask again, in seconds.
const AGAIN_S: u64 = 5;

/// The head of the journal, signed.
#[derive(ToSchema)]
#[schema(as = SignedHead)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub(crate) struct HeadShape {
    /// Number and hash of the last commit.
    #[schema(inline)]
    head: schemas::Head,
    /// The signature over it.
    signature: String,
    /// The key that it was signed with.
    public_key: String,
}

/// Gives the head of the journal, to keep elsewhere.
#[utoipa::path(get, operation_id = "show_head", path = "/v1/audit/head", tag = "audit", responses((status = 200, body = HeadShape)))]
pub(crate) async fn head(
    State(site): State<Arc<Site>>,
    asked: Asked,
) -> Result<Json<SignedHead>, Problem> {
    asked.end()?;
    site.waiting(|site| {
        let reader = site.reader();
        let key = SigningKey::of_directory(reader.dir())?;
        Ok(Json(key.sign_head(reader.head()?)))
    })
    .await
}

/// What a verification found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Verified {
    /// Nothing was changed, removed or put in.
    intact: bool,
    /// What was looked at, and found.
    #[schema(value_type = Object)]
    report: VerifyReport,
}

/// Verifies the journal: every row, every commit, everything that is stored beside them.
#[utoipa::path(post, operation_id = "verify_journal", path = "/v1/audit:verify", tag = "audit", request_body(content = Verify, description = "may be left out"), responses((status = 200, body = Verified)))]
pub(crate) async fn verified(
    State(site): State<Arc<Site>>,
    MayBeGiven(form): MayBeGiven<Verify>,
) -> Result<Json<Verified>, Problem> {
    let expected = form.head.map(|text| {
        let parsed = text.split_once(':').and_then(|(number, hash)| {
            let (number, hash) = (number.parse().ok()?, hash.parse().ok()?);
            Some(Head { number, hash })
        });
        parsed.ok_or_else(|| Problem::usage(format!("`{text}` is no head: it is `NUMBER:HASH`")))
    });
    let expected = expected.transpose()?;
    let _turn = site.heavy.clone().try_acquire_owned().map_err(|_| {
        Problem::too_many("the journal is being read from end to end already", AGAIN_S)
    })?;
    site.waiting(move |site| {
        let report = verify(site.reader().dir(), expected, &Rebuilder)?;
        Ok(Json(Verified {
            intact: report.is_intact(),
            report,
        }))
    })
    .await
}

/// Writes the journal, or a part of it, as JSON Lines that can be verified elsewhere.
#[utoipa::path(get, operation_id = "export_journal", path = "/v1/audit/export", tag = "audit",
    params(
        ("execution" = Option<String>, Query, description = "only this execution; `system` for what belongs to none"),
        ("kind" = Option<String>, Query, description = "only events of these kinds, separated by commas"),
        ("since" = Option<String>, Query, description = "only what happened since: Unix milliseconds, `2h` ago, or a date"),
        ("until" = Option<String>, Query, description = "only what happened before"),
        ("after" = Option<u64>, Query, description = "only rows behind this place in the store-wide sequence"),
        ("format" = Option<String>, Query, description = "`jsonl` or `cloudevents`"),
    ),
    responses((status = 200, body = String, content_type = "application/x-ndjson")))]
pub(crate) async fn exported(
    State(site): State<Arc<Site>>,
    mut asked: Asked,
) -> Result<Response, Problem> {
    let format = asked.one_of("format", &["jsonl", "cloudevents"])?;
    let options = ExportOptions {
        format: match format.as_deref() {
            Some("cloudevents") => ExportFormat::CloudEvents,
            _ => ExportFormat::JsonLines,
        },
        selection: Selection {
            stream: asked.text("execution")?,
            kinds: asked.many("kind").into_iter().collect(),
            since_ms: asked.time("since")?,
            until_ms: asked.time("until")?,
            after_gseq: asked.place("after")?.unwrap_or(0),
            archive: None,
        },
        keep_references: false,
    };
    asked.end()?;
    export::answer(&site, options).await
}

/// A page of events of all streams, or of one.
#[derive(Serialize, ToSchema)]
pub(crate) struct AllEvents {
    /// In the order in which they were written; with `newest`, the newest first.
    events: Vec<ChainedEvent>,
    /// What `after` must be for the next page; none = there is nothing more yet.
    next_after: Option<u64>,
    /// With `newest`: what `before` must be for the next page; none = there is nothing before.
    next_before: Option<u64>,
}

/// Gives the events of all streams in the order in which they were written, or the newest first.
#[utoipa::path(get, operation_id = "list_events", path = "/v1/audit/events", tag = "audit",
    params(
        ("after" = Option<u64>, Query, description = "only events behind this place in the store-wide sequence"),
        ("newest" = Option<bool>, Query, description = "the newest first instead"),
        ("before" = Option<u64>, Query, description = "with `newest`: only events before this place"),
        ("execution" = Option<String>, Query, description = "with `newest`: only of this execution; `system` for what belongs to none"),
        ("limit" = Option<u32>, Query, description = "events at most, 1 to 1000", minimum = 1, maximum = 1000),
    ),
    responses((status = 200, body = AllEvents)))]
pub(crate) async fn events(
    State(site): State<Arc<Site>>,
    mut asked: Asked,
) -> Result<Json<AllEvents>, Problem> {
    let after = asked.place("after")?;
    let newest = asked.flag("newest")?;
    let before = asked.place("before")?;
    let stream = asked.text("execution")?;
    let limit = asked.limit(100, 1_000)?;
    asked.end()?;
    let backwards = before.is_some() || stream.is_some();
    if newest && after.is_some() || !newest && backwards {
        return Err(Problem::usage(
            "`before` and `execution` go with `newest=true`, and `after` without it",
        ));
    }
    site.waiting(move |site| {
        let reader = site.reader();
        let mut records = match newest {
            true => {
                let before = before.unwrap_or(u64::MAX);
                reader.events_before(stream.as_deref(), before, limit)?
            }
            false => reader.events_after(after.unwrap_or(0), limit)?,
        };
        let full = records.len() == limit;
        let last = records.last().map(|record| record.gseq).filter(|_| full);
        // Commits are looked up in the order in which they were made.
        if newest {
            records.reverse();
        }
        let places: Vec<u64> = records.iter().map(|record| record.gseq).collect();
        let commits = reader.commits_of(&places)?;
        let events = records.iter().zip(commits);
        let events = events.map(|(record, commit)| ChainedEvent::of(record, commit, true));
        let mut events: Vec<ChainedEvent> = events.collect();
        if newest {
            events.reverse();
        }
        Ok(Json(AllEvents {
            events,
            next_after: last.filter(|_| !newest),
            next_before: last.filter(|_| newest),
        }))
    })
    .await
}
