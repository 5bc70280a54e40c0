//! Equality and order between values.

use super::{
    access::article,
    budget::Budget,
    failure::{Fail, Failure},
    node::Operator,
    number::Number,
    value::Val,
};
use std::cmp::Ordering;

/// Whether two values are equal. Values of different types are not; numbers are, however they are held.
pub(super) fn equal(one: &Val<'_>, other: &Val<'_>, budget: &Budget) -> Result<bool, Fail> {
    budget.charge(1)?;
    Ok(match (one, other) {
        (Val::Text(one), Val::Text(other)) => {
            budget.bytes(one.as_str().len().min(other.as_str().len()))?;
            one.as_str() == other.as_str()
        }
        (Val::List(one), Val::List(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for (one, other) in one.iter().zip(other.iter()) {
                if !equal(&one, &other, budget)? {
                    return Ok(false);
                }
            }
            true
        }
        (Val::Map(one), Val::Map(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            budget.items(one.len())?;
            for ((key, value), (other_key, other_value)) in
                one.entries().iter().zip(other.entries().iter())
            {
                budget.bytes(key.as_str().len())?;
                if key.as_str() != other_key.as_str() || !equal(value, other_value, budget)? {
                    return Ok(false);
                }
            }
            true
        }
        _ => total(one, other) == Ordering::Equal,
    })
}

/// `<`, `<=`, `>`, `>=`.
pub(super) fn relation<'e>(
    operator: Operator,
    left: &Val<'e>,
    right: &Val<'e>,
    budget: &Budget,
) -> Result<Val<'e>, Fail> {
    if let (Val::Text(one), Val::Text(other)) = (left, right) {
        budget.bytes(one.as_str().len().min(other.as_str().len()))?;
    }
    if class(left).is_none() || class(left) != class(right) {
        return Err(Failure::invalid(format!(
            "`{}` compares two numbers or two strings, and here are {} and {}",
            operator.sign(),
            article(left),
            article(right)
        )));
    }
    let order = total(left, right);
    Ok(Val::Bool(match operator {
        Operator::Less => order.is_lt(),
        Operator::LessEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    }))
}

/// Which values may be compared with each other; `None` for those that have no order.
fn class(value: &Val<'_>) -> Option<u8> {
    match value {
        Val::Bool(_) => Some(1),
        Val::Int(_) | Val::Double(_) => Some(2),
        Val::Text(_) => Some(3),
        Val::Bytes(_) => Some(4),
        Val::Time(_) => Some(5),
        Val::Span(_) => Some(6),
        Val::Null | Val::List(_) | Val::Map(_) | Val::Kind(_) => None,
    }
}

/// An order over all values, in which exactly equal values are equal. What it costs is charged before, by [`weight`].
pub(super) fn total(one: &Val<'_>, other: &Val<'_>) -> Ordering {
    match (one, other) {
        (Val::Bool(one), Val::Bool(other)) => one.cmp(other),
        (Val::Text(one), Val::Text(other)) => one.as_str().cmp(other.as_str()),
        (Val::Bytes(one), Val::Bytes(other)) => one.cmp(other),
        (Val::Time(one), Val::Time(other)) => one.cmp(other),
        (Val::Span(one), Val::Span(other)) => one.cmp(other),
        (Val::Kind(one), Val::Kind(other)) => one.cmp(other),
        (Val::List(one), Val::List(other)) => {
            let unequal = one
                .iter()
                .zip(other.iter())
                .map(|(one, other)| total(&one, &other));
            unequal
                .into_iter()
                .find(|order| order.is_ne())
                .unwrap_or_else(|| one.len().cmp(&other.len()))
        }
        (Val::Map(one), Val::Map(other)) => {
            let (one, other) = (one.entries(), other.entries());
            let unequal = one
                .iter()
                .zip(&other)
                .map(|((key, value), (other_key, other_value))| {
                    key.as_str()
                        .cmp(other_key.as_str())
                        .then_with(|| total(value, other_value))
                });
            unequal
                .into_iter()
                .find(|order| order.is_ne())
                .unwrap_or_else(|| one.len().cmp(&other.len()))
        }
        _ => match (Number::of(one), Number::of(other)) {
            (Some(one), Some(other)) => one.compare(other),
            _ => rank(one).cmp(&rank(other)),
        },
    }
}

fn rank(value: &Val<'_>) -> u8 {
    match value {
        Val::Null => 0,
        Val::List(_) => 7,
        Val::Map(_) => 8,
        Val::Kind(_) => 9,
        other => class(other).unwrap_or(10),
    }
}

/// What a value takes to be compared with another, in bytes; charged while it is found out.
pub(super) fn weight(value: &Val<'_>, budget: &Budget) -> Result<usize, Fail> {
    budget.charge(1)?;
    const NODE: usize = 16;
    Ok(match value {
        Val::Text(text) => text.as_str().len(),
        Val::Bytes(bytes) => bytes.len(),
        Val::List(list) => {
            let mut sum = NODE;
            for item in list.iter() {
                sum += weight(&item, budget)?;
            }
            sum
        }
        Val::Map(map) => {
            let mut sum = NODE;
            budget.items(map.len())?;
            for (key, value) in map.entries() {
                sum += key.as_str().len() + NODE + weight(&value, budget)?;
            }
            sum
        }
        _ => 0,
    })
}

/// Sorts items by their keys, equal ones in the order in which they stand.
pub(super) fn sort<'e>(
    keyed: &mut [(Val<'e>, Val<'e>)],
    name: &str,
    budget: &Budget,
) -> Result<(), Fail> {
    let mut bytes = 0;
    let mut first = None;
    for (key, _) in keyed.iter() {
        let Some(class) = class(key) else {
            return Err(Failure::invalid(format!(
                "`{name}` orders numbers or strings, and here is {}",
                article(key)
            )));
        };
        if *first.get_or_insert(class) != class {
            return Err(Failure::invalid(format!(
                "`{name}` orders values of one type, and here are several"
            )));
        }
        bytes += weight(key, budget)?;
    }
    budget.sort(keyed.len(), bytes)?;
    keyed.sort_by(|(one, _), (other, _)| total(one, other));
    Ok(())
}

/// The places of the items in the order of [`total`], with the charge for it.
pub(super) fn ranked<'v, 'e>(
    items: &'v [Val<'e>],
    budget: &Budget,
) -> Result<Vec<(usize, &'v Val<'e>)>, Fail> {
    let mut bytes = 0;
    for item in items {
        bytes += weight(item, budget)?;
    }
    budget.sort(items.len(), bytes)?;
    let mut ranked: Vec<_> = items.iter().enumerate().collect();
    ranked.sort_by(|(_, one), (_, other)| total(one, other));
    Ok(ranked)
}
