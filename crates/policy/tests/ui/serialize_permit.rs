//! A permit never leaves the process …
fn send(permit: &mandate_policy::Permit) -> String {
    serde_json::to_string(permit).unwrap()
}

fn main() {}
