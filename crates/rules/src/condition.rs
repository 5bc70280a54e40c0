//! A rule's condition in a form of our own, so that most calls are judged without asking Cedar.
//!
//! Cedar has parsed and type-checked the text. What only compares values that are there, and joins such comparisons,
//! cannot fail, and means here what it means there. Everything else stays [`Condition::Opaque`], for Cedar to answer:
//! arithmetic overflows, functions of extensions refuse texts, and a part that may fail must be asked in its turn.

mod read;

pub(crate) use read::read;

use crate::facts::Fact;
use std::collections::BTreeSet;

/// A condition, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It is always so.
    Always(bool),
    /// Such an attribute, or `principal in Role::"…"`.
    Holds(Term),
    /// `==`.
    Equal(Term, Term),
    /// The first is less than the second.
    Less(Term, Term),
    /// The set holds the element.
    Contains(Term, Term),
    /// The first set holds everything of the second.
    ContainsAll(Term, Term),
    /// The two sets have something in common.
    ContainsAny(Term, Term),
    /// The set holds nothing.
    Empty(Term),
    /// It is not so.
    Not(Box<Condition>),
    /// Both, the first one first.
    Both(Box<Condition>, Box<Condition>),
    /// One of them, the first one first.
    Either(Box<Condition>, Box<Condition>),
    /// Only Cedar can tell, and it may fail.
    Opaque,
}

/// A value that a condition looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Term {
    /// It stands in the rule.
    Literal(Fact),
    /// It is the call's.
    Place(Place),
}

/// Where a call has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// An attribute of `context`, by its number in the schema, or a part of one that is a record.
    Context(usize, Option<String>),
    /// `context.category`.
    Category,
    /// An attribute of the tool.
    Tool(ToolPlace),
    /// `principal.roles`.
    Roles,
    /// Whether the principal is this one.
    Principal(String),
    /// Whether the principal has this role.
    Role(String),
    /// Whether the tool is this one.
    ToolIs(String),
    /// Whether the tool is of this server.
    Server(String),
}

/// The tool's attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToolPlace {
    Name,
    Server,
    Effect,
    Idempotent,
    OpenWorld,
}

/// A value of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seen<'a> {
    Text(&'a str),
    Number(i64),
    Flag(bool),
    Texts(&'a BTreeSet<String>),
    /// It is there, but is not known yet.
    Later,
}

/// Who knows a call's values.
pub(crate) trait Look {
    /// The value at a place; `None`: it has none of a kind that conditions look at here.
    fn look(&self, place: &Place) -> Option<Seen<'_>>;
}

/// What a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    No,
    Yes,
    /// It cannot fail, and is not known yet.
    Later,
    /// Only Cedar can tell.
    Ask,
}

impl Answer {
    fn of(known: bool) -> Self {
        if known { Answer::Yes } else { Answer::No }
    }

    fn not(self) -> Self {
        match self {
            Answer::No => Answer::Yes,
            Answer::Yes => Answer::No,
            other => other,
        }
    }
}

impl Condition {
    /// Whether it has a part that only Cedar can answer.
    pub(crate) fn may_need_cedar(&self) -> bool {
        match self {
            Condition::Opaque => true,
            Condition::Not(inner) => inner.may_need_cedar(),
            Condition::Both(left, right) | Condition::Either(left, right) => {
                left.may_need_cedar() || right.may_need_cedar()
            }
            _ => false,
        }
    }

    /// What it comes to for this call.
    pub(crate) fn answer(&self, call: &dyn Look) -> Answer {
        match self {
            Condition::Always(known) => Answer::of(*known),
            Condition::Opaque => Answer::Ask,
            Condition::Not(inner) => inner.answer(call).not(),
            Condition::Both(left, right) => match left.answer(call) {
                Answer::Yes => right.answer(call),
                // What cannot fail may as well be asked behind what follows it.
                Answer::Later => match right.answer(call) {
                    Answer::Yes => Answer::Later,
                    other => other,
                },
                decided => decided,
            },
            Condition::Either(left, right) => match left.answer(call) {
                Answer::No => right.answer(call),
                Answer::Later => match right.answer(call) {
                    Answer::No => Answer::Later,
                    other => other,
                },
                decided => decided,
            },
            Condition::Holds(term) => match term.value(call) {
                Some(Seen::Flag(flag)) => Answer::of(flag),
                Some(Seen::Later) => Answer::Later,
                _ => Answer::Ask,
            },
            Condition::Empty(set) => match set.value(call) {
                Some(Seen::Texts(texts)) => Answer::of(texts.is_empty()),
                Some(Seen::Later) => Answer::Later,
                _ => Answer::Ask,
            },
            Condition::Equal(left, right) => compared(left, right, call, |sides| match sides {
                (Seen::Text(left), Seen::Text(right)) => Some(left == right),
                (Seen::Number(left), Seen::Number(right)) => Some(left == right),
                (Seen::Flag(left), Seen::Flag(right)) => Some(left == right),
                (Seen::Texts(left), Seen::Texts(right)) => Some(left == right),
                _ => None,
            }),
            Condition::Less(left, right) => compared(left, right, call, |sides| match sides {
                (Seen::Number(left), Seen::Number(right)) => Some(left < right),
                _ => None,
            }),
            Condition::Contains(set, one) => compared(set, one, call, |sides| match sides {
                (Seen::Texts(set), Seen::Text(one)) => Some(set.contains(one)),
                _ => None,
            }),
            Condition::ContainsAll(left, right) => {
                compared(left, right, call, |sides| match sides {
                    (Seen::Texts(left), Seen::Texts(right)) => Some(right.is_subset(left)),
                    _ => None,
                })
            }
            Condition::ContainsAny(left, right) => {
                compared(left, right, call, |sides| match sides {
                    (Seen::Texts(left), Seen::Texts(right)) => Some(!left.is_disjoint(right)),
                    _ => None,
                })
            }
        }
    }
}

/// Compares two values as `hold` says; values of other types than the schema has are Cedar's to complain of.
fn compared<'a>(
    left: &'a Term,
    right: &'a Term,
    call: &'a dyn Look,
    hold: impl Fn((Seen<'a>, Seen<'a>)) -> Option<bool>,
) -> Answer {
    match (left.value(call), right.value(call)) {
        (Some(Seen::Later), Some(_)) | (Some(_), Some(Seen::Later)) => Answer::Later,
        (Some(left), Some(right)) => hold((left, right)).map_or(Answer::Ask, Answer::of),
        _ => Answer::Ask,
    }
}

impl Term {
    fn value<'a>(&'a self, call: &'a dyn Look) -> Option<Seen<'a>> {
        match self {
            Term::Literal(fact) => fact.seen(),
            Term::Place(place) => call.look(place),
        }
    }
}
