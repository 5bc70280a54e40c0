//! Throws bytes at a function until the time is over: samples that are cut, joined, repeated and changed.
//!
//! Shared by the fuzz targets of several crates. `MANDATE_FUZZ_SECONDS` makes a run longer, `MANDATE_FUZZ_SEED` repeats
//! one: the seed and the input are printed when a target panics.

use std::time::{Duration, Instant};

/// What an ordinary run of the tests spends on each target, in seconds.
const SECONDS: u64 = 3;
/// The longest input, in bytes.
const LONGEST: usize = 4_096;

/// A small generator, so that a seed means the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }
}

/// Prints the input if it is dropped by a panic.
struct Told<'a> {
    seed: u64,
    input: &'a [u8],
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (seed, input) = (self.seed, String::from_utf8_lossy(self.input));
            eprintln!(
                "MANDATE_FUZZ_SEED={seed}, after this input:\n{input}\n{:?}",
                self.input
            );
        }
    }
}

/// Calls `target` with inputs made of `samples` and `words`, until the time is over. Gives the number of inputs.
pub(crate) fn fuzz(samples: &[&str], words: &[&str], mut target: impl FnMut(&[u8])) -> u64 {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seconds = number("MANDATE_FUZZ_SECONDS").unwrap_or(SECONDS);
    let seed = number("MANDATE_FUZZ_SEED").unwrap_or(0x9e37_79b9_7f4a_7c15);
    let mut chance = Chance(seed | 1);
    let end = Instant::now() + Duration::from_secs(seconds);
    for sample in samples {
        target(sample.as_bytes());
    }
    let mut count = samples.len() as u64;
    while Instant::now() < end {
        let mut input = samples[chance.below(samples.len())].as_bytes().to_vec();
        for _ in 0..=chance.below(6) {
            change(&mut input, samples, words, &mut chance);
        }
        input.truncate(LONGEST);
        let told = Told {
            seed,
            input: &input,
        };
        target(told.input);
        count += 1;
    }
    count
}

fn change(input: &mut Vec<u8>, samples: &[&str], words: &[&str], chance: &mut Chance) {
    let at = chance.below(input.len() + 1);
    let to = at + chance.below(input.len() - at + 1).min(64);
    match chance.below(8) {
        0 => input.truncate(at),
        1 => drop(input.drain(at..to)),
        2 => {
            let part = input[at..to].to_vec();
            input.splice(at..at, part);
        }
        3 => {
            let other = samples[chance.below(samples.len())].as_bytes();
            let from = chance.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        4 if at < input.len() => input[at] ^= 1 << chance.below(8),
        5 if at < input.len() => input[at] = chance.next().to_le_bytes()[0],
        _ => {
            let word = words[chance.below(words.len())].as_bytes();
            input.splice(at..at, word.iter().copied());
        }
    }
}
