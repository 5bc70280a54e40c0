//! What the compiler must refuse: calling a provider without a permit, and using a permit twice.

#[test]
fn a_permit_cannot_be_gone_round() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
