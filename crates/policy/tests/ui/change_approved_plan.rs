//! What was approved stays as it is.
fn change(approved: &mut mandate_policy::ApprovedPlan) {
    approved.execution_id = String::from("another");
}

fn main() {}
