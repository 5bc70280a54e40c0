//! Compiles what reads the scope: variables, `steps.<id>.<field>`, and the functions that take step ids.

use super::{
    compile::{Compiler, Link, type_name, wrap},
    function::{self, NAMESPACES},
    node::{Kind, Node, Root},
    scope::StepField,
};
use crate::ViolationCode;
use cel::common::ast::{CallExpr, Expr as Ast, IdedExpr, LiteralValue};

const SUCCEEDED: &[&str] = &["completed", "recovered"];
const FAILED: &[&str] = &["failed"];
const SKIPPED: &[&str] = &["skipped"];

impl Compiler<'_> {
    /// A path that starts at a name.
    pub(super) fn rooted_path(
        &mut self,
        name: &str,
        links: Vec<(Link, usize)>,
        start: usize,
    ) -> Node {
        let links = match self.local_path(name, links, start) {
            Ok(node) => return node,
            Err(links) => links,
        };
        if name == "steps" {
            return self.step_path(links, start);
        }
        if name == "secrets" {
            let kind = self.problem(
                ViolationCode::SecretMisplaced,
                "a secret is no value that an expression can read",
                start,
            );
            self.suggest(Some(
                "write `${secrets.NAME}` alone, inside a string of `args`",
            ));
            return Node {
                kind,
                offset: start,
            };
        }
        if links.is_empty()
            && let Some(kind) = type_name(name)
        {
            return Node {
                kind: Kind::Type(kind),
                offset: start,
            };
        }
        if NAMESPACES.contains(&name) {
            let kind = self.problem(
                ViolationCode::VariableUnknown,
                format!("`{name}` is no variable: it holds functions, which are called as `{name}.function(…)`"),
                start,
            );
            return Node {
                kind,
                offset: start,
            };
        }
        self.references
            .variables
            .entry(name.to_owned())
            .or_insert(start);
        if name == "inputs"
            && let Some((Link::Key(key), _)) = links.first()
        {
            self.references
                .inputs
                .entry(key.to_string())
                .or_insert(start);
        }
        self.note_path(&[name], &links);
        let slot = self.slot(Root::Variable(name.into()));
        wrap(
            Node {
                kind: Kind::Root(slot),
                offset: start,
            },
            links,
            start,
        )
    }

    /// `steps.<id>`, `steps.<id>.<field>` and what follows.
    fn step_path(&mut self, links: Vec<(Link, usize)>, start: usize) -> Node {
        let mut links = links.into_iter();
        let Some((Link::Key(id), _)) = links.next() else {
            let message = "`steps` is followed by a step id that is written out";
            let kind = self.problem(ViolationCode::StepReferenceDynamic, message, start);
            self.suggest(Some("write `steps.fetch.output`"));
            return Node {
                kind,
                offset: start,
            };
        };
        let (field, offset) = match links.next() {
            None => return self.whole_step(&id, start),
            Some((Link::Key(field), offset)) => (field, offset),
            Some((Link::Index(_), offset)) => {
                let message = "the field of a step has to be written out";
                let kind = self.problem(ViolationCode::StepReferenceDynamic, message, offset);
                return Node {
                    kind,
                    offset: start,
                };
            }
        };
        let links: Vec<_> = links.collect();
        let Some(field) = StepField::parse(&field) else {
            let message = format!(
                "a step has no field `{field}`: it has output, args, state, error and errors"
            );
            let kind = self.problem(ViolationCode::StepFieldUnknown, message, offset);
            let near = StepField::ALL.iter().map(|known| known.as_str());
            let near = near.min_by_key(|known| strsim::damerau_levenshtein(known, &field));
            let near = near.filter(|known| strsim::damerau_levenshtein(known, &field) <= 2);
            self.suggest(Some(match near {
                Some(near) => format!("write `steps.{id}.{near}`"),
                None => format!("write `steps.{id}.output.{field}`"),
            }));
            return Node {
                kind,
                offset: start,
            };
        };
        let names = if field.is_need() {
            &mut self.references.needs
        } else {
            &mut self.references.order
        };
        names.entry(id.to_string()).or_insert(start);
        self.note_path(&["steps", &id, field.as_str()], &links);
        let slot = self.slot(Root::Step(id, field));
        wrap(
            Node {
                kind: Kind::Root(slot),
                offset: start,
            },
            links,
            start,
        )
    }

    fn whole_step(&mut self, id: &str, start: usize) -> Node {
        self.references.needs.entry(id.to_owned()).or_insert(start);
        self.note_path(&["steps", id], &[]);
        let fields = StepField::ALL.map(|field| (field, self.slot(Root::Step(id.into(), field))));
        Node {
            kind: Kind::WholeStep(fields.to_vec()),
            offset: start,
        }
    }

    fn note_path(&mut self, start: &[&str], links: &[(Link, usize)]) {
        let mut path: Vec<String> = start.iter().map(|&part| part.to_owned()).collect();
        for (link, _) in links {
            match link {
                Link::Key(key) => path.push(key.to_string()),
                Link::Index(Node {
                    kind: Kind::Int(index),
                    ..
                }) => path.push(index.to_string()),
                Link::Index(_) => break,
            }
        }
        self.references.paths.insert(path);
    }

    /// `succeeded("id")`, `failed("id")`, `skipped("id")`, `settled()`.
    pub(super) fn status(&mut self, name: &str, arguments: &[IdedExpr], offset: usize) -> Kind {
        let usage = function::SPECIAL
            .iter()
            .find(|(special, _)| *special == name)
            .map_or(name, |(_, usage)| *usage);
        if name == "settled" {
            if !arguments.is_empty() {
                return self.wrong_arity(name, usage, offset);
            }
            self.references.settled = true;
            return Kind::Bool(true);
        }
        let [argument] = arguments else {
            return self.wrong_arity(name, usage, offset);
        };
        let Some(id) = self.literal_id(name, argument) else {
            return Kind::Null;
        };
        self.references.order.entry(id.clone()).or_insert(offset);
        self.references.status.insert(id.clone());
        let states = match name {
            "succeeded" => SUCCEEDED,
            "failed" => FAILED,
            _ => SKIPPED,
        };
        Kind::Status(self.slot(Root::Step(id.into(), StepField::State)), states)
    }

    /// `either("a", "b")` and the path into the output that it gives.
    pub(super) fn either_path(
        &mut self,
        call: &CallExpr,
        links: Vec<(Link, usize)>,
        start: usize,
    ) -> Node {
        if call.args.is_empty() {
            let kind = self.wrong_arity("either", "either(\"a\", \"b\")", start);
            return Node {
                kind,
                offset: start,
            };
        }
        let ids: Option<Vec<String>> = call
            .args
            .iter()
            .map(|argument| self.literal_id("either", argument))
            .collect();
        let Some(ids) = ids else {
            return Node {
                kind: Kind::Null,
                offset: start,
            };
        };
        let mut slots = Vec::with_capacity(ids.len());
        for id in &ids {
            self.note_path(&["steps", id, StepField::Output.as_str()], &links);
            let id = id.as_str();
            let state = self.slot(Root::Step(id.into(), StepField::State));
            slots.push((state, self.slot(Root::Step(id.into(), StepField::Output))));
        }
        self.references.either.push((ids, start));
        wrap(
            Node {
                kind: Kind::Either(slots),
                offset: start,
            },
            links,
            start,
        )
    }

    fn literal_id(&mut self, function: &str, argument: &IdedExpr) -> Option<String> {
        if let Ast::Literal(LiteralValue::String(id)) = &argument.expr {
            return Some(id.inner().to_owned());
        }
        let offset = self.source.offset(argument);
        let message = format!("`{function}` takes step ids that are written out");
        self.problem(ViolationCode::StepReferenceDynamic, message, offset);
        self.suggest(Some(format!("write `{function}(\"fetch\")`")));
        None
    }
}
