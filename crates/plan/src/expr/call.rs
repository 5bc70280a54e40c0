//! Calls the functions, each in the module of its kind.

use super::{
    budget::Budget, conversion, encoding, failure::Fail, function::Function, list, math, temporal,
    text, value::Val,
};

/// Calls `function` with evaluated arguments; the receiver of a method is the first.
pub(super) fn call<'e>(
    function: Function,
    arguments: &[Val<'e>],
    budget: &Budget,
) -> Result<Val<'e>, Fail> {
    use Function as F;
    match function {
        F::Size
        | F::Type
        | F::Dyn
        | F::Int
        | F::Uint
        | F::Double
        | F::String
        | F::Bool
        | F::Bytes
        | F::Timestamp
        | F::Duration => conversion::call(function, arguments, budget),
        F::Contains
        | F::StartsWith
        | F::EndsWith
        | F::CharAt
        | F::IndexOf
        | F::LastIndexOf
        | F::LowerAscii
        | F::UpperAscii
        | F::Trim
        | F::Replace
        | F::Split
        | F::Substring
        | F::Quote
        | F::Join => text::call(function, arguments, budget),
        F::Format => super::format::format(arguments, budget),
        // A pattern that is no text ends here, for its call to say so.
        F::Matches | F::RegexExtract | F::RegexExtractAll | F::RegexReplace => {
            super::argument::text(function, arguments, 0)?;
            super::argument::text(function, arguments, 1).map(|_| Val::Null)
        }
        F::Sort
        | F::Distinct
        | F::Flatten
        | F::Slice
        | F::Reverse
        | F::First
        | F::Last
        | F::Sum
        | F::Min
        | F::Max
        | F::Enumerate
        | F::Range
        | F::Get
        | F::SetsContains
        | F::SetsEquivalent
        | F::SetsIntersects => list::call(function, arguments, budget),
        F::Greatest
        | F::Least
        | F::Abs
        | F::Ceil
        | F::Floor
        | F::Round
        | F::Trunc
        | F::Sign
        | F::Sqrt
        | F::Quot
        | F::IsNan
        | F::IsInf
        | F::IsFinite
        | F::BitAnd
        | F::BitOr
        | F::BitXor
        | F::BitNot
        | F::BitShiftLeft
        | F::BitShiftRight => math::call(function, arguments, budget),
        F::Base64Encode | F::Base64Decode | F::JsonParse | F::JsonFormat => {
            encoding::call(function, arguments, budget)
        }
        F::TimeParse
        | F::TimeFormat
        | F::TimeAdd
        | F::GetFullYear
        | F::GetMonth
        | F::GetDate
        | F::GetDayOfMonth
        | F::GetDayOfWeek
        | F::GetDayOfYear
        | F::GetHours
        | F::GetMinutes
        | F::GetSeconds
        | F::GetMilliseconds => temporal::call(function, arguments, budget),
    }
}
