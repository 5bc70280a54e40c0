//! What the fuzz targets of several crates share: from the bytes that the fuzzer draws to an input worth trying.
//!
//! An ordinary run of the tests draws at random for a few seconds; `cargo bolero test NAME` has libFuzzer look for inputs that
//! reach new code. Both print the input of a failure, as small as they can make it.

use std::time::Duration;

/// The longest draw, in bytes: enough for some twenty changes.
pub(crate) const DRAWN: usize = 256;
/// The longest input that is made, in bytes.
const LONGEST: usize = 4_096;

/// What an ordinary run of the tests spends on each target; `MANDATE_FUZZ_SECONDS` makes it longer.
pub(crate) fn time() -> Duration {
    let seconds = std::env::var("MANDATE_FUZZ_SECONDS");
    Duration::from_secs(seconds.map_or(3, |text| text.parse().unwrap()))
}

/// What was drawn, byte by byte; zeros behind its end.
struct Drawn<'a>(std::slice::Iter<'a, u8>);

impl Drawn<'_> {
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn below(&mut self, most: usize) -> usize {
        let number = u16::from_le_bytes([self.byte(), self.byte()]);
        usize::from(number) % most.max(1)
    }
}

/// One of `samples`, cut, joined, repeated and changed as `drawn` says; or what was drawn as it is, after a byte of 255.
pub(crate) fn made(samples: &[&str], words: &[&str], drawn: &[u8]) -> Vec<u8> {
    let mut drawn = match drawn {
        [255, rest @ ..] => return rest.to_vec(),
        _ => Drawn(drawn.iter()),
    };
    let mut input = samples[usize::from(drawn.byte()) % samples.len()]
        .as_bytes()
        .to_vec();
    let most = drawn.below(7);
    for _ in 0..most {
        if drawn.0.len() == 0 {
            break;
        }
        change(&mut input, samples, words, &mut drawn);
    }
    input.truncate(LONGEST);
    input
}

fn change(input: &mut Vec<u8>, samples: &[&str], words: &[&str], drawn: &mut Drawn<'_>) {
    let at = drawn.below(input.len() + 1);
    let to = at + drawn.below(input.len() - at + 1).min(64);
    match drawn.byte() % 8 {
        0 => input.truncate(at),
        1 => drop(input.drain(at..to)),
        2 => {
            let part = input[at..to].to_vec();
            input.splice(at..at, part);
        }
        3 => {
            let other = samples[drawn.below(samples.len())].as_bytes();
            let from = drawn.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        4 if at < input.len() => input[at] ^= 1 << (drawn.byte() % 8),
        5 if at < input.len() => input[at] = drawn.byte(),
        _ => {
            let word = words[drawn.below(words.len())].as_bytes();
            input.splice(at..at, word.iter().copied());
        }
    }
}
