//! Patterns of the plan, read for one kind of resource and compared with normal forms.

use crate::{
    normalise::{lexical, normal_text, path_readings, url_readings},
    resources::ResourceKind,
};
use mandate_plan::{BadPattern, Matcher, Pattern, PatternKind};

/// What a list of patterns is for. A list that forbids reads its patterns generously.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// A resource must match.
    Allow,
    /// A resource must not match.
    Deny,
}

/// A list of patterns for one kind of resource, ready for matching; matching is linear in the value.
#[derive(Debug, Clone)]
pub struct PatternList {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    source: String,
    matchers: Vec<Matcher>,
    /// Of an address: it says which host is meant.
    names_host: bool,
}

impl PatternList {
    /// Makes a list ready.
    ///
    /// # Errors
    /// The first pattern that cannot be read.
    pub fn compile(
        kind: ResourceKind,
        stance: Stance,
        patterns: &[Pattern],
    ) -> Result<Self, BadPattern> {
        let entries = patterns.iter().map(|pattern| {
            let matchers = variants(kind, stance, pattern)?
                .into_iter()
                .map(|text| {
                    Pattern {
                        pattern: text,
                        kind: pattern.kind,
                    }
                    .matcher()
                })
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Entry {
                source: pattern.pattern.clone(),
                matchers,
                names_host: names_host(pattern),
            })
        });
        Ok(Self {
            entries: entries.collect::<Result<_, BadPattern>>()?,
        })
    }

    /// The first pattern that matches the whole of `value`, as it is written in the plan.
    pub fn find(&self, value: &str) -> Option<&str> {
        let matches = |entry: &&Entry| entry.matchers.iter().any(|matcher| matcher.is_match(value));
        self.entries
            .iter()
            .find(matches)
            .map(|entry| entry.source.as_str())
    }

    /// Whether each pattern says which host is meant. One that does not leaves the address open.
    pub(crate) fn names_hosts(&self) -> bool {
        self.entries.iter().all(|entry| entry.names_host)
    }

    /// The patterns as they are written in the plan.
    pub fn sources(&self) -> Vec<&str> {
        self.entries
            .iter()
            .map(|entry| entry.source.as_str())
            .collect()
    }
}

/// Whether the host in a pattern for addresses is literal.
fn names_host(pattern: &Pattern) -> bool {
    let text = pattern.pattern.as_str();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host: String = rest.chars().take_while(|c| *c != '/').collect();
    let ended = host.len() < rest.len();
    let literal = |host: &str| {
        let plain = |c: char| c.is_alphanumeric() || ".-:".contains(c);
        !host.is_empty() && host.chars().all(plain)
    };
    match pattern.kind {
        PatternKind::Exact | PatternKind::Glob => literal(&host),
        // A bare dot stands for any character, and an alternative may have another host.
        PatternKind::Regex => {
            let unescaped = host.replace("\\.", "");
            ended && !text.contains('|') && !unescaped.contains('.') && literal(&unescaped)
        }
    }
}

/// The texts that a pattern stands for once values are in normal form.
fn variants(
    kind: ResourceKind,
    stance: Stance,
    pattern: &Pattern,
) -> Result<Vec<String>, BadPattern> {
    let text = &match pattern.kind {
        PatternKind::Glob => collapse(&pattern.pattern),
        PatternKind::Exact | PatternKind::Regex => pattern.pattern.clone(),
    };
    Ok(match (pattern.kind, kind) {
        (PatternKind::Regex, _) => vec![text.clone()],
        (PatternKind::Exact, ResourceKind::File) => path_readings(text).all,
        (PatternKind::Exact, ResourceKind::Url) => url_readings(text).all,
        (_, ResourceKind::Command) => vec![text.trim().to_owned()],
        (PatternKind::Glob, ResourceKind::File) => path_globs(stance, text)?,
        (PatternKind::Glob, ResourceKind::Url) => url_globs(stance, text),
    })
}

/// `***` means what `**` does, and `/**/**/` what `/**/` does.
fn collapse(glob: &str) -> String {
    let mut glob = glob.to_owned();
    while glob.contains("***") {
        glob = glob.replace("***", "**");
    }
    while glob.contains("/**/**/") {
        glob = glob.replace("/**/**/", "/**/");
    }
    glob
}

fn path_globs(stance: Stance, glob: &str) -> Result<Vec<String>, BadPattern> {
    let plain = lexical_glob(glob)?;
    let mut globs = vec![plain.clone()];
    if stance == Stance::Deny {
        // Who forbids what lies below a directory does not mean to leave the directory itself open …
        if let Some(directory) = plain.strip_suffix("/**") {
            globs.push(if directory.is_empty() {
                "/".to_owned()
            } else {
                directory.to_owned()
            });
        }
        // … and who forbids a name at any depth means the top as well.
        for glob in globs.clone() {
            if let Some(name) = glob.strip_prefix("**/") {
                globs.push(name.to_owned());
            }
        }
    }
    Ok(globs)
}

/// The glob without empty and `.` segments and with `..` resolved, as the values will be.
fn lexical_glob(glob: &str) -> Result<String, BadPattern> {
    let special = |segment: &str| segment.contains(['*', '?', '[', ']', '{', '}', '\\']);
    let segments: Vec<&str> = glob.split('/').collect();
    let climbs = segments.contains(&"..");
    let bad = || BadPattern {
        pattern: glob.to_owned(),
        reason: "`..` after a wildcard matches nothing; write the directory that is meant"
            .to_owned(),
    };
    if climbs && segments.iter().any(|segment| special(segment)) {
        let wild = segments
            .iter()
            .position(|segment| special(segment))
            .unwrap_or(0);
        if segments.iter().skip(wild).any(|segment| *segment == "..") {
            return Err(bad());
        }
        let (head, tail) = segments.split_at(wild);
        let head = lexical(&format!("{}/", head.join("/")));
        let tail: Vec<&str> = tail
            .iter()
            .copied()
            .filter(|segment| !matches!(*segment, "" | "."))
            .collect();
        let tail = tail.join("/");
        return Ok(if head == "." {
            tail
        } else {
            format!("{}/{tail}", head.trim_end_matches('/'))
        });
    }
    if climbs || !segments.iter().any(|segment| special(segment)) {
        return Ok(lexical(glob));
    }
    let absolute = glob.starts_with('/');
    let kept: Vec<&str> = segments
        .into_iter()
        .filter(|segment| !matches!(*segment, "" | "."))
        .collect();
    Ok(format!(
        "{}{}",
        if absolute { "/" } else { "" },
        kept.join("/")
    ))
}

fn url_globs(stance: Stance, glob: &str) -> Vec<String> {
    let Some((scheme, rest)) = glob.split_once("://") else {
        let mut globs = vec![glob.to_owned()];
        // A name without a scheme never equals a whole address; who forbids it means the host.
        if stance == Stance::Deny && !glob.starts_with("**") {
            for scheme in ["http", "https"] {
                let host = format!("{scheme}://{}", glob.trim_start_matches('/'));
                globs.extend(url_globs(stance, &host));
                if !glob.trim_start_matches('/').contains('/') {
                    globs.extend(url_globs(stance, &format!("{host}/**")));
                }
            }
        }
        return globs;
    };
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None if rest.ends_with("**") => (rest, String::new()),
        None => (rest, "/".to_owned()),
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let site = site(&scheme.to_ascii_lowercase(), host);
    let mut globs = vec![format!("{site}{path}")];
    let decoded = normal_text(&path);
    if decoded != path && path.contains('%') {
        globs.push(format!("{site}{decoded}"));
    }
    globs
}

/// Scheme and host as they are in normal form: a host without wildcards is read as one.
fn site(scheme: &str, host: &str) -> String {
    let literal = format!("{scheme}://{host}/");
    if !host.contains(['*', '?', '{', '}', '\\'])
        && let Some(normal) = crate::normalise::normal_url(&literal)
        && let Some(site) = normal.strip_suffix('/')
    {
        return site.to_owned();
    }
    format!("{scheme}://{}", host.to_lowercase().trim_end_matches('.'))
}
