//! A large journal: filling it, reading lists and single executions from it, verifying it, archiving from it.

use crate::{
    failure::Failure,
    figures::{Figures, quantile},
    measure::{figures, mib},
    plans,
    rig::Rig,
    templates::Template,
    usage,
};
use mandate_host::{Rebuilder, recovery, retention};
use mandate_store::{
    ExecutionFilter, Journal as _, Known, Page, ReadArchive, RequestFilter, SigningKey,
    SqliteStore, read_archive, verify, write_archive,
};
use std::{
    path::Path,
    sync::mpsc::sync_channel,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// How often each list is read.
const TIMES: usize = 9;
/// How far apart executions were created, in milliseconds: a million of them make two months.
const APART_MS: i64 = 5_000;
/// One in so many executions is something rare.
const RARE: u64 = 5_000;

/// How long ago the last of them was created, in milliseconds: the calls of sessions that are not idle are kept.
const AGO_MS: i64 = 2 * 3_600_000;

/// When the last of them was created.
fn last_ms() -> i64 {
    now_ms().saturating_sub(AGO_MS)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default().as_millis();
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// Fills a journal with so many executions, the last `waiting` of which wait for approval.
pub(crate) fn copy(dir: &Path, executions: u64, waiting: u64) -> Result<Figures, Failure> {
    let models = dir.with_extension("models");
    let [read, wrote, failed, rare, waits] = templates(&models)?;
    let begun = Instant::now();
    let store = SqliteStore::open(dir)?;
    let first_ms = last_ms().saturating_sub(APART_MS.saturating_mul(executions.cast_signed()));
    let (done, stored) = sync_channel(1_024);
    let (mut sent, mut events) = (0_u64, 0_u64);
    for number in 0..executions {
        let template = match number {
            number if number >= executions.saturating_sub(waiting) => &waits,
            number if number.is_multiple_of(RARE) => &rare,
            number if number % 20 == 1 => &failed,
            number if number % 5 == 2 => &wrote,
            _ => &read,
        };
        let principal = match number % RARE {
            7 => "rare".to_owned(),
            _ => format!("p{}", number % 10),
        };
        let session = format!("s{}", number % 1_000);
        let at_ms = first_ms.saturating_add(APART_MS.saturating_mul(number.cast_signed()));
        events = events.saturating_add(template.events());
        let done = done.clone();
        store.append(
            template.copy(number, &principal, &session, at_ms),
            Box::new(move |result| {
                let _ = done.send(result.map(drop));
            }),
        );
        sent = sent.saturating_add(1);
        while sent > 512 {
            stored.recv().map_err(|_| stopped())??;
            sent = sent.saturating_sub(1);
        }
    }
    for _ in 0..sent {
        stored.recv().map_err(|_| stopped())??;
    }
    drop(store);
    let bytes = std::fs::metadata(dir.join("journal.db")).map_err(Failure::io("look at", dir))?;
    Ok(figures([
        ("fill_s", begun.elapsed().as_secs_f64()),
        (
            "fill_cpu_us_per_execution",
            usage::cpu_s() * 1e6 / executions as f64,
        ),
        ("filled_events", events as f64),
        ("journal_mib", mib(bytes.len())),
    ]))
}

fn stopped() -> Failure {
    Failure::Wrong("the journal stopped".to_owned())
}

/// Really run: one that reads, one that writes, one that fails, one with another tool, one that waits for approval.
fn templates(dir: &Path) -> Result<[Template; 5], Failure> {
    let rig = Rig::open(dir)?;
    let lookup = rig.lookup();
    let (reads, effects) = (
        plans::sequence(1, true, lookup.as_ref())?,
        plans::sequence(1, false, lookup.as_ref())?,
    );
    let fails = plans::one("data.value", "${1 / 0}", lookup.as_ref())?;
    let rare = plans::one("data.value", "rare", lookup.as_ref())?;
    let run = |plan| Template::of(&rig, &rig.run(plan)?);
    Ok([
        run(&reads)?,
        run(&effects)?,
        Template::of(&rig, &rig.run_to_any_end(&fails)?.0)?,
        run(&rare)?,
        Template::of(&rig, &rig.submit(&effects)?.execution_id)?,
    ])
}

/// Times in milliseconds of each call, sorted into the figures of `name`.
fn timed<T>(
    all: &mut Vec<(String, f64)>,
    name: &str,
    mut call: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut last = call()?;
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        last = call()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    all.push((format!("{name}_ms"), quantile(&times, 0.5)));
    Ok(last)
}

/// Reads pages of every list, and single executions.
pub(crate) fn lists(dir: &Path) -> Result<Figures, Failure> {
    let store = SqliteStore::open(dir)?;
    let reader = store.reader();
    let mut all = Vec::new();
    let of = ExecutionFilter::default;
    let (day_ms, now_ms) = (86_400_000, now_ms());
    let filters = [
        ("list", of()),
        (
            "list_completed",
            ExecutionFilter {
                states: vec!["completed".to_owned()],
                ..of()
            },
        ),
        (
            "list_unfinished",
            ExecutionFilter {
                states: [
                    "pending",
                    "waiting",
                    "running",
                    "paused",
                    "replanning",
                    "compensating",
                ]
                .map(str::to_owned)
                .to_vec(),
                ..of()
            },
        ),
        (
            "list_status_failure",
            ExecutionFilter {
                status: Some("failure".to_owned()),
                ..of()
            },
        ),
        (
            "list_status_success",
            ExecutionFilter {
                status: Some("success".to_owned()),
                ..of()
            },
        ),
        (
            "list_status_partial",
            ExecutionFilter {
                status: Some("partial".to_owned()),
                ..of()
            },
        ),
        (
            "list_waiting_for_plan",
            ExecutionFilter {
                waiting_kind: Some("plan".to_owned()),
                ..of()
            },
        ),
        (
            "list_waiting_for_timer",
            ExecutionFilter {
                waiting_kind: Some("timer".to_owned()),
                ..of()
            },
        ),
        (
            "list_since",
            ExecutionFilter {
                created_after_ms: Some(now_ms - day_ms),
                ..of()
            },
        ),
        (
            "list_until",
            ExecutionFilter {
                created_before_ms: Some(now_ms - 20 * day_ms),
                ..of()
            },
        ),
        (
            "list_tool",
            ExecutionFilter {
                tool: Some(crate::bench_tools::READ.to_owned()),
                ..of()
            },
        ),
        (
            "list_tool_rare",
            ExecutionFilter {
                tool: Some("data.value".to_owned()),
                ..of()
            },
        ),
        (
            "list_tool_none",
            ExecutionFilter {
                tool: Some("mail.send".to_owned()),
                ..of()
            },
        ),
        (
            "list_principal",
            ExecutionFilter {
                principal: Some("p3".to_owned()),
                ..of()
            },
        ),
        (
            "list_principal_rare",
            ExecutionFilter {
                principal: Some("rare".to_owned()),
                ..of()
            },
        ),
        (
            "list_principal_none",
            ExecutionFilter {
                principal: Some("nobody".to_owned()),
                ..of()
            },
        ),
        (
            "list_session",
            ExecutionFilter {
                session: Some("s17".to_owned()),
                ..of()
            },
        ),
        (
            "list_failed_of_rare",
            ExecutionFilter {
                states: vec!["failed".to_owned()],
                principal: Some("rare".to_owned()),
                ..of()
            },
        ),
        (
            "list_failed_with_tool",
            ExecutionFilter {
                states: vec!["failed".to_owned()],
                tool: Some("data.value".to_owned()),
                ..of()
            },
        ),
        (
            "list_failed_of_one",
            ExecutionFilter {
                status: Some("failure".to_owned()),
                principal: Some("p1".to_owned()),
                ..of()
            },
        ),
    ];
    let mut some = Vec::new();
    for (name, filter) in &filters {
        let mut page = Page::default();
        let first = timed(&mut all, name, || Ok(reader.executions(filter, &page)?))?;
        some.extend(first.rows.first().map(|row| row.execution_id.clone()));
        let Some(mut next) = first.next else { continue };
        // A page far in.
        for _ in 0..3 {
            page.after = Some(next.clone());
            page.limit = 20_000;
            match reader.executions(filter, &page)?.next {
                Some(further) => next = further,
                None => break,
            }
        }
        page = Page {
            after: Some(next),
            ..Page::default()
        };
        timed(&mut all, &format!("{name}_far"), || {
            Ok(reader.executions(filter, &page)?)
        })?;
    }
    let ids = some.len();
    let mut turn = some.iter().cycle();
    timed(&mut all, "show", || {
        let id = turn.next().ok_or_else(stopped)?;
        Ok(recovery::load(&store, id)?)
    })?;
    let mut turn = some.iter().cycle();
    timed(&mut all, "events", || {
        Ok(reader.read(turn.next().ok_or_else(stopped)?, 1, 256)?)
    })?;
    timed(&mut all, "feed", || Ok(reader.events_after(1_000, 256)?))?;
    for (name, state, kinds) in [
        ("inbox", Some("open"), vec![]),
        ("inbox_plan", Some("open"), vec!["plan".to_owned()]),
        ("inbox_step", Some("open"), vec!["step".to_owned()]),
        ("inbox_all", None, vec![]),
    ] {
        let state = state.map(str::to_owned);
        let filter = RequestFilter {
            state,
            kinds,
            ..RequestFilter::default()
        };
        timed(&mut all, name, || {
            Ok(reader.requests(&filter, &Page::default())?)
        })?;
    }
    timed(&mut all, "resolve_id", || {
        Ok(reader.resolve_execution("@last")?)
    })?;
    let slowest = all.iter().map(|(_, ms)| *ms).fold(0.0, f64::max);
    all.push(("slowest_of_all_ms".to_owned(), slowest));
    let begun = Instant::now();
    reader.sessions(50)?;
    all.push((
        "sessions_ms".to_owned(),
        begun.elapsed().as_secs_f64() * 1e3,
    ));
    all.push(("different_lists".to_owned(), ids as f64));
    all.push(("peak_rss_mib".to_owned(), mib(usage::peak_rss_bytes()?)));
    Ok(all.into_iter().collect())
}

/// Verifies all of it.
pub(crate) fn check(dir: &Path) -> Result<Figures, Failure> {
    let begun = Instant::now();
    let report = verify(dir, None, &Rebuilder)?;
    if let Some(finding) = report.findings.first() {
        let why = format!("the journal is not intact: {finding}");
        return Err(Failure::Wrong(why));
    }
    Ok(figures([
        ("verify_s", begun.elapsed().as_secs_f64()),
        (
            "verify_cpu_us_per_event",
            usage::cpu_s() * 1e6 / report.events.max(1) as f64,
        ),
        ("verify_peak_rss_mib", mib(usage::peak_rss_bytes()?)),
        ("verified_executions", report.executions as f64),
        ("verified_archived", report.archived as f64),
    ]))
}

/// Archives what ended before the last `keep` executions were created, and removes it.
pub(crate) fn archive(dir: &Path, keep: u64) -> Result<Figures, Failure> {
    let store = SqliteStore::open(dir)?;
    let reader = store.reader();
    let before_ms = last_ms().saturating_sub(APART_MS.saturating_mul(keep.cast_signed()));
    let begun = Instant::now();
    let found = retention::archivable(reader, &store, before_ms, now_ms())?;
    let choose_s = begun.elapsed().as_secs_f64();
    let (key, path) = (
        SigningKey::of_directory(dir)?,
        dir.with_extension("archive"),
    );
    let begun = Instant::now();
    write_archive(reader, found.executions.iter().cloned(), &key, &path)?;
    let write_s = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let ReadArchive {
        file,
        report,
        executions,
    } = read_archive(&path, &Known::default())?;
    if let Some(finding) = report.findings.first() {
        return Err(Failure::Wrong(format!(
            "the archive is not intact: {finding}"
        )));
    }
    let read_s = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    retention::remove(&executions, &file, "bench", &now_ms, &mut |some| {
        retention::remove_from(&store, some)
    })?;
    let remove_s = begun.elapsed().as_secs_f64();
    let count = executions.len().max(1) as f64;
    Ok(figures([
        ("archived", executions.len() as f64),
        ("archive_mib", mib(file.bytes)),
        ("archive_choose_s", choose_s),
        ("archive_write_s", write_s),
        ("archive_verify_s", read_s),
        ("archive_remove_s", remove_s),
        ("archive_cpu_us_per_execution", usage::cpu_s() * 1e6 / count),
        ("archive_peak_rss_mib", mib(usage::peak_rss_bytes()?)),
    ]))
}
