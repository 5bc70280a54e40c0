//! `mandate-sim`: runs seeds. `cargo xtask simulate` is the way to it.

use mandate_sim::{Scenario, run};
use std::collections::BTreeMap;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
    if words.first().is_some_and(|word| word == "show") {
        let scenario = Scenario::of(number(1).unwrap_or(0));
        println!(
            "{}",
            serde_json::to_string_pretty(&scenario).unwrap_or_default()
        );
        let outcome = run(&scenario, true);
        for line in outcome.lines {
            println!("{line}");
        }
        return ExitCode::SUCCESS;
    }
    let (start, seeds) = (number(0).unwrap_or(0), number(1).unwrap_or(100));
    let begun = std::time::Instant::now();
    let mut met: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut failed = 0_u64;
    for seed in start..start.saturating_add(seeds) {
        let outcome = run(&Scenario::of(seed), false);
        for (name, count) in outcome.met {
            *met.entry(name).or_default() += count;
        }
        for violation in &outcome.violations {
            println!("seed {seed}: {}: {}", violation.check, violation.what);
        }
        failed += u64::from(!outcome.violations.is_empty());
    }
    println!("{met:#?}");
    println!("{failed} of {seeds} failed, {:?}", begun.elapsed());
    ExitCode::from(u8::from(failed > 0))
}
