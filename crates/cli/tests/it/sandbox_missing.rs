//! A kernel without Landlock: programs are refused, or run with what there is where that is configured.

use crate::project::{Ran, step_of};
use crate::site::Site;
use seccompiler::{SeccompAction, SeccompFilter, TargetArch, apply_filter};
use std::collections::BTreeMap;

/// The same command where the kernel knows no Landlock: a filter answers as an older kernel does.
fn without_landlock(site: &Site, args: &[&str]) -> Ran {
    let mut command = site.command(args);
    let ran = std::thread::spawn(move || {
        let calls = [
            libc::SYS_landlock_create_ruleset,
            libc::SYS_landlock_add_rule,
            libc::SYS_landlock_restrict_self,
        ];
        let rules: BTreeMap<i64, Vec<_>> =
            calls.into_iter().map(|call| (call, Vec::new())).collect();
        let errno = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
        let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, arch).unwrap();
        let filter: seccompiler::BpfProgram = filter.try_into().unwrap();
        // It holds this thread, and what it starts.
        apply_filter(&filter).unwrap();
        command.output().unwrap()
    });
    Ran::of(ran.join().unwrap())
}

const PLAN: &str = "version: 1\nname: Program\nsteps:\n  - {id: go, tool: process.exec, args: {argv: [sh, -c, 'echo ran > ran']}}\n";

#[test]
fn it_refuses_and_says_what_to_do() {
    let site = Site::new();
    site.write("plan.yaml", PLAN);
    without_landlock(&site, &["run", "plan.yaml", "--yes"]);
    let step = step_of(&site.last(), "go");
    assert_eq!(step["state"], "failed", "{step}");
    assert_eq!(step["error"]["code"], "NOT_SUPPORTED", "{step}");
    let message = step["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("Landlock") && message.contains("allow_degraded"),
        "{message}"
    );
    assert!(!site.path("ran").exists());
    let doctor = without_landlock(&site, &["doctor"]);
    assert!(
        doctor.stdout.contains("cannot be confined"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn it_runs_degraded_where_that_is_configured_and_the_journal_says_so() {
    let site = Site::configured("[sandbox]\nallow_degraded = true\n");
    site.write("plan.yaml", PLAN);
    without_landlock(&site, &["run", "plan.yaml", "--yes"]);
    let step = crate::sandbox::with_output(&site.last());
    assert_eq!(step["state"], "completed", "{step}");
    assert_eq!(step["output"]["sandbox"], "degraded: seccomp", "{step}");
    let events = site.run(&["executions", "events", "@last", "--json"]);
    assert!(
        events.stdout.contains("degraded: seccomp"),
        "{}",
        events.stdout
    );
}
