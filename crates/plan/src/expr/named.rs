//! Compiles calls by name: functions with their arities, and what CEL calls macros.

use super::{
    compile::Compiler,
    function::{self, Form, NAMESPACES},
    limits::{MAX_LOOP_NESTING, MAX_LOOPS},
    node::{Kind, Loop, LoopPurpose, Node, Segment},
    pattern::Pattern,
};
use crate::ViolationCode;
use cel::common::ast::{CallExpr, Expr as Ast, IdedExpr};
use std::sync::Arc;

impl Compiler<'_> {
    pub(super) fn named_call(&mut self, call: &CallExpr, offset: usize, depth: usize) -> Kind {
        let name = call.func_name.trim_start_matches('.');
        let namespace = call
            .target
            .as_deref()
            .and_then(|target| match &target.expr {
                Ast::Ident(space)
                    if self.local(space).is_none() && NAMESPACES.contains(&space.as_str()) =>
                {
                    Some(space)
                }
                _ => None,
            });
        let offset = self.source.name_start(name, offset);
        if let Some(space) = namespace {
            let full = format!("{space}.{name}");
            return match (full.as_str(), call.args.as_slice()) {
                ("cel.bind", [variable, value, body]) => self.bind(variable, value, body, depth),
                ("cel.bind", _) => {
                    self.wrong_arity("cel.bind", "cel.bind(name, value, expression)", offset)
                }
                _ => self.function(&full, false, Vec::new(), &call.args, offset, depth),
            };
        }
        match (name, call.target.as_deref()) {
            ("has", None) => self.has(&call.args, offset, depth),
            ("coalesce", None) if call.args.is_empty() => {
                self.wrong_arity("coalesce", "coalesce(a, b)", offset)
            }
            ("coalesce", None) => Kind::Coalesce(self.nodes(&call.args, depth + 1)),
            ("succeeded" | "failed" | "skipped" | "settled", None) => {
                self.status(name, &call.args, offset)
            }
            ("either", None) => self.either_path(call, Vec::new(), offset).kind,
            (_, Some(target)) if LoopPurpose::parse(name, call.args.len()).is_some() => {
                self.comprehension(name, target, &call.args, offset, depth)
            }
            (_, Some(target)) => {
                let receiver = self.node(target, depth + 1);
                self.function(name, true, vec![receiver], &call.args, offset, depth)
            }
            (_, None) => self.function(name, false, Vec::new(), &call.args, offset, depth),
        }
    }

    fn function(
        &mut self,
        name: &str,
        method: bool,
        mut arguments: Vec<Node>,
        asts: &[IdedExpr],
        offset: usize,
        depth: usize,
    ) -> Kind {
        arguments.extend(self.nodes(asts, depth + 1));
        let Some(function) = function::find(name, method) else {
            return self.unknown_function(name, method, offset);
        };
        let (fewest, most) = function.arity();
        if !(fewest..=most).contains(&arguments.len()) {
            return self.wrong_arity(name, function.usage(), offset);
        }
        match Pattern::literal(function, &arguments) {
            None => Kind::Call(function, arguments),
            Some(Ok(pattern)) => Kind::Match(function, arguments, Arc::new(pattern)),
            Some(Err(reason)) => {
                let at = arguments.get(1).map_or(offset, |pattern| pattern.offset);
                self.problem(ViolationCode::PatternInvalid, reason, at)
            }
        }
    }

    fn unknown_function(&mut self, name: &str, method: bool, offset: usize) -> Kind {
        let other_form =
            function::find(name, !method).map(|function| (function.form(), function.usage()));
        let special = function::SPECIAL
            .iter()
            .find(|(special, _)| *special == name)
            .map(|(_, usage)| *usage);
        let suggestion = match (other_form, special) {
            (Some((_, usage)), _) | (None, Some(usage)) => Some(usage),
            (None, None) => function::similar(name),
        };
        let message = match (other_form, special) {
            (Some((Form::Method, _)), _) => format!("`{name}` is called on its first argument"),
            (Some(_), _) => format!("`{name}` takes all its arguments in brackets"),
            (None, Some(_)) => format!("`{name}` is not called like this"),
            (None, None) => format!("there is no function `{name}`"),
        };
        let code = if special.is_some() {
            ViolationCode::FunctionArity
        } else {
            ViolationCode::FunctionUnknown
        };
        let kind = self.problem(code, message, offset);
        self.suggest(suggestion.map(|usage| format!("write `{usage}`")));
        kind
    }

    pub(super) fn wrong_arity(&mut self, name: &str, usage: &str, offset: usize) -> Kind {
        let kind = self.problem(
            ViolationCode::FunctionArity,
            format!("`{name}` takes another number of arguments"),
            offset,
        );
        self.suggest(Some(format!("write `{usage}`")));
        kind
    }

    fn has(&mut self, arguments: &[IdedExpr], offset: usize, depth: usize) -> Kind {
        if let [argument] = arguments
            && matches!(&argument.expr, Ast::Select(_) | Ast::Call(_))
        {
            let mut node = self.node(argument, depth + 1);
            match &mut node.kind {
                Kind::Path(_, segments) => {
                    if let Some(Segment::Key(key)) = segments.pop() {
                        return Kind::Has(Box::new(node), key);
                    }
                }
                // A field of a step is always there; it counts as absent when it is null.
                Kind::Root(_) | Kind::WholeStep(_) => return Kind::Has(Box::new(node), "".into()),
                _ => {}
            }
        }
        let kind = self.problem(
            ViolationCode::FunctionArity,
            "`has` asks for a key of a map",
            offset,
        );
        self.suggest(Some("write `has(map.key)`"));
        kind
    }

    /// The name of the variable that a comprehension or `cel.bind` brings.
    fn variable_name(&mut self, ast: &IdedExpr) -> String {
        match &ast.expr {
            Ast::Ident(name) => name.clone(),
            _ => {
                let offset = self.source.offset(ast);
                self.problem(
                    ViolationCode::ExpressionSyntax,
                    "the name of a variable has to stand here",
                    offset,
                );
                String::new()
            }
        }
    }

    fn bind(
        &mut self,
        variable: &IdedExpr,
        value: &IdedExpr,
        body: &IdedExpr,
        depth: usize,
    ) -> Kind {
        let name = self.variable_name(variable);
        let value = self.node(value, depth + 1);
        let body = self.within(&name, |compiler| compiler.node(body, depth + 1));
        Kind::Bind(Box::new([value, body]))
    }

    fn comprehension(
        &mut self,
        name: &str,
        range: &IdedExpr,
        arguments: &[IdedExpr],
        offset: usize,
        depth: usize,
    ) -> Kind {
        let (Some(purpose), [variable, bodies @ ..]) =
            (LoopPurpose::parse(name, arguments.len()), arguments)
        else {
            return Kind::Null;
        };
        self.loops += 1;
        if self.loops == MAX_LOOPS + 1 {
            let message = format!("the expression holds more than {MAX_LOOPS} comprehensions");
            self.problem(ViolationCode::ExpressionTooComplex, message, offset);
        }
        let range = self.node(range, depth + 1);
        let name = self.variable_name(variable);
        if self.nesting == MAX_LOOP_NESTING {
            let message =
                format!("comprehensions stand within each other more than {MAX_LOOP_NESTING} deep");
            return self.problem(ViolationCode::ExpressionTooComplex, message, offset);
        }
        self.nesting += 1;
        let mut bodies = self
            .within(&name, |compiler| compiler.nodes(bodies, depth + 1))
            .into_iter();
        self.nesting -= 1;
        let (filter, body) = match (bodies.next(), bodies.next()) {
            (filter, Some(body)) => (filter, Some(body)),
            (body, None) => (None, body),
        };
        body.map_or(Kind::Null, |body| {
            Kind::Loop(Box::new(Loop {
                purpose,
                range,
                filter,
                body,
            }))
        })
    }
}
