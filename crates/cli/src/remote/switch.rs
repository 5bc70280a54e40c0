//! `freeze` and `thaw` over a server.

use super::client::Client;
use crate::{
    commands::freeze::SwitchArgs,
    context::Context,
    errors::{Exit, Failure},
};
use serde_json::{Value, json};

pub(super) fn freeze(
    args: &SwitchArgs,
    client: &Client,
    context: &Context,
) -> Result<Exit, Failure> {
    let words = "frozen: no call gets a permit there until `mandate thaw`";
    throw("freeze", args, words, client, context)
}

pub(super) fn thaw(args: &SwitchArgs, client: &Client, context: &Context) -> Result<Exit, Failure> {
    throw("thaw", args, "thawed: the server goes on", client, context)
}

fn throw(
    verb: &str,
    args: &SwitchArgs,
    words: &str,
    client: &Client,
    context: &Context,
) -> Result<Exit, Failure> {
    let stands: Value = client.post(&[verb], &json!({ "reason": args.reason }))?;
    let out = context.out();
    match out.is_json() {
        true => out.value(&stands),
        false => out.line(words),
    }
    Ok(Exit::Success)
}
