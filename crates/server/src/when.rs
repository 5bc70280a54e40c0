//! Times and durations as people write and read them.

use std::time::{SystemTime, UNIX_EPOCH};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Unix time in milliseconds.
pub fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The text is neither a duration nor a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is neither a duration such as `90s`, `15m`, `2h`, `7d` nor a time such as `2026-07-01T12:00:00Z`"
)]
pub struct NotATime(String);

/// A duration such as `90s` or `1h30m`, in milliseconds.
pub fn duration_ms(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at_checked(digits)?;
        let letters = behind
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(behind.len());
        let (unit, behind) = behind.split_at_checked(letters)?;
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => MINUTE_MS,
            "h" => HOUR_MS,
            "d" => DAY_MS,
            "w" => 7 * DAY_MS,
            _ => return None,
        };
        let number: i64 = number.parse().ok()?;
        total = total.checked_add(number.checked_mul(unit_ms)?)?;
        rest = behind;
    }
    Some(total)
}

/// A time in the future: a duration from now, or a point in time.
pub fn future_ms(text: &str, now_ms: i64) -> Result<i64, NotATime> {
    let text = text.trim();
    let ahead = duration_ms(text.strip_prefix('+').unwrap_or(text));
    ahead
        .and_then(|ahead| now_ms.checked_add(ahead))
        .or_else(|| rfc3339_ms(text))
        .ok_or_else(|| NotATime(text.to_owned()))
}

/// A time in the past: a duration before now, or a point in time.
pub fn past_ms(text: &str, now_ms: i64) -> Result<i64, NotATime> {
    let text = text.trim();
    duration_ms(text)
        .and_then(|ago| now_ms.checked_sub(ago))
        .or_else(|| rfc3339_ms(text))
        .ok_or_else(|| NotATime(text.to_owned()))
}

/// `2026-07-01`, `2026-07-01T12:00`, with or without seconds, fraction and offset; UTC where none is given.
fn rfc3339_ms(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00:00Z"),
    };
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    if civil_from_days(days) != (year, month, day) {
        return None;
    }
    let (clock, offset_ms) = split_offset(time)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.splitn(3, ':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = parts.next().map_or(Some(0), number)?;
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    let in_day = hours * HOUR_MS + minutes * MINUTE_MS + seconds * 1_000 + number(&millis)?;
    days.checked_mul(DAY_MS)?
        .checked_add(in_day)?
        .checked_sub(offset_ms)
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, 0));
    };
    let (clock, offset) = time.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    Some((
        clock,
        sign * (number(hours)? * HOUR_MS + number(minutes)? * MINUTE_MS),
    ))
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last day of a year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// `2026-07-01 12:00:03Z`.
pub fn show_time(at_ms: i64) -> String {
    let (year, month, day) = civil_from_days(at_ms.div_euclid(DAY_MS));
    format!(
        "{year:04}-{month:02}-{day:02} {}Z",
        show_clock(at_ms, false)
    )
}

/// `12:00:03`, with milliseconds if asked for; UTC.
pub fn show_clock(at_ms: i64, millis: bool) -> String {
    let in_day = at_ms.rem_euclid(DAY_MS);
    let (hours, minutes) = (in_day / HOUR_MS, in_day / MINUTE_MS % 60);
    let seconds = in_day / 1_000 % 60;
    let clock = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if millis {
        format!("{clock}.{:03}", in_day % 1_000)
    } else {
        clock
    }
}

/// `340ms`, `3.2s`, `4m 10s`, `2h 5m`, `3d 4h`.
pub fn show_duration(ms: i64) -> String {
    let ms = ms.max(0);
    let two = |big: i64, big_name: &str, small: i64, small_name: &str| {
        if small == 0 {
            format!("{big}{big_name}")
        } else {
            format!("{big}{big_name} {small}{small_name}")
        }
    };
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..MINUTE_MS => format!("{}.{}s", ms / 1_000, ms % 1_000 / 100),
        MINUTE_MS..HOUR_MS => two(ms / MINUTE_MS, "m", ms % MINUTE_MS / 1_000, "s"),
        HOUR_MS..DAY_MS => two(ms / HOUR_MS, "h", ms % HOUR_MS / MINUTE_MS, "m"),
        _ => two(ms / DAY_MS, "d", ms % DAY_MS / HOUR_MS, "h"),
    }
}

/// `12s ago`, `3m ago`: how long ago, in its largest unit.
pub fn show_age(at_ms: i64, now_ms: i64) -> String {
    let ms = now_ms.saturating_sub(at_ms).max(0);
    match ms {
        0..1_000 => "now".to_owned(),
        1_000..MINUTE_MS => format!("{}s ago", ms / 1_000),
        MINUTE_MS..HOUR_MS => format!("{}m ago", ms / MINUTE_MS),
        HOUR_MS..DAY_MS => format!("{}h ago", ms / HOUR_MS),
        _ => format!("{}d ago", ms / DAY_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sums_of_parts() {
        assert_eq!(duration_ms("90s"), Some(90_000));
        assert_eq!(duration_ms("1h30m"), Some(5_400_000));
        assert_eq!(duration_ms("250ms"), Some(250));
        for wrong in ["", "s", "5", "5x", "-5s", "1h30", "99999999999999999999d"] {
            assert_eq!(duration_ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_offset() {
        let noon = 1_782_907_200_000;
        for text in [
            "2026-07-01T12:00:00Z",
            "2026-07-01T14:00:00+02:00",
            "2026-07-01 12:00",
            "2026-07-01T12:00:00.000Z",
        ] {
            assert_eq!(rfc3339_ms(text), Some(noon), "{text}");
        }
        assert_eq!(rfc3339_ms("2026-07-01"), Some(noon - 12 * HOUR_MS));
        for wrong in [
            "2026-02-30",
            "2026-7-1",
            "26-07-01",
            "2026-07-01T25:00",
            "soon",
        ] {
            assert_eq!(rfc3339_ms(wrong), None, "{wrong}");
        }
        assert_eq!(show_time(noon + 3_000), "2026-07-01 12:00:03Z");
    }

    #[test]
    fn past_and_future_go_different_ways() {
        assert_eq!(future_ms("+10m", 0), Ok(600_000));
        assert_eq!(future_ms("10m", 0), Ok(600_000));
        assert_eq!(past_ms("10m", 600_000), Ok(0));
        assert!(past_ms("soon", 0).is_err());
    }

    #[test]
    fn durations_are_shown_in_two_units_at_most() {
        let shown: Vec<_> = [340, 3_250, 250_000, 7_500_000, 273_600_000]
            .into_iter()
            .map(show_duration)
            .collect();
        assert_eq!(shown, ["340ms", "3.2s", "4m 10s", "2h 5m", "3d 4h"]);
        assert_eq!(show_age(0, 185_000), "3m ago");
    }
}
