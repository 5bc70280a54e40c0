//! Nobody outside can turn a permit into the proof that a provider asks for: that is the runner's.

use mandate_policy::Permit;
use mandate_tools::{Authorized, CallContext, Outcome, Provider};

async fn call(provider: &dyn Provider, permit: Permit, call: CallContext) -> Outcome {
    provider.call(Authorized::by(permit), call).await
}

fn main() {}
