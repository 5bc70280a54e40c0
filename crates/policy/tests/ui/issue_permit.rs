//! Its constructor is private to the module of `enforce`.
fn forge(call: &mandate_policy::ResolvedCall, digest: mandate_plan::Digest) {
    let _ = mandate_policy::Permit::issue(call, digest, digest);
}

fn main() {}
