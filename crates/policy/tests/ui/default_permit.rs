//! There is no empty permit.
fn main() {
    let _: mandate_policy::Permit = Default::default();
}
