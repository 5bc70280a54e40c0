//! How many there are of what is not over: looked up in indices, so that what is over costs nothing however much it is.

use crate::journal::StoreError;
use crate::reader::Reader;

impl Reader {
    /// How many executions there are in each of these states.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn count_in_states(&self, states: &[&'static str]) -> Result<Vec<u64>, StoreError> {
        self.with(|db| {
            let mut query = db.prepare_cached(
                "SELECT count(*) FROM executions INDEXED BY executions_by_state WHERE state = ?1",
            )?;
            let counts = states
                .iter()
                .map(|state| query.query_row([state], |row| row.get(0)));
            Ok(counts.collect::<Result<_, _>>()?)
        })
    }

    /// How many requests of each kind wait for an answer; kinds of which none does are left out.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn count_open_requests(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.with(|db| {
            let mut query = db.prepare_cached(
                "SELECT kind, count(*) FROM requests INDEXED BY requests_open WHERE state = 'open' GROUP BY kind",
            )?;
            let counts = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(counts.collect::<Result<_, _>>()?)
        })
    }
}
