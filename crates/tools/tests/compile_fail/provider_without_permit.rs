//! Nobody outside can make the proof that a provider asks for.

use mandate_tools::{Authorized, CallContext, Outcome, Provider};

async fn call(provider: &dyn Provider, call: CallContext) -> Outcome {
    provider.call(Authorized { _only_the_runner: () }, call).await
}

fn main() {}
