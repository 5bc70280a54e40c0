//! An approved plan has private fields.
fn main() {
    let _ = mandate_policy::ApprovedPlan { execution_id: String::from("e") };
}
