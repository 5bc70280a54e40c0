//! An approved plan is made again from plan, decision and approval, never read back.
use serde::Serialize;

fn send(approved: &mandate_policy::ApprovedPlan) {
    let _ = approved.serialize(serde_json::value::Serializer);
}

fn main() {}
