//! `policy.toml` beside the rules: what Cedar cannot say itself. Tags by pattern, sequences of categories, categories of
//! tools, points of risk, limits.

use crate::error::{PolicyError, Source};
use mandate_plan::{Pattern, PatternKind};
use mandate_policy::{
    Classification, Limits,
    classify::{Category, Tag},
    resources::ResourceKind,
    tag::TagRule,
};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use std::{collections::BTreeMap, ops::Range};
use toml::Spanned;

/// Largest compiled size of one pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 1024 * 1024;
/// The longest window of a sequence: as many calls as a session remembers, and this one.
const MAX_WINDOW: usize = mandate_policy::session::RECENT + 1;
/// The tags that exist without a definition.
const STANDARD_TAGS: &[&str] = &["external_url", "sensitive_path"];

/// A tag: what a resource is known for whose text the pattern is found in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagDefinition {
    /// A regular expression, searched for in every way in which the text may be read.
    pub pattern: Spanned<String>,
    /// Not where this is found in the same reading.
    #[serde(default)]
    pub except: Option<Spanned<String>>,
    /// `file`, `url`, `command`; all of them, unless it says otherwise.
    #[serde(default)]
    pub applies_to: Vec<ResourceKind>,
    /// Whether it adds to the risk.
    #[serde(default)]
    pub sensitive: bool,
}

/// A sequence: these categories in this order within so many calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceDefinition {
    /// The categories, the last one that of the call that completes it.
    pub pattern: Vec<Spanned<String>>,
    /// How many calls it may spread over, the one that completes it included.
    pub window: Spanned<usize>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RiskDefinition {
    base: Option<Spanned<u32>>,
    multiplier: Option<Spanned<f64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsDefinition {
    calls_per_session: Option<u64>,
    calls_per_minute: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    limits: LimitsDefinition,
    tags: BTreeMap<Spanned<String>, TagDefinition>,
    sequences: BTreeMap<Spanned<String>, SequenceDefinition>,
    categories: BTreeMap<Spanned<String>, Spanned<String>>,
    risk: BTreeMap<Spanned<String>, RiskDefinition>,
}

/// A sequence, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sequence {
    pub(crate) name: String,
    pub(crate) pattern: Vec<Category>,
    pub(crate) window: usize,
}

/// What all definitions of a policy say.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    pub(crate) classification: Classification,
    pub(crate) sequences: Vec<Sequence>,
    pub(crate) limits: Limits,
    tags: Vec<String>,
}

impl Definitions {
    /// Reads and checks the texts; what is defined in one must not be defined in another.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read(sources: &[Source]) -> Result<Self, Vec<PolicyError>> {
        let mut reader = Reader::default();
        for source in sources {
            match toml::from_str::<File>(&source.text) {
                Ok(file) => reader.file(source, file),
                Err(error) => reader
                    .wrong
                    .push(PolicyError::new(source, error.message()).at(error.span())),
            }
        }
        reader.finish()
    }

    /// The names of all tags that there are.
    pub(crate) fn tag_names(&self) -> Vec<&str> {
        let own = self.tags.iter().map(String::as_str);
        own.chain(STANDARD_TAGS.iter().copied()).collect()
    }

    /// The names of all sequences that there are.
    pub(crate) fn sequence_names(&self) -> Vec<&str> {
        self.sequences.iter().map(|it| it.name.as_str()).collect()
    }
}

#[derive(Default)]
struct Reader {
    definitions: Definitions,
    categories: Vec<(String, mandate_plan::Matcher, Category)>,
    wrong: Vec<PolicyError>,
}

impl Reader {
    fn file(&mut self, source: &Source, file: File) {
        self.definitions.limits = self.definitions.limits.and(Limits {
            calls_per_session: file.limits.calls_per_session,
            calls_per_minute: file.limits.calls_per_minute,
        });
        for (name, tag) in file.tags {
            self.tag(source, name.get_ref(), name.span(), &tag);
        }
        for (name, sequence) in file.sequences {
            self.sequence(source, name.get_ref(), name.span(), &sequence);
        }
        for (pattern, category) in &file.categories {
            self.category(source, pattern, category);
        }
        for (name, risk) in &file.risk {
            self.risk(source, name, risk);
        }
    }

    fn add(&mut self, source: &Source, span: Range<usize>, message: String, help: &str) {
        self.wrong
            .push(PolicyError::new(source, message).at(Some(span)).help(help));
    }

    fn tag(&mut self, source: &Source, name: &str, span: Range<usize>, tag: &TagDefinition) {
        if self.definitions.tags.iter().any(|it| it == name) {
            let help = "give one of them another name";
            return self.add(
                source,
                span,
                format!("the tag `{name}` is defined twice"),
                help,
            );
        }
        let Some(pattern) = self.regex(source, name, &tag.pattern) else {
            return;
        };
        let except = match &tag.except {
            None => None,
            Some(text) => match self.regex(source, name, text) {
                None => return,
                except => except,
            },
        };
        let applies_to = match (tag.applies_to.is_empty(), name) {
            (false, _) => tag.applies_to.clone(),
            (true, "sensitive_path") => vec![ResourceKind::File],
            (true, "external_url") => vec![ResourceKind::Url],
            (true, _) => vec![ResourceKind::File, ResourceKind::Url, ResourceKind::Command],
        };
        let classification = &mut self.definitions.classification;
        let rule = TagRule {
            tag: Tag::named(name),
            applies_to,
            pattern,
            except,
        };
        match rule.tag {
            // What is defined takes the place of what is standard.
            Tag::SensitivePath => classification.tags.retain(|it| it.tag != rule.tag),
            Tag::ExternalUrl => classification.external_urls = false,
            Tag::Named(_) => {}
        }
        if tag.sensitive {
            classification.risk.sensitive.insert(rule.tag.clone());
        }
        classification.tags.push(rule);
        self.definitions.tags.push(name.to_owned());
    }

    fn regex(&mut self, source: &Source, name: &str, text: &Spanned<String>) -> Option<Regex> {
        let built = RegexBuilder::new(text.get_ref())
            .size_limit(MAX_PATTERN_BYTES)
            .build();
        match built {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let help = "regular expressions have no look-ahead, look-behind or references back: they are always matched in linear time";
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default().trim();
                let message = format!("the pattern of the tag `{name}` cannot be used: {last}");
                self.add(source, text.span(), message, help);
                None
            }
        }
    }

    fn sequence(
        &mut self,
        source: &Source,
        name: &str,
        span: Range<usize>,
        sequence: &SequenceDefinition,
    ) {
        if self.definitions.sequences.iter().any(|it| it.name == name) {
            let help = "give one of them another name";
            let message = format!("the sequence `{name}` is defined twice");
            return self.add(source, span, message, help);
        }
        let mut pattern = Vec::new();
        for text in &sequence.pattern {
            match self.known_category(source, text) {
                Some(category) => pattern.push(category),
                None => return,
            }
        }
        let window = *sequence.window.get_ref();
        if pattern.len() < 2 || window < pattern.len() || window > MAX_WINDOW {
            let message = format!("the sequence `{name}` cannot happen, or is no sequence");
            let help =
                format!("name two categories or more, and a `window` from as many to {MAX_WINDOW}");
            return self.add(source, span, message, &help);
        }
        self.definitions.sequences.push(Sequence {
            name: name.to_owned(),
            pattern,
            window,
        });
    }

    fn known_category(&mut self, source: &Source, text: &Spanned<String>) -> Option<Category> {
        let found = Category::named(text.get_ref());
        if found.is_none() {
            let names = Category::ALL.map(Category::as_str);
            let help = match crate::literals::nearest(text.get_ref(), names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            let message = format!("there is no category `{}`", text.get_ref());
            self.add(source, text.span(), message, &help);
        }
        found
    }

    fn category(&mut self, source: &Source, pattern: &Spanned<String>, name: &Spanned<String>) {
        let Some(category) = self.known_category(source, name) else {
            return;
        };
        let text = pattern.get_ref().to_lowercase();
        let glob = Pattern {
            pattern: text.clone(),
            kind: PatternKind::Glob,
        };
        match glob.matcher() {
            Ok(matcher) => self.categories.push((text, matcher, category)),
            Err(error) => {
                let help = "write a tool's name, with `*` for any part of it: \"crm.delete_*\"";
                self.add(source, pattern.span(), error.to_string(), help);
            }
        }
    }

    fn risk(&mut self, source: &Source, name: &Spanned<String>, risk: &RiskDefinition) {
        let Some(category) = self.known_category(source, name) else {
            return;
        };
        let table = &mut self.definitions.classification.risk;
        let (mut base, mut per_cent) = table.weight(category);
        if let Some(given) = &risk.base {
            base = *given.get_ref();
        }
        if let Some(given) = &risk.multiplier {
            match per_cent_of(*given.get_ref()) {
                Some(number) => per_cent = number,
                None => {
                    let message = "a multiplier is a number from 0 to 100".to_owned();
                    return self.add(source, given.span(), message, "write 1.5, or 2.0");
                }
            }
        }
        table.set_weight(category, base, per_cent);
    }

    fn finish(mut self) -> Result<Definitions, Vec<PolicyError>> {
        if !self.wrong.is_empty() {
            return Err(self.wrong);
        }
        // Of several patterns that match a name the riskiest category counts, whatever order they stand in.
        let table = self.definitions.classification.risk.clone();
        let points = |category: Category| {
            let (base, per_cent) = table.weight(category);
            u64::from(base).saturating_mul(u64::from(per_cent))
        };
        self.categories.sort_by(|left, right| {
            (points(right.2), right.2, &left.0).cmp(&(points(left.2), left.2, &right.0))
        });
        let categories = self.categories.into_iter();
        self.definitions.classification.categories = categories
            .map(|(_, matcher, category)| (matcher, category))
            .collect();
        Ok(self.definitions)
    }
}

/// A multiplier in per cent.
fn per_cent_of(multiplier: f64) -> Option<u32> {
    let per_cent = (multiplier * 100.0).round();
    if !(0.0..=10_000.0).contains(&per_cent) {
        return None;
    }
    // Read back as text, so that no cast can go wrong.
    format!("{per_cent:.0}").parse().ok()
}
