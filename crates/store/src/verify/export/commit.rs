//! A commit of an export against the rows and plans that stand before it.

use super::Look;
use crate::{
    Head,
    chain::{CommitItems, CommitParts},
    export::{CommitLine, Start},
    verify::report::{FindingKind, Place},
};
use std::collections::BTreeSet;

impl Look<'_> {
    pub(super) fn commit(&mut self, commit: &CommitLine, start: &Start) {
        let place = || Place::Commit(i64::try_from(commit.commit).unwrap_or(i64::MAX));
        self.report.commits += 1;
        self.report.left_out += commit.left_out.len() as u64;
        let head = Head {
            number: commit.commit,
            hash: commit.hash,
        };
        if commit.commit != self.head.number.saturating_add(1) {
            let message = format!("it stands behind commit {}", self.head.number);
            self.add(FindingKind::CommitMissing, place(), message);
        } else if commit.prev_hash != self.head.hash {
            let message = format!("it does not follow commit {}", self.head.number);
            self.add(FindingKind::ChainBroken, place(), message);
        }
        let after = self.last_gseq;
        if after.is_some_and(|last| last.checked_add(1) != Some(commit.first_gseq)) {
            let message = "its rows do not follow those of the commit before";
            self.add(FindingKind::ChainBroken, place(), message);
        }
        if commit.commit == 1 && start.journal != format!("urn:mandate:journal:{}", commit.hash) {
            let message = "the journal is not named after it";
            self.add(FindingKind::LineChanged, Place::Line(1), message);
        }
        let mut items = CommitItems::default();
        self.rows_of(commit, start, &mut items);
        self.plans_of(commit, start);
        for row_hash in &commit.plans {
            items.plan(row_hash.as_bytes());
        }
        for row_hash in &commit.blobs {
            items.blob(row_hash.as_bytes());
        }
        let parts = CommitParts {
            number: commit.commit,
            first_gseq: commit.first_gseq,
            last_gseq: commit.last_gseq,
            at_ms: commit.at_ms,
            prev_hash: commit.prev_hash,
        };
        if parts.hash(&items) != commit.hash {
            let message = "its rows, plans, blobs or own columns do not give its hash";
            self.add(FindingKind::CommitChanged, place(), message);
        }
        let forged =
            |key: &crate::audit_key::AuditKey| !key.is_commit_mac(&head, commit.hmac.as_bytes());
        if self.key.as_ref().is_some_and(forged) {
            let message = "its code was not made with the audit key over this number and hash";
            self.add(FindingKind::CommitChanged, place(), message);
        }
        self.kept_head(head);
        self.head = head;
        self.last_gseq = Some(commit.last_gseq);
    }

    /// The rows between the last commit and this one, with the hashes of those that were left out in their places.
    fn rows_of(&mut self, commit: &CommitLine, start: &Start, items: &mut CommitItems) {
        let place = || Place::Commit(i64::try_from(commit.commit).unwrap_or(i64::MAX));
        let rows = std::mem::take(&mut self.rows);
        let counted = u128::from(commit.last_gseq) + 1;
        let counted = counted.checked_sub(u128::from(commit.first_gseq));
        let found = rows.len() as u128 + commit.left_out.len() as u128;
        if counted != Some(found) {
            let message = format!(
                "it counts rows {} to {}, but {found} are there",
                commit.first_gseq, commit.last_gseq
            );
            self.add(FindingKind::RowMissing, place(), message);
        }
        let mut left_out = commit.left_out.iter();
        let mut gseq = commit.first_gseq;
        let selection = &start.selection;
        let mut hidden = 0_u64;
        let mut strange = Vec::new();
        for (row, hash) in rows {
            while gseq < row
                && let Some(left_out) = left_out.next()
            {
                items.event(left_out.as_bytes());
                hidden += u64::from(selection.takes_all_rows() && gseq > selection.after_gseq);
                gseq = gseq.saturating_add(1);
            }
            if row != gseq || row > commit.last_gseq {
                strange.push(row);
            }
            items.event(hash.as_bytes());
            gseq = gseq.saturating_add(1);
        }
        for left_out in left_out {
            items.event(left_out.as_bytes());
            hidden += u64::from(selection.takes_all_rows() && gseq > selection.after_gseq);
            gseq = gseq.saturating_add(1);
        }
        if let (Some(first), Some(last)) = (strange.first(), strange.last()) {
            let place = Place::Events {
                first_gseq: *first,
                last_gseq: *last,
            };
            let message = format!("commit {} has no such place", commit.commit);
            self.add(FindingKind::RowInserted, place, message);
        }
        if start.archived.is_some() {
            self.hidden.rows = self.hidden.rows.saturating_add(hidden);
        } else if hidden > 0 {
            let message = format!(
                "{hidden} of its rows are left out, though the export says that it holds every one"
            );
            self.add(FindingKind::RowMissing, place(), message);
        }
    }

    /// The plans between the last commit and this one are of it; and they are all, if everything was asked for.
    fn plans_of(&mut self, commit: &CommitLine, start: &Start) {
        let place = || Place::Commit(i64::try_from(commit.commit).unwrap_or(i64::MAX));
        let listed: BTreeSet<_> = commit.plans.iter().collect();
        let mut found = BTreeSet::new();
        for (number, row_hash) in std::mem::take(&mut self.plans) {
            let twice = !found.insert(row_hash);
            if twice || number != commit.commit || !listed.contains(&row_hash) {
                let message = "a plan before it is not one that it counts";
                self.add(FindingKind::PlanInserted, place(), message);
            }
        }
        let missing = (listed.len() as u64).saturating_sub(found.len() as u64);
        if start.archived.is_some() {
            self.hidden.plans = self.hidden.plans.saturating_add(missing);
        } else if start.selection.takes_all_streams() && missing > 0 {
            let message = "plans that it counts are not there";
            self.add(FindingKind::PlanMissing, place(), message);
        }
    }
}
