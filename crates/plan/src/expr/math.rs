//! Functions on numbers.

use super::{
    argument,
    budget::Budget,
    failure::{Fail, Failure},
    function::Function,
    number::{self, Number},
    value::Val,
};

pub(super) fn call<'e>(
    function: Function,
    arguments: &[Val<'e>],
    budget: &Budget,
) -> Result<Val<'e>, Fail> {
    if matches!(function, Function::Greatest | Function::Least) {
        return extreme(function, arguments, budget);
    }
    let value = argument::number(function, arguments, 0)?;
    match function {
        Function::IsNan | Function::IsInf => Ok(Val::Bool(false)),
        Function::IsFinite => Ok(Val::Bool(true)),
        Function::Abs => match value {
            Number::Int(int) => number::int(int.checked_abs()),
            Number::Double(double) => number::double(double.abs()),
        },
        Function::Ceil => whole(value, f64::ceil),
        Function::Floor => whole(value, f64::floor),
        Function::Trunc => whole(value, f64::trunc),
        Function::Round => round(
            value,
            argument::optional_int(function, arguments, 1)?.unwrap_or(0),
        ),
        Function::Sign => match value {
            Number::Int(int) => Ok(Val::Int(int.signum())),
            Number::Double(0.0) => Ok(Val::Int(0)),
            Number::Double(double) => number::rounded(double.signum()),
        },
        Function::Sqrt => match value.double() {
            negative if negative < 0.0 => {
                Err(Failure::invalid("`math.sqrt` takes no negative number"))
            }
            other => number::double(other.sqrt()),
        },
        Function::Quot => quot(value, argument::number(function, arguments, 1)?),
        _ => bits(function, arguments),
    }
}

/// `math.greatest` and `math.least`, of arguments or of one list.
fn extreme<'e>(
    function: Function,
    arguments: &[Val<'e>],
    budget: &Budget,
) -> Result<Val<'e>, Fail> {
    let listed: Vec<Val<'e>>;
    let items = match arguments {
        [Val::List(list)] => {
            budget.items(list.len())?;
            listed = list.iter().collect();
            listed.as_slice()
        }
        items => items,
    };
    let mut found: Option<(Number, &Val<'e>)> = None;
    for (index, item) in items.iter().enumerate() {
        let number = argument::number(function, items, index)?;
        let is_better = found.is_none_or(|(best, _)| {
            let order = number.compare(best);
            if function == Function::Greatest {
                order.is_gt()
            } else {
                order.is_lt()
            }
        });
        if is_better {
            found = Some((number, item));
        }
    }
    found
        .map(|(_, item)| item.clone())
        .ok_or_else(|| Failure::invalid(format!("`{}` takes at least one number", function.name())))
}

fn whole<'e>(value: Number, round: impl Fn(f64) -> f64) -> Result<Val<'e>, Fail> {
    match value {
        Number::Int(int) => number::int(Some(int)),
        Number::Double(double) => number::rounded(round(double)),
    }
}

/// Rounds half away from zero, to so many digits behind the point.
fn round<'e>(value: Number, digits: i64) -> Result<Val<'e>, Fail> {
    const POWERS: [f64; 16] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let power = usize::try_from(digits)
        .ok()
        .and_then(|digits| POWERS.get(digits));
    let power = power.ok_or_else(|| Failure::invalid("`math.round` takes 0 to 15 digits"))?;
    match value {
        Number::Int(int) => number::int(Some(int)),
        Number::Double(double) => {
            let scaled = double * power;
            // Where scaling overflows the value has no digits to round away.
            if scaled.is_finite() {
                number::rounded(scaled.round() / power)
            } else {
                number::double(double)
            }
        }
    }
}

/// Division that drops the rest, toward zero.
fn quot<'e>(one: Number, other: Number) -> Result<Val<'e>, Fail> {
    match (one, other) {
        (_, Number::Int(0)) | (_, Number::Double(0.0)) => Err(Failure::invalid("division by zero")),
        (Number::Int(one), Number::Int(other)) => number::int(one.checked_div(other)),
        (one, other) => number::rounded((one.double() / other.double()).trunc()),
    }
}

fn bits<'e>(function: Function, arguments: &[Val<'e>]) -> Result<Val<'e>, Fail> {
    let one = argument::int(function, arguments, 0)?;
    if function == Function::BitNot {
        return number::int(Some(!one));
    }
    let other = argument::int(function, arguments, 1)?;
    match function {
        Function::BitAnd => return number::int(Some(one & other)),
        Function::BitOr => return number::int(Some(one | other)),
        Function::BitXor => return number::int(Some(one ^ other)),
        _ => {}
    }
    let by = u32::try_from(other)
        .map_err(|_| Failure::invalid("a shift takes a number of bits that is not negative"))?;
    if function == Function::BitShiftRight {
        return number::int(Some(one.checked_shr(by).unwrap_or(if one < 0 {
            -1
        } else {
            0
        })));
    }
    // A shift to the left is a multiplication, and like one it may leave the range.
    let factor = 1_i64.checked_shl(by).filter(|factor| *factor > 0);
    number::int(if one == 0 {
        Some(0)
    } else {
        factor.and_then(|factor| one.checked_mul(factor))
    })
}
