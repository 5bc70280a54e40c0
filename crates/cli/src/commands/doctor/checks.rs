//! What doctor looks at.

use super::Finding;
use crate::{commands::freeze, config::Settings, context::Context, holder::holder, toolbox, when};
use mandate_store::{Reader, SqliteStore};
use mandate_tools::{SecretConfig, SecretValue};
use std::path::Path;

/// Everything, in the order in which things depend on each other.
pub(super) fn all(context: &Context) -> Vec<Finding> {
    let mut found = vec![Finding::good(
        "version",
        format!(
            "mandate {} on {} {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
    )];
    let settings = match context.settings() {
        Ok(settings) => settings,
        Err(failure) => {
            found.push(Finding::bad(
                "configuration",
                failure.message(),
                failure.advice().unwrap_or("mend it"),
            ));
            return found;
        }
    };
    found.extend(configuration(settings));
    found.extend(super::data::check(settings));
    found.extend(host(settings));
    found.extend(frozen(settings));
    found.extend(tools(settings));
    found.extend(secrets(settings));
    found.extend(kernel());
    found.extend(super::sandbox::check(settings));
    found
}

fn configuration(settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    if settings.files.is_empty() {
        found.push(Finding::note(
            "configuration",
            "no file; defaults hold",
            "`mandate init` writes a commented `mandate.toml` into this folder",
        ));
    }
    for file in &settings.files {
        let name = file.display().to_string();
        let set = settings
            .places
            .iter()
            .filter(|(_, place)| place.to_string().starts_with(&format!("{name}:")))
            .count();
        found.push(match writable_by_others(file) {
            true => Finding::bad(
                "configuration",
                format!("{name} can be changed by others"),
                format!("chmod go-w {name}"),
            ),
            false => Finding::good("configuration", format!("{name}: {set} set")),
        });
    }
    for (path, place) in settings
        .places
        .iter()
        .filter(|(_, place)| matches!(place, crate::config::Place::Variable(_)))
    {
        found.push(Finding::good(
            "configuration",
            format!("{path} from {place}"),
        ));
    }
    for name in &settings.strange_variables {
        found.push(Finding::note(
            "configuration",
            format!("the variable {name} means nothing"),
            format!("unset {name}"),
        ));
    }
    found
}

/// Who drives the executions, and whether it answers.
fn host(settings: &Settings) -> Option<Finding> {
    let dir = &settings.data_dir;
    if !Reader::has_journal(dir) {
        return None;
    }
    let Some(pid) = holder(dir) else {
        let unfinished = SqliteStore::open_readonly(dir).and_then(|reader| reader.unfinished());
        let left = unfinished.is_ok_and(|unfinished| !unfinished.is_empty());
        let nobody = "no process drives executions here now";
        return Some(if left {
            let fix = "mandate executions continue";
            Finding::note("host", format!("{nobody}, and some are unfinished"), fix)
        } else {
            Finding::good("host", nobody)
        });
    };
    Some(match mandate_host::Client::connect(dir) {
        Ok(client) => Finding::good(
            "host",
            format!(
                "process {} drives the executions, and answers",
                client.pid()
            ),
        ),
        Err(error) => Finding::bad(
            "host",
            format!("process {pid} has the data directory, but: {error}"),
            format!("look what it does, or end it: `kill {pid}` lets it put things in order"),
        ),
    })
}

/// Whether the switch is thrown that stops every call.
fn frozen(settings: &Settings) -> Option<Finding> {
    let dir = &settings.data_dir;
    if !Reader::has_journal(dir) {
        return None;
    }
    let reader = SqliteStore::open_readonly(dir).ok()?;
    let standing = freeze::standing(&reader).ok().flatten()?;
    Some(Finding::note(
        "freeze",
        freeze::sentence(&standing, when::now_ms()),
        "`mandate thaw` when it is safe",
    ))
}

fn writable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).is_ok_and(|about| about.mode() & 0o022 != 0)
}

fn tools(settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    match toolbox::registry(settings) {
        Err(failure) => found.push(Finding::bad(
            "tools",
            failure.message(),
            failure.advice().unwrap_or("mend it"),
        )),
        Ok(registry) => {
            for (name, why) in toolbox::prepare_all(&registry).unwrap_or_default() {
                found.push(Finding::bad(
                    "tools",
                    why,
                    format!("mend `{name}` in `mcpServers`, or say `disabled = true`"),
                ));
            }
            let all = registry.list();
            let broken: Vec<_> = all
                .iter()
                .filter_map(|tool| Some((tool.name.clone(), tool.lifecycle_reason.clone()?)))
                .collect();
            found.push(Finding::good(
                "tools",
                format!("{} there, {} broken", all.len(), broken.len()),
            ));
            for (name, why) in broken {
                found.push(Finding::bad(
                    "tools",
                    format!("{name}: {why}"),
                    "mend or remove what provides it",
                ));
            }
        }
    }
    let roots = &settings.tools.fs.roots;
    let roots = if roots.is_empty() {
        std::slice::from_ref(&settings.project)
    } else {
        roots.as_slice()
    };
    for root in roots {
        found.push(if root.is_dir() {
            Finding::good("file tools", format!("work beneath {}", root.display()))
        } else {
            Finding::bad(
                "file tools",
                format!("{} is not a directory", root.display()),
                "make it, or change `fs.roots`",
            )
        });
    }
    found
}

fn secrets(settings: &Settings) -> Vec<Finding> {
    let all = settings.tools.secrets.iter();
    all.map(|(name, secret)| {
        let nobody = secret.tools.is_empty();
        match resolvable(name, secret) {
            Err(why) => Finding::bad(
                "secrets",
                format!("{name}: {why}"),
                format!("mend `[secrets.{name}]` or its source"),
            ),
            Ok(()) if nobody => Finding::note(
                "secrets",
                format!("{name}: no tool may receive it"),
                format!("name them in `tools` of `[secrets.{name}]`"),
            ),
            Ok(()) => Finding::good(
                "secrets",
                format!("{name}: for {}", secret.tools.join(", ")),
            ),
        }
    })
    .collect()
}

/// Whether the source gives something that can be a secret. A command is not run: it may ask for a password.
fn resolvable(name: &str, secret: &SecretConfig) -> Result<(), String> {
    let check = |value: &str| {
        SecretValue::new(name, value)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    match (&secret.env, &secret.file, &secret.command) {
        (Some(variable), None, None) => {
            let value = std::env::var(variable)
                .map_err(|_| format!("the variable `{variable}` is not set"))?;
            check(&value)
        }
        (None, Some(file), None) => {
            let value = std::fs::read_to_string(file)
                .map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
            check(value.trim_end_matches(['\r', '\n']))
        }
        (None, None, Some(argv)) => {
            let program = argv.first().ok_or("its command is empty")?;
            if on_path(program) {
                Ok(())
            } else {
                Err(format!("there is no program `{program}`"))
            }
        }
        _ => Err("exactly one of `env`, `file` and `command` is needed".to_owned()),
    }
}

fn on_path(program: &str) -> bool {
    let runs = |path: &Path| {
        rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
    };
    if program.contains('/') {
        return runs(Path::new(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| runs(&dir.join(program)))
}

fn kernel() -> Vec<Finding> {
    let mut found = Vec::new();
    let how = rustix::fs::ResolveFlags::BENEATH;
    let flags =
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
    let opened = rustix::fs::open("/", flags, rustix::fs::Mode::empty())
        .and_then(|root| rustix::fs::openat2(root, ".", flags, rustix::fs::Mode::empty(), how));
    found.push(match opened {
        Ok(_) => Finding::good("kernel", "opens files beneath a directory (openat2)"),
        Err(error) => Finding::bad(
            "kernel",
            format!(
                "openat2 does not work: {error}; file tools cannot be held beneath their roots"
            ),
            "use Linux 5.6 or newer, and let the container's seccomp profile allow it",
        ),
    });
    if when::now_ms() < 1_700_000_000_000 {
        found.push(Finding::bad(
            "clock",
            "the clock is years behind",
            "set it: deadlines and expiries depend on it",
        ));
    }
    found
}
