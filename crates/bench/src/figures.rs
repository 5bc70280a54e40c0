//! Named figures of several runs, and what is told of them.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Write as _};

/// The figures of one run. A name ends in its unit.
pub(crate) type Figures = BTreeMap<String, f64>;

/// What several runs gave for one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// The middle one; of an even number, the mean of the two in the middle.
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// In the order of the runs.
    pub(crate) values: Vec<f64>,
}

/// The spread of every name.
pub(crate) fn spreads(runs: &[Figures]) -> BTreeMap<String, Spread> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (name, value) in runs.iter().flatten() {
        values.entry(name.clone()).or_default().push(*value);
    }
    values
        .into_iter()
        .map(|(name, values)| (name, Spread::of(values)))
        .collect()
}

impl Spread {
    fn of(values: Vec<f64>) -> Self {
        Self {
            median: quantile(&values, 0.5),
            min: quantile(&values, 0.0),
            max: quantile(&values, 1.0),
            values,
        }
    }
}

/// The value below which the part `part` of all lies, between neighbours where it falls between them.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * sorted.len().saturating_sub(1) as f64;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or(f64::NAN);
    let (below, above) = (at(place.floor()), at(place.ceil()));
    below + (above - below) * place.fract()
}

/// A table for people.
pub(crate) fn table(figures: &BTreeMap<String, Spread>) -> String {
    let width = figures.keys().map(String::len).max().unwrap_or(0);
    let mut text = format!(
        "{:width$}  {:>12}  {:>12}  {:>12}\n",
        "", "median", "min", "max"
    );
    for (name, spread) in figures {
        let [median, min, max] = [spread.median, spread.min, spread.max].map(shown);
        let _ = writeln!(text, "{name:width$}  {median:>12}  {min:>12}  {max:>12}");
    }
    text
}

pub(crate) fn shown(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.5), 2.5);
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn runs_are_put_together_by_name() {
        let run = |value: f64| Figures::from([("x_ms".to_owned(), value)]);
        let spreads = spreads(&[run(1.0), run(9.0), run(2.0)]);
        let spread = &spreads["x_ms"];
        assert_eq!((spread.median, spread.min, spread.max), (2.0, 1.0, 9.0));
        assert_eq!(spread.values, [1.0, 9.0, 2.0]);
        assert!(table(&spreads).contains("x_ms"));
    }
}
