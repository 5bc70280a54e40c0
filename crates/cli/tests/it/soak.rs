//! Mixed load on one data directory while hosts and clients are killed every few seconds; a short run of it here, and
//! `cargo xtask soak --minutes N` for a long one. What a long one gave is in docs/soak.md.
//!
//! Every effect is a line in a ledger, with the call's key. At each restart and at the end: no key is there twice, the chain
//! is intact, what is said to be done is there. At the end: every execution has ended, each replays identically, the
//! host's memory does not grow with what has ended, the log of the database stays bounded.

use crate::agent::TOOLS;
use crate::background::host_pid;
use crate::site::Site;
use mandate_policy::Purpose;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

const WITNESS: &str = r#"
cat > /dev/null 2>&1 < /dev/null
printf '%s %s\n' "$1" "$MANDATE_IDEMPOTENCY_KEY" >> ledger && sync ledger
case "$1" in fail*) exit 3;; slow*) sleep 0.3;; esac
"#;

/// What the load is made of. `N` is another number in each run.
const PLANS: [(&str, &str); 6] = [
    (
        "pays",
        "
steps:
  - {id: look, tool: fs.list, args: {path: .}}
  - {id: pay, tool: process.exec, for_each: {in: \"['a', 'b', 'c']\"}, args: {argv: [sh, witness.sh, \"slow-${item}-N\"]}}
  - {id: note, tool: fs.write, args: {path: note-N.txt, content: paid}}
",
    ),
    (
        "asks",
        "
steps:
  - {id: ask, tool: human.ask, args: {question: Which?, choices: [eu, us]}}
  - {id: pay, tool: process.exec, confirm: true, args: {argv: [sh, witness.sh, \"asked-N-${steps.ask.output.choice}\"]}}
",
    ),
    (
        "undoes",
        "
constraints: {sequential: true}
steps:
  - {id: a, tool: process.exec, args: {argv: [sh, witness.sh, a-N]}, compensate: {tool: process.exec, args: {argv: [sh, witness.sh, undo-a-N]}}}
  - {id: b, tool: process.exec, args: {argv: [sh, witness.sh, slow-b-N]}, compensate: {tool: process.exec, args: {argv: [sh, witness.sh, undo-b-N]}}}
  - {id: c, tool: process.exec, args: {argv: [sh, witness.sh, fail-N]}}
",
    ),
    (
        "nests",
        "
steps:
  - id: inner
    tool: plan.run
    for_each: {in: \"['x', 'y']\"}
    args:
      inputs: {name: \"${item}\"}
      plan:
        version: 1
        name: inner
        inputs: {name: {type: string}}
        steps:
          - {id: pay, tool: process.exec, args: {argv: [sh, witness.sh, \"slow-nested-${inputs.name}-N\"]}}
",
    ),
    (
        "naps",
        "
steps:
  - {id: poll, tool: fs.read, args: {path: nowhere-N.txt}, retry: {max_attempts: 3, backoff_ms: 200}, on_failure: skip}
  - {id: nap, tool: time.sleep, args: {duration_ms: 900}}
  - {id: pay, tool: process.exec, args: {argv: [sh, witness.sh, napped-N]}}
",
    ),
    (
        "agent",
        "
mode: agent
steps:
  - {id: look, tool: pay.look, args: {of: bob}}
  - {id: send, tool: pay.send, args: {to: bob, amount: 5}}
",
    ),
];

/// A source of chance that a seed repeats.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[derive(Default)]
struct Counts {
    begun: usize,
    killed_hosts: usize,
    killed_clients: usize,
    doubts: usize,
    answers: usize,
    cancels: usize,
    calls: usize,
    pauses: usize,
    freezes: usize,
    verified: usize,
}

struct Soak {
    site: Site,
    chance: Chance,
    counts: Counts,
    clients: Vec<Child>,
    /// Seconds since the start, and the host's own resident memory in KiB.
    memory: Vec<(f64, f64)>,
    largest_log: u64,
    begun: Instant,
}

fn site() -> Site {
    // Of an agent's tools, the witness is the same as everybody's.
    let site = Site::configured(&TOOLS.replace(
        "\"sh\", \"witness.sh\"",
        "\"sh\", \"witness.sh\", \"agent\"",
    ));
    site.write(
        "witness.sh",
        format!("{WITNESS}\ncase \"$1\" in agent) echo '{{\"ok\": true}}';; esac\n"),
    );
    site
}

impl Soak {
    fn submit(&mut self) {
        self.counts.begun += 1;
        let n = self.counts.begun;
        let (name, text) = PLANS[self.chance.below(PLANS.len() as u64) as usize];
        let file = format!("plan-{n}.yaml");
        self.site.write(
            &file,
            format!(
                "version: 1\nname: {name}\n{}",
                text.replace('N', &n.to_string())
            ),
        );
        let token = format!("token-{n}");
        let mut args = vec!["run", &file, "--json"];
        if self.chance.below(5) > 0 {
            args.push("--yes");
        }
        if name == "agent" {
            args.extend(["--token-file", &token]);
        } else if self.chance.below(2) == 0 {
            args.push("--detach");
        }
        let child = self
            .site
            .command(&args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.clients.push(child);
    }

    fn unfinished(&self) -> Vec<Value> {
        let listed = self.site.run(&[
            "executions",
            "list",
            "--unfinished",
            "--limit",
            "200",
            "--json",
        ]);
        if listed.code != 0 {
            // There is no journal yet.
            return Vec::new();
        }
        listed.json()["executions"].as_array().unwrap().clone()
    }

    /// Does for one execution what a person would.
    fn attend(&mut self, row: &Value) {
        let id = row["execution_id"].as_str().unwrap();
        let shown = self.site.run(&["executions", "show", id, "--json"]);
        if shown.code != 0 {
            return;
        }
        let shown = shown.json();
        let waiting = &shown["waiting_for"];
        match waiting["kind"].as_str() {
            Some("plan" | "step") => {
                self.counts.answers += 1;
                self.site.run(&["approvals", "approve", id]);
            }
            Some("question") => {
                self.counts.answers += 1;
                self.site.run(&["inbox", "answer", id, "--choice", "eu"]);
            }
            Some("in_doubt") => {
                self.counts.doubts += 1;
                self.resolve(id, &shown);
            }
            Some("agent") => {
                self.counts.calls += 1;
                let steps = shown["steps"].as_array().unwrap();
                let looked = steps[0]["state"] == "completed";
                let (tool, args) = if looked {
                    ("pay.send", r#"{"to":"bob","amount":5}"#)
                } else {
                    ("pay.look", r#"{"of":"bob"}"#)
                };
                // A new token: whoever asked for it may always have one.
                let token = format!("token-of-{id}");
                self.site
                    .run(&["executions", "token", id, "--token-file", &token]);
                self.site.run(&[
                    "executions",
                    "call",
                    id,
                    tool,
                    "--args",
                    args,
                    "--token-file",
                    &token,
                ]);
            }
            _ if shown["state"] == "paused" => {
                self.site.run(&["executions", "resume", id]);
            }
            _ => {}
        }
    }

    fn resolve(&self, id: &str, shown: &Value) {
        let command = shown["waiting_for"]["next_command"].as_str().unwrap();
        let place = command.split(' ').nth(4).unwrap();
        let (step, item) = match place.trim_end_matches(']').split_once('[') {
            Some((step, item)) => (step, item.parse().ok()),
            None => (place, None),
        };
        let undoes = shown["state"] == "compensating";
        let purpose = if undoes {
            Purpose::Compensate
        } else {
            Purpose::Run
        };
        let key = mandate_engine::idempotency_key(id, step, item, purpose);
        let happened = self.site.content("ledger").contains(&key);
        let failed = step == "c" && !undoes;
        let output = json!({ "stdout": "", "ok": true }).to_string();
        let mut args = vec!["executions", "resolve", id, place];
        let done = ["--done", "--output", &output];
        args.extend(match (happened, failed, undoes) {
            (false, _, _) => &["--not-done"][..],
            (true, true, _) => &["--fail", "--reason", "it said so"],
            (true, false, true) => &["--done"],
            (true, false, false) => &done,
        });
        self.site.run(&args);
    }

    fn kill_host(&mut self) {
        let Some(pid) = host_pid(&self.site) else {
            return;
        };
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
            && kill_process(pid, Signal::KILL).is_ok()
        {
            self.counts.killed_hosts += 1;
        }
        // What it ran is ended by the watchdog; only then can anybody say what happened.
        crate::crash_examples::quiet_but(&self.site, &self.clients);
    }

    fn kill_a_client(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let which = self.chance.below(self.clients.len() as u64) as usize;
        if matches!(self.clients[which].try_wait(), Ok(None)) && self.clients[which].kill().is_ok()
        {
            self.counts.killed_clients += 1;
        }
    }

    fn reap(&mut self) {
        self.clients
            .retain_mut(|client| matches!(client.try_wait(), Ok(None)));
    }

    fn sample(&mut self) {
        let log = std::fs::metadata(self.site.data().join("journal.db-wal"));
        self.largest_log = self.largest_log.max(log.map_or(0, |log| log.len()));
        let Some(pid) = host_pid(&self.site) else {
            return;
        };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        // Its own: pages of the program and of the log's index are the system's to drop.
        let own = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = own.and_then(|text| text.split_whitespace().next()?.parse().ok());
        if let Some(kib) = kib {
            self.memory.push((self.begun.elapsed().as_secs_f64(), kib));
        }
    }

    /// No effect is there twice.
    fn check_ledger(&self) {
        let ledger = self.site.content("ledger");
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for line in ledger.lines() {
            *seen
                .entry(line.split(' ').nth(1).unwrap_or_default())
                .or_default() += 1;
        }
        let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "done twice: {twice:?}");
    }

    fn chaos(&mut self) {
        match self.chance.below(100) {
            0..45 => self.kill_host(),
            45..65 => self.kill_a_client(),
            65..75 => {
                let rows = self.unfinished();
                if !rows.is_empty() {
                    let row = &rows[self.chance.below(rows.len() as u64) as usize];
                    self.counts.cancels += 1;
                    let id = row["execution_id"].as_str().unwrap();
                    let args = ["executions", "cancel", id, "--reason", "soak"];
                    let child = self
                        .site
                        .command(&args)
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .spawn();
                    self.clients.push(child.unwrap());
                }
            }
            75..85 => {
                let rows = self.unfinished();
                if let Some(row) = rows.first() {
                    self.counts.pauses += 1;
                    self.site
                        .run(&["executions", "pause", row["execution_id"].as_str().unwrap()]);
                }
            }
            85..92 => {
                self.counts.freezes += 1;
                self.site.run(&["freeze"]);
                self.site.run(&["thaw"]);
            }
            _ => {
                self.counts.verified += 1;
                if self.site.data().join("journal.db").exists() {
                    self.site.assert_intact();
                }
            }
        }
        self.check_ledger();
        // Whoever lost a host finds another.
        let args = ["executions", "continue", "--detach"];
        self.site.run(&args);
    }

    fn load(&mut self, how_long: Duration, each: Duration) {
        let mut next_chaos = Instant::now() + each;
        while self.begun.elapsed() < how_long {
            self.reap();
            let rows = self.unfinished();
            if rows.len() < 8 {
                self.submit();
            }
            for row in &rows {
                self.attend(row);
            }
            self.sample();
            if Instant::now() >= next_chaos {
                self.chaos();
                next_chaos = Instant::now()
                    + each / 2
                    + Duration::from_millis(self.chance.below(each.as_millis() as u64));
            }
            assert!(rows.len() < 40, "they pile up: {rows:#?}");
        }
    }

    /// Lets everything come to its end.
    fn settle(&mut self) {
        let begun = Instant::now();
        loop {
            self.reap();
            let rows = self.unfinished();
            if rows.is_empty() && self.clients.is_empty() {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(180),
                "they neither end nor wait for anybody: {rows:#?}"
            );
            for row in &rows {
                self.attend(row);
            }
            self.site.run(&["executions", "continue", "--detach"]);
        }
    }

    fn check_all(&self) -> BTreeMap<String, usize> {
        self.check_ledger();
        self.site.assert_intact();
        let ledger = self.site.content("ledger");
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        let db = rusqlite::Connection::open(self.site.data().join("journal.db")).unwrap();
        let mut ids = db.prepare("SELECT execution_id FROM executions").unwrap();
        let ids: Vec<String> = ids
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for id in &ids {
            let shown = self
                .site
                .run(&["executions", "show", id, "--json"])
                .exits(0)
                .json();
            let state = shown["state"].as_str().unwrap();
            *ends
                .entry(format!("{} {state}", shown["name"].as_str().unwrap()))
                .or_default() += 1;
            for step in shown["steps"].as_array().unwrap() {
                let (name, tool) = (step["id"].as_str().unwrap(), step["tool"].as_str().unwrap());
                if step["state"] != "completed" || !matches!(tool, "process.exec" | "pay.send") {
                    continue;
                }
                let items = step["items"].as_array().map_or(0, Vec::len) as u32;
                let places: Vec<Option<u32>> = if items == 0 {
                    vec![None]
                } else {
                    (0..items).map(Some).collect()
                };
                for item in places {
                    let key = mandate_engine::idempotency_key(id, name, item, Purpose::Run);
                    assert_eq!(
                        ledger.matches(&key).count(),
                        1,
                        "{id} {name} {item:?} is said to be done: {shown:#}"
                    );
                }
            }
            let replayed = self.site.run(&["executions", "replay", id]);
            assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
        }
        ends
    }
}

/// Kibibytes a minute, by least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let n = samples.len().max(1) as f64;
    let (x, y) = samples
        .iter()
        .fold((0.0, 0.0), |(x, y), sample| (x + sample.0, y + sample.1));
    let (x, y) = (x / n, y / n);
    let (over, under) = samples.iter().fold((0.0, 0.0), |(over, under), sample| {
        (
            over + (sample.0 - x) * (sample.1 - y),
            under + (sample.0 - x).powi(2),
        )
    });
    if under == 0.0 {
        0.0
    } else {
        over / under * 60.0
    }
}

#[test]
fn mixed_load_with_kills() {
    let variable = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let seconds = variable("MANDATE_SOAK_SECONDS").unwrap_or(8);
    let seed = variable("MANDATE_TEST_SEED").unwrap_or(20_261_129);
    let long = seconds > 60;
    let mut soak = Soak {
        site: site(),
        chance: Chance(seed),
        counts: Counts::default(),
        clients: Vec::new(),
        memory: Vec::new(),
        largest_log: 0,
        begun: Instant::now(),
    };
    let each = Duration::from_millis(if long { 3_000 } else { 1_000 });
    soak.load(Duration::from_secs(seconds), each);
    soak.settle();
    let ends = soak.check_all();
    let counts = &soak.counts;
    let slope = slope(&soak.memory);
    let most = soak
        .memory
        .iter()
        .map(|sample| sample.1)
        .fold(0.0, f64::max);
    eprintln!("seed {seed}, {seconds} s of load");
    eprintln!(
        "submitted {}, ended {}: {ends:?}",
        counts.begun,
        ends.values().sum::<usize>()
    );
    eprintln!(
        "killed: {} hosts, {} clients; doubts settled {}, answers {}, calls of agents {}, cancels {}, pauses {}, freezes {}, verified under load {}",
        counts.killed_hosts,
        counts.killed_clients,
        counts.doubts,
        counts.answers,
        counts.calls,
        counts.cancels,
        counts.pauses,
        counts.freezes,
        counts.verified
    );
    eprintln!(
        "effects {}, each once",
        soak.site.content("ledger").lines().count()
    );
    for part in soak.memory.chunks(soak.memory.len().div_ceil(8).max(1)) {
        let mean = part.iter().map(|sample| sample.1).sum::<f64>() / part.len() as f64;
        eprintln!("from {:.0} s on: {mean:.0} KiB", part[0].0);
    }
    eprintln!(
        "memory of the host: {} samples, at most {most:.0} KiB, slope {slope:.1} KiB a minute; log at most {} KiB",
        soak.memory.len(),
        soak.largest_log / 1024
    );
    assert!(
        counts.killed_hosts + counts.killed_clients > 0,
        "nobody was killed"
    );
    // The log is begun anew after 8,000 pages.
    assert!(soak.largest_log < 64 * 1024 * 1024, "{}", soak.largest_log);
    if long {
        assert!(counts.killed_hosts > 10 && slope < 512.0, "slope {slope}");
    }
}
