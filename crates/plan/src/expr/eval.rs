//! The evaluator: a walk over the compiled tree that counts its work.

use super::{
    access::{article, index_by, select},
    budget::Budget,
    call,
    failure::{Fail, Failure, FailureKind},
    node::{Kind, Loop, LoopPurpose, Node, Operator, Root, Segment, Tree},
    number, order, output,
    pattern::Pattern,
    scope::{Scope, StepField},
    value::{List, Map, Text, Val},
};
use serde_json::Value;
use std::{borrow::Cow, cell::OnceCell, collections::BTreeMap, rc::Rc, sync::Arc};

/// What was read from the scope: each root at most once in an evaluation.
type Slot<'s> = OnceCell<Option<Cow<'s, Value>>>;

/// Evaluates `tree` to JSON.
pub(super) fn evaluate(tree: &Tree, scope: &dyn Scope) -> Result<Value, Fail> {
    let slots: Vec<Slot<'_>> = tree.roots.iter().map(|_| OnceCell::new()).collect();
    let mut evaluator = Evaluator {
        tree,
        slots: &slots,
        scope,
        locals: Vec::new(),
        patterns: BTreeMap::new(),
        budget: Budget::new(),
    };
    let value = evaluator.node(&tree.root)?;
    output::to_json(&value, &evaluator.budget)
}

struct Evaluator<'s, 'e> {
    tree: &'e Tree,
    slots: &'e [Slot<'s>],
    scope: &'s dyn Scope,
    locals: Vec<Val<'e>>,
    /// Patterns that were compiled during this evaluation.
    patterns: BTreeMap<String, Arc<Pattern>>,
    budget: Budget,
}

impl<'s: 'e, 'e> Evaluator<'s, 'e> {
    fn node(&mut self, node: &'e Node) -> Result<Val<'e>, Fail> {
        let result = self.budget.charge(1).and_then(|()| self.kind(&node.kind));
        result.map_err(|mut fail| {
            fail.offset.get_or_insert(node.offset);
            fail
        })
    }

    fn kind(&mut self, kind: &'e Kind) -> Result<Val<'e>, Fail> {
        match kind {
            Kind::Null => Ok(Val::Null),
            Kind::Bool(flag) => Ok(Val::Bool(*flag)),
            Kind::Int(int) => Ok(Val::Int(*int)),
            Kind::Double(double) => Ok(Val::Double(*double)),
            Kind::Text(text) => Ok(Val::Text(Text::Borrowed(text))),
            Kind::Bytes(bytes) => Ok(Val::Bytes(Rc::from(&**bytes))),
            Kind::Type(name) => Ok(Val::Kind(name)),
            Kind::Root(slot) => self.root(*slot),
            Kind::Local(index) => self
                .locals
                .get(*index)
                .cloned()
                .ok_or_else(|| Failure::invalid("no such variable")),
            Kind::WholeStep(fields) => self.whole_step(fields),
            Kind::Path(base, segments) => self.path(base, segments),
            Kind::Has(operand, key) => self.has(operand, key),
            Kind::List(nodes) => Ok(Val::list(self.nodes(nodes)?)),
            Kind::Map(entries) => self.map(entries),
            Kind::Not(operand) => self.bool(operand, "!").map(|flag| Val::Bool(!flag)),
            Kind::Negate(operand) => number::negate(&self.node(operand)?),
            Kind::And(operands) => self.logic(operands, false),
            Kind::Or(operands) => self.logic(operands, true),
            Kind::Conditional(parts) => {
                let [condition, yes, no] = &**parts;
                if self.bool(condition, "?:")? {
                    self.node(yes)
                } else {
                    self.node(no)
                }
            }
            Kind::Chain(first, rest) => self.chain(first, rest),
            Kind::Call(function, arguments) => {
                let arguments = self.nodes(arguments)?;
                match Pattern::text_of(*function, &arguments) {
                    Some(text) => {
                        let pattern = self.pattern(text)?;
                        pattern.call(*function, &arguments, &self.budget)
                    }
                    None => call::call(*function, &arguments, &self.budget),
                }
            }
            Kind::Match(function, arguments, pattern) => {
                let arguments = self.nodes(arguments)?;
                pattern.call(*function, &arguments, &self.budget)
            }
            Kind::Loop(parts) => self.comprehension(parts),
            Kind::Bind(parts) => {
                let [value, body] = &**parts;
                let value = self.node(value)?;
                self.with_local(value, body)
            }
            Kind::Coalesce(operands) => self.coalesce(operands),
            Kind::Status(slot, states) => {
                let state = self.root(*slot)?;
                Ok(Val::Bool(
                    matches!(&state, Val::Text(text) if states.contains(&text.as_str())),
                ))
            }
            Kind::Either(slots) => self.either(slots),
        }
    }

    fn nodes(&mut self, nodes: &'e [Node]) -> Result<Vec<Val<'e>>, Fail> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            values.push(self.node(node)?);
        }
        Ok(values)
    }

    fn root(&mut self, slot: usize) -> Result<Val<'e>, Fail> {
        let (Some(cell), Some(root)) = (self.slots.get(slot), self.tree.roots.get(slot)) else {
            return Err(Failure::invalid("no such variable"));
        };
        let scope = self.scope;
        let document = cell.get_or_init(|| match root {
            Root::Variable(name) => scope.variable(name),
            Root::Step(id, field) => scope.step(id, *field),
        });
        document.as_deref().map(Val::of).ok_or_else(|| match root {
            Root::Variable(name) => Failure::invalid(format!("`{name}` is not in scope here")),
            Root::Step(id, _) => Failure::invalid(format!("no such step `{id}`")),
        })
    }

    fn whole_step(&mut self, fields: &'e [(StepField, usize)]) -> Result<Val<'e>, Fail> {
        let mut entries = Vec::with_capacity(fields.len());
        for (field, slot) in fields {
            entries.push((Text::Borrowed(field.as_str()), self.root(*slot)?));
        }
        entries.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        Ok(Val::Map(Map::Made(Rc::new(entries))))
    }

    fn path(&mut self, base: &'e Node, segments: &'e [Segment]) -> Result<Val<'e>, Fail> {
        let mut value = self.node(base)?;
        for segment in segments {
            self.budget.charge(1)?;
            value = match segment {
                Segment::Key(key) => select(&value, key, true)?,
                Segment::Index(Node {
                    kind: Kind::Int(index),
                    ..
                }) => index_by(&value, &Val::Int(*index))?,
                Segment::Index(index) => {
                    let index = self.node(index)?;
                    index_by(&value, &index)?
                }
            };
        }
        Ok(value)
    }

    fn has(&mut self, operand: &'e Node, key: &str) -> Result<Val<'e>, Fail> {
        let value = self.node(operand)?;
        if matches!(operand.kind, Kind::Root(_) | Kind::WholeStep(_)) && key.is_empty() {
            return Ok(Val::Bool(!matches!(value, Val::Null)));
        }
        match &value {
            Val::Map(map) => Ok(Val::Bool(map.get(key).is_some())),
            other => Err(Failure::invalid(format!(
                "`has` asks a map for `{key}`, and here is {}",
                article(other)
            ))),
        }
    }

    fn map(&mut self, entries: &'e [(Node, Node)]) -> Result<Val<'e>, Fail> {
        let mut made = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = match self.node(key)? {
                Val::Text(key) => key,
                other => {
                    return Err(Failure::invalid(format!(
                        "a map's keys are strings, and here is {}",
                        article(&other)
                    )));
                }
            };
            made.push((key, self.node(value)?));
        }
        made.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        if made
            .array_windows()
            .any(|[(one, _), (other, _)]| one.as_str() == other.as_str())
        {
            return Err(Failure::invalid("a map is made with the same key twice"));
        }
        Ok(Val::Map(Map::Made(Rc::new(made))))
    }

    fn bool(&mut self, node: &'e Node, operator: &str) -> Result<bool, Fail> {
        match self.node(node)? {
            Val::Bool(flag) => Ok(flag),
            other => {
                let mut fail = Failure::invalid(format!(
                    "`{operator}` takes true or false, and here is {}",
                    article(&other)
                ));
                fail.offset = Some(node.offset);
                Err(fail)
            }
        }
    }

    /// `&&` and `||`: one operand that decides outweighs the errors of the others, as CEL has it.
    fn logic(&mut self, operands: &'e [Node], decides: bool) -> Result<Val<'e>, Fail> {
        let mut failed = None;
        for operand in operands {
            match self.bool(operand, if decides { "||" } else { "&&" }) {
                Ok(flag) if flag == decides => return Ok(Val::Bool(decides)),
                Ok(_) => {}
                Err(fail) if fail.is_final() => return Err(fail),
                Err(fail) => failed = failed.or(Some(fail)),
            }
        }
        failed.map_or(Ok(Val::Bool(!decides)), Err)
    }

    fn chain(&mut self, first: &'e Node, rest: &'e [(Operator, Node)]) -> Result<Val<'e>, Fail> {
        let mut left = self.node(first)?;
        for (operator, right) in rest {
            let right = self.node(right)?;
            self.budget.charge(1)?;
            left = match operator {
                Operator::Equal => Val::Bool(order::equal(&left, &right, &self.budget)?),
                Operator::NotEqual => Val::Bool(!order::equal(&left, &right, &self.budget)?),
                Operator::Less
                | Operator::LessEqual
                | Operator::Greater
                | Operator::GreaterEqual => {
                    order::relation(*operator, &left, &right, &self.budget)?
                }
                Operator::In => Val::Bool(self.is_in(&left, &right)?),
                Operator::Add => number::add(&left, &right, &self.budget)?,
                Operator::Subtract
                | Operator::Multiply
                | Operator::Divide
                | Operator::Remainder => number::arithmetic(*operator, &left, &right)?,
            };
        }
        Ok(left)
    }

    fn is_in(&self, value: &Val<'e>, container: &Val<'e>) -> Result<bool, Fail> {
        match (value, container) {
            (_, Val::List(list)) => {
                for item in list.iter() {
                    if order::equal(value, &item, &self.budget)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Val::Text(key), Val::Map(map)) => Ok(map.get(key.as_str()).is_some()),
            // What could be a key elsewhere in CEL is none here; the rest is no key anywhere.
            (Val::Int(_) | Val::Double(_) | Val::Bool(_), Val::Map(_)) => Ok(false),
            (other, Val::Map(_)) => Err(Failure::invalid(format!(
                "a map's keys are strings, and here is {}",
                article(other)
            ))),
            (_, other) => Err(Failure::invalid(format!(
                "`in` asks a list or a map, and here is {}",
                article(other)
            ))),
        }
    }

    /// The first operand that is there and not null. What is missing in one counts as null.
    fn coalesce(&mut self, operands: &'e [Node]) -> Result<Val<'e>, Fail> {
        for operand in operands {
            match self.node(operand) {
                Ok(Val::Null) => {}
                Err(fail) if fail.kind == FailureKind::Missing => {}
                other => return other,
            }
        }
        Ok(Val::Null)
    }

    fn either(&mut self, slots: &'e [(usize, usize)]) -> Result<Val<'e>, Fail> {
        for (state, output) in slots {
            if let Val::Text(state) = self.root(*state)?
                && matches!(state.as_str(), "completed" | "recovered")
            {
                return self.root(*output);
            }
        }
        Err(Failure::invalid(
            "none of the steps of `either` is completed or recovered",
        ))
    }

    fn with_local(&mut self, value: Val<'e>, body: &'e Node) -> Result<Val<'e>, Fail> {
        self.locals.push(value);
        let result = self.node(body);
        self.locals.pop();
        result
    }

    fn condition(&mut self, item: &Val<'e>, body: &'e Node, name: &str) -> Result<bool, Fail> {
        self.locals.push(item.clone());
        let result = self.bool(body, name);
        self.locals.pop();
        result
    }

    fn comprehension(&mut self, parts: &'e Loop) -> Result<Val<'e>, Fail> {
        let name = parts.purpose.name();
        let range = match self.node(&parts.range)? {
            Val::List(list) => list,
            Val::Map(map) => {
                self.budget.list(map.len())?;
                List::Made(Rc::new(
                    map.entries()
                        .into_iter()
                        .map(|(key, _)| Val::Text(key))
                        .collect(),
                ))
            }
            other => {
                return Err(Failure::invalid(format!(
                    "`{name}` goes over a list or a map, and here is {}",
                    article(&other)
                )));
            }
        };
        match parts.purpose {
            LoopPurpose::All => self.quantifier(&range, &parts.body, false),
            LoopPurpose::Exists => self.quantifier(&range, &parts.body, true),
            LoopPurpose::ExistsOne => {
                let mut count = 0_usize;
                for item in range.iter() {
                    count += usize::from(self.condition(&item, &parts.body, name)?);
                }
                Ok(Val::Bool(count == 1))
            }
            LoopPurpose::Map => {
                let mut made = Vec::new();
                for item in range.iter() {
                    if let Some(filter) = &parts.filter
                        && !self.condition(&item, filter, name)?
                    {
                        continue;
                    }
                    let value = self.with_local(item, &parts.body)?;
                    made.push(value);
                }
                Ok(Val::list(made))
            }
            LoopPurpose::Filter => {
                let mut kept = Vec::new();
                for item in range.iter() {
                    if self.condition(&item, &parts.body, name)? {
                        kept.push(item);
                    }
                }
                Ok(Val::list(kept))
            }
            LoopPurpose::SortBy => {
                let mut keyed = Vec::with_capacity(range.len().min(1024));
                for item in range.iter() {
                    keyed.push((self.with_local(item.clone(), &parts.body)?, item));
                }
                order::sort(&mut keyed, name, &self.budget)?;
                Ok(Val::list(keyed.into_iter().map(|(_, item)| item).collect()))
            }
        }
    }

    /// `all` and `exists`: an item that decides outweighs the errors of the others, as CEL has it.
    fn quantifier(
        &mut self,
        range: &List<'e>,
        body: &'e Node,
        decides: bool,
    ) -> Result<Val<'e>, Fail> {
        let mut failed = None;
        for item in range.iter() {
            match self.condition(&item, body, if decides { "exists" } else { "all" }) {
                Ok(flag) if flag == decides => return Ok(Val::Bool(decides)),
                Ok(_) => {}
                Err(fail) if fail.is_final() => return Err(fail),
                Err(fail) => failed = failed.or(Some(fail)),
            }
        }
        failed.map_or(Ok(Val::Bool(!decides)), Err)
    }

    /// A pattern that is not literal: compiled when it first comes up.
    fn pattern(&mut self, text: &str) -> Result<Arc<Pattern>, Fail> {
        if let Some(pattern) = self.patterns.get(text) {
            return Ok(Arc::clone(pattern));
        }
        let pattern = Arc::new(Pattern::compile(text, &self.budget)?);
        self.patterns.insert(text.to_owned(), Arc::clone(&pattern));
        Ok(pattern)
    }
}
