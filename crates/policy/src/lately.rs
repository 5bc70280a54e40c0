//! What was asked for lately.

use std::collections::VecDeque;

/// The things that were asked for lately, the last one first; `KEPT` at the most.
#[derive(Debug)]
pub(crate) struct Lately<T, const KEPT: usize = 16>(VecDeque<T>);

impl<T, const KEPT: usize> Default for Lately<T, KEPT> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T, const KEPT: usize> Lately<T, KEPT> {
    /// The first that serves, or what is made where none does. The one that was not asked for the longest is forgotten.
    ///
    /// # Errors
    /// What making it gives.
    pub(crate) fn find_or<E>(
        &mut self,
        serves: impl Fn(&T) -> bool,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        let known = self.0.iter().position(serves);
        let known = known.and_then(|index| self.0.remove(index));
        let found = known.map_or_else(make, Ok)?;
        self.0.truncate(KEPT.saturating_sub(1));
        Ok(self.0.push_front_mut(found))
    }
}
