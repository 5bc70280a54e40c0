//! Rebuilds the projections of the histories in `support`: each record carries the rows as they stand after it.

use mandate_plan::Digest;
use mandate_store::verify::Rebuilt;
use mandate_store::{ExecutionRow, FindingKind, Rebuild, Record, RequestRow, VerifyReport, verify};
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};

pub struct FromPayloads;

#[derive(Deserialize)]
struct Payload {
    row: ExecutionRow,
    requests: Vec<RequestRow>,
}

impl Rebuild for FromPayloads {
    fn rows(
        &self,
        _stream: &str,
        records: &[Record],
        plan: &dyn Fn(&Digest) -> Option<Vec<u8>>,
    ) -> Result<Rebuilt, String> {
        let mut requests = BTreeMap::new();
        let mut last = None;
        for record in records {
            let payload: Payload =
                serde_json::from_slice(&record.payload).map_err(|error| error.to_string())?;
            for request in payload.requests {
                requests.insert(request.request_id.clone(), request);
            }
            last = Some(payload.row);
        }
        let row = last.ok_or("no records")?;
        plan(&row.plan_hash).ok_or("its plan is missing")?;
        Ok(Rebuilt {
            execution: row,
            requests: requests.into_values().collect(),
            calls: Vec::new(),
        })
    }
}

pub fn verified(dir: &Path) -> VerifyReport {
    verify(dir, None, &FromPayloads).unwrap()
}

pub fn assert_intact(dir: &Path) -> VerifyReport {
    let report = verified(dir);
    assert!(report.is_intact(), "{:#?}", report.findings);
    report
}

/// Asserts that one of the findings is of `kind` and its text holds `text`.
pub fn assert_found(report: &VerifyReport, kind: FindingKind, text: &str) {
    let named = |f: &&mandate_store::Finding| f.kind == kind && f.to_string().contains(text);
    assert!(
        report.findings.iter().any(|f| named(&f)),
        "no {kind:?} with `{text}` in {:#?}",
        report.findings
    );
}
