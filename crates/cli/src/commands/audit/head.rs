//! `mandate audit head`.

use crate::{
    context::Context,
    errors::{Exit, Failure},
    output::Out,
    render::execution,
};
use clap::Args;
use mandate_store::{Head, SignedHead, SigningKey};

/// What `audit head` takes.
#[derive(Debug, Args)]
pub(crate) struct HeadArgs {
    /// Print the public key alone
    #[arg(long)]
    pub(crate) public_key: bool,
}

pub(super) fn run(args: &HeadArgs, context: &Context) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let signed = SigningKey::of_directory(reader.dir())?.sign_head(reader.head()?);
    tell(&signed, args, context.out());
    Ok(Exit::Success)
}

/// Tells the head.
pub(crate) fn tell(signed: &SignedHead, args: &HeadArgs, out: &Out) {
    if out.is_json() {
        out.value(&serde_json::to_value(signed).unwrap_or_default());
    } else if args.public_key {
        out.line(&signed.public_key.to_string());
    } else {
        let paint = out.paint();
        out.line(&execution::head(&signed.head));
        out.line(&format!("{} {}", paint.dim("signature"), signed.signature));
        out.line(&format!(
            "{} {}",
            paint.dim("public key"),
            signed.public_key
        ));
    }
}

/// A head as `audit head` prints it: its first line, whatever stands behind.
///
/// # Errors
/// Anything else.
pub(crate) fn parse(text: &str) -> Result<Head, Failure> {
    let first = text.split_whitespace().next().unwrap_or_default();
    let parsed = first.split_once(':').and_then(|(number, hash)| {
        Some(Head {
            number: number.parse().ok()?,
            hash: hash.parse().ok()?,
        })
    });
    parsed.ok_or_else(|| {
        Failure::usage(format!("`{text}` is not a head"))
            .remedy("give it as `mandate audit head` prints it: `NUMBER:HASH`")
    })
}
