//! What must not compile: forging, cloning, reusing or serialising what only `admit` and `enforce` may make.

#[test]
fn permits_and_approved_plans_cannot_be_forged_or_used_twice() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
