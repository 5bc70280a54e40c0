//! The runner takes the permit by value, and a permit has no copies.

use mandate_policy::{Permit, ResolvedCall};
use mandate_tools::Tools;

async fn twice(tools: &dyn Tools, permit: Permit, call: ResolvedCall) {
    tools.run(permit, call.clone()).await;
    tools.run(permit, call).await;
}

async fn copied(tools: &dyn Tools, permit: Permit, call: ResolvedCall) {
    tools.run(permit.clone(), call).await;
}

fn main() {}
