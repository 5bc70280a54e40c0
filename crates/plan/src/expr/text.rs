//! Functions on strings. Positions count characters, as CEL has it.

use super::{
    argument,
    budget::Budget,
    conversion::count,
    failure::{Fail, Failure},
    function::Function,
    growing::Growing,
    limits::MAX_ITEMS,
    number,
    value::Val,
};

pub(super) fn call<'e>(
    function: Function,
    arguments: &[Val<'e>],
    budget: &Budget,
) -> Result<Val<'e>, Fail> {
    if function == Function::Join {
        return join(arguments, budget);
    }
    let text = argument::text(function, arguments, 0)?;
    budget.bytes(text.len())?;
    match function {
        Function::Contains => Ok(Val::Bool(
            text.contains(argument::text(function, arguments, 1)?),
        )),
        Function::StartsWith => Ok(Val::Bool(
            text.starts_with(argument::text(function, arguments, 1)?),
        )),
        Function::EndsWith => Ok(Val::Bool(
            text.ends_with(argument::text(function, arguments, 1)?),
        )),
        Function::CharAt => {
            let index = position(text, argument::int(function, arguments, 1)?)?;
            Ok(Val::text(
                text.get(index..)
                    .and_then(|rest| rest.chars().next())
                    .map(String::from)
                    .unwrap_or_default(),
            ))
        }
        Function::IndexOf | Function::LastIndexOf => index_of(function, text, arguments),
        Function::LowerAscii => copy(text, budget, str::to_ascii_lowercase),
        Function::UpperAscii => copy(text, budget, str::to_ascii_uppercase),
        Function::Trim => copy(text.trim(), budget, str::to_owned),
        Function::Reverse => copy(text, budget, |text| text.chars().rev().collect()),
        Function::Replace => replace(text, arguments, budget),
        Function::Split => split(text, arguments, budget),
        Function::Quote => quote(text, budget),
        _ => {
            let start = position(text, argument::int(function, arguments, 1)?)?;
            let end = match argument::optional_int(function, arguments, 2)? {
                Some(end) => position(text, end)?,
                None => text.len(),
            };
            let part = text
                .get(start..end)
                .ok_or_else(|| Failure::invalid("`substring` ends before it starts"))?;
            copy(part, budget, str::to_owned)
        }
    }
}

/// The reversed text, for `reverse`, which lists have too.
pub(super) fn reverse<'e>(arguments: &[Val<'e>], budget: &Budget) -> Result<Val<'e>, Fail> {
    call(Function::Reverse, arguments, budget)
}

fn copy<'e>(
    text: &str,
    budget: &Budget,
    make: impl FnOnce(&str) -> String,
) -> Result<Val<'e>, Fail> {
    budget.text(text.len())?;
    Ok(Val::text(make(text)))
}

/// The byte offset of the character at `index`, or of the end.
fn position(text: &str, index: i64) -> Result<usize, Fail> {
    let index = usize::try_from(index).ok();
    let mut offsets = text
        .char_indices()
        .map(|(offset, _)| offset)
        .chain([text.len()]);
    index
        .and_then(|index| offsets.nth(index))
        .ok_or_else(|| Failure::invalid("the position is outside of the string"))
}

fn index_of<'e>(function: Function, text: &str, arguments: &[Val<'e>]) -> Result<Val<'e>, Fail> {
    let part = argument::text(function, arguments, 1)?;
    let from = argument::optional_int(function, arguments, 2)?;
    let from = from.map(|from| position(text, from)).transpose()?;
    let found = if function == Function::IndexOf {
        let from = from.unwrap_or_default();
        text.get(from..)
            .and_then(|rest| rest.find(part))
            .map(|found| from + found)
    } else {
        // The last place at or before `from` at which the part starts.
        let end = from.map_or(text.len(), |from| text.len().min(from + part.len()));
        let end = (end..=text.len())
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(text.len());
        let found = text.get(..end).and_then(|start| start.rfind(part));
        found.filter(|found| from.is_none_or(|from| *found <= from))
    };
    match found {
        Some(found) => count(text.get(..found).unwrap_or_default().chars().count()),
        None => number::int(Some(-1)),
    }
}

/// An optional limit; negative means none.
fn limit(function: Function, arguments: &[Val<'_>], index: usize) -> Result<usize, Fail> {
    let limit = argument::optional_int(function, arguments, index)?;
    Ok(limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(usize::MAX))
}

fn replace<'e>(text: &str, arguments: &[Val<'e>], budget: &Budget) -> Result<Val<'e>, Fail> {
    let part = argument::text(Function::Replace, arguments, 1)?;
    let by = argument::text(Function::Replace, arguments, 2)?;
    let limit = limit(Function::Replace, arguments, 3)?;
    let mut result = Growing::new(budget);
    let mut end = 0;
    for (start, found) in text.match_indices(part).take(limit) {
        result.push(text.get(end..start).unwrap_or_default())?;
        result.push(by)?;
        end = start + found.len();
    }
    result.push(text.get(end..).unwrap_or_default())?;
    Ok(result.finish())
}

fn split<'e>(text: &str, arguments: &[Val<'e>], budget: &Budget) -> Result<Val<'e>, Fail> {
    let separator = argument::text(Function::Split, arguments, 1)?;
    let limit = limit(Function::Split, arguments, 2)?;
    let mut parts = Vec::new();
    let mut push = |part: &str| {
        budget.text(part.len())?;
        if parts.len() == MAX_ITEMS {
            budget.list(MAX_ITEMS + 1)?;
        }
        parts.push(Val::text(part));
        Ok::<_, Fail>(())
    };
    if separator.is_empty() {
        // Without a separator a text falls apart into its characters.
        let mut rest = text;
        for _ in 1..limit {
            let Some(first) = rest.chars().next() else {
                break;
            };
            let (head, tail) = rest
                .split_at_checked(first.len_utf8())
                .unwrap_or((rest, ""));
            push(head)?;
            rest = tail;
        }
        if !rest.is_empty() && limit > 0 {
            push(rest)?;
        }
    } else {
        for part in text.splitn(limit, separator) {
            push(part)?;
        }
    }
    Ok(Val::list(parts))
}

fn join<'e>(arguments: &[Val<'e>], budget: &Budget) -> Result<Val<'e>, Fail> {
    let list = argument::list(Function::Join, arguments, 0)?;
    let separator = argument::optional_text(Function::Join, arguments, 1)?.unwrap_or_default();
    let mut result = Growing::new(budget);
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            result.push(separator)?;
        }
        match &item {
            Val::Text(text) => result.push(text.as_str())?,
            other => {
                return Err(argument::unsupported(
                    Function::Join,
                    "a list of strings",
                    other,
                ));
            }
        }
    }
    Ok(result.finish())
}

fn quote<'e>(text: &str, budget: &Budget) -> Result<Val<'e>, Fail> {
    let mut result = Growing::new(budget);
    result.push("\"")?;
    for character in text.chars() {
        match character {
            '\u{7}' => result.push("\\a")?,
            '\u{8}' => result.push("\\b")?,
            '\u{c}' => result.push("\\f")?,
            '\n' => result.push("\\n")?,
            '\r' => result.push("\\r")?,
            '\t' => result.push("\\t")?,
            '\u{b}' => result.push("\\v")?,
            '\\' => result.push("\\\\")?,
            '"' => result.push("\\\"")?,
            other => result.push(other.encode_utf8(&mut [0; 4]))?,
        }
    }
    result.push("\"")?;
    Ok(result.finish())
}
