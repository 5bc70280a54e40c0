//! What the gateway costs: `echo` of a real MCP server, called directly, through a pass-through that does nothing but pass
//! on (made of the same library, over the same transports), and through Mandate in agent mode, with policy and journal; all
//! of them in turn within each round, so that none has the machine at a better hour.

mod over_http;
mod over_pipes;
pub(crate) mod pass_through;
mod site;

use crate::{
    arguments::McpArguments,
    failure::Failure,
    figures::{Spread, quantile, shown, spreads},
    machine::Machine,
    raw,
};
use over_http::Http;
use over_pipes::Pipes;
use serde_json::json;
use site::Site;
use std::{collections::BTreeMap, path::PathBuf, process::Command, time::Duration};

/// How many callers at a time.
const CALLERS: [usize; 2] = [1, 16];
/// How long the disk is looked at in each round.
const DISK: Duration = Duration::from_millis(300);

/// A call as one client makes it: the tool's name on the wire. Each caller has a message of its own.
#[derive(Debug, Clone)]
struct Calls {
    name: &'static str,
    callers: usize,
    /// How often each of them calls.
    times: usize,
}

/// How long each call took, in microseconds.
type Times = Vec<f64>;

/// Everything that is called, in one round after the other.
struct Targets {
    direct: Pipes,
    direct_http: Option<Http>,
    passed: Pipes,
    passed_http: Http,
    gateway: Pipes,
    gateway_http: Http,
    site: Site,
}

/// Measures and prints.
pub(crate) fn run(arguments: &McpArguments) -> Result<(), Failure> {
    let times = if arguments.miniature {
        5
    } else {
        arguments.times
    };
    let runs = if arguments.miniature {
        2
    } else {
        arguments.runs
    };
    let machine = Machine::here(&arguments.dir);
    let dir = tempfile::tempdir_in(&arguments.dir)
        .map_err(Failure::io("make a folder in", &arguments.dir))?;
    let server = server(arguments)?;
    let mut targets = Targets::start(dir.path(), &server, arguments)?;
    // Whoever starts cold is not measured.
    targets.round(times)?;
    let mut rounds = Vec::new();
    for _ in 0..runs {
        let mut found = targets.round(times)?;
        let disk = raw::small_writes(dir.path(), DISK)?;
        found.extend(disk);
        rounds.push(found);
    }
    let spreads = spreads(&rounds);
    if arguments.json {
        println!("{}", json!({ "machine": machine, "figures": spreads }));
    } else {
        print!("{}", table(&spreads));
    }
    Ok(())
}

impl Targets {
    fn start(
        dir: &std::path::Path,
        server: &PathBuf,
        arguments: &McpArguments,
    ) -> Result<Self, Failure> {
        let site = Site::start(dir, server, arguments.mandate.as_deref())?;
        let mut direct = Command::new(server);
        direct.arg("stdio");
        let own = std::env::current_exe().map_err(Failure::doing("find this program"))?;
        let pass = |words: &[&str]| {
            let mut command = Command::new(&own);
            command.arg("pass-through").args(words).arg(server);
            command
        };
        let direct_http = match arguments.its_own_http {
            true => Some(Http::of_everything(server)?),
            false => None,
        };
        Ok(Self {
            direct: Pipes::start(direct)?,
            direct_http,
            passed: Pipes::start(pass(&[]))?,
            passed_http: Http::of_command(pass(&["--http"]))?,
            gateway: Pipes::start(site.gateway())?,
            gateway_http: Http::at(&site.url, Some(&site.key))?,
            site,
        })
    }

    /// One measurement of each, by name.
    fn round(&mut self, times: usize) -> Result<BTreeMap<String, f64>, Failure> {
        let mut found = BTreeMap::new();
        for callers in CALLERS {
            let times = times.div_ceil(callers).max(1);
            let calls = |name| Calls {
                name,
                callers,
                times,
            };
            let mut put = |name: &str, times: &Times| {
                let all = [("p50_us", 0.5), ("p99_us", 0.99)];
                for (unit, part) in all {
                    found.insert(format!("{name}_{callers}_{unit}"), quantile(times, part));
                }
            };
            put("direct_stdio", &self.direct.calls(&calls("echo"))?);
            let passed = self.passed.calls(&calls("echo"))?;
            put("passed_stdio", &passed);
            for (kind, name) in [("read", "read__echo"), ("effect", "effect__echo")] {
                let calls = calls(name);
                self.site
                    .approve(&calls, |plan| self.gateway.propose(plan))?;
                let took = self.gateway.calls(&calls)?;
                put(&format!("gateway_stdio_{kind}"), &took);
                found_added(&mut put, &format!("added_stdio_{kind}"), &took, &passed);
            }
            if let Some(direct) = &mut self.direct_http {
                put("direct_http", &direct.calls(&calls("echo"))?);
            }
            let passed = self.passed_http.calls(&calls("echo"))?;
            put("passed_http", &passed);
            for (kind, name) in [("read", "read__echo"), ("effect", "effect__echo")] {
                let calls = calls(name);
                let http = &mut self.gateway_http;
                self.site.approve(&calls, |plan| http.propose(plan))?;
                let took = http.calls(&calls)?;
                put(&format!("gateway_http_{kind}"), &took);
                found_added(&mut put, &format!("added_http_{kind}"), &took, &passed);
            }
        }
        Ok(found)
    }
}

/// What was added at p50, within one round.
fn found_added(put: &mut dyn FnMut(&str, &Times), name: &str, took: &Times, passed: &Times) {
    put(name, &vec![quantile(took, 0.5) - quantile(passed, 0.5)]);
}

/// The server that is called.
fn server(arguments: &McpArguments) -> Result<PathBuf, Failure> {
    let path = &arguments.server;
    let whole = path.canonicalize();
    whole.map_err(Failure::io(
        "find the server (`cargo xtask tool-servers`)",
        path,
    ))
}

/// A table for people.
fn table(found: &BTreeMap<String, Spread>) -> String {
    let rows = [
        ("direct, stdio", "direct_stdio"),
        ("pass-through, stdio", "passed_stdio"),
        ("gateway, stdio, read", "gateway_stdio_read"),
        ("  added", "added_stdio_read"),
        ("gateway, stdio, effect", "gateway_stdio_effect"),
        ("  added", "added_stdio_effect"),
        ("its own HTTP", "direct_http"),
        ("pass-through, HTTP", "passed_http"),
        ("gateway, HTTP, read", "gateway_http_read"),
        ("  added", "added_http_read"),
        ("gateway, HTTP, effect", "gateway_http_effect"),
        ("  added", "added_http_effect"),
    ];
    let mut text = String::from(
        "| path | 1 caller, p50 µs | p99 µs | 16 callers, p50 µs | p99 µs |\n|---|---|---|---|---|\n",
    );
    for (what, name) in rows {
        let cell = |callers: usize, unit: &str| {
            let spread = found.get(&format!("{name}_{callers}_{unit}"));
            match spread {
                Some(spread) if unit == "p50_us" => {
                    format!("{} ({})", shown(spread.median), shown(spread.min))
                }
                Some(spread) if !name.starts_with("added") => shown(spread.median),
                _ => "–".to_owned(),
            }
        };
        let cells: Vec<String> = { CALLERS.iter() }
            .flat_map(|callers| [cell(*callers, "p50_us"), cell(*callers, "p99_us")])
            .collect();
        if found.contains_key(&format!("{name}_1_p50_us")) {
            text.push_str(&format!("| {what} | {} |\n", cells.join(" | ")));
        }
    }
    for (name, spread) in found.iter().filter(|(name, _)| name.starts_with("raw_")) {
        text.push_str(&format!("\n{name}: {}", shown(spread.median)));
    }
    text.push('\n');
    text
}
