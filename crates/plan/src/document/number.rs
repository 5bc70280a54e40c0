//! The number rule: finite, and whole numbers within ±(2^53 − 1), however they are written.

use crate::model::MAX_INTEGER;
use serde_json::{Number, Value};

/// Why a number is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Infinite, or not a number.
    NotFinite,
    /// Whole, and beyond what is kept exactly.
    TooLarge,
}

impl Refused {
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::NotFinite => "numbers are finite: write it as a string",
            Self::TooLarge => {
                "whole numbers lie within ±9007199254740991 (2^53 − 1): write it as a string"
            }
        }
    }
}

/// The value of decimal digits with an optional sign.
pub(super) fn integer(negative: bool, digits: &str, radix: u32) -> Result<Value, Refused> {
    let digits = digits.trim_start_matches('0');
    let magnitude = if digits.is_empty() {
        0
    } else {
        i64::from_str_radix(digits, radix).map_err(|_| Refused::TooLarge)?
    };
    if magnitude > MAX_INTEGER {
        return Err(Refused::TooLarge);
    }
    Ok(Value::from(if negative { -magnitude } else { magnitude }))
}

/// The value of a decimal number with a fraction or an exponent: an integer where it has no fraction.
pub(super) fn decimal(text: &str) -> Result<Value, Refused> {
    let number: f64 = text.parse().map_err(|_| Refused::NotFinite)?;
    if !number.is_finite() {
        return Err(Refused::TooLarge);
    }
    if number.fract() != 0.0 {
        return Number::from_f64(number)
            .map(Value::Number)
            .ok_or(Refused::NotFinite);
    }
    if number.abs() > MAX_INTEGER as f64 {
        return Err(Refused::TooLarge);
    }
    Ok(Value::from(number as i64))
}
