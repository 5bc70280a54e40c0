//! Builds a value from what a reader meets, and keeps the rules that both formats share: nesting, duplicate keys.

use super::{MAX_NESTING, places::Places, pointer::child};
use crate::{
    Violation, ViolationCode,
    violation::{LONGEST_POINTER, Position, Violations, quoted},
};
use serde_json::{Map, Value, map::Entry};

/// How many keys are searched for the first of two equal ones, which only makes the message better.
const SEARCHED_KEYS: usize = 2_000;

/// A reader that meets this stops: what is wrong has been reported.
#[derive(Debug)]
pub(super) struct Stop;

/// How much memory the values of a text may take, in bytes, roughly. Small values take many times the bytes of their
/// text: an object of one key, seven bytes long, more than six hundred.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory(usize);

impl Memory {
    /// A plan: what is checked is held several times over.
    pub(super) const PLAN: Memory = Memory(32 * 1024 * 1024);
    /// Inputs and arguments.
    pub(super) const DATA: Memory = Memory(128 * 1024 * 1024);

    const VALUE: usize = 48;
    const FIRST_KEY: usize = 640;
    const KEY: usize = 112;

    fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// The value under construction.
#[derive(Debug)]
pub(super) struct Builder {
    memory: Memory,
    open: Vec<Open>,
    root: Option<Value>,
    places: Places,
    violations: Violations,
}

#[derive(Debug)]
struct Open {
    place: usize,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    List(Vec<Value>),
    Object {
        map: Map<String, Value>,
        /// The keys' places, as they come.
        keys: Vec<(String, usize)>,
        /// The key whose value comes next.
        pending: Option<String>,
        /// Places of keys that were there before; the value that follows one is dropped.
        repeated: Vec<usize>,
    },
}

impl Builder {
    pub(super) fn new(memory: Memory) -> Self {
        Self {
            memory,
            open: Vec::new(),
            root: None,
            places: Places::default(),
            violations: Violations::default(),
        }
    }

    fn take(&mut self, bytes: usize, position: Position) -> Result<(), Stop> {
        if self.memory.take(bytes) {
            return Ok(());
        }
        let message =
            "the document holds too many small values: pass them as one string, or as a file";
        Err(self.stop(ViolationCode::DocumentTooLarge, message, position))
    }

    /// Reports what is wrong at a place.
    pub(super) fn report(&mut self, code: ViolationCode, message: &str, position: Position) {
        // A pointer may be long: none is made for what is not kept.
        if self.violations.is_full() {
            return;
        }
        let pointer = self.pointer();
        self.violations
            .push(Violation::new(code, pointer, message).at(Some(position)));
    }

    /// Reports and stops.
    pub(super) fn stop(&mut self, code: ViolationCode, message: &str, position: Position) -> Stop {
        self.report(code, message, position);
        Stop
    }

    /// The pointer of the value that is read now.
    fn pointer(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            path = match &open.inside {
                _ if path.len() > LONGEST_POINTER => break,
                Inside::List(items) => child(&path, items.len()),
                Inside::Object {
                    pending: Some(key), ..
                } => {
                    // A key may be as long as the document.
                    let end = key.floor_char_boundary(LONGEST_POINTER);
                    child(&path, key.get(..end).unwrap_or_default())
                }
                Inside::Object { pending: None, .. } => path,
            };
        }
        path
    }

    pub(super) fn start_list(&mut self, position: Position) -> Result<(), Stop> {
        self.start(Inside::List(Vec::new()), position)
    }

    pub(super) fn start_object(&mut self, position: Position) -> Result<(), Stop> {
        let inside = Inside::Object {
            map: Map::new(),
            keys: Vec::new(),
            pending: None,
            repeated: Vec::new(),
        };
        self.start(inside, position)
    }

    fn start(&mut self, inside: Inside, position: Position) -> Result<(), Stop> {
        if self.open.len() >= MAX_NESTING {
            let message = "lists and objects are nested deeper than 64";
            return Err(self.stop(ViolationCode::NestingTooDeep, message, position));
        }
        self.take(Memory::VALUE, position)?;
        let place = self.places.open(position);
        self.open.push(Open { place, inside });
        Ok(())
    }

    /// Whether a key of an object comes next.
    pub(super) fn wants_key(&self) -> bool {
        matches!(
            self.open.last().map(|open| &open.inside),
            Some(Inside::Object { pending: None, .. })
        )
    }

    pub(super) fn key(&mut self, key: String, position: Position) -> Result<(), Stop> {
        let first = matches!(
            self.open.last().map(|open| &open.inside),
            Some(Inside::Object { map, .. }) if map.is_empty()
        );
        let node = if first {
            Memory::FIRST_KEY
        } else {
            Memory::KEY
        };
        self.take(node + key.len(), position)?;
        let place = self.places.open(position);
        let Some(Open {
            inside:
                Inside::Object {
                    keys,
                    pending,
                    repeated,
                    map,
                },
            ..
        }) = self.open.last_mut()
        else {
            return Ok(());
        };
        *pending = Some(key.clone());
        if !map.contains_key(&key) {
            keys.push((key, place));
            return Ok(());
        }
        repeated.push(place);
        let first = keys
            .iter()
            .take(SEARCHED_KEYS)
            .find(|(name, _)| *name == key)
            .and_then(|(_, place)| self.places.position(*place));
        let at = first.map_or_else(String::new, |first| {
            format!(", first in line {}, column {}", first.line, first.column)
        });
        let key = pending.as_deref().unwrap_or_default();
        let message = format!("the key `{}` is there twice{at}", quoted(key));
        self.report(ViolationCode::DuplicateKey, &message, position);
        if self.violations.is_full() {
            return Err(Stop);
        }
        Ok(())
    }

    pub(super) fn scalar(&mut self, value: Value, position: Position) -> Result<(), Stop> {
        let text = value.as_str().map_or(0, str::len);
        self.take(Memory::VALUE + text, position)?;
        self.places.open(position);
        self.put(value);
        Ok(())
    }

    /// Closes the list or object that was opened last.
    pub(super) fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.places.close(open.place);
        let value = match open.inside {
            Inside::List(mut items) => {
                items.shrink_to_fit();
                Value::Array(items)
            }
            Inside::Object {
                mut map,
                mut keys,
                repeated,
                ..
            } => {
                map.sort_keys();
                keys.sort_unstable();
                for (rank, (_, place)) in keys.iter().enumerate() {
                    self.places.rank(*place, Some(rank));
                }
                for place in repeated {
                    self.places.rank(place, None);
                }
                Value::Object(map)
            }
        };
        self.put(value);
    }

    fn put(&mut self, value: Value) {
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(value),
            Some(Inside::List(items)) => items.push(value),
            Some(Inside::Object { map, pending, .. }) => {
                if let Some(key) = pending.take()
                    && let Entry::Vacant(entry) = map.entry(key)
                {
                    entry.insert(value);
                }
            }
        }
    }

    /// The value, if nothing was wrong.
    pub(super) fn finish(self) -> Result<(Value, Places), Vec<Violation>> {
        match self.root {
            Some(value) if self.violations.is_empty() => Ok((value, self.places)),
            Some(_) => Err(self.violations.sorted()),
            None if self.violations.is_empty() => Err(super::only(
                Violation::new(
                    ViolationCode::SyntaxInvalid,
                    "",
                    "the document holds no value",
                )
                .at(Some(Position { line: 1, column: 1 })),
                self.violations,
            )),
            None => Err(self.violations.sorted()),
        }
    }
}
