//! `audit …` over a server.

use super::{
    client::{Client, sent},
    ids,
    problem::Unreached,
};
use crate::{
    commands::audit::{
        export::{self, ExportArgs, Format},
        head::{self, HeadArgs},
        verify::{self, VerifyArgs},
    },
    context::Context,
    errors::{Exit, Failure},
    when,
};
use mandate_store::{SignedHead, VerifyReport};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

pub(super) fn head(args: &HeadArgs, client: &Client, context: &Context) -> Result<Exit, Failure> {
    let signed: SignedHead = client.get(&["audit", "head"], &[])?;
    head::tell(&signed, args, context.out());
    Ok(Exit::Success)
}

#[derive(Deserialize)]
struct Verified {
    report: VerifyReport,
}

pub(super) fn verify(
    args: &VerifyArgs,
    client: &Client,
    context: &Context,
) -> Result<Exit, Failure> {
    let head = args.head.as_deref().map(head::parse).transpose()?;
    let head = head.map(|head| format!("{}:{}", head.number, head.hash));
    let found: Verified = client.post_and_wait(&["audit:verify"], &json!({ "head": head }))?;
    Ok(verify::tell(&found.report, context.out()))
}

pub(super) fn export(
    args: &ExportArgs,
    client: &Client,
    context: &Context,
) -> Result<Exit, Failure> {
    if args.references {
        return Err(Failure::usage(
            "a server exports large values in their place, and no references",
        )
        .remedy("leave `--references` out, or export where the journal is"));
    }
    let time = |text: &Option<String>| {
        let time = text.as_deref();
        let time = time.map(|text| when::past_ms(text, when::now_ms()));
        let time = time.transpose();
        time.map(|ms| ms.map(|ms| ms.to_string()))
            .map_err(|error| Failure::usage(error.to_string()))
    };
    let stream = match args.execution.as_deref() {
        Some(typed) if typed != mandate_store::SYSTEM => Some(ids::execution(client, typed)?),
        stream => stream.map(str::to_owned),
    };
    let kinds: Vec<String> = export::kinds(&args.kind)?.into_iter().collect();
    let format = match args.format {
        Format::Jsonl => "jsonl",
        Format::Cloudevents => "cloudevents",
    };
    let query = [
        ("execution", stream),
        ("kind", (!kinds.is_empty()).then(|| kinds.join(","))),
        ("since", time(&args.since)?),
        ("until", time(&args.until)?),
        ("after", (args.after > 0).then(|| args.after.to_string())),
        ("format", Some(format.to_owned())),
    ];
    let out = context.out();
    let request = client.request(Method::GET, &["audit", "export"], &query);
    let written: Result<(), Unreached> = client.wait(async {
        let mut response = sent(request).await?;
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| Unreached::of(&error))?
        {
            out.write(&piece);
            if out.is_closed() {
                break;
            }
        }
        Ok(())
    });
    written.map_err(|why| why.failure(&client.name()))?;
    out.flush();
    Ok(Exit::Success)
}
