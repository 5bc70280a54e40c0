//! Nobody outside can make the proof that a provider asks for.

use mandate_tools::{Authorized, CallContext, Outcome, Provider};

async fn call(provider: &dyn Provider, call: CallContext) -> Outcome {
    provider.call(Authorized { _only_the_runner: () }, call).await
}

async fn call_by(provider: &dyn Provider, permit: mandate_policy::Permit, call: CallContext) -> Outcome {
    provider.call(Authorized::by(permit), call).await
}

fn main() {}
