//! One execution has one approved plan.
fn copy<T: Clone>(approved: &T) -> T {
    approved.clone()
}

fn twice(approved: mandate_policy::ApprovedPlan) {
    let _ = copy(&approved);
}

fn main() {}
