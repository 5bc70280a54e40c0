//! Timestamps, durations, zones and date layouts. There is no "now": expressions read no clock.

use super::{
    access::article,
    argument,
    budget::Budget,
    failure::{Fail, Failure},
    function::Function,
    limits::MAX_LAYOUT_BYTES,
    number,
    value::Val,
};
use chrono::{
    DateTime, Datelike, FixedOffset, Months, NaiveDateTime, NaiveTime, Offset as _, SecondsFormat,
    TimeDelta, TimeZone as _, Timelike, Utc,
    format::{Item, Parsed, StrftimeItems},
};
use chrono_tz::Tz;
use std::fmt::Write as _;

const NANOS: i128 = 1_000_000_000;
/// CEL's bound on durations, in seconds: about 10,000 years.
const MAX_SPAN_SECONDS: i64 = 315_576_000_000;

pub(super) fn call<'e>(
    function: Function,
    arguments: &[Val<'e>],
    budget: &Budget,
) -> Result<Val<'e>, Fail> {
    budget.items(8)?;
    match function {
        Function::TimeParse => parse(arguments),
        Function::TimeFormat => format(arguments),
        Function::TimeAdd => add(arguments),
        _ => match argument::any(function, arguments, 0)? {
            Val::Span(span) => span_part(function, span, arguments),
            value => time_part(function, value, arguments),
        },
    }
}

/// A timestamp as a result, within the years 1 to 9999.
pub(super) fn time<'e>(time: Option<DateTime<Utc>>) -> Result<Val<'e>, Fail> {
    match time.filter(|time| (1..=9999).contains(&time.year())) {
        Some(time) => Ok(Val::Time(time)),
        None => Err(Failure::invalid(
            "the timestamp lies outside of the years 1 to 9999",
        )),
    }
}

/// A duration as a result.
pub(super) fn span<'e>(span: Option<TimeDelta>) -> Result<Val<'e>, Fail> {
    match span.filter(|span| span.num_seconds().abs() <= MAX_SPAN_SECONDS) {
        Some(span) => Ok(Val::Span(span)),
        None => Err(Failure::invalid("the duration is longer than 10,000 years")),
    }
}

/// `2026-01-31T12:00:00Z`, with as many digits of a fraction as it takes.
pub(super) fn time_text(time: &DateTime<Utc>) -> String {
    let text = time.to_rfc3339_opts(SecondsFormat::Nanos, false);
    let text = text.strip_suffix("+00:00").unwrap_or(&text);
    format!("{}Z", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `5400s`, `0.25s`.
pub(super) fn span_text(span: &TimeDelta) -> String {
    let nanos = nanos(span);
    let (whole, fraction) = (
        nanos.unsigned_abs() / NANOS.unsigned_abs(),
        nanos.unsigned_abs() % NANOS.unsigned_abs(),
    );
    let sign = if nanos < 0 { "-" } else { "" };
    let fraction = format!("{fraction:09}");
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}s"),
        digits => format!("{sign}{whole}.{digits}s"),
    }
}

fn nanos(span: &TimeDelta) -> i128 {
    i128::from(span.num_seconds()) * NANOS + i128::from(span.subsec_nanos())
}

/// `timestamp(value)`: of RFC 3339 text, of seconds since 1970, of a timestamp.
pub(super) fn to_time<'e>(value: &Val<'e>) -> Result<Val<'e>, Fail> {
    match value {
        Val::Time(_) => Ok(value.clone()),
        Val::Text(text) => match DateTime::parse_from_rfc3339(text.as_str()) {
            Ok(parsed) => time(Some(parsed.to_utc())),
            Err(_) => Err(Failure::invalid(
                "`timestamp` reads texts like 2026-01-31T12:00:00Z: `time.parse(text, layout)` reads others",
            )),
        },
        other => match other.as_int() {
            Some(seconds) => time(DateTime::from_timestamp(seconds, 0)),
            None => Err(Failure::invalid(format!(
                "`timestamp` cannot be made of {}",
                article(other)
            ))),
        },
    }
}

/// `duration(value)`: of text like `1h30m`, of a duration.
pub(super) fn to_span<'e>(value: &Val<'e>) -> Result<Val<'e>, Fail> {
    match value {
        Val::Span(_) => Ok(value.clone()),
        Val::Text(text) => match parse_span(text.as_str()) {
            Some(parsed) => span(Some(parsed)),
            None => Err(Failure::invalid(
                "`duration` reads texts like 1h30m, 90s or 1.5ms",
            )),
        },
        other => Err(Failure::invalid(format!(
            "`duration` cannot be made of {}",
            article(other)
        ))),
    }
}

fn parse_span(text: &str) -> Option<TimeDelta> {
    const UNITS: [(&str, i128); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("h", 3_600 * NANOS),
        ("m", 60 * NANOS),
        ("s", NANOS),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(TimeDelta::zero());
    }
    let mut sum: i128 = 0;
    (!rest.is_empty()).then_some(())?;
    while !rest.is_empty() {
        let digits = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
            .count();
        let (amount, after) = rest.split_at_checked(digits)?;
        let (unit, size) = UNITS
            .into_iter()
            .find(|(unit, _)| after.starts_with(unit))?;
        sum = sum.checked_add(scaled(amount, size)?)?;
        rest = after.strip_prefix(unit)?;
    }
    let nanos = sum.checked_mul(sign)?;
    let seconds = i64::try_from(nanos.div_euclid(NANOS)).ok()?;
    TimeDelta::new(seconds, u32::try_from(nanos.rem_euclid(NANOS)).ok()?)
}

/// A decimal number of units, in nanoseconds; smaller parts are dropped.
fn scaled(amount: &str, size: i128) -> Option<i128> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() > 18 || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut sum = whole.checked_mul(size)?;
    let mut place = size;
    for digit in fraction.bytes() {
        place /= 10;
        sum += i128::from(digit - b'0') * place;
    }
    Some(sum)
}

/// What a function of time takes: a timestamp, or its text.
fn instant(function: Function, value: &Val<'_>) -> Result<DateTime<Utc>, Fail> {
    match to_time(value) {
        Ok(Val::Time(time)) => Ok(time),
        Err(fail) if matches!(value, Val::Text(_)) => Err(fail),
        _ => Err(argument::unsupported(function, "a timestamp", value)),
    }
}

/// A zone: `UTC`, `Europe/Berlin`, or an offset such as `+02:00`.
enum Zone {
    Named(Tz),
    Fixed(FixedOffset),
}

impl Zone {
    fn of(function: Function, arguments: &[Val<'_>], index: usize) -> Result<Self, Fail> {
        let Some(name) = argument::optional_text(function, arguments, index)? else {
            return Ok(Self::Named(Tz::UTC));
        };
        if name == "Z" {
            return Ok(Self::Named(Tz::UTC));
        }
        if let Ok(zone) = name.parse::<Tz>() {
            return Ok(Self::Named(zone));
        }
        fixed_offset(name).map(Self::Fixed).ok_or_else(|| {
            Failure::invalid("the time zone is not known: write a name like `Europe/Berlin` or an offset like `+02:00`")
        })
    }

    fn at(&self, time: &DateTime<Utc>) -> DateTime<FixedOffset> {
        match self {
            Self::Named(zone) => {
                let local = time.with_timezone(zone);
                local.with_timezone(&local.offset().fix())
            }
            Self::Fixed(offset) => time.with_timezone(offset),
        }
    }

    /// The instant of a local time; the earlier of two, and after a gap as far in as the time stands in it.
    fn instant(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self {
            Self::Fixed(offset) => offset
                .from_local_datetime(&local)
                .earliest()
                .map(|time| time.to_utc()),
            Self::Named(zone) => zone
                .from_local_datetime(&local)
                .earliest()
                .map(|time| time.to_utc())
                .or_else(|| {
                    let before = zone
                        .from_local_datetime(&local.checked_sub_signed(TimeDelta::hours(3))?)
                        .earliest()?;
                    before.to_utc().checked_add_signed(TimeDelta::hours(3))
                }),
        }
    }
}

fn fixed_offset(text: &str) -> Option<FixedOffset> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let digits = |part: &str, most: i32| {
        let is_pair = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i32>()
            .ok()
            .filter(|number| is_pair && *number <= most)
    };
    FixedOffset::east_opt(sign * (digits(hours, 23)? * 3600 + digits(minutes, 59)? * 60))
}

fn layout<'v>(function: Function, arguments: &'v [Val<'_>]) -> Result<Vec<Item<'v>>, Fail> {
    let layout = argument::text(function, arguments, 1)?;
    if layout.len() > MAX_LAYOUT_BYTES {
        return Err(Failure::invalid(format!(
            "a layout is at most {MAX_LAYOUT_BYTES} bytes long"
        )));
    }
    let items: Vec<_> = StrftimeItems::new(layout).collect();
    if items.contains(&Item::Error) {
        return Err(Failure::invalid(
            "the layout holds a `%` code that is not known: `%Y-%m-%d %H:%M:%S` shows the style",
        ));
    }
    Ok(items)
}

/// `time.parse(text, layout, zone)`. Without a zone in the text the third argument counts, and UTC without that.
fn parse<'e>(arguments: &[Val<'e>]) -> Result<Val<'e>, Fail> {
    let function = Function::TimeParse;
    let text = argument::text(function, arguments, 0)?;
    let items = layout(function, arguments)?;
    let zone = Zone::of(function, arguments, 2)?;
    let mut parsed = Parsed::new();
    let unfit = || Failure::invalid("the text does not fit the layout");
    chrono::format::parse(&mut parsed, text, items.iter()).map_err(|_| unfit())?;
    if parsed.offset().is_some() || parsed.timestamp().is_some() {
        let offset = parsed.offset().unwrap_or_default();
        let local = parsed
            .to_naive_datetime_with_offset(offset)
            .map_err(|_| unfit())?;
        let offset = FixedOffset::east_opt(offset).ok_or_else(unfit)?;
        return time(
            offset
                .from_local_datetime(&local)
                .single()
                .map(|time| time.to_utc()),
        );
    }
    let date = parsed.to_naive_date().map_err(|_| unfit())?;
    // A layout without an hour means the start of the day.
    let clock = parsed.to_naive_time().unwrap_or(NaiveTime::MIN);
    time(zone.instant(date.and_time(clock)))
}

/// `time.format(timestamp, layout, zone)`.
fn format<'e>(arguments: &[Val<'e>]) -> Result<Val<'e>, Fail> {
    let function = Function::TimeFormat;
    let time = instant(function, argument::any(function, arguments, 0)?)?;
    let items = layout(function, arguments)?;
    let local = Zone::of(function, arguments, 2)?.at(&time);
    let mut text = String::new();
    write!(text, "{}", local.format_with_items(items.iter())).map_err(|_| {
        Failure::invalid("the layout asks for something that the timestamp does not have")
    })?;
    Ok(Val::text(text))
}

/// `time.add(timestamp, amount, unit)`, or `time.add(timestamp, duration)`.
fn add<'e>(arguments: &[Val<'e>]) -> Result<Val<'e>, Fail> {
    let function = Function::TimeAdd;
    let start = instant(function, argument::any(function, arguments, 0)?)?;
    if let [_, duration] = arguments {
        return match to_span(duration)? {
            Val::Span(span) => time(start.checked_add_signed(span)),
            _ => Err(argument::unsupported(function, "a duration", duration)),
        };
    }
    let amount = argument::int(function, arguments, 1)?;
    let months = |each: i64| {
        let months = u32::try_from(amount.unsigned_abs().checked_mul(each.unsigned_abs())?)
            .ok()
            .map(Months::new)?;
        if amount < 0 {
            start.checked_sub_months(months)
        } else {
            start.checked_add_months(months)
        }
    };
    let millis = |each: i64| {
        start.checked_add_signed(TimeDelta::try_milliseconds(amount.checked_mul(each)?)?)
    };
    time(match argument::text(function, arguments, 2)? {
        "year" | "years" => months(12),
        "month" | "months" => months(1),
        "week" | "weeks" => millis(7 * 86_400_000),
        "day" | "days" => millis(86_400_000),
        "hour" | "hours" => millis(3_600_000),
        "minute" | "minutes" => millis(60_000),
        "second" | "seconds" => millis(1_000),
        "millisecond" | "milliseconds" => millis(1),
        _ => {
            return Err(Failure::invalid(
                "`time.add` knows the units years, months, weeks, days, hours, minutes, seconds and milliseconds",
            ));
        }
    })
}

fn span_part<'e>(
    function: Function,
    span: &TimeDelta,
    arguments: &[Val<'e>],
) -> Result<Val<'e>, Fail> {
    if arguments.len() > 1 {
        return Err(Failure::invalid("a duration has no time zone"));
    }
    match function {
        Function::GetHours => number::int(Some(span.num_hours())),
        Function::GetMinutes => number::int(Some(span.num_minutes())),
        Function::GetSeconds => number::int(Some(span.num_seconds())),
        Function::GetMilliseconds => number::int(Some(span.num_milliseconds())),
        _ => Err(Failure::invalid(format!(
            "`{}` takes a timestamp, and here is a duration",
            function.name()
        ))),
    }
}

fn time_part<'e>(
    function: Function,
    value: &Val<'e>,
    arguments: &[Val<'e>],
) -> Result<Val<'e>, Fail> {
    let Val::Time(time) = value else {
        return Err(argument::unsupported(function, "a timestamp", value));
    };
    let local = Zone::of(function, arguments, 1)?.at(time);
    let part = match function {
        Function::GetFullYear => i64::from(local.year()),
        Function::GetMonth => i64::from(local.month0()),
        Function::GetDate => i64::from(local.day()),
        Function::GetDayOfMonth => i64::from(local.day0()),
        Function::GetDayOfWeek => i64::from(local.weekday().num_days_from_sunday()),
        Function::GetDayOfYear => i64::from(local.ordinal0()),
        Function::GetHours => i64::from(local.hour()),
        Function::GetMinutes => i64::from(local.minute()),
        Function::GetSeconds => i64::from(local.second()),
        _ => i64::from(local.timestamp_subsec_millis()),
    };
    number::int(Some(part))
}
