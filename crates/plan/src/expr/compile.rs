//! From source to [`Tree`]: CEL's grammar by the `cel` crate's parser, then names, arities and bounds by us.

use super::{
    ExprProblem,
    function::{self, Form, NAMESPACES},
    limits::{
        MAX_DEPTH, MAX_LINKS, MAX_LOOP_NESTING, MAX_LOOPS, MAX_SAFE_INTEGER, MAX_SOURCE_BYTES,
    },
    node::{Kind, Loop, LoopPurpose, Node, Operator, Root, Segment, Tree},
    pattern::Pattern,
    plain::{self, Part},
    references::References,
    source::Source,
};
use crate::ViolationCode;
use cel::common::ast::{CallExpr, EntryExpr, Expr as Ast, IdedExpr, LiteralValue};
use std::sync::Arc;

/// A compiled tree with what it refers to.
pub(super) type Compiled = (Tree, References);

/// Compiles `source`, or says everything that is wrong with it.
pub(super) fn compile(source: &str) -> Result<Compiled, Vec<ExprProblem>> {
    if source.len() > MAX_SOURCE_BYTES {
        let message = format!(
            "the expression is {} bytes long, and {MAX_SOURCE_BYTES} are the limit",
            source.len()
        );
        return Err(vec![ExprProblem::new(
            ViolationCode::ExpressionTooLarge,
            message,
            0,
        )]);
    }
    if let Some(compiled) = compile_plain(source) {
        return compiled;
    }
    compile_cel(source)
}

/// The same without the short cut for plain paths.
pub(super) fn compile_cel(source: &str) -> Result<Compiled, Vec<ExprProblem>> {
    if source.trim().is_empty() {
        return Err(vec![ExprProblem::new(
            ViolationCode::ExpressionSyntax,
            "the expression is empty".to_owned(),
            0,
        )]);
    }
    if let Some(offset) = too_many_links(source) {
        let message =
            format!("the expression has more than {MAX_LINKS} operators, dots and brackets");
        return Err(vec![ExprProblem::new(
            ViolationCode::ExpressionTooComplex,
            message,
            offset,
        )]);
    }
    let (ast, source) = Source::parse(source)?;
    let mut compiler = Compiler::new(&source);
    let root = compiler.node(&ast, 0);
    compiler.finish(root)
}

fn compile_plain(source: &str) -> Option<Result<Compiled, Vec<ExprProblem>>> {
    let ((root, start), parts) = plain::scan(source)?;
    if is_reserved(root) || NAMESPACES.contains(&root) || type_name(root).is_some() {
        return None;
    }
    let source = Source::plain(source);
    let mut compiler = Compiler::new(&source);
    let links = parts.into_iter().map(|(part, offset)| {
        let link = match part {
            Part::Key(key) => Link::Key(key.into()),
            Part::Index(index) => Link::Index(Node {
                kind: Kind::Int(index),
                offset,
            }),
        };
        (link, offset)
    });
    let links = links.collect();
    let node = compiler.rooted_path(root, links, start);
    Some(compiler.finish(node))
}

/// Words that CEL keeps for itself and refuses as variables.
fn is_reserved(word: &str) -> bool {
    const WORDS: [&str; 17] = [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    WORDS.contains(&word)
}

/// Where the source passes the number of links that the parser's recursion bears.
fn too_many_links(source: &str) -> Option<usize> {
    let links = source
        .char_indices()
        .filter(|(_, c)| ".[(+-*/%<>=!?{&|".contains(*c));
    links.map(|(offset, _)| offset).nth(MAX_LINKS)
}

/// The name of a type that may stand as a value, to compare with `type(x)`.
pub(super) fn type_name(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 11] = [
        "null_type",
        "bool",
        "int",
        "double",
        "string",
        "bytes",
        "list",
        "map",
        "timestamp",
        "duration",
        "type",
    ];
    NAMES.into_iter().find(|known| *known == name)
}

/// A link of a path before it is known what the path starts at.
pub(super) enum Link {
    Key(Arc<str>),
    Index(Node),
}

/// Walks the parser's tree, and gathers problems instead of stopping at the first.
pub(super) struct Compiler<'s> {
    pub(super) source: &'s Source<'s>,
    pub(super) problems: Vec<ExprProblem>,
    pub(super) references: References,
    roots: Vec<Root>,
    locals: Vec<String>,
    loops: usize,
    nesting: usize,
}

impl<'s> Compiler<'s> {
    fn new(source: &'s Source<'s>) -> Self {
        Self {
            source,
            problems: Vec::new(),
            references: References::default(),
            roots: Vec::new(),
            locals: Vec::new(),
            loops: 0,
            nesting: 0,
        }
    }

    fn finish(self, root: Node) -> Result<Compiled, Vec<ExprProblem>> {
        if self.problems.is_empty() {
            Ok((
                Tree {
                    root,
                    roots: self.roots,
                },
                self.references,
            ))
        } else {
            Err(self.problems)
        }
    }

    /// Notes a problem. What it gives stands in for the node; it is never evaluated.
    pub(super) fn problem(
        &mut self,
        code: ViolationCode,
        message: impl Into<String>,
        offset: usize,
    ) -> Kind {
        self.problems
            .push(ExprProblem::new(code, message.into(), offset));
        Kind::Null
    }

    pub(super) fn suggest(&mut self, suggestion: Option<impl Into<String>>) {
        if let Some(problem) = self.problems.last_mut() {
            problem.suggestion = suggestion.map(Into::into);
        }
    }

    /// The place of `root` among the values that the tree asks for.
    pub(super) fn slot(&mut self, root: Root) -> usize {
        self.roots
            .iter()
            .position(|known| *known == root)
            .unwrap_or_else(|| {
                self.roots.push(root);
                self.roots.len() - 1
            })
    }

    pub(super) fn local(&self, name: &str) -> Option<usize> {
        self.locals.iter().rposition(|local| local == name)
    }

    /// Compiles `inner` with one more local variable.
    fn within<T>(&mut self, local: &str, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.locals.push(local.to_owned());
        let compiled = inner(self);
        self.locals.pop();
        compiled
    }

    pub(super) fn nodes(&mut self, asts: &[IdedExpr], depth: usize) -> Vec<Node> {
        asts.iter().map(|ast| self.node(ast, depth)).collect()
    }

    pub(super) fn node(&mut self, ast: &IdedExpr, depth: usize) -> Node {
        let offset = self.source.offset(ast);
        if depth > MAX_DEPTH {
            let already = self
                .problems
                .iter()
                .any(|problem| problem.code == ViolationCode::ExpressionTooComplex);
            if !already {
                let message = format!("the expression nests deeper than {MAX_DEPTH} levels");
                self.problem(ViolationCode::ExpressionTooComplex, message, offset);
            }
            return Node {
                kind: Kind::Null,
                offset,
            };
        }
        let kind = match &ast.expr {
            Ast::Literal(literal) => self.literal(literal, offset),
            Ast::Ident(_) | Ast::Select(_) => return self.path(ast, depth),
            Ast::Call(call) if call.func_name == "_[_]" => return self.path(ast, depth),
            Ast::Call(call) => self.call(call, ast, depth),
            Ast::List(list) => Kind::List(self.nodes(&list.elements, depth + 1)),
            Ast::Map(map) => Kind::Map(
                map.entries
                    .iter()
                    .filter_map(|entry| self.entry(&entry.expr, depth))
                    .collect(),
            ),
            Ast::Struct(_) => self.problem(
                ViolationCode::ExpressionSyntax,
                "there are no named structures here: write a map, as in `{\"key\": value}`",
                offset,
            ),
            Ast::Comprehension(_) | Ast::Unspecified => self.problem(
                ViolationCode::ExpressionSyntax,
                "the expression cannot be read here",
                offset,
            ),
        };
        Node { kind, offset }
    }

    fn entry(&mut self, entry: &EntryExpr, depth: usize) -> Option<(Node, Node)> {
        let EntryExpr::MapEntry(entry) = entry else {
            return None;
        };
        let key = self.node(&entry.key, depth + 1);
        if matches!(
            key.kind,
            Kind::Bool(_) | Kind::Int(_) | Kind::Double(_) | Kind::Bytes(_)
        ) {
            self.problem(
                ViolationCode::ExpressionSyntax,
                "a map's keys are strings, as in JSON",
                key.offset,
            );
        }
        Some((key, self.node(&entry.value, depth + 1)))
    }

    fn literal(&mut self, literal: &LiteralValue, offset: usize) -> Kind {
        let int = match literal {
            LiteralValue::Null => return Kind::Null,
            LiteralValue::Boolean(flag) => return Kind::Bool(*flag.inner()),
            LiteralValue::Double(double) => return Kind::Double(*double.inner()),
            LiteralValue::String(text) => return Kind::Text(text.inner().into()),
            LiteralValue::Bytes(bytes) => return Kind::Bytes(bytes.inner().into()),
            LiteralValue::Int(int) => Some(*int.inner()),
            LiteralValue::UInt(int) => i64::try_from(*int.inner()).ok(),
        };
        match int.filter(|int| int.unsigned_abs() <= MAX_SAFE_INTEGER.unsigned_abs()) {
            Some(int) => Kind::Int(int),
            None => self.problem(
                ViolationCode::NumberOutOfRange,
                format!("a whole number has to lie within ±{MAX_SAFE_INTEGER}"),
                offset,
            ),
        }
    }

    /// A path: an operand, then keys and indexes. Taken apart without recursion, for paths grow long.
    fn path(&mut self, ast: &IdedExpr, depth: usize) -> Node {
        let mut asts = Vec::new();
        let mut base = ast;
        loop {
            base = match &base.expr {
                Ast::Select(select) => {
                    asts.push(base);
                    &select.operand
                }
                Ast::Call(call) if call.func_name == "_[_]" => {
                    asts.push(base);
                    let Some(operand) = call.args.first() else {
                        break;
                    };
                    operand
                }
                _ => break,
            };
        }
        let mut links = Vec::with_capacity(asts.len());
        for ast in asts.iter().rev() {
            let offset = self.source.offset(ast);
            match &ast.expr {
                Ast::Select(select) => {
                    links.push((Link::Key(select.field.as_str().into()), offset))
                }
                Ast::Call(CallExpr { args, .. }) => {
                    let Some(index) = args.get(1).map(|index| self.node(index, depth + 1)) else {
                        continue;
                    };
                    let link = match index.kind {
                        Kind::Text(key) => Link::Key(key),
                        kind => Link::Index(Node {
                            kind,
                            offset: index.offset,
                        }),
                    };
                    links.push((link, offset));
                }
                _ => {}
            }
        }
        let start = self.source.offset(base);
        match &base.expr {
            Ast::Ident(name) => self.rooted_path(name.trim_start_matches('.'), links, start),
            Ast::Call(call) if call.target.is_none() && call.func_name == "either" => {
                self.either_path(call, links, start)
            }
            _ => {
                let base = self.node(base, depth + 1);
                let offset = base.offset;
                wrap(base, links, offset)
            }
        }
    }

    pub(super) fn local_path(
        &self,
        name: &str,
        links: Vec<(Link, usize)>,
        start: usize,
    ) -> Result<Node, Vec<(Link, usize)>> {
        match self.local(name) {
            Some(local) => Ok(wrap(
                Node {
                    kind: Kind::Local(local),
                    offset: start,
                },
                links,
                start,
            )),
            None => Err(links),
        }
    }

    fn call(&mut self, call: &CallExpr, ast: &IdedExpr, depth: usize) -> Kind {
        let offset = self.source.offset(ast);
        match (call.func_name.as_str(), call.args.as_slice()) {
            ("_&&_", _) => Kind::And(self.operands(ast, "_&&_", depth)),
            ("_||_", _) => Kind::Or(self.operands(ast, "_||_", depth)),
            ("!_", [operand]) => Kind::Not(Box::new(self.node(operand, depth + 1))),
            ("-_", [operand]) => Kind::Negate(Box::new(self.node(operand, depth + 1))),
            ("_?_:_", [condition, yes, no]) => Kind::Conditional(Box::new([
                self.node(condition, depth + 1),
                self.node(yes, depth + 1),
                self.node(no, depth + 1),
            ])),
            (name, [_, _]) if Operator::parse(name).is_some() => self.chain(ast, depth),
            _ => self.named_call(call, offset, depth),
        }
    }

    /// The operands of `&&` or `||`, which the parser hands over as a balanced tree.
    fn operands(&mut self, ast: &IdedExpr, name: &str, depth: usize) -> Vec<Node> {
        let mut operands = Vec::new();
        let mut left = vec![ast];
        while let Some(ast) = left.pop() {
            match &ast.expr {
                Ast::Call(call) if call.func_name == name => left.extend(call.args.iter().rev()),
                _ => operands.push(self.node(ast, depth + 1)),
            }
        }
        operands
    }

    /// `a + b - c` and the like, taken apart without recursion along its left side.
    fn chain(&mut self, ast: &IdedExpr, depth: usize) -> Kind {
        let mut links = Vec::new();
        let mut first = ast;
        while let Ast::Call(call) = &first.expr
            && let Some(operator) = Operator::parse(&call.func_name)
            && let [left, right] = call.args.as_slice()
        {
            links.push((operator, right));
            first = left;
        }
        let first = self.node(first, depth + 1);
        let rest = links
            .into_iter()
            .rev()
            .map(|(operator, right)| (operator, self.node(right, depth + 1)));
        Kind::Chain(Box::new(first), rest.collect())
    }

    fn named_call(&mut self, call: &CallExpr, offset: usize, depth: usize) -> Kind {
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

/// A path over `base`, or `base` itself when there are no links.
pub(super) fn wrap(base: Node, links: Vec<(Link, usize)>, offset: usize) -> Node {
    if links.is_empty() {
        return base;
    }
    let segments = links.into_iter().map(|(link, _)| match link {
        Link::Key(key) => Segment::Key(key),
        Link::Index(index) => Segment::Index(index),
    });
    Node {
        kind: Kind::Path(Box::new(base), segments.collect()),
        offset,
    }
}
