//! Unix milliseconds as RFC 3339 text.

/// `2026-01-01T00:00:00.000Z`. Years outside 0 to 9999, which the form cannot write, become its nearest end.
pub(crate) fn rfc3339(unix_ms: i64) -> String {
    const DAY_MS: i64 = 86_400_000;
    let unix_ms = unix_ms.clamp(-62_167_219_200_000, 253_402_300_799_999);
    let (days, in_day_ms) = (unix_ms.div_euclid(DAY_MS), unix_ms.rem_euclid(DAY_MS));
    let (year, month, day) = civil(days);
    let (hour, minute) = (in_day_ms / 3_600_000, in_day_ms / 60_000 % 60);
    let (second, ms) = (in_day_ms / 1000 % 60, in_day_ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Year, month and day of a day counted from 1970-01-01. Years are counted from March here, so that the leap day is the
/// last of its year, and in cycles of 400 years, which have 146,097 days.
fn civil(days: i64) -> (i64, i64, i64) {
    let days_from_0000_03 = days + 719_468;
    let cycle = days_from_0000_03.div_euclid(146_097);
    let in_cycle = days_from_0000_03.rem_euclid(146_097);
    let year_in_cycle = (in_cycle - in_cycle / 1460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
    let in_year = in_cycle - (365 * year_in_cycle + year_in_cycle / 4 - year_in_cycle / 100);
    let month_from_march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = cycle * 400 + year_in_cycle + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
            (i64::MIN, "0000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }

    #[test]
    fn each_day_follows_the_one_before() {
        let mut before = civil(-800_000);
        for day in -799_999..800_000 {
            let (year, month, day) = civil(day);
            let (y, m, d) = before;
            let next_day = (year, month, day) == (y, m, d + 1) && day <= 31;
            let next_month = (year, month, day) == (y, m + 1, 1) && d >= 28 && month <= 12;
            let next_year = (year, month, day) == (y + 1, 1, 1) && (m, d) == (12, 31);
            assert!(
                next_day || next_month || next_year,
                "{before:?} {:?}",
                (year, month, day)
            );
            before = (year, month, day);
        }
    }
}
