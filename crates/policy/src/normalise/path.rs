//! Paths: `.`, `..` and `//` resolved by text alone.

use super::{
    Readings,
    text::{is_plain, unfold},
};

/// The path without empty and `.` segments and with `..` resolved. Leading `..` of a relative path stay; those of an
/// absolute one vanish, as `/..` is `/`.
pub(crate) fn lexical(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => match kept.last() {
                Some(&last) if last != ".." => {
                    kept.pop();
                }
                _ if absolute => {}
                _ => kept.push(".."),
            },
            name => kept.push(name),
        }
    }
    let joined = kept.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// The normal form of a path: decoded, look-alikes folded, `\` taken for `/`, then resolved by text. Idempotent.
pub fn normal_path(path: &str) -> String {
    lexical(&unfold(path).replace('\\', "/"))
}

/// The ways in which a path may be read.
pub fn path_readings(path: &str) -> Readings {
    if is_plain(path) && !path.contains('\\') {
        // Nothing to decode, fold, drop or replace: there is one way to read it.
        let normal = lexical(path);
        let suspects = below_root(&normal).into_iter().collect();
        return Readings::new(normal, Vec::new(), suspects);
    }
    every_reading(path)
}

fn every_reading(path: &str) -> Readings {
    let normal = normal_path(path);
    let unfolded = unfold(path);
    let mut others = vec![
        lexical(path),
        lexical(&super::strip_invisible(path)),
        lexical(&unfolded),
    ];
    // A program written in C stops at the first NUL byte.
    if let Some((head, _)) = path.split_once('\0') {
        others.push(lexical(head));
        others.push(normal_path(head));
    }
    if let Some((head, _)) = path.split_once("%00") {
        others.push(normal_path(head));
    }
    let suspects = others
        .iter()
        .chain([&normal])
        .filter_map(|path| below_root(path))
        .collect();
    Readings::new(normal, others, suspects)
}

/// Where a relative path that climbs leads if it starts close enough to the root.
fn below_root(path: &str) -> Option<String> {
    path.starts_with("..").then(|| lexical(&format!("/{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_has_the_readings_that_any_path_has() {
        const SEGMENTS: &[&str] = &[
            "a", "..", ".", "", "~", "b c", "x.txt", "c\\d", "%2e", "\u{1}",
        ];
        let mut paths = vec![String::new()];
        for _ in 0..4 {
            let longer: Vec<String> = paths
                .iter()
                .flat_map(|path| SEGMENTS.iter().map(move |one| format!("{path}/{one}")))
                .collect();
            for path in &longer {
                let relative = path.trim_start_matches('/');
                for path in [path.as_str(), relative] {
                    assert_eq!(path_readings(path), every_reading(path), "{path:?}");
                }
            }
            paths = longer;
            paths.truncate(500);
        }
    }
}
