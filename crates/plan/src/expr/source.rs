//! The text of an expression: parsing it, and where its parts stand.

use super::ExprProblem;
use crate::ViolationCode;
use cel::{
    Env,
    common::ast::{Expr as Ast, IdedExpr, SourceInfo},
};

/// A source with the offsets that the parser kept.
pub(super) struct Source<'s> {
    text: &'s str,
    info: Option<SourceInfo>,
}

impl<'s> Source<'s> {
    /// Parses `text` as CEL without macros: comprehensions stay calls, which the compiler knows.
    pub(super) fn parse(text: &'s str) -> Result<(IdedExpr, Source<'s>), Vec<ExprProblem>> {
        match Env::default()
            .parser()
            .enable_optional_syntax(false)
            .parse_with_source_info(text)
        {
            Ok((ast, info)) => Ok((
                ast,
                Self {
                    text,
                    info: Some(info),
                },
            )),
            Err(errors) => {
                let problems = errors.errors.iter().map(|error| {
                    let offset = byte_offset(text, error.pos);
                    ExprProblem::new(
                        ViolationCode::ExpressionSyntax,
                        explain(text, offset, &error.msg),
                        offset,
                    )
                });
                let mut problems: Vec<_> = problems.collect();
                // One slip makes the parser stumble several times; the first place is the telling one.
                problems.truncate(1);
                if problems.is_empty() {
                    let message = "the expression cannot be read".to_owned();
                    problems.push(ExprProblem::new(
                        ViolationCode::ExpressionSyntax,
                        message,
                        0,
                    ));
                }
                Err(problems)
            }
        }
    }

    /// A source that was read without the parser.
    pub(super) fn plain(text: &'s str) -> Self {
        Self { text, info: None }
    }

    /// Where the node's own text starts: that of its leftmost part.
    pub(super) fn offset(&self, ast: &IdedExpr) -> usize {
        let mut leftmost = ast;
        loop {
            leftmost = match &leftmost.expr {
                Ast::Select(select) => &select.operand,
                Ast::Call(call) => match (&call.target, call.args.first()) {
                    (Some(target), _) => target,
                    (None, Some(first)) if call.func_name.starts_with(['_', '@']) => first,
                    (None, _) if call.func_name.starts_with(['!', '-']) => break,
                    (None, _) => return self.name_start(&call.func_name, self.start(leftmost)),
                },
                _ => break,
            };
        }
        self.start(leftmost)
    }

    /// Where the parser puts the node: for calls, selections and operators that is their sign.
    pub(super) fn start(&self, ast: &IdedExpr) -> usize {
        let known = self.info.as_ref().and_then(|info| info.offset_for(ast.id));
        known
            .and_then(|(start, _)| usize::try_from(start).ok())
            .unwrap_or_default()
            .min(self.text.len())
    }

    /// Where `name` starts that ends before the bracket at or after `offset`; `offset` when it does not.
    pub(super) fn name_start(&self, name: &str, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or_default().trim_end();
        before.strip_suffix(name).map_or(offset, str::len)
    }
}

/// The byte offset of a line and a column in characters, both counted from 1.
fn byte_offset(text: &str, (line, column): (isize, isize)) -> usize {
    let line_index = usize::try_from(line - 1).unwrap_or_default();
    let line_start: usize = text
        .split_inclusive('\n')
        .take(line_index)
        .map(str::len)
        .sum();
    let rest = text.get(line_start..).unwrap_or_default();
    let characters = usize::try_from(column - 1).unwrap_or_default();
    line_start
        + rest
            .chars()
            .take(characters)
            .map(char::len_utf8)
            .sum::<usize>()
}

/// Our own words for what the parser stumbled over.
fn explain(text: &str, offset: usize, message: &str) -> String {
    let rest = text.get(offset..).unwrap_or_default().trim_start();
    let word: String = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .take(32)
        .collect();
    let seen = if word.is_empty() {
        rest.chars().take(1).collect()
    } else {
        word
    };
    if let Some((_, name)) = message.split_once("reserved identifier: ") {
        return format!("`{name}` is a word that CEL keeps for itself");
    }
    if message.contains("unsupported syntax") {
        return "optional values (`?`) are not known here: use `has`, `get` or `coalesce`"
            .to_owned();
    }
    if message.contains("string literal") || message.contains("bytes literal") {
        return "a string holds an escape that is not known".to_owned();
    }
    if message.contains("literal") {
        return "a number is too large to be read".to_owned();
    }
    if message.contains("ecursion") {
        return "the expression nests too deep to be read".to_owned();
    }
    if seen.is_empty() {
        "the expression ends too early".to_owned()
    } else {
        format!("`{seen}` cannot stand here")
    }
}
