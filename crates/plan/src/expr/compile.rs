//! From source to [`Tree`]: CEL's grammar by the `cel` crate's parser, then names, arities and bounds by us.

use super::{
    ExprProblem,
    function::NAMESPACES,
    limits::{MAX_DEPTH, MAX_LINKS, MAX_SAFE_INTEGER, MAX_SOURCE_BYTES},
    node::{Kind, Node, Operator, Root, Segment, Tree},
    plain::{self, Part, Plain},
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
    let Plain { root, start, parts } = plain::scan(source)?;
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
    /// Comprehensions seen so far.
    pub(super) loops: usize,
    /// Comprehensions that stand around the current node.
    pub(super) nesting: usize,
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
    pub(super) fn within<T>(&mut self, local: &str, inner: impl FnOnce(&mut Self) -> T) -> T {
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
            let offset = self.source.start(ast);
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
            _ => self.named_call(call, self.source.start(ast), depth),
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
