//! A permit never leaves the process …
use serde::Serialize;

fn send(permit: &mandate_policy::Permit) {
    let _ = permit.serialize(serde_json::value::Serializer);
}

fn main() {}
