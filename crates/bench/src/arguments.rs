//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

/// Measures Mandate.
#[derive(Debug, Parser)]
#[command(name = "mandate-bench", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// How fast plans run durably, beside what the disk can do at best
    Durable(DurableArguments),
    /// Every workload in turn, several times, as one table with what is wanted of each figure and whether it is met
    Table(TableArguments),
    /// How long a policy takes: to evaluate a plan, to judge a call, to be loaded; without the disk
    Policy(PolicyArguments),
    /// How fast `mandate serve` answers, beside a handler that does nothing
    Http(HttpArguments),
    /// What it costs others that many read the events of one execution as they happen
    Sse(SseArguments),
    /// What a call through the MCP gateway costs, beside a pass-through and the server itself
    Mcp(McpArguments),
    /// A gateway that only passes on; `mcp` starts it
    #[command(hide = true)]
    PassThrough(PassThroughArguments),
    /// Those who read events as they happen; `sse` starts them
    #[command(hide = true)]
    Read(ReadArguments),
    /// One measurement, in a process of its own; `durable` starts it
    #[command(hide = true)]
    Measure(MeasureArguments),
}

/// What `table` takes.
#[derive(Debug, Args)]
pub(crate) struct TableArguments {
    /// How many rounds of all workloads; the medians are reported
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Where the data directories are made, and removed afterwards: it decides which disk is measured
    #[arg(long, default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Leave out workload D, which takes minutes
    #[arg(long)]
    pub(crate) quick: bool,
    /// Put the table into this file, between the lines that mark its place
    #[arg(long, value_name = "FILE")]
    pub(crate) into: Option<PathBuf>,
    /// Everything a hundred times smaller: shows that it works, measures nothing
    #[arg(long)]
    pub(crate) miniature: bool,
}

/// What `http` takes.
#[derive(Debug, Args)]
pub(crate) struct HttpArguments {
    /// How many executions there are before anything is measured
    #[arg(long, default_value_t = 10_000)]
    pub(crate) executions: u32,
    /// How often each thing is asked for
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) times: u32,
    /// From how many connections, where it is asked for as fast as it goes
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// How often all of it is done; the medians are reported
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Where the data directories are made, and removed afterwards: it decides which disk is measured
    #[arg(long, default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The program that serves
    #[arg(long, value_name = "FILE", default_value_os_t = crate::http::beside_this())]
    pub(crate) mandate: PathBuf,
}

/// What `sse` takes.
#[derive(Debug, Args)]
pub(crate) struct SseArguments {
    /// How many read
    #[arg(long, default_value_t = 500)]
    pub(crate) readers: u32,
    /// How many executions run meanwhile, over and over
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) executions: u32,
    /// Of how many steps
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) steps: u32,
    /// About how many events the one has that is read
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(4..))]
    pub(crate) events: u32,
    /// How often all of it is done, with readers and without; the medians are reported
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Where the data directories are made, and removed afterwards: it decides which disk is measured
    #[arg(long, default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The program that serves
    #[arg(long, value_name = "FILE", default_value_os_t = crate::http::beside_this())]
    pub(crate) mandate: PathBuf,
}

/// What `read` takes.
#[derive(Debug, Args)]
pub(crate) struct ReadArguments {
    /// Where the server listens
    pub(crate) address: SocketAddr,
    /// The execution
    pub(crate) id: String,
    /// How many read
    pub(crate) readers: u32,
}

/// What `policy` takes.
#[derive(Debug, Args)]
pub(crate) struct PolicyArguments {
    /// How often each thing is done
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..))]
    pub(crate) times: u32,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `mcp` takes.
#[derive(Debug, Args)]
pub(crate) struct McpArguments {
    /// How many rounds; the medians are reported
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// How many calls in each measurement of a round
    #[arg(long, default_value_t = 2_000)]
    pub(crate) times: usize,
    /// Where the data directory is made, and removed afterwards: it decides which disk is measured
    #[arg(long, default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The server that is called
    #[arg(
        long,
        default_value = "target/tool-servers/npm/node_modules/.bin/mcp-server-everything"
    )]
    pub(crate) server: PathBuf,
    /// The binary `mandate`; without it, the one beside this program
    #[arg(long)]
    pub(crate) mandate: Option<PathBuf>,
    /// Measure the server's own HTTP, too
    #[arg(long)]
    pub(crate) its_own_http: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// A few calls only: shows that it works, measures nothing
    #[arg(long)]
    pub(crate) miniature: bool,
}

/// What the pass-through takes.
#[derive(Debug, Args)]
pub(crate) struct PassThroughArguments {
    /// Over HTTP instead of standard input and output
    #[arg(long)]
    pub(crate) http: bool,
    /// The server that is passed on to
    pub(crate) server: PathBuf,
}

/// What `durable` takes.
#[derive(Debug, Args)]
pub(crate) struct DurableArguments {
    /// What to run
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) workload: Workload,
    /// How often; the medians are reported
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Where the data directories are made, and removed afterwards: it decides which disk is measured
    #[arg(long, default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Of workload E: how many executions, a tenth of which wait
    #[arg(long, value_name = "N")]
    pub(crate) executions: Option<u32>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Once more under `strace`, counting the system calls that wait for the disk
    #[arg(long)]
    pub(crate) trace: bool,
    /// Everything a hundred times smaller: shows that it works, measures nothing
    #[arg(long)]
    pub(crate) miniature: bool,
}

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// One plan of 100 effect steps, one after the other
    #[value(name = "A")]
    A,
    /// 500 executions of 10 effect steps, 64 at a time
    #[value(name = "B")]
    B,
    /// The same with closed-world reads
    #[value(name = "B-read")]
    BRead,
    /// A plan of 1,000 steps beside one of 100
    #[value(name = "C")]
    C,
    /// 140,000 finished and 10,000 parked executions: opening, taking up, memory
    #[value(name = "D")]
    D,
    /// A million executions: lists, taking up 100,000 that are parked, the next execution beside the first, verifying,
    /// archiving
    #[value(name = "E")]
    E,
}

/// What the process of one measurement takes.
#[derive(Debug, Args)]
pub(crate) struct MeasureArguments {
    #[command(subcommand)]
    pub(crate) what: Measurement,
    /// The data directory
    #[arg(long, global = true, default_value = ".")]
    pub(crate) dir: PathBuf,
}

/// One measurement.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Measurement {
    /// One execution of a plan of so many effect steps
    Sequence {
        steps: u32,
        /// Reads instead of effects
        #[arg(long)]
        reads: bool,
        /// After each step, the rows of its commit are written once more by SQLite alone
        #[arg(long)]
        beside: bool,
    },
    /// Many executions side by side
    Fleet {
        #[arg(long)]
        executions: u32,
        #[arg(long)]
        steps: u32,
        #[arg(long)]
        at_a_time: u32,
        #[arg(long)]
        reads: bool,
    },
    /// Fills a journal with finished executions and with ones that wait for approval
    Fill {
        #[arg(long)]
        finished: u32,
        #[arg(long)]
        parked: u32,
    },
    /// Opens a journal and takes up what is unfinished
    Recover,
    /// Fills a journal with copies of executions that were run
    Copy {
        #[arg(long)]
        executions: u64,
        #[arg(long)]
        waiting: u64,
    },
    /// Reads lists and single executions
    Lists,
    /// Verifies a journal
    Check,
    /// Archives the oldest executions of a journal of copies
    Archive {
        #[arg(long)]
        keep: u64,
    },
}
