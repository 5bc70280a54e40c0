//! Where each value and key of a document stands.
//!
//! One flat table in document order, twelve to sixteen bytes a value: a map from pointers would multiply the size of a
//! hostile document (a long key above a million items).

use super::pointer::tokens;
use crate::violation::Position;
use serde_json::Value;

/// The places of a document, in the order of its text.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Vec<Place>);

#[derive(Debug, Clone, Copy)]
struct Place {
    line: u32,
    column: u32,
    /// Of a value: how many places it takes, itself included. Of a key: its rank among the sorted keys.
    extent: u32,
}

/// The rank of a key that is there twice.
const DROPPED: u32 = u32::MAX;

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Places {
    /// Opens a place; its extent is set when it is closed.
    pub(super) fn open(&mut self, position: Position) -> usize {
        self.0.push(Place {
            line: small(position.line),
            column: small(position.column),
            extent: 1,
        });
        self.0.len() - 1
    }

    /// Closes a value: all places since it was opened are its own.
    pub(super) fn close(&mut self, index: usize) {
        let extent = small(self.0.len().saturating_sub(index));
        if let Some(place) = self.0.get_mut(index) {
            place.extent = extent;
        }
    }

    /// Sets the rank of a key; `None` for one that was dropped.
    pub(super) fn rank(&mut self, index: usize, rank: Option<usize>) {
        if let Some(place) = self.0.get_mut(index) {
            place.extent = rank.map_or(DROPPED, small);
        }
    }

    pub(super) fn position(&self, index: usize) -> Option<Position> {
        self.0.get(index).map(|place| Position {
            line: place.line as usize,
            column: place.column as usize,
        })
    }

    pub(super) fn value(&self, root: &Value, pointer: &str) -> Option<Position> {
        self.find(root, pointer)
            .and_then(|(_, value)| self.position(value))
    }

    pub(super) fn key(&self, root: &Value, pointer: &str) -> Option<Position> {
        self.find(root, pointer)
            .and_then(|(key, _)| self.position(key))
    }

    /// The indices of the key and of the value that a pointer names.
    fn find(&self, root: &Value, pointer: &str) -> Option<(usize, usize)> {
        let mut here = root;
        let mut found = (0, 0);
        for token in tokens(pointer) {
            let start = found.1;
            match here {
                Value::Object(map) => {
                    let rank = small(map.keys().take_while(|key| **key < token).count());
                    here = map.get(&token)?;
                    found = self.member(start, rank)?;
                }
                Value::Array(items) => {
                    let nth: usize = token.parse().ok()?;
                    here = items.get(nth)?;
                    let item = self.item(start, nth)?;
                    found = (item, item);
                }
                _ => return None,
            }
        }
        (!self.0.is_empty()).then_some(found)
    }

    fn extent(&self, index: usize) -> Option<usize> {
        self.0.get(index).map(|place| place.extent as usize)
    }

    fn member(&self, object: usize, rank: u32) -> Option<(usize, usize)> {
        let end = object + self.extent(object)?;
        let mut key = object + 1;
        while key < end {
            if self.0.get(key)?.extent == rank {
                return Some((key, key + 1));
            }
            key = key + 1 + self.extent(key + 1)?;
        }
        None
    }

    fn item(&self, list: usize, nth: usize) -> Option<usize> {
        let end = list + self.extent(list)?;
        let mut item = list + 1;
        for _ in 0..nth {
            item += self.extent(item)?;
        }
        (item < end).then_some(item)
    }
}
