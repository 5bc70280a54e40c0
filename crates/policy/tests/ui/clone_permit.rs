//! A permit is one permit.
fn copy<T: Clone>(permit: &T) -> T {
    permit.clone()
}

fn twice(permit: mandate_policy::Permit) {
    let _ = copy(&permit);
}

fn main() {}
