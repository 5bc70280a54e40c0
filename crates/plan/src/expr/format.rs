//! `"%s and %d".format([…])`.

use super::{
    access::article,
    argument,
    budget::Budget,
    conversion,
    failure::{Fail, Failure},
    function::Function,
    growing::Growing,
    number::Number,
    output,
    value::Val,
};
use crate::canonical_json;

/// Fills the clauses of the first argument with the items of the second.
pub(super) fn format<'e>(arguments: &[Val<'e>], budget: &Budget) -> Result<Val<'e>, Fail> {
    let mut rest = argument::text(Function::Format, arguments, 0)?;
    let list = argument::list(Function::Format, arguments, 1)?;
    let mut values = list.iter();
    let mut result = Growing::new(budget);
    while let Some((before, clause)) = rest.split_once('%') {
        result.push(before)?;
        let (precision, after) = precision(clause)?;
        let mut characters = after.chars();
        let verb = characters
            .next()
            .ok_or_else(|| Failure::invalid("the format ends with `%`"))?;
        rest = characters.as_str();
        if verb == '%' {
            result.push("%")?;
            continue;
        }
        let value = values
            .next()
            .ok_or_else(|| Failure::invalid("`format` has more clauses than values"))?;
        match verb {
            's' => result.push(&text(&value, budget)?)?,
            'd' => result.push(&int(&value, verb)?.to_string())?,
            'b' => match value {
                Val::Bool(flag) => result.push(if flag { "1" } else { "0" })?,
                value => result.push(&signed(int(&value, verb)?, |magnitude| {
                    format!("{magnitude:b}")
                }))?,
            },
            'o' => result.push(&signed(int(&value, verb)?, |magnitude| {
                format!("{magnitude:o}")
            }))?,
            'x' => result.push(&hexadecimal(&value, verb, budget)?)?,
            'X' => result.push(&hexadecimal(&value, verb, budget)?.to_ascii_uppercase())?,
            'f' => result.push(&format!(
                "{:.*}",
                precision.unwrap_or(6),
                double(&value, verb)?
            ))?,
            'e' => result.push(&scientific(double(&value, verb)?, precision.unwrap_or(6)))?,
            _ => {
                return Err(Failure::invalid(
                    "`format` knows %s, %d, %f, %e, %b, %o, %x, %X and %%",
                ));
            }
        }
    }
    result.push(rest)?;
    if values.next().is_some() {
        return Err(Failure::invalid("`format` has more values than clauses"));
    }
    Ok(result.finish())
}

/// `.3` before a verb, and what follows.
fn precision(clause: &str) -> Result<(Option<usize>, &str), Fail> {
    let Some(rest) = clause.strip_prefix('.') else {
        return Ok((None, clause));
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = rest.split_at_checked(digits).unwrap_or((rest, ""));
    match digits.parse() {
        Ok(precision) if precision <= 100 => Ok((Some(precision), after)),
        _ => Err(Failure::invalid("`format` takes a precision of 0 to 100")),
    }
}

fn wrong(verb: char, expected: &str, found: &Val<'_>) -> Fail {
    Failure::invalid(format!(
        "`%{verb}` takes {expected}, and here is {}",
        article(found)
    ))
}

fn text(value: &Val<'_>, budget: &Budget) -> Result<String, Fail> {
    match value {
        Val::Null | Val::List(_) | Val::Map(_) => {
            let json = output::to_json(value, budget)?;
            Ok(String::from_utf8(canonical_json(&json)).unwrap_or_default())
        }
        other => match conversion::to_text(other, budget)? {
            Val::Text(text) => Ok(text.as_str().to_owned()),
            _ => Ok(String::new()),
        },
    }
}

fn int(value: &Val<'_>, verb: char) -> Result<i64, Fail> {
    value
        .as_int()
        .ok_or_else(|| wrong(verb, "a whole number", value))
}

fn double(value: &Val<'_>, verb: char) -> Result<f64, Fail> {
    Number::of(value)
        .map(Number::double)
        .ok_or_else(|| wrong(verb, "a number", value))
}

fn signed(int: i64, magnitude: impl Fn(u64) -> String) -> String {
    let sign = if int < 0 { "-" } else { "" };
    format!("{sign}{}", magnitude(int.unsigned_abs()))
}

fn hexadecimal(value: &Val<'_>, verb: char, budget: &Budget) -> Result<String, Fail> {
    let bytes = match value {
        Val::Text(text) => text.as_str().as_bytes(),
        Val::Bytes(bytes) => bytes,
        value => {
            return Ok(signed(int(value, verb)?, |magnitude| {
                format!("{magnitude:x}")
            }));
        }
    };
    budget.text(bytes.len().saturating_mul(2))?;
    Ok(bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect())
}

/// `1.5e+03`: the exponent with its sign and at least two digits.
fn scientific(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, digits) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}
