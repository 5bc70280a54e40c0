//! Arithmetic: one kind of number, as JSON has it, and `+` and `-` for everything else that has them.

use super::{
    access::article,
    budget::Budget,
    failure::{Fail, Failure},
    limits::MAX_SAFE_INTEGER,
    node::Operator,
    temporal,
    value::{Val, whole},
};
use std::{cmp::Ordering, rc::Rc};

/// A number as it is held. Which of the two never decides whether an operation is possible.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Int(i64),
    Double(f64),
}

impl Number {
    pub(super) fn of(value: &Val<'_>) -> Option<Self> {
        match value {
            Val::Int(int) => Some(Self::Int(*int)),
            Val::Double(double) => Some(Self::Double(*double)),
            _ => None,
        }
    }

    pub(super) fn double(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Double(double) => double,
        }
    }

    /// Compares by the numbers' exact values, so that the order is total over all of them.
    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => one.cmp(&other),
            (Self::Double(one), Self::Double(other)) => {
                one.partial_cmp(&other).unwrap_or(Ordering::Equal)
            }
            (Self::Int(one), Self::Double(other)) => compare_mixed(one, other),
            (Self::Double(one), Self::Int(other)) => compare_mixed(other, one).reverse(),
        }
    }
}

fn compare_mixed(int: i64, double: f64) -> Ordering {
    // Beyond 2^63 the double decides by itself; within, its whole part is an exact i64.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if double >= LIMIT {
        return Ordering::Less;
    }
    if double < -LIMIT {
        return Ordering::Greater;
    }
    let below = double.floor();
    int.cmp(&(below as i64)).then(if double > below {
        Ordering::Less
    } else {
        Ordering::Equal
    })
}

/// A whole number as a result, within what JSON keeps exactly.
pub(super) fn int<'e>(result: Option<i64>) -> Result<Val<'e>, Fail> {
    match result.filter(|int| int.unsigned_abs() <= MAX_SAFE_INTEGER.unsigned_abs()) {
        Some(int) => Ok(Val::Int(int)),
        None => Err(Failure::invalid(format!(
            "the whole number lies outside of ±{MAX_SAFE_INTEGER}"
        ))),
    }
}

/// A double as a result: JSON knows neither infinity nor NaN.
pub(super) fn double<'e>(result: f64) -> Result<Val<'e>, Fail> {
    if result.is_finite() {
        Ok(Val::Double(result))
    } else {
        Err(Failure::invalid("the number is too large"))
    }
}

/// A double as a result that is a whole number by nature, such as that of rounding.
pub(super) fn rounded<'e>(result: f64) -> Result<Val<'e>, Fail> {
    whole(result).map_or_else(|| double(result), |int| Ok(Val::Int(int)))
}

/// `-a`.
pub(super) fn negate<'e>(value: &Val<'e>) -> Result<Val<'e>, Fail> {
    match value {
        Val::Int(value) => int(value.checked_neg()),
        Val::Double(value) => double(-value),
        Val::Span(span) => Ok(Val::Span(-*span)),
        other => Err(Failure::invalid(format!(
            "`-` takes a number, and here is {}",
            article(other)
        ))),
    }
}

/// `a + b` for numbers, strings, bytes, lists, timestamps and durations.
pub(super) fn add<'e>(left: &Val<'e>, right: &Val<'e>, budget: &Budget) -> Result<Val<'e>, Fail> {
    match (left, right) {
        (Val::Int(one), Val::Int(other)) => int(one.checked_add(*other)),
        (Val::Text(one), Val::Text(other)) => {
            let (one, other) = (one.as_str(), other.as_str());
            budget.text(one.len() + other.len())?;
            Ok(Val::text([one, other].concat()))
        }
        (Val::Bytes(one), Val::Bytes(other)) => {
            budget.text(one.len() + other.len())?;
            Ok(Val::Bytes(Rc::from([&**one, &**other].concat())))
        }
        (Val::List(one), Val::List(other)) => {
            budget.list(one.len() + other.len())?;
            Ok(Val::list(one.iter().chain(other.iter()).collect()))
        }
        (Val::Time(time), Val::Span(span)) | (Val::Span(span), Val::Time(time)) => {
            temporal::time(time.checked_add_signed(*span))
        }
        (Val::Span(one), Val::Span(other)) => temporal::span(one.checked_add(other)),
        _ => match (Number::of(left), Number::of(right)) {
            (Some(one), Some(other)) => double(one.double() + other.double()),
            _ => Err(mismatch(Operator::Add, left, right)),
        },
    }
}

/// `a - b`, `a * b`, `a / b`, `a % b`.
pub(super) fn arithmetic<'e>(
    operator: Operator,
    left: &Val<'e>,
    right: &Val<'e>,
) -> Result<Val<'e>, Fail> {
    if operator == Operator::Subtract {
        match (left, right) {
            (Val::Time(time), Val::Span(span)) => {
                return temporal::time(time.checked_sub_signed(*span));
            }
            (Val::Time(one), Val::Time(other)) => {
                return Ok(Val::Span(one.signed_duration_since(other)));
            }
            (Val::Span(one), Val::Span(other)) => return temporal::span(one.checked_sub(other)),
            _ => {}
        }
    }
    let (Some(one), Some(other)) = (Number::of(left), Number::of(right)) else {
        return Err(mismatch(operator, left, right));
    };
    match (operator, one, other) {
        (Operator::Subtract, Number::Int(one), Number::Int(other)) => int(one.checked_sub(other)),
        (Operator::Subtract, one, other) => double(one.double() - other.double()),
        (Operator::Multiply, Number::Int(one), Number::Int(other)) => int(one.checked_mul(other)),
        (Operator::Multiply, one, other) => double(one.double() * other.double()),
        (Operator::Divide, one, other) => divide(one, other),
        _ => match (left.as_int(), right.as_int()) {
            (Some(_), Some(0)) => Err(Failure::invalid("division by zero")),
            (Some(one), Some(other)) => int(one.checked_rem(other)),
            _ => Err(Failure::invalid(format!(
                "`%` takes whole numbers, and here are {} and {}",
                article(left),
                article(right)
            ))),
        },
    }
}

fn divide<'e>(one: Number, other: Number) -> Result<Val<'e>, Fail> {
    match (one, other) {
        (_, Number::Int(0)) => Err(Failure::invalid("division by zero")),
        (_, Number::Double(0.0)) => Err(Failure::invalid("division by zero")),
        (Number::Int(one), Number::Int(other)) if one.checked_rem(other) == Some(0) => {
            int(one.checked_div(other))
        }
        (one, other) => double(one.double() / other.double()),
    }
}

fn mismatch(operator: Operator, left: &Val<'_>, right: &Val<'_>) -> Fail {
    let takes = match operator {
        Operator::Add => "two numbers, strings or lists",
        _ => "two numbers",
    };
    Failure::invalid(format!(
        "`{}` takes {takes}, and here are {} and {}",
        operator.sign(),
        article(left),
        article(right)
    ))
}
