//! Functions on lists, maps and sets.

use super::{
    argument,
    budget::Budget,
    failure::{Fail, Failure},
    function::Function,
    limits::MAX_ITEMS,
    number, order, text,
    value::{List, Map, Text, Val},
};
use std::{cmp::Ordering, rc::Rc};

pub(super) fn call<'e>(
    function: Function,
    arguments: &[Val<'e>],
    budget: &Budget,
) -> Result<Val<'e>, Fail> {
    match (function, arguments) {
        (Function::Range, _) => return range(argument::int(function, arguments, 0)?, budget),
        (Function::Get, _) => return get(arguments),
        (Function::Reverse, [Val::Text(_)]) => return text::reverse(arguments, budget),
        (Function::Min | Function::Max, [_, _, ..]) => {
            return extreme(function, arguments.to_vec(), budget);
        }
        (Function::SetsContains | Function::SetsEquivalent | Function::SetsIntersects, _) => {
            return sets(function, arguments, budget);
        }
        _ => {}
    }
    let list = argument::list(function, arguments, 0)?;
    match function {
        Function::First => return Ok(list.get(0).unwrap_or(Val::Null)),
        Function::Last => return Ok(list.iter().next_back().unwrap_or(Val::Null)),
        Function::Slice => return slice(list, arguments, budget),
        _ => budget.items(list.len())?,
    }
    match function {
        Function::Sort => {
            budget.list(list.len())?;
            let mut keyed: Vec<_> = list.iter().map(|item| (item, Val::Null)).collect();
            order::sort(&mut keyed, "sort", budget)?;
            Ok(Val::list(keyed.into_iter().map(|(item, _)| item).collect()))
        }
        Function::Distinct => distinct(list, budget),
        Function::Flatten => {
            let depth = argument::optional_int(function, arguments, 1)?.unwrap_or(1);
            let depth = usize::try_from(depth)
                .map_err(|_| Failure::invalid("`flatten` takes no negative depth"))?;
            let mut flat = Vec::new();
            flatten(list, depth, &mut flat, budget)?;
            Ok(Val::list(flat))
        }
        Function::Reverse => {
            budget.list(list.len())?;
            Ok(Val::list(list.iter().rev().collect()))
        }
        Function::Sum => {
            let mut sum = Val::Int(0);
            for (index, item) in list.iter().enumerate() {
                let is_addable = matches!(item, Val::Int(_) | Val::Double(_) | Val::Span(_));
                if !is_addable {
                    return Err(argument::unsupported(
                        function,
                        "a list of numbers or durations",
                        &item,
                    ));
                }
                sum = if index == 0 {
                    item
                } else {
                    number::add(&sum, &item, budget)?
                };
            }
            Ok(sum)
        }
        Function::Enumerate => {
            budget.list(list.len())?;
            let entry = |(index, item)| {
                let index = Val::Int(i64::try_from(index).unwrap_or(i64::MAX));
                // Sorted by key, as made maps are.
                Val::Map(Map::Made(Rc::new(vec![
                    (Text::Borrowed("index"), index),
                    (Text::Borrowed("value"), item),
                ])))
            };
            budget.items(list.len().saturating_mul(4))?;
            Ok(Val::list(list.iter().enumerate().map(entry).collect()))
        }
        _ => extreme(function, list.iter().collect(), budget),
    }
}

/// The least or the greatest; null of none.
fn extreme<'e>(function: Function, items: Vec<Val<'e>>, budget: &Budget) -> Result<Val<'e>, Fail> {
    let mut keyed: Vec<_> = items.into_iter().map(|item| (item, Val::Null)).collect();
    order::sort(&mut keyed, function.name(), budget)?;
    let found = if function == Function::Min {
        keyed.into_iter().next()
    } else {
        keyed.pop()
    };
    Ok(found.map_or(Val::Null, |(item, _)| item))
}

fn range<'e>(count: i64, budget: &Budget) -> Result<Val<'e>, Fail> {
    budget.list(usize::try_from(count).unwrap_or_default())?;
    Ok(Val::list((0..count).map(Val::Int).collect()))
}

/// `map.get(key, default)` and `list.get(index, default)`: the default, or null, where nothing is.
fn get<'e>(arguments: &[Val<'e>]) -> Result<Val<'e>, Fail> {
    let default = || arguments.get(2).cloned().unwrap_or(Val::Null);
    match (
        argument::any(Function::Get, arguments, 0)?,
        argument::any(Function::Get, arguments, 1)?,
    ) {
        (Val::Map(map), Val::Text(key)) => Ok(map.get(key.as_str()).unwrap_or_else(default)),
        (Val::List(list), index) => {
            let index = index
                .as_int()
                .ok_or_else(|| argument::unsupported(Function::Get, "a whole number", index))?;
            Ok(usize::try_from(index)
                .ok()
                .and_then(|index| list.get(index))
                .unwrap_or_else(default))
        }
        (Val::Null, _) => Ok(default()),
        (Val::Map(_), key) => Err(argument::unsupported(Function::Get, "a string as key", key)),
        (other, _) => Err(argument::unsupported(
            Function::Get,
            "a map or a list",
            other,
        )),
    }
}

fn slice<'e>(list: &List<'e>, arguments: &[Val<'e>], budget: &Budget) -> Result<Val<'e>, Fail> {
    let place = |index| {
        let place = usize::try_from(argument::int(Function::Slice, arguments, index)?).ok();
        place
            .filter(|place| *place <= list.len())
            .ok_or_else(|| Failure::invalid("`slice` starts or ends outside of the list"))
    };
    let (start, end) = (place(1)?, place(2)?);
    if start > end {
        return Err(Failure::invalid("`slice` ends before it starts"));
    }
    budget.list(end - start)?;
    Ok(Val::list(
        (start..end).filter_map(|index| list.get(index)).collect(),
    ))
}

/// Each value once, where it stands first.
fn distinct<'e>(list: &List<'e>, budget: &Budget) -> Result<Val<'e>, Fail> {
    budget.list(list.len())?;
    let items: Vec<_> = list.iter().collect();
    let ranked = order::ranked(&items, budget)?;
    let mut kept = vec![true; items.len()];
    let mut first: Option<&Val<'e>> = None;
    // The sort is stable: of equal items the one that stands first comes first.
    for (index, item) in ranked {
        if first.is_some_and(|first| order::total(first, item) == Ordering::Equal) {
            if let Some(kept) = kept.get_mut(index) {
                *kept = false;
            }
        } else {
            first = Some(item);
        }
    }
    Ok(Val::list(
        items
            .iter()
            .zip(kept)
            .filter(|(_, kept)| *kept)
            .map(|(item, _)| item.clone())
            .collect(),
    ))
}

fn flatten<'e>(
    list: &List<'e>,
    depth: usize,
    into: &mut Vec<Val<'e>>,
    budget: &Budget,
) -> Result<(), Fail> {
    for item in list.iter() {
        budget.items(1)?;
        match &item {
            Val::List(inner) if depth > 0 => flatten(inner, depth - 1, into, budget)?,
            _ => {
                if into.len() == MAX_ITEMS {
                    budget.list(MAX_ITEMS + 1)?;
                }
                into.push(item);
            }
        }
    }
    Ok(())
}

fn sets<'e>(function: Function, arguments: &[Val<'e>], budget: &Budget) -> Result<Val<'e>, Fail> {
    let one: Vec<_> = argument::list(function, arguments, 0)?.iter().collect();
    let other: Vec<_> = argument::list(function, arguments, 1)?.iter().collect();
    budget.items(one.len() + other.len())?;
    let (one, other) = (order::ranked(&one, budget)?, order::ranked(&other, budget)?);
    let holds = |set: &[(usize, &Val<'e>)], item: &Val<'e>| {
        set.binary_search_by(|(_, candidate)| order::total(candidate, item))
            .is_ok()
    };
    let mut in_one = other.iter().map(|(_, item)| holds(&one, item));
    Ok(Val::Bool(match function {
        Function::SetsContains => in_one.all(|found| found),
        Function::SetsIntersects => in_one.any(|found| found),
        _ => in_one.all(|found| found) && one.iter().all(|(_, item)| holds(&other, item)),
    }))
}
