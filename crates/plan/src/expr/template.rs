//! Arguments with embedded `${…}`: compiled once, resolved against a scope, with the places of secrets.

mod hole;

pub use hole::Hole;

use super::{
    EvalError, Expr, ExprProblem, Hidden, Scope, output,
    placeholder::{self, Part},
    plain::{self, Plain},
    references::References,
};
use crate::{ErrorCode, ViolationCode, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An `args` object with embedded `${…}`, compiled once.
#[derive(Debug, Clone)]
pub struct Template {
    place: String,
    shape: Shape,
    references: References,
    secret_names: BTreeSet<String>,
    secret_inputs: BTreeSet<String>,
    known: Value,
    holes: Vec<String>,
    about: Arc<[Hole]>,
}

/// Resolved arguments, and where placeholders of secrets stand in them.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The arguments, with `${secrets.NAME}` in place of secrets.
    pub value: Value,
    /// Only these places are secrets; the same text anywhere else is data.
    pub secrets: Vec<SecretSlot>,
}

/// A placeholder `${secrets.NAME}` in resolved arguments.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SecretSlot {
    /// JSON pointer of the string.
    pub pointer: String,
    /// Where in the string, in bytes.
    pub offset: usize,
    /// How long the placeholder is, in bytes.
    pub len: usize,
    /// The secret's name.
    pub name: String,
}

#[derive(Debug, Clone)]
enum Shape {
    Literal(Value),
    List(Vec<Shape>),
    Object(Vec<(String, Shape)>),
    /// A string that is one `${…}`: the value keeps its type.
    Whole(Expr),
    Pieces(Vec<Piece>),
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Value(Expr),
    Secret(String),
    SecretInput(String),
}

impl Template {
    /// Compiles `args`. `place` says where they stand, as in `steps.fetch.args`; `secret_inputs` are the inputs that
    /// are declared `secret`.
    ///
    /// # Errors
    /// Every problem, with the JSON pointer in `args` of its string; offsets count bytes in that string.
    pub fn compile(
        args: &Value,
        place: &str,
        secret_inputs: &BTreeSet<String>,
    ) -> Result<Template, Vec<(String, ExprProblem)>> {
        Self::compile_except(args, place, secret_inputs, &[], &Hidden::default())
    }

    /// The same, where the values under the top-level keys `opaque` are kept as they stand: a nested plan's own `${…}`
    /// are not its parent's; and where a string that is nothing but a `hidden` part of an output stands for a secret.
    ///
    /// # Errors
    /// As [`Template::compile`].
    pub fn compile_except(
        args: &Value,
        place: &str,
        secret_inputs: &BTreeSet<String>,
        opaque: &[&str],
        hidden: &Hidden,
    ) -> Result<Template, Vec<(String, ExprProblem)>> {
        let mut compiler = Compiler {
            place,
            declared: secret_inputs,
            opaque,
            hidden: Some(hidden),
            ..Compiler::default()
        };
        let (shape, known) = compiler.shape(args, "");
        if !compiler.problems.is_empty() {
            return Err(compiler.problems);
        }
        Ok(Template {
            place: place.to_owned(),
            shape,
            references: compiler.references,
            secret_names: compiler.secret_names,
            secret_inputs: compiler.secret_inputs,
            known,
            holes: compiler.holes,
            about: compiler.about.into(),
        })
    }

    /// What all its expressions refer to together.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// The names in literal `${secrets.NAME}`.
    pub fn secret_names(&self) -> &BTreeSet<String> {
        &self.secret_names
    }

    /// The secret inputs that stand as `${inputs.K}`.
    pub fn secret_inputs(&self) -> &BTreeSet<String> {
        &self.secret_inputs
    }

    /// The arguments themselves, when they hold no `${…}`.
    pub fn literal(&self) -> Option<&Value> {
        self.holes.is_empty().then_some(&self.known)
    }

    /// The arguments with null in every place that is not literal.
    pub fn known(&self) -> Value {
        self.known.clone()
    }

    /// The JSON pointers of the places that are not literal, in the order of the arguments.
    pub fn holes(&self) -> &[String] {
        &self.holes
    }

    /// The same places, with what each refers to.
    pub fn hole_references(&self) -> &Arc<[Hole]> {
        &self.about
    }

    /// The arguments in `scope`. `secrets` gives, for each secret input, the name of the secret.
    ///
    /// # Errors
    /// When an expression gives no value, the whole grows too large, or (`CONTEXT_MISSING`) a secret input was not given.
    pub fn resolve(
        &self,
        scope: &dyn Scope,
        secrets: &BTreeMap<String, String>,
    ) -> Result<Resolved, EvalError> {
        if let Some(literal) = self.literal() {
            return Ok(Resolved {
                value: literal.clone(),
                secrets: Vec::new(),
            });
        }
        let mut resolver = Resolver {
            place: &self.place,
            scope,
            given: secrets,
            slots: Vec::new(),
        };
        let value = resolver.shape(&self.shape, &mut String::new())?;
        output::within_limits(&value).map_err(|fail| EvalError {
            code: ErrorCode::ResourceExhausted,
            message: format!("`{}`: {}", self.place, fail.message),
        })?;
        Ok(Resolved {
            value,
            secrets: resolver.slots,
        })
    }
}

struct Compiler<'a> {
    place: &'a str,
    declared: &'a BTreeSet<String>,
    opaque: &'a [&'a str],
    hidden: Option<&'a Hidden>,
    problems: Vec<(String, ExprProblem)>,
    references: References,
    secret_names: BTreeSet<String>,
    secret_inputs: BTreeSet<String>,
    holes: Vec<String>,
    about: Vec<Hole>,
}

static NO_INPUTS: BTreeSet<String> = BTreeSet::new();

impl Default for Compiler<'_> {
    fn default() -> Self {
        Self {
            place: "",
            declared: &NO_INPUTS,
            opaque: &[],
            hidden: None,
            problems: Vec::new(),
            references: References::default(),
            secret_names: BTreeSet::new(),
            secret_inputs: BTreeSet::new(),
            holes: Vec::new(),
            about: Vec::new(),
        }
    }
}

impl Compiler<'_> {
    /// The compiled shape, and what is known of the value already.
    fn shape(&mut self, value: &Value, pointer: &str) -> (Shape, Value) {
        let holes = self.holes.len();
        let (shape, known) = match value {
            Value::String(text) => return self.string(text, pointer),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let (shapes, known) = items
                    .map(|(index, item)| self.shape(item, &format!("{pointer}/{index}")))
                    .unzip();
                (Shape::List(shapes), Value::Array(known))
            }
            Value::Object(entries) => {
                let mut shapes = Vec::with_capacity(entries.len());
                let mut known = Map::new();
                for (key, value) in entries {
                    let (shape, value) =
                        if pointer.is_empty() && self.opaque.contains(&key.as_str()) {
                            (Shape::Literal(value.clone()), value.clone())
                        } else {
                            self.shape(value, &format!("{pointer}/{}", escape(key)))
                        };
                    shapes.push((key.clone(), shape));
                    known.insert(key.clone(), value);
                }
                (Shape::Object(shapes), Value::Object(known))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                (Shape::Literal(value.clone()), value.clone())
            }
        };
        if self.holes.len() == holes {
            (Shape::Literal(known.clone()), known)
        } else {
            (shape, known)
        }
    }

    fn string(&mut self, text: &str, pointer: &str) -> (Shape, Value) {
        let parts = match placeholder::split(text) {
            Ok(parts) => parts,
            Err(problem) => {
                self.problems.push((pointer.to_owned(), problem));
                return (Shape::Literal(Value::Null), Value::Null);
            }
        };
        let texts: String = parts.iter().filter_map(Part::as_text).collect();
        let placeholders = parts.iter().filter(|part| part.as_text().is_none()).count();
        if placeholders == 0 {
            return (
                Shape::Literal(Value::String(texts.clone())),
                Value::String(texts),
            );
        }
        if placeholders == 1 && !texts.is_empty() && texts.trim().is_empty() {
            let message =
                "the string is one `${…}` and white space, so that the value would become text"
                    .to_owned();
            let mut problem = ExprProblem::new(ViolationCode::TemplateWhitespace, message, 0);
            problem.suggestion = Some("use `>-` or drop the line break".to_owned());
            self.problems.push((pointer.to_owned(), problem));
        }
        self.holes.push(pointer.to_owned());
        self.about.push(Hole::new(pointer, &parts));
        let alone = parts.len() == 1;
        let mut pieces: Vec<Piece> = parts
            .into_iter()
            .filter_map(|part| self.piece(part, pointer, alone))
            .collect();
        let shape = match pieces.pop() {
            Some(Piece::Value(expr)) if pieces.is_empty() => Shape::Whole(expr),
            last => {
                pieces.extend(last);
                Shape::Pieces(pieces)
            }
        };
        (shape, Value::Null)
    }

    fn piece(&mut self, part: Part, pointer: &str, alone: bool) -> Option<Piece> {
        let (source, start) = match part {
            Part::Text(text) => return Some(Piece::Text(text)),
            Part::Placeholder(source, start) => (source, start),
        };
        match two_names(&source) {
            Some(("secrets", name)) => {
                self.secret_names.insert(name.to_owned());
                return Some(Piece::Secret(name.to_owned()));
            }
            Some(("inputs", key)) if self.declared.contains(key) => {
                self.secret_inputs.insert(key.to_owned());
                return Some(Piece::SecretInput(key.to_owned()));
            }
            _ => {}
        }
        match Expr::compile(&source, &format!("{}{pointer}", self.place)) {
            Ok(expr) => {
                let references = shifted(expr.references(), start);
                if let Some((input, offset)) = references
                    .inputs
                    .iter()
                    .find(|(input, _)| self.declared.contains(*input))
                {
                    let message = format!(
                        "the input `{input}` is a secret, and an expression cannot read it"
                    );
                    let mut problem =
                        ExprProblem::new(ViolationCode::SecretMisplaced, message, *offset);
                    problem.suggestion = Some(format!("write `${{inputs.{input}}}` alone"));
                    self.problems.push((pointer.to_owned(), problem));
                }
                self.references.merge(&references);
                if let Some(hole) = self.about.last_mut() {
                    hole.references.merge(&references);
                }
                if let Some(name) = self.hidden_name(&source).filter(|_| alone) {
                    self.secret_names.insert(name.clone());
                    return Some(Piece::Secret(name));
                }
                Some(Piece::Value(expr))
            }
            Err(problems) => {
                self.problems
                    .extend(problems.into_iter().map(|mut problem| {
                        problem.offset += start;
                        (pointer.to_owned(), problem)
                    }));
                None
            }
        }
    }
}

impl Compiler<'_> {
    /// The name of the sensitive part of an output that the source reads, when it does nothing else.
    fn hidden_name(&self, source: &str) -> Option<String> {
        let Plain { root, parts, .. } = plain::scan(source)?;
        let mut path = vec![root.to_owned()];
        path.extend(parts.iter().map(|(part, _)| match part {
            plain::Part::Key(key) => (*key).to_owned(),
            plain::Part::Index(index) => index.to_string(),
        }));
        self.hidden?.name_of(&path)
    }
}

/// `a.b`, when the source is nothing else.
fn two_names(source: &str) -> Option<(&str, &str)> {
    let Plain { root, parts, .. } = plain::scan(source)?;
    match parts.as_slice() {
        [(plain::Part::Key(key), _)]
            if source.trim_ascii().strip_prefix(root)?.strip_prefix('.') == Some(key) =>
        {
            Some((root, key))
        }
        // An input may have a name that is no CEL name.
        [(plain::Part::Key(key), _)] if root == "inputs" => Some((root, key)),
        _ => None,
    }
}

/// The references with offsets in the string that embeds the expression.
fn shifted(references: &References, by: usize) -> References {
    let mut shifted = references.clone();
    let maps = [
        &mut shifted.variables,
        &mut shifted.inputs,
        &mut shifted.needs,
        &mut shifted.order,
    ];
    for offset in maps.into_iter().flat_map(BTreeMap::values_mut) {
        *offset += by;
    }
    for (_, offset) in &mut shifted.either {
        *offset += by;
    }
    shifted
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Resolver<'a> {
    place: &'a str,
    scope: &'a dyn Scope,
    given: &'a BTreeMap<String, String>,
    slots: Vec<SecretSlot>,
}

impl Resolver<'_> {
    fn shape(&mut self, shape: &Shape, pointer: &mut String) -> Result<Value, EvalError> {
        Ok(match shape {
            Shape::Literal(value) => value.clone(),
            Shape::Whole(expr) => expr.eval(self.scope)?,
            Shape::Pieces(pieces) => Value::String(self.pieces(pieces, pointer)?),
            Shape::List(shapes) => {
                let shapes = shapes.iter().enumerate();
                let items =
                    shapes.map(|(index, shape)| self.below(&index.to_string(), shape, pointer));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Shape::Object(shapes) => {
                let entries = shapes.iter().map(|(key, shape)| {
                    Ok((key.clone(), self.below(&escape(key), shape, pointer)?))
                });
                Value::Object(entries.collect::<Result<_, EvalError>>()?)
            }
        })
    }

    fn below(
        &mut self,
        token: &str,
        shape: &Shape,
        pointer: &mut String,
    ) -> Result<Value, EvalError> {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(token);
        let value = self.shape(shape, pointer);
        pointer.truncate(length);
        value
    }

    fn pieces(&mut self, pieces: &[Piece], pointer: &str) -> Result<String, EvalError> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Value(expr) => match expr.eval(self.scope)? {
                    Value::String(value) => text.push_str(&value),
                    // Canonical JSON would round the large integers that a tool may have answered with.
                    Value::Number(number) if !number.is_f64() => text.push_str(&number.to_string()),
                    other => text
                        .push_str(&String::from_utf8(canonical_json(&other)).unwrap_or_default()),
                },
                Piece::Secret(name) => self.secret(name, pointer, &mut text),
                Piece::SecretInput(input) => match self.given.get(input) {
                    Some(name) => self.secret(name, pointer, &mut text),
                    None => {
                        return Err(EvalError {
                            code: ErrorCode::ContextMissing,
                            message: format!(
                                "`{}{pointer}`: no secret was given for the input `{input}`",
                                self.place
                            ),
                        });
                    }
                },
            }
        }
        Ok(text)
    }

    fn secret(&mut self, name: &str, pointer: &str, text: &mut String) {
        let offset = text.len();
        text.push_str("${secrets.");
        text.push_str(name);
        text.push('}');
        let len = text.len() - offset;
        self.slots.push(SecretSlot {
            pointer: pointer.to_owned(),
            offset,
            len,
            name: name.to_owned(),
        });
    }
}
