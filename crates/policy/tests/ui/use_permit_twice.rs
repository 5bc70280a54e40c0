//! Whoever takes a permit has it.
fn run(_: mandate_policy::Permit) {}

fn twice(permit: mandate_policy::Permit) {
    run(permit);
    run(permit);
}

fn main() {}
