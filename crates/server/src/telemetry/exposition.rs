//! Counters and histograms, and the text that Prometheus reads (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Series that one family may have; what would be one more is not counted. Labels hold names of tools, routes, kinds and
/// codes, of which there are not so many.
const MOST_SERIES: usize = 4_096;

/// Upper bounds for what takes microseconds to seconds, in seconds.
pub(super) const SHORT: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0,
];
/// Upper bounds for what takes milliseconds to minutes, in seconds.
pub(super) const LONG: &[f64] = &[
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// Upper bounds for numbers of steps.
pub(super) const STEPS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1_000.0];

/// Labels as they are written: `tool="fs.read",outcome="completed"`.
pub(super) fn labels(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    write_labels(&mut text, pairs);
    text
}

fn write_labels(text: &mut String, pairs: &[(&str, &str)]) {
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        let mut rest = *value;
        while let Some(at) = rest.find(['\\', '"', '\n']) {
            let (plain, from) = rest.split_at(at);
            text.push_str(plain);
            let mut chars = from.chars();
            text.push_str(match chars.next() {
                Some('\n') => "\\n",
                Some('"') => "\\\"",
                _ => "\\\\",
            });
            rest = chars.as_str();
        }
        text.push_str(rest);
        text.push('"');
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The series of a family, by their labels.
struct Series<T> {
    values: BTreeMap<String, T>,
    /// Where labels are written to look them up: they are counted many times, and are new but once.
    text: String,
}

impl<T> Default for Series<T> {
    fn default() -> Self {
        Self {
            values: BTreeMap::new(),
            text: String::new(),
        }
    }
}

impl<T> Series<T> {
    /// The one with these labels; none where there would be too many.
    fn of(&mut self, pairs: &[(&str, &str)], fresh: impl FnOnce() -> T) -> Option<&mut T> {
        self.text.clear();
        write_labels(&mut self.text, pairs);
        if !self.values.contains_key(&self.text) {
            if self.values.len() >= MOST_SERIES {
                return None;
            }
            self.values.insert(self.text.clone(), fresh());
        }
        self.values.get_mut(&self.text)
    }
}

/// A family of counters, by their labels.
#[derive(Default)]
pub(super) struct Counters(Mutex<Series<u64>>);

impl Counters {
    pub(super) fn add(&self, pairs: &[(&str, &str)], more: u64) {
        if let Some(value) = hold(&self.0).of(pairs, u64::default) {
            *value = value.saturating_add(more);
        }
    }

    pub(super) fn one(&self, pairs: &[(&str, &str)]) {
        self.add(pairs, 1);
    }

    fn read(&self) -> BTreeMap<String, u64> {
        hold(&self.0).values.clone()
    }
}

#[derive(Clone)]
struct Spread {
    /// How many lie in each bucket, and behind the last one.
    counts: Vec<u64>,
    sum: f64,
}

/// A family of histograms, by their labels.
pub(super) struct Histograms {
    bounds: &'static [f64],
    spreads: Mutex<Series<Spread>>,
}

impl Histograms {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            spreads: Mutex::default(),
        }
    }

    pub(super) fn take(&self, pairs: &[(&str, &str)], value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let fresh = || Spread {
            counts: vec![0; self.bounds.len().saturating_add(1)],
            sum: 0.0,
        };
        let mut spreads = hold(&self.spreads);
        let Some(spread) = spreads.of(pairs, fresh) else {
            return;
        };
        if let Some(count) = spread.counts.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        spread.sum += value;
    }

    pub(super) fn time(&self, pairs: &[(&str, &str)], took: Duration) {
        self.take(pairs, took.as_secs_f64());
    }
}

/// The text.
#[derive(Default)]
pub(super) struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    pub(super) fn counters(&mut self, name: &str, help: &str, counters: &Counters) {
        self.counted(name, help, counters.read());
    }

    pub(super) fn counted(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (String, u64)>,
    ) {
        self.family(name, "counter", help);
        for (labels, value) in values {
            self.sample(name, &labels, value);
        }
    }

    pub(super) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (String, u64)>,
    ) {
        self.family(name, "gauge", help);
        for (labels, value) in values {
            self.sample(name, &labels, value);
        }
    }

    pub(super) fn histograms(&mut self, name: &str, help: &str, histograms: &Histograms) {
        self.family(name, "histogram", help);
        let spreads = hold(&histograms.spreads).values.clone();
        for (labels, spread) in spreads {
            let comma = if labels.is_empty() { "" } else { "," };
            let mut below = 0_u64;
            let bounds = histograms.bounds.iter().map(f64::to_string);
            let bounds = bounds.chain(std::iter::once("+Inf".to_owned()));
            for (bound, count) in bounds.zip(&spread.counts) {
                below = below.saturating_add(*count);
                let labels = format!("{labels}{comma}le=\"{bound}\"");
                self.sample(&format!("{name}_bucket"), &labels, below);
            }
            self.sample(&format!("{name}_sum"), &labels, spread.sum);
            self.sample(&format!("{name}_count"), &labels, below);
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let (counters, times) = (Counters::default(), Histograms::new(&[0.5, 1.0]));
        counters.one(&[("tool", "a\"b\\c\nd")]);
        counters.add(&[("tool", "x")], 2);
        for value in [0.5, 0.75, 7.0] {
            times.take(&[], value);
        }
        let mut text = Exposition::default();
        text.counters("m_calls_total", "Calls.", &counters);
        text.histograms("m_seconds", "Times.", &times);
        let wanted = r##"# HELP m_calls_total Calls.
# TYPE m_calls_total counter
m_calls_total{tool="a\"b\\c\nd"} 1
m_calls_total{tool="x"} 2
# HELP m_seconds Times.
# TYPE m_seconds histogram
m_seconds_bucket{le="0.5"} 1
m_seconds_bucket{le="1"} 2
m_seconds_bucket{le="+Inf"} 3
m_seconds_sum 8.25
m_seconds_count 3
"##;
        assert_eq!(text.into_text(), wanted);
    }

    #[test]
    fn there_is_an_end_to_series() {
        let counters = Counters::default();
        for number in 0..=MOST_SERIES {
            counters.one(&[("n", &number.to_string())]);
        }
        counters.one(&[("n", "0")]);
        let values = counters.read();
        assert_eq!(values.len(), MOST_SERIES);
        assert_eq!(values.get("n=\"0\""), Some(&2));
    }
}
