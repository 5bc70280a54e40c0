//! … and never comes from outside.
use serde::Deserialize;

fn receive(value: serde_json::Value) {
    let _ = mandate_policy::Permit::deserialize(value);
}

fn main() {}
