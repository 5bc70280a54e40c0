//! What was counted, as `llvm-profdata show` tells it, and whether a build has taken it up.

use std::collections::HashSet;

/// The functions that ran.
pub(super) fn ran(shown: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut name = "";
    for line in shown.lines().map(str::trim) {
        if let Some(counts) = line.strip_prefix("Block counts: [") {
            let mut counts = counts.trim_end_matches(']').split(',').map(str::trim);
            if counts.any(|count| count.parse().is_ok_and(|count: u64| count > 0)) {
                all.push(name.to_owned());
            }
            name = "";
        } else if let Some(named) = line.strip_suffix(':') {
            // What a crate keeps for itself is named with the part of the crate that it is in.
            name = named.rsplit(';').next().unwrap_or(named);
        }
    }
    all
}

/// What part of these functions a program has, by the names in its table of symbols. Those that became part of others are not
/// in it.
pub(super) fn part_in(program: &[u8], names: &[String]) -> f64 {
    let texts: HashSet<&[u8]> = program.split(|byte| *byte == 0).collect();
    let found = names.iter().filter(|name| texts.contains(name.as_bytes()));
    found.count() as f64 / names.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "Counters:
  a.cgu.0;_ZN1a1b17h01E:
    Hash: 0x07
    Counters: 2
    Block counts: [3, 9]
  _ZN1c1d17h02E:
    Hash: 0x07
    Counters: 1
    Block counts: [0]
  _ZN1e1f17h03E:
    Hash: 0x07
    Counters: 2
    Block counts: [0, 7]
Functions shown: 3
";

    #[test]
    fn those_that_ran_are_found_by_their_names() {
        let names = ran(SHOWN);
        assert_eq!(names, ["_ZN1a1b17h01E", "_ZN1e1f17h03E"]);
        let part = part_in(b"\0x\0_ZN1a1b17h01E\0_ZN1e1f17h04E\0", &names);
        assert!((part - 0.5).abs() < f64::EPSILON, "{part}");
        assert!(part_in(b"", &[]) == 0.0);
    }
}
