//! `mandate executions continue [ID…]`.

use crate::{
    asking::Answering,
    context::Context,
    drive::Driver,
    errors::{Exit, Failure},
    ids, launch,
    render::shown,
    toolbox,
};
use clap::Args;

/// What `executions continue` takes.
#[derive(Debug, Args)]
pub(crate) struct ContinueArgs {
    /// The executions: ids, their beginnings, or `@last`; all unfinished ones if none is given
    #[arg(value_name = "ID")]
    pub(crate) executions: Vec<String>,
    /// Leave them to a process in the background, and say which
    #[arg(short, long)]
    pub(crate) detach: bool,
}

pub(super) fn run(args: &ContinueArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let settings = context.settings()?;
    let reader = context.reader()?;
    let mut wanted = Vec::new();
    for typed in &args.executions {
        let id = ids::execution(&reader, typed)?;
        if let Some(row) = reader.execution(&id)?
            && row.finished_at_ms.is_some()
        {
            let failure = format!(
                "execution `{}` has ended: it is {}",
                ids::short(&id),
                row.state
            );
            return Err(
                Failure::new(crate::errors::Kind::NotNow, failure).remedy(format!(
                    "`mandate executions show {}` has its result",
                    ids::short(&id)
                )),
            );
        }
        wanted.push(id);
    }
    drop(reader);
    let registry = toolbox::registry(settings)?;
    // A server that does not work fails its own steps, not the others.
    toolbox::discover(&registry)?;
    let driver = if args.detach {
        Driver::visit(settings, registry)?
    } else {
        Driver::start(settings, registry)?
    };
    if args.executions.is_empty() {
        wanted = driver.reader()?.unfinished()?;
    }
    if wanted.is_empty() {
        out.note("nothing is unfinished");
        return Ok(Exit::Success);
    }
    for id in &wanted {
        driver.take_up(id)?;
    }
    if args.detach {
        return launch::left_to(context, &driver, &wanted);
    }
    let mut worst = Exit::Success;
    for id in &wanted {
        if wanted.len() > 1 && !out.is_json() {
            let name = driver
                .reader()?
                .execution(id)?
                .map_or_else(String::new, |row| shown::short(&row.name, 60));
            let paint = out.paint_notes();
            out.note(&format!(
                "{} {}",
                paint.bold(ids::short(id)),
                paint.dim(&name)
            ));
        }
        let exit = launch::stay(context, &driver, id, false, None, Answering::new(false))?;
        worst = worse(worst, exit);
        if driver.interrupts().must_leave() {
            break;
        }
    }
    driver.finish(context, &wanted)?;
    Ok(worst)
}

/// Of several executions the command tells the gravest end.
fn worse(left: Exit, right: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Success => 0,
        Exit::Waiting => 1,
        Exit::Partial => 2,
        Exit::Limited => 3,
        Exit::Denied => 4,
        Exit::Invalid => 5,
        Exit::Failure => 6,
        Exit::Cancelled => 7,
    };
    if rank(right) > rank(left) {
        right
    } else {
        left
    }
}
