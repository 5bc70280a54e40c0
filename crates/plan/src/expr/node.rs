//! The compiled form of an expression, in which an evaluation walks.

use super::{function::Function, pattern::Pattern, scope::StepField};
use std::sync::Arc;

/// A compiled expression: its tree, and the values of the scope that it may ask for.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Node,
    pub(super) roots: Vec<Root>,
}

/// Something that is read from the scope, at most once in an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Root {
    Variable(Arc<str>),
    Step(Arc<str>, StepField),
}

/// One operation, and where it stands in the source (byte offset).
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) offset: usize,
}

#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    /// The name of a type.
    Type(&'static str),
    /// A value of the scope, by its place in [`Tree::roots`].
    Root(usize),
    /// All fields of a step, each by its place in [`Tree::roots`].
    WholeStep(Vec<(StepField, usize)>),
    /// The variable of a comprehension or of `cel.bind`, counted from the outermost.
    Local(usize),
    Path(Box<Node>, Vec<Segment>),
    Has(Box<Node>, Arc<str>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Conditional(Box<[Node; 3]>),
    /// `a + b - c`: operators of one kind of binding, from the left.
    Chain(Box<Node>, Vec<(Operator, Node)>),
    Call(Function, Vec<Node>),
    /// A call whose pattern is literal, and so compiled already. It stands at index 1 among the arguments.
    Match(Function, Vec<Node>, Arc<Pattern>),
    Loop(Box<Loop>),
    /// `cel.bind`: the value, and the expression that may use it.
    Bind(Box<[Node; 2]>),
    Coalesce(Vec<Node>),
    /// `succeeded`, `failed`, `skipped`: the step's state, and the states that are meant.
    Status(usize, &'static [&'static str]),
    /// `either`: the state and the output of each step.
    Either(Vec<(usize, usize)>),
}

/// One link of a path.
#[derive(Debug)]
pub(super) enum Segment {
    Key(Arc<str>),
    Index(Node),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
}

impl Operator {
    /// The operator that the parser calls `name`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "_+_" => Self::Add,
            "_-_" => Self::Subtract,
            "_*_" => Self::Multiply,
            "_/_" => Self::Divide,
            "_%_" => Self::Remainder,
            "_==_" => Self::Equal,
            "_!=_" => Self::NotEqual,
            "_<_" => Self::Less,
            "_<=_" => Self::LessEqual,
            "_>_" => Self::Greater,
            "_>=_" => Self::GreaterEqual,
            "@in" => Self::In,
            _ => return None,
        })
    }

    /// The operator as it is written.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
        }
    }
}

/// A comprehension over a list or over the keys of a map.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) purpose: LoopPurpose,
    pub(super) range: Node,
    /// Only `map` with three arguments has one.
    pub(super) filter: Option<Node>,
    pub(super) body: Node,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopPurpose {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
    SortBy,
}

impl LoopPurpose {
    /// The comprehension of that name and number of arguments.
    pub(super) fn parse(name: &str, arguments: usize) -> Option<Self> {
        Some(match (name, arguments) {
            ("all", 2) => Self::All,
            ("exists", 2) => Self::Exists,
            ("exists_one" | "existsOne", 2) => Self::ExistsOne,
            ("map", 2 | 3) => Self::Map,
            ("filter", 2) => Self::Filter,
            ("sortBy", 2) => Self::SortBy,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "exists_one",
            Self::Map => "map",
            Self::Filter => "filter",
            Self::SortBy => "sortBy",
        }
    }
}
