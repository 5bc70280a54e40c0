//! What stands behind the `?`: every parameter is known, and each is read with a message that says what is wrong with it.

use crate::problem::Problem;
use crate::when;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use mandate_store::Cursor;
use percent_encoding::percent_decode;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// The parameters that nobody has read yet.
#[derive(Debug, Default)]
pub(crate) struct Asked(BTreeMap<String, Vec<String>>);

/// The most parameters.
const MOST: usize = 100;

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(parts.uri.query().unwrap_or_default())
    }
}

impl Asked {
    fn read(query: &str) -> Result<Self, Problem> {
        let mut read = Self::default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        for (number, pair) in pairs.enumerate() {
            if number >= MOST {
                return Err(Problem::usage(format!("more than {MOST} parameters")));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            read.0.entry(name).or_default().push(value);
        }
        Ok(read)
    }

    /// A parameter that may be there several times, and holds several values between commas.
    pub(crate) fn many(&mut self, name: &str) -> Vec<String> {
        let given = self.0.remove(name).unwrap_or_default();
        let parts = given.iter().flat_map(|value| value.split(','));
        parts
            .map(|part| part.trim().to_owned())
            .filter(|part| !part.is_empty())
            .collect()
    }

    /// A parameter that is there once. A text that is empty is as good as none.
    ///
    /// # Errors
    /// It is there more than once.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        Ok(self.once(name)?.filter(|value| !value.is_empty()))
    }

    fn once(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut given = self.0.remove(name).unwrap_or_default().into_iter();
        let (first, second) = (given.next(), given.next());
        match second {
            Some(_) => Err(Problem::usage(format!("`{name}` is given more than once"))),
            None => Ok(first),
        }
    }

    /// The same, as something that is written so.
    ///
    /// # Errors
    /// It is something else.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Problem>
    where
        T::Err: Display,
    {
        let text = self.once(name)?;
        let parsed = text.map(|text| text.parse().map_err(|error| (text, error)));
        parsed
            .transpose()
            .map_err(|(text, error): (String, T::Err)| {
                Problem::usage(format!("`{name}` cannot be `{text}`: {error}"))
            })
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// It is something else.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        Ok(self.parsed(name)?.unwrap_or_default())
    }

    /// How many rows; within limits.
    ///
    /// # Errors
    /// It is no number of rows that there can be.
    pub(crate) fn limit(&mut self, default: usize, most: usize) -> Result<usize, Problem> {
        let limit = self.parsed("limit")?.unwrap_or(default);
        if (1..=most).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::usage(format!(
            "`limit` is from 1 to {most}, and not {limit}"
        )))
    }

    /// A place in a sequence of the journal.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn place(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        let place: Option<u64> = self.parsed(name)?;
        match place {
            Some(place) if !is_place(place) => Err(Problem::usage(format!(
                "`{name}` cannot be `{place}`: the journal does not count so far"
            ))),
            place => Ok(place),
        }
    }

    /// Where the page before ended.
    ///
    /// # Errors
    /// It is no cursor.
    pub(crate) fn cursor(&mut self) -> Result<Option<Cursor>, Problem> {
        let text = self.text("after")?;
        let cursor = text.map(|text| text.parse()).transpose();
        cursor
            .map_err(|error: mandate_store::NotACursor| Problem::usage(format!("`after`: {error}")))
    }

    /// A time in the past: Unix milliseconds, `2h` ago, or a date.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        if let Ok(ms) = text.parse::<i64>() {
            return Ok(Some(ms));
        }
        let past = when::past_ms(&text, when::now_ms());
        past.map(Some)
            .map_err(|error| Problem::usage(format!("`{name}`: {error}")))
    }

    /// One of several words.
    ///
    /// # Errors
    /// It is none of them.
    pub(crate) fn one_of(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, Problem> {
        let text = self.once(name)?;
        if let Some(text) = &text {
            must_be_one_of(name, text, words)?;
        }
        Ok(text)
    }

    /// Says that there is nothing else to read.
    ///
    /// # Errors
    /// There is.
    pub(crate) fn end(self) -> Result<(), Problem> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::usage(format!(
                "there is no parameter `{name}` here"
            ))),
        }
    }
}

/// Whether the journal can count on from there.
pub(crate) fn is_place(place: u64) -> bool {
    i64::try_from(place.saturating_add(1)).is_ok()
}

/// Whether a parameter is one of several words.
///
/// # Errors
/// It is none of them.
pub(crate) fn must_be_one_of(name: &str, text: &str, words: &[&str]) -> Result<(), Problem> {
    if words.contains(&text) {
        return Ok(());
    }
    Err(Problem::usage(format!(
        "`{name}` cannot be `{text}`: it is one of {}",
        words.join(", ")
    )))
}

/// A part of a query or a path as it was meant.
///
/// # Errors
/// It is no text.
fn decoded(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Problem::usage("a parameter is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_once_and_nothing_is_left() {
        let mut asked = Asked::read("state=a,b&state=c&limit=7&x=%C3%A4+b&flag=true&y=").unwrap();
        assert_eq!(asked.many("state"), ["a", "b", "c"]);
        assert_eq!(asked.limit(50, 500).unwrap(), 7);
        assert_eq!(asked.text("x").unwrap().unwrap(), "ä b");
        assert!(asked.flag("flag").unwrap());
        assert!(!asked.flag("none").unwrap());
        assert_eq!(asked.text("y").unwrap(), None);
        assert!(asked.end().is_ok());
        let wrong = |query: &str| {
            let asked = Asked::read(query);
            asked.and_then(|mut asked| {
                asked.limit(1, 500)?;
                asked.text("x")?;
                asked.end()
            })
        };
        for query in [
            "limit=0",
            "limit=501",
            "limit=x",
            "limit=",
            "x=1&x=2",
            "z=1",
            "x=%FF",
        ] {
            assert!(wrong(query).is_err(), "{query}");
        }
    }
}
