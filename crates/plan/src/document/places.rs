//! Where each value and key of a document stands.
//!
//! One flat table in document order, twelve to sixteen bytes a value: a map from pointers would multiply the size of a
//! hostile document (a long key above a million items).

use super::pointer::tokens;
use crate::violation::Position;
use serde_json::{Map, Value};

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

    fn extent(&self, index: usize) -> Option<usize> {
        self.0.get(index).map(|place| place.extent as usize)
    }

    /// The key and value places of an object's members, in the order of the sorted keys.
    fn members(&self, object: usize, count: usize) -> Option<Vec<(usize, usize)>> {
        let end = object + self.extent(object)?;
        let mut members = vec![(0, 0); count];
        let mut key = object + 1;
        while key < end {
            let rank = self.extent(key)?;
            if let Some(member) = members.get_mut(rank) {
                *member = (key, key + 1);
            }
            key = key + 1 + self.extent(key + 1)?;
        }
        Some(members)
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

/// Finds places of one document. It remembers the last large object: a hostile one may be asked for a thousand times.
#[derive(Debug)]
pub(crate) struct Finder<'a> {
    root: &'a Value,
    places: &'a Places,
    last: Option<Large<'a>>,
}

#[derive(Debug)]
struct Large<'a> {
    place: usize,
    keys: Vec<&'a str>,
    members: Vec<(usize, usize)>,
}

const LARGE: usize = 256;

impl<'a> Finder<'a> {
    pub(super) fn new(root: &'a Value, places: &'a Places) -> Self {
        Self {
            root,
            places,
            last: None,
        }
    }

    /// Where the value at a pointer begins.
    pub(crate) fn value(&mut self, pointer: &str) -> Option<Position> {
        let (_, value) = self.find(pointer)?;
        self.places.position(value)
    }

    /// Where the key at the end of a pointer begins.
    pub(crate) fn key(&mut self, pointer: &str) -> Option<Position> {
        let (key, _) = self.find(pointer)?;
        self.places.position(key)
    }

    /// The indices of the key and of the value that a pointer names.
    fn find(&mut self, pointer: &str) -> Option<(usize, usize)> {
        let mut here = self.root;
        let mut found = (0, 0);
        for token in tokens(pointer) {
            match here {
                Value::Object(map) => {
                    here = map.get(&token)?;
                    found = self.member(map, found.1, &token)?;
                }
                Value::Array(items) => {
                    let nth: usize = token.parse().ok()?;
                    here = items.get(nth)?;
                    let item = self.places.item(found.1, nth)?;
                    found = (item, item);
                }
                _ => return None,
            }
        }
        Some(found)
    }

    fn member(
        &mut self,
        map: &'a Map<String, Value>,
        place: usize,
        key: &str,
    ) -> Option<(usize, usize)> {
        if let Some(last) = self.last.as_ref().filter(|last| last.place == place) {
            let rank = last.keys.binary_search(&key).ok()?;
            return last.members.get(rank).copied();
        }
        let members = self.places.members(place, map.len())?;
        let rank = map.keys().position(|name| name == key)?;
        let found = members.get(rank).copied();
        if map.len() > LARGE {
            let keys = map.keys().map(String::as_str).collect();
            self.last = Some(Large {
                place,
                keys,
                members,
            });
        }
        found
    }
}
