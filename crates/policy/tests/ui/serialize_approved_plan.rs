//! An approved plan is made again from plan, decision and approval, never read back.
fn send(approved: &mandate_policy::ApprovedPlan) -> String {
    serde_json::to_string(approved).unwrap()
}

fn main() {}
