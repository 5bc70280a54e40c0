//! Events in a row as they are told: one text, ready to be written, of which everybody takes what they do not have yet.

use crate::sse::message;
use crate::view::ChainedEvent;
use bytes::Bytes;
use mandate_store::{Reader, StoreError};

/// Events in a row as they are told.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    text: Bytes,
    /// Of each event its `seq`, and where its message ends in the text.
    ends: Vec<(u64, usize)>,
    /// The execution ends with it.
    is_last: bool,
}

/// What somebody is told next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Messages. They are shared, and not copied.
    pub(crate) text: Bytes,
    /// The `seq` of the last one.
    pub(crate) last: u64,
    /// Nothing follows.
    pub(crate) is_last: bool,
}

impl Page {
    /// Reads from `from` on, so many events at most. None: there is none yet. Waits for the disk.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(super) fn read(
        reader: &Reader,
        execution_id: &str,
        from: u64,
        limit: usize,
    ) -> Result<Option<Self>, StoreError> {
        let records = reader.read(execution_id, from, limit)?;
        let places: Vec<u64> = records.iter().map(|record| record.gseq).collect();
        let commits = reader.commits_of(&places)?;
        let told = records.iter().zip(commits).map(|(record, commit)| {
            let event = ChainedEvent::of(record, commit, true);
            let text = message(Some(&record.seq.to_string()), None, &event);
            (record.seq, text)
        });
        let is_last = { records.last() }.is_some_and(|last| last.kind == "execution_finished");
        Ok(Self::of(told, is_last))
    }

    fn of(told: impl Iterator<Item = (u64, Bytes)>, is_last: bool) -> Option<Self> {
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        for (seq, message) in told {
            text.extend_from_slice(&message);
            ends.push((seq, text.len()));
        }
        (!ends.is_empty()).then(|| Self {
            text: text.into(),
            ends,
            is_last,
        })
    }

    /// The `seq` of its first event.
    pub(super) fn first(&self) -> u64 {
        self.ends.first().map_or(0, |(seq, _)| *seq)
    }

    /// That of its last one.
    pub(super) fn last(&self) -> u64 {
        self.ends.last().map_or(0, |(seq, _)| *seq)
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// What is new to somebody who has everything before `from`; none if nothing is, or if something between is missing.
    pub(super) fn from(&self, from: u64) -> Option<Told> {
        if from < self.first() || from > self.last() {
            return None;
        }
        let skipped = self.ends.partition_point(|(seq, _)| *seq < from);
        let begin = match skipped.checked_sub(1) {
            Some(before) => self.ends.get(before)?.1,
            None => 0,
        };
        Some(Told {
            text: self.text.slice(begin..),
            last: self.last(),
            is_last: self.is_last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_gets_what_they_do_not_have_yet() {
        let told = (7..=9).map(|seq| (seq, Bytes::from(format!("{seq};"))));
        let page = Page::of(told, true).unwrap();
        let from = |from| page.from(from).map(|told| (told.text, told.last));
        assert_eq!(from(6), None, "something between is missing");
        assert_eq!(from(7), Some(("7;8;9;".into(), 9)));
        assert_eq!(from(9), Some(("9;".into(), 9)));
        assert_eq!(from(10), None);
        assert!(page.from(8).unwrap().is_last);
        assert!(Page::of(std::iter::empty(), false).is_none());
    }
}
