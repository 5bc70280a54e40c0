//! The command line. Six options deserve no library.

use crate::failure::Failure;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Where the database is. It is made if it is not there, and must hold no workflows.
    pub(crate) url: String,
    pub(crate) executions: u32,
    pub(crate) steps: u32,
    pub(crate) at_a_time: u32,
    /// At most so many connections to the database.
    pub(crate) connections: u32,
    /// The first process of the database server, whose processor time is counted if it is named.
    pub(crate) postmaster: Option<u32>,
}

impl Arguments {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut words = words;
        let (mut url, mut workload) = (None, None);
        let [
            mut executions,
            mut steps,
            mut at_a_time,
            mut connections,
            mut postmaster,
        ] = [None; 5];
        while let Some(name) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| Failure::Usage(format!("`{name}` needs a value")))?;
            match name.as_str() {
                "--url" => url = Some(value),
                "--workload" => workload = Some(value),
                "--executions" => executions = Some(number(&name, &value)?),
                "--steps" => steps = Some(number(&name, &value)?),
                "--at-a-time" => at_a_time = Some(number(&name, &value)?),
                "--connections" => connections = Some(number(&name, &value)?),
                "--postmaster" => postmaster = Some(number(&name, &value)?),
                _ => return Err(Failure::Usage(format!("`{name}` is no option"))),
            }
        }
        let usual = match workload.as_deref() {
            Some("A") => [1, 100, 1],
            Some("B") => [500, 10, 64],
            Some(other) => return Err(Failure::Usage(format!("`{other}` is no workload"))),
            None => return Err(Failure::Usage("`--workload` is missing".to_owned())),
        };
        let [usual_executions, usual_steps, usual_at_a_time] = usual;
        Ok(Self {
            url: url.ok_or_else(|| Failure::Usage("`--url` is missing".to_owned()))?,
            executions: executions.unwrap_or(usual_executions),
            steps: steps.unwrap_or(usual_steps),
            at_a_time: at_a_time.unwrap_or(usual_at_a_time),
            connections: connections.unwrap_or(CONNECTIONS),
            postmaster,
        })
    }

    pub(crate) fn all_steps(&self) -> u64 {
        u64::from(self.executions) * u64::from(self.steps)
    }
}

/// On two processors workload B is fastest with 16 to 32 of them: 10 were slower, and with 48 or 64 the server has
/// more processes to wake than it gains by committing more at once.
const CONNECTIONS: u32 = 32;

fn number(name: &str, value: &str) -> Result<u32, Failure> {
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Failure::Usage(format!(
            "`{value}` is no number above 0, as `{name}` needs one"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, Failure> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_workload_brings_its_sizes() {
        let all = parsed("--url u --workload B --steps 3").unwrap();
        assert_eq!((all.executions, all.steps, all.at_a_time), (500, 3, 64));
        assert_eq!(all.all_steps(), 1500);
        let all = parsed("--workload A --url u --postmaster 7").unwrap();
        assert_eq!((all.executions, all.steps, all.at_a_time), (1, 100, 1));
        assert_eq!(all.postmaster, Some(7));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in [
            "--workload B",
            "--url u",
            "--url u --workload D",
            "--url u --workload B --steps",
            "--url u --workload B --steps 0",
            "--url u --workload B --stops 4",
        ] {
            assert!(matches!(parsed(line), Err(Failure::Usage(_))), "{line}");
        }
    }
}
