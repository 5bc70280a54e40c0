//! The command line of `mandate-sim`.

use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: mandate-sim [OPTION]...     run seeds
       mandate-sim show SEED       one seed, with everything that happened
       mandate-sim replay FILE     a scenario that is kept under `regressions`

  --seeds N          how many (default 2000)
  --start S          the first (default 0)
  --jobs N           on so many threads (default 2)
  --seconds N        no longer than that
  --first            stop at the first that fails
  --all-kinds        fail if a kind of fault was never met
  --regressions DIR  where the first that fails is kept, cut down
";

/// What is to be done.
pub(crate) enum Command {
    Run(Ask),
    Show { seed: u64 },
    Replay { file: String },
}

/// Which seeds, and how.
pub(crate) struct Ask {
    pub(crate) seeds: u64,
    pub(crate) start: u64,
    pub(crate) jobs: u64,
    pub(crate) seconds: Option<Duration>,
    pub(crate) first: bool,
    pub(crate) all_kinds: bool,
    pub(crate) regressions: Option<String>,
}

impl Command {
    /// Reads a command line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(words: &[String]) -> Result<Self, String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["show", seed] => Ok(Command::Show {
                seed: number(seed)?,
            }),
            ["replay", file] => Ok(Command::Replay {
                file: (*file).to_owned(),
            }),
            words => Ask::read(words).map(Command::Run),
        }
    }
}

impl Ask {
    fn read(mut words: &[&str]) -> Result<Self, String> {
        let mut ask = Self {
            seeds: 2_000,
            start: 0,
            jobs: 2,
            seconds: None,
            first: false,
            all_kinds: false,
            regressions: None,
        };
        loop {
            words = match words {
                [] => return Ok(ask),
                ["--seeds", n, rest @ ..] => {
                    ask.seeds = number(n)?;
                    rest
                }
                ["--start", n, rest @ ..] => {
                    ask.start = number(n)?;
                    rest
                }
                ["--jobs", n, rest @ ..] => {
                    ask.jobs = number(n)?;
                    rest
                }
                ["--seconds", n, rest @ ..] => {
                    ask.seconds = Some(Duration::from_secs(number(n)?));
                    rest
                }
                ["--first", rest @ ..] => {
                    ask.first = true;
                    rest
                }
                ["--all-kinds", rest @ ..] => {
                    ask.all_kinds = true;
                    rest
                }
                ["--regressions", dir, rest @ ..] => {
                    ask.regressions = Some((*dir).to_owned());
                    rest
                }
                [word, ..] => return Err(format!("`{word}` is not understood")),
            };
        }
    }
}

fn number(word: &str) -> Result<u64, String> {
    word.parse()
        .map_err(|_| format!("`{word}` is not a number"))
}
