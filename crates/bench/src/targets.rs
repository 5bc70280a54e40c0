//! `mandate-bench table`: every workload in turn, round after round, so that none has the machine at a better hour than the
//! others; then one table, with what is wanted and whether it is met.

use crate::{
    arguments::{TableArguments, Workload},
    durable::{Bench, Sizes},
    failure::Failure,
    figures::{Figures, Spread, shown, spreads},
    machine::Machine,
    measure::figures,
    policy,
};
use std::{collections::BTreeMap, fmt::Write as _, path::Path};

/// The lines between which the table stands in a file.
const BEGIN: &str = "<!-- mandate-bench table: begin -->";
const END: &str = "<!-- mandate-bench table: end -->";

/// Calls of one execution in workload B, over which the evaluation of its plan is spread.
const CALLS_PER_PLAN: f64 = 10.0;

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    AtMost(f64),
    AtLeast(f64),
}

/// One target: the figure, and what is wanted of it.
struct Target {
    what: &'static str,
    workload: &'static str,
    figure: &'static str,
    wanted: Wanted,
}

const TARGETS: [Target; 9] = [
    Target {
        what: "part of the raw group-commit limit",
        workload: "B",
        figure: "part_of_raw_group_commit",
        wanted: Wanted::AtLeast(0.7),
    },
    Target {
        what: "or steps a second, five times the fastest peer",
        workload: "B",
        figure: "steps_per_s",
        wanted: Wanted::AtLeast(19_705.0),
    },
    Target {
        what: "p50 of a step above one SQLite commit, µs",
        workload: "A",
        figure: "step_above_commit_us",
        wanted: Wanted::AtMost(100.0),
    },
    Target {
        what: "syncs per effect step",
        workload: "A",
        figure: "syncs_per_step",
        wanted: Wanted::AtMost(1.05),
    },
    Target {
        what: "commits per plan of reads",
        workload: "A",
        figure: "commits_per_plan_of_reads",
        wanted: Wanted::AtMost(2.0),
    },
    Target {
        what: "CPU per step beside policy, µs",
        workload: "B",
        figure: "cpu_us_beside_policy",
        wanted: Wanted::AtMost(80.0),
    },
    Target {
        what: "CPU per step, 1,000 steps against 100",
        workload: "C",
        figure: "cpu_ratio",
        wanted: Wanted::AtMost(1.1),
    },
    Target {
        what: "p50 of a step, 1,000 steps against 100",
        workload: "C",
        figure: "step_p50_ratio",
        wanted: Wanted::AtMost(1.1),
    },
    Target {
        what: "bytes of its own per parked execution",
        workload: "D",
        figure: "private_bytes_per_parked",
        wanted: Wanted::AtMost(512.0),
    },
];

/// The figures that are shown whatever is wanted of them.
const SHOWN: [(&str, &[&str]); 5] = [
    (
        "A",
        &[
            "step_ms_p50",
            "step_ms_p99",
            "step_beside_commit_ms_p50",
            "sqlite_commit_ms_p50",
            "cpu_us_per_step",
            "raw_fdatasync_overwrites_per_s",
        ],
    ),
    (
        "B",
        &[
            "steps_per_s",
            "cpu_us_per_step",
            "commits_per_step",
            "events_per_commit",
            "raw_group_commit_events_per_s",
            "evaluate_cpu_us",
            "enforce_cpu_us",
            "peak_rss_mib",
        ],
    ),
    (
        "B-read",
        &["steps_per_s", "cpu_us_per_step", "commits_per_step"],
    ),
    (
        "C",
        &[
            "step_mean_ratio",
            "short_cpu_us_per_step",
            "long_cpu_us_per_step",
        ],
    ),
    (
        "D",
        &[
            "open_ms",
            "first_execution_done_ms",
            "open_and_recover_ms",
            "recover_cpu_us_per_parked",
        ],
    ),
];

/// Measures everything and prints the table.
pub(crate) fn run(arguments: &TableArguments) -> Result<(), Failure> {
    let machine = Machine::here(&arguments.dir);
    let sizes = if arguments.miniature {
        Sizes::miniature()
    } else {
        Sizes::full()
    };
    let bench = |runs: u32, trace: bool| Bench {
        dir: arguments.dir.clone(),
        sizes,
        runs,
        trace,
    };
    let times = if arguments.miniature { 10 } else { 1_000 };
    let mut all: BTreeMap<&'static str, Vec<Figures>> = BTreeMap::new();
    for round in 0..arguments.runs {
        // Counting system calls takes a run more, once.
        let trace = round == 0 && strace_is_there();
        for (name, workload) in [
            ("A", Workload::A),
            ("B", Workload::B),
            ("B-read", Workload::BRead),
            ("C", Workload::C),
        ] {
            let mut runs = bench(1, trace && name == "A").workload(workload)?;
            runs.iter_mut().for_each(add_syncs);
            if let ("B", Some(run)) = (name, runs.first_mut()) {
                run.extend(policy::costs(times)?);
                let beside = beside_policy(run);
                run.extend(figures([("cpu_us_beside_policy", beside)]));
            }
            all.entry(name).or_default().append(&mut runs);
        }
    }
    if !arguments.quick {
        let runs = bench(arguments.runs.min(3), false).workload(Workload::D)?;
        all.entry("D").or_default().extend(runs);
    }
    let all: BTreeMap<_, _> = all
        .into_iter()
        .map(|(name, runs)| (name, spreads(&runs)))
        .collect();
    let text = markdown(&machine, arguments.runs, &all);
    if let Some(path) = &arguments.into {
        put_into(path, &text)?;
    }
    print!("{text}");
    Ok(())
}

fn strace_is_there() -> bool {
    let found = std::process::Command::new("strace").arg("-V").output();
    found.is_ok_and(|output| output.status.success())
}

/// Syncs as they were counted from outside, where they were.
fn add_syncs(run: &mut Figures) {
    let counted = run.get("traced_syncs_per_step").copied();
    run.extend(counted.map(|counted| ("syncs_per_step".to_owned(), counted)));
}

fn beside_policy(run: &Figures) -> f64 {
    let get = |name: &str| run.get(name).copied().unwrap_or(f64::NAN);
    get("cpu_us_per_step") - get("enforce_cpu_us") - get("evaluate_cpu_us") / CALLS_PER_PLAN
}

fn markdown(
    machine: &Machine,
    runs: u32,
    all: &BTreeMap<&str, BTreeMap<String, Spread>>,
) -> String {
    let mut text = format!(
        "`mandate-bench table --runs {runs}`: {machine} as it \
         began. Medians, with the least and the most in brackets.\n\n\
         | workload | figure | median | wanted | met |\n|---|---|---|---|---|\n"
    );
    let found = |workload: &str, figure: &str| all.get(workload)?.get(figure);
    for target in &TARGETS {
        let Some(spread) = found(target.workload, target.figure) else {
            continue;
        };
        let (wanted, met) = match target.wanted {
            Wanted::AtMost(most) => (format!("at most {}", shown(most)), spread.median <= most),
            Wanted::AtLeast(least) => {
                (format!("at least {}", shown(least)), spread.median >= least)
            }
        };
        let _ = writeln!(
            text,
            "| {} | {} (`{}`) | {} | {wanted} | {} |",
            target.workload,
            target.what,
            target.figure,
            cell(spread),
            if met { "yes" } else { "no" },
        );
    }
    for (workload, names) in SHOWN {
        for name in names {
            if let Some(spread) = found(workload, name) {
                let _ = writeln!(text, "| {workload} | `{name}` | {} | | |", cell(spread));
            }
        }
    }
    text
}

fn cell(spread: &Spread) -> String {
    let [median, min, max] = [spread.median, spread.min, spread.max].map(shown);
    if spread.values.len() < 2 {
        return median;
    }
    format!("{median} ({min}–{max})")
}

/// Replaces what stands between the marks.
fn put_into(path: &Path, table: &str) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::io("read", path))?;
    let text = between_marks(&text, table).ok_or_else(|| {
        Failure::Wrong(format!(
            "`{}` has no lines `{BEGIN}` and `{END}`",
            path.display()
        ))
    })?;
    std::fs::write(path, text).map_err(Failure::io("write", path))
}

fn between_marks(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = between_marks(&text, "| new |\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\n| new |\n{END}\nb\n"));
        assert_eq!(between_marks(&new, "| new |\n").unwrap(), new);
        assert!(between_marks("no marks", "x").is_none());
    }

    #[test]
    fn a_target_is_met_or_not() {
        let run = |part: f64| Figures::from([("part_of_raw_group_commit".to_owned(), part)]);
        let machine = Machine::here(Path::new("/"));
        let table = |part| {
            let all = BTreeMap::from([("B", spreads(&[run(part), run(part)]))]);
            markdown(&machine, 2, &all)
        };
        assert!(
            table(0.71).contains("| at least 0.700 | yes |"),
            "{}",
            table(0.71)
        );
        assert!(table(0.69).contains("| at least 0.700 | no |"));
    }
}
