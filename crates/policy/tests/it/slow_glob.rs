//! A second reading of globs, slow and obvious: it tries every way in which a pattern may match.

/// Whether `glob` (literals, `?`, `*`, `**`, no longer runs of stars) matches all of `value`.
pub(crate) fn matches(glob: &[char], value: &[char]) -> bool {
    // At the top, too, `**` may stand for no segment at all.
    let shorter = matches!(glob, ['*', '*', '/', ..]) && matches(&glob[3..], value);
    shorter || matches_here(glob, value)
}

fn matches_here(glob: &[char], value: &[char]) -> bool {
    match glob {
        [] => value.is_empty(),
        // Between slashes, `**` may also stand for no segment at all.
        ['/', '*', '*', '/', rest @ ..] => {
            let mut shorter = vec!['/'];
            shorter.extend_from_slice(rest);
            let mut star = vec!['*', '*', '/'];
            star.extend_from_slice(rest);
            matches_here(&shorter, value)
                || value.first() == Some(&'/') && crossing(&star[2..], &value[1..])
        }
        ['*', '*', rest @ ..] => crossing(rest, value),
        ['*', rest @ ..] => {
            let segment = value.iter().take_while(|c| **c != '/').count();
            (0..=segment).any(|taken| matches_here(rest, &value[taken..]))
        }
        ['?', rest @ ..] => {
            value.first().is_some_and(|c| *c != '/') && matches_here(rest, &value[1..])
        }
        [literal, rest @ ..] => value.first() == Some(literal) && matches_here(rest, &value[1..]),
    }
}

/// Whether `rest` matches some end of `value`.
fn crossing(rest: &[char], value: &[char]) -> bool {
    (0..=value.len()).any(|taken| matches_here(rest, &value[taken..]))
}
