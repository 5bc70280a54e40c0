//! What each workload runs, claims, and makes of its figures.

use super::Bench;
use crate::{
    arguments::{Measurement, Workload},
    failure::Failure,
    figures::Figures,
    measure::figures,
    plans::{add_all, finished_rows, parked_rows},
    raw, rows,
};
use std::path::Path;

impl Bench {
    /// The figures of all runs of a workload.
    pub(crate) fn workload(&self, workload: Workload) -> Result<Vec<Figures>, Failure> {
        let one: fn(&Self) -> Result<Figures, Failure> = match workload {
            Workload::A => Self::sequence,
            Workload::B => |bench| bench.fleet(false),
            Workload::BRead => |bench| bench.fleet(true),
            Workload::C => Self::growth,
            Workload::D => return self.parked(),
            Workload::E => return self.large(),
        };
        let mut runs = (0..self.runs)
            .map(|_| one(self))
            .collect::<Result<Vec<_>, _>>()?;
        if self.trace {
            runs.push(self.syncs(workload)?);
        }
        Ok(runs)
    }

    fn sequence(&self) -> Result<Figures, Failure> {
        let steps = self.sizes.short_plan;
        let (mut all, events) = self.sequence_of(steps)?;
        all.extend(self.beside(steps)?);
        all.extend(self.reads(steps)?);
        let per_step = 1.0 / f64::from(steps);
        all.extend(figures([
            ("events", events),
            ("step_ms_mean", get(&all, "wall_s") * 1e3 * per_step),
            ("cpu_us_per_step", get(&all, "cpu_s") * 1e6 * per_step),
            ("commits_per_step", get(&all, "commits") * per_step),
        ]));
        Ok(all)
    }

    /// The same once more, with a commit by SQLite alone of the same rows after each step: a disk is not as fast now as it
    /// was a second ago.
    fn beside(&self, steps: u32) -> Result<Figures, Failure> {
        let dir = self.fresh()?;
        let what = Measurement::Sequence {
            steps,
            reads: false,
            beside: true,
        };
        let all = self.measure(&dir.path().join("data"), &what)?;
        let [step, commit] = ["step_ms_p50", "sqlite_commit_ms_p50"].map(|name| get(&all, name));
        Ok(figures([
            ("step_beside_commit_ms_p50", step),
            ("sqlite_commit_ms_p50", commit),
            ("step_above_commit_us", (step - commit) * 1e3),
        ]))
    }

    /// One plan of closed-world reads.
    fn reads(&self, steps: u32) -> Result<Figures, Failure> {
        let dir = self.fresh()?;
        let data = dir.path().join("data");
        let what = Measurement::Sequence {
            steps,
            reads: true,
            beside: false,
        };
        let all = self.measure(&data, &what)?;
        rows::hold_to(&data, &finished_rows(1, u64::from(steps), true))?;
        let per_step = 1e6 / f64::from(steps);
        Ok(figures([
            ("commits_per_plan_of_reads", get(&all, "commits")),
            ("read_step_us_mean", get(&all, "wall_s") * per_step),
        ]))
    }

    /// One plan of effects, with the raw limits beside it, and the events it left.
    fn sequence_of(&self, steps: u32) -> Result<(Figures, f64), Failure> {
        let dir = self.fresh()?;
        let data = dir.path().join("data");
        let mut all = self.measure(&data, &effects(steps))?;
        let events = rows::hold_to(&data, &finished_rows(1, u64::from(steps), false))?;
        all.extend(self.raw(dir.path(), &data)?);
        Ok((all, events as f64))
    }

    fn raw(&self, dir: &Path, data: &Path) -> Result<Figures, Failure> {
        let mut all = raw::small_writes(dir, self.sizes.raw)?;
        all.extend(raw::group_commits(dir, &rows::by_commit(data)?)?);
        Ok(all)
    }

    fn fleet_of(&self, reads: bool) -> Measurement {
        Measurement::Fleet {
            executions: self.sizes.executions,
            steps: self.sizes.steps,
            at_a_time: self.sizes.at_a_time,
            reads,
        }
    }

    fn fleet(&self, reads: bool) -> Result<Figures, Failure> {
        let dir = self.fresh()?;
        let data = dir.path().join("data");
        let mut all = self.measure(&data, &self.fleet_of(reads))?;
        let (executions, steps) = (
            u64::from(self.sizes.executions),
            u64::from(self.sizes.steps),
        );
        let events = rows::hold_to(&data, &finished_rows(executions, steps, reads))? as f64;
        all.extend(self.raw(dir.path(), &data)?);
        let steps = executions.saturating_mul(steps) as f64;
        let (wall_s, commits) = (get(&all, "wall_s"), get(&all, "commits"));
        let events_per_s = events / wall_s;
        all.extend(figures([
            ("events", events),
            ("steps_per_s", steps / wall_s),
            ("events_per_s", events_per_s),
            ("events_per_commit", events / commits),
            ("commits_per_step", commits / steps),
            ("cpu_us_per_step", get(&all, "cpu_s") * 1e6 / steps),
            (
                "part_of_raw_group_commit",
                events_per_s / get(&all, "raw_group_commit_events_per_s"),
            ),
        ]));
        Ok(all)
    }

    /// A long plan beside a short one.
    fn growth(&self) -> Result<Figures, Failure> {
        let per_step =
            |figures: &Figures, name: &str, steps: u32| get(figures, name) * 1e6 / f64::from(steps);
        let (short_steps, long_steps) = (self.sizes.short_plan, self.sizes.long_plan);
        let (short, _) = self.sequence_of(short_steps)?;
        let (long, _) = self.sequence_of(long_steps)?;
        let us = |name| {
            [
                per_step(&short, name, short_steps),
                per_step(&long, name, long_steps),
            ]
        };
        let ([wall_short, wall_long], [cpu_short, cpu_long]) = (us("wall_s"), us("cpu_s"));
        let [p50_short, p50_long] = [&short, &long].map(|figures| get(figures, "step_ms_p50"));
        let mut all: Figures = short
            .into_iter()
            .filter(|(name, _)| name.starts_with("raw_"))
            .collect();
        all.extend(figures([
            ("short_step_us_mean", wall_short),
            ("long_step_us_mean", wall_long),
            ("step_mean_ratio", wall_long / wall_short),
            ("short_step_ms_p50", p50_short),
            ("long_step_ms_p50", p50_long),
            ("step_p50_ratio", p50_long / p50_short),
            ("short_cpu_us_per_step", cpu_short),
            ("long_cpu_us_per_step", cpu_long),
            ("cpu_ratio", cpu_long / cpu_short),
            ("long_peak_rss_mib", get(&long, "peak_rss_mib")),
        ]));
        Ok(all)
    }

    /// A journal is filled once, and taken up as often as there are runs.
    fn parked(&self) -> Result<Vec<Figures>, Failure> {
        let dir = self.fresh()?;
        let data = dir.path().join("data");
        let (finished, parked) = (self.sizes.finished, self.sizes.parked);
        let mut filled = self.measure(&data, &Measurement::Fill { finished, parked })?;
        let mut claimed = finished_rows(u64::from(finished), 1, false);
        add_all(&mut claimed, &parked_rows(u64::from(parked)));
        let events = rows::hold_to(&data, &claimed)?;
        let bytes = std::fs::metadata(data.join("journal.db"))
            .map_err(Failure::io("look at", &data))?
            .len();
        filled.extend(figures([
            ("filled_events", events as f64),
            ("journal_mib", bytes as f64 / 1024.0 / 1024.0),
        ]));
        filled.extend(raw::small_writes(dir.path(), self.sizes.raw)?);
        let mut runs = vec![filled];
        for _ in 0..self.runs {
            let taken_up = self.measure(&data, &Measurement::Recover)?;
            if get(&taken_up, "parked") != f64::from(parked) {
                let found = get(&taken_up, "parked");
                return Err(Failure::Wrong(format!(
                    "{found} executions were taken up instead of {parked}"
                )));
            }
            runs.push(taken_up);
        }
        // What waits for its approval is noted and not written to; each run does three plans of one read.
        let runs_done = u64::from(self.runs);
        add_all(
            &mut claimed,
            &finished_rows(runs_done.saturating_mul(3), 1, true),
        );
        rows::hold_to(&data, &claimed)?;
        Ok(runs)
    }

    /// A large journal is filled once and looked at; each run has the next executions in it beside the first ones in another.
    fn large(&self) -> Result<Vec<Figures>, Failure> {
        let dir = self.fresh()?;
        let data = dir.path().join("data");
        let executions = u64::from(self.sizes.copied);
        let waiting = executions / 10;
        let filled = self.measure(
            &data,
            &Measurement::Copy {
                executions,
                waiting,
            },
        )?;
        let mut runs = vec![filled, self.measure(&data, &Measurement::Lists)?];
        let more = Measurement::Fleet {
            executions: self.sizes.executions.min(200),
            steps: 1,
            at_a_time: 1,
            reads: false,
        };
        for _ in 0..self.runs {
            let other = self.fresh()?;
            let first = self.measure(&other.path().join("data"), &more)?;
            let next = self.measure(&data, &more)?;
            let ratio = |name| get(&next, name) / get(&first, name);
            let mut run = figures([
                ("next_against_first_wall", ratio("wall_s")),
                ("next_against_first_cpu", ratio("cpu_s")),
            ]);
            run.extend(self.measure(&data, &Measurement::Recover)?);
            runs.push(run);
        }
        runs.push(self.measure(&data, &Measurement::Check)?);
        let keep = executions.saturating_sub(executions / 5);
        runs.push(self.measure(&data, &Measurement::Archive { keep })?);
        let after = self.measure(&data, &Measurement::Check)?;
        runs.push(figures([
            ("verify_after_archiving_s", get(&after, "verify_s")),
            ("verified_archived", get(&after, "verified_archived")),
        ]));
        Ok(runs)
    }

    /// Syncs per step, counted from outside.
    fn syncs(&self, workload: Workload) -> Result<Figures, Failure> {
        let sizes = self.sizes;
        let fleet_steps = f64::from(sizes.executions) * f64::from(sizes.steps);
        let (what, steps) = match workload {
            Workload::A | Workload::C | Workload::D | Workload::E => {
                let steps = sizes.short_plan;
                (effects(steps), f64::from(steps))
            }
            Workload::B => (self.fleet_of(false), fleet_steps),
            Workload::BRead => (self.fleet_of(true), fleet_steps),
        };
        let dir = self.fresh()?;
        let (traced, syncs) = self.traced(&dir.path().join("data"), &what)?;
        Ok(figures([
            ("traced_commits", get(&traced, "commits")),
            ("traced_syncs", syncs as f64),
            ("traced_syncs_per_step", syncs as f64 / steps),
        ]))
    }
}

fn effects(steps: u32) -> Measurement {
    Measurement::Sequence {
        steps,
        reads: false,
        beside: false,
    }
}

fn get(figures: &Figures, name: &str) -> f64 {
    figures.get(name).copied().unwrap_or(f64::NAN)
}
