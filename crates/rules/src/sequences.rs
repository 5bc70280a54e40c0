//! Which sequences a call completes.

use crate::definitions::Sequence;
use mandate_policy::classify::Category;

/// Whether a call of this category completes the sequence; `before` are the categories before it, the oldest first.
pub(crate) fn completes(sequence: &Sequence, before: &[Category], now: Category) -> bool {
    let Some((last, earlier)) = sequence.pattern.split_last() else {
        return false;
    };
    let reach = sequence.window.saturating_sub(1);
    let from = before.len().saturating_sub(reach);
    let mut seen = before.iter().skip(from);
    *last == now && earlier.iter().all(|wanted| seen.any(|it| it == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Category::*;

    fn completed(pattern: &[Category], window: usize, before: &[Category], now: Category) -> bool {
        let sequence = Sequence {
            name: "s".to_owned(),
            pattern: pattern.to_vec(),
            window,
        };
        completes(&sequence, before, now)
    }

    #[test]
    fn a_sequence_is_completed_in_order_and_within_its_window() {
        let pattern = [FileRead, NetworkRequest];
        assert!(completed(&pattern, 3, &[FileRead], NetworkRequest));
        assert!(completed(
            &pattern,
            3,
            &[FileRead, FileWrite],
            NetworkRequest
        ));
        assert!(!completed(
            &pattern,
            3,
            &[FileRead, FileWrite, FileWrite],
            NetworkRequest
        ));
        assert!(!completed(&pattern, 3, &[NetworkRequest], FileRead));
        assert!(!completed(&pattern, 3, &[], NetworkRequest));
        let three = [FileRead, FileWrite, FileDelete];
        assert!(completed(
            &three,
            5,
            &[FileRead, Unknown, FileWrite],
            FileDelete
        ));
        assert!(!completed(&three, 5, &[FileWrite, FileRead], FileDelete));
        // The same call does not count twice.
        assert!(!completed(&[FileRead, FileRead], 2, &[FileWrite], FileRead));
    }
}
