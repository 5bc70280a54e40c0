"""Mandate beside a peer, DBOS on PostgreSQL: the same workloads on one machine in one run, in rounds that change their order.

A figure of one machine says nothing about another machine's. A ratio of two that were taken in turn does, which is why nothing is
compared here with a figure from elsewhere. `README.md` beside this file says what is measured.
"""

import argparse
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEER = HERE / "dbos"
# Where Debian and others keep what only the server's user is thought to need.
POSTGRES_FOLDERS = ["/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin", "/usr/local/pgsql/bin"]
# All that differs from what PostgreSQL comes with is that it listens only to this run. What decides about durability is named, so
# that no build's defaults do; the peer looks at these again before it prints a figure.
DURABLE = ["fsync=on", "synchronous_commit=on", "full_page_writes=on"]
# A path to a Unix socket holds 107 bytes; `/.s.PGSQL.5432` is some of them.
SOCKET_PATH_BYTES = 107 - len("/.s.PGSQL.5432")
# Workload, figure, and whether more of it is better.
FIGURES = [
    ("B", "steps_per_s", True),
    ("B", "cpu_us_per_step", False),
    ("A", "step_ms_p50", False),
    ("A", "step_ms_mean", False),
    ("A", "cpu_us_per_step", False),
]
MINIATURE = {"A": ["--steps", "5"], "B": ["--executions", "8", "--steps", "3", "--at-a-time", "4"]}


class Failure(Exception):
    """Why there are no figures, in one sentence."""


def binary(name):
    """Where PostgreSQL's `name` is; with others of its kind beside it, as `initdb` wants it."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *POSTGRES_FOLDERS]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if not found:
        raise Failure(f"`{name}` is neither on the PATH nor in {POSTGRES_FOLDERS[0]}: install PostgreSQL 15 (postgresql-15)")
    # A link on the PATH may lead to where the others are.
    return os.path.realpath(found)


def server_user():
    """Whom PostgreSQL runs as: it refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Failure("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` here: run this as another user")


def said(command, what, cwd=None, env=None):
    """What a command prints. It and all that it starts end with this program, whatever ends that."""
    command = [str(word) for word in command]
    try:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)
    except OSError as error:
        raise Failure(f"{what} does not start: {error}") from error
    try:
        output, _ = process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if process.returncode != 0:
        raise Failure(f"{what} failed with {process.returncode}: `{' '.join(command)}`")
    return output


def figures(command, what):
    try:
        return json.loads(said(command, what))
    except ValueError as error:
        raise Failure(f"{what} printed no JSON: {error}") from error


def build():
    """The peer's program, built from its lock file."""
    if not shutil.which("cargo"):
        raise Failure("`cargo` is not on the PATH: install Rust")
    target = ROOT / "target/peers"
    manifest = PEER / "Cargo.toml"
    command = ["cargo", "build", "--release", "--locked", "--manifest-path", manifest]
    try:
        said(command, "building the peer", env={**os.environ, "CARGO_TARGET_DIR": str(target)})
    except Failure as failure:
        fetch = f"cargo fetch --locked --manifest-path {manifest}"
        raise Failure(f"{failure}; if cargo has no registry here, run `{fetch}` where it has one") from failure
    return target / "release/peer-dbos"


def peer_version():
    return tomllib.loads((PEER / "Cargo.toml").read_text())["dependencies"]["dbos"].removeprefix("=")


class Postgres:
    """A server of its own in a folder of its own, which both are gone afterwards."""

    def __init__(self, folder):
        self.postgres, self.initdb = binary("postgres"), binary("initdb")
        self.folder, self.databases, self.process = folder, 0, None
        self.user = server_user()
        self.rights = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        self.name = self.user.pw_name if self.user else pwd.getpwuid(os.geteuid()).pw_name
        self.data, self.log_path = folder / "data", folder / "log"
        self.sockets = pathlib.Path(tempfile.mkdtemp(prefix="peers-", dir="/tmp")) if self.far() else folder / "sockets"

    def far(self):
        return len(os.fsencode(self.folder / "sockets")) > SOCKET_PATH_BYTES

    def run(self, command, **more):
        # In a session of its own, so that Ctrl-C reaches this program alone and the server ends in order.
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **more, **self.rights)

    def log(self):
        with contextlib.suppress(OSError):
            return "".join(f"\n  {line}" for line in self.log_path.read_text(errors="replace").splitlines()[-20:])
        return ""

    def start(self):
        self.folder.mkdir(exist_ok=True)
        self.sockets.mkdir(exist_ok=True, mode=0o700)
        if self.user:
            for folder in (self.folder, self.sockets):
                os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        words = ["--pgdata", self.data, "--username", "peer", "--auth", "trust", "--no-locale", "--encoding", "UTF8"]
        try:
            made = self.run([self.initdb, *words]).wait()
        except OSError as error:
            raise Failure(f"`initdb` does not start as user `{self.name}` in {self.folder}: {error}; {self.reach()}") from error
        if made != 0:
            raise Failure(f"`initdb` failed as user `{self.name}`; {self.reach()}:{self.log()}")
        settings = [*DURABLE, "listen_addresses=", f"unix_socket_directories={self.sockets}"]
        self.process = self.run([self.postgres, "-D", self.data, *(word for one in settings for word in ("-c", one))])
        socket = self.sockets / ".s.PGSQL.5432"
        until = time.monotonic() + 120
        while not (socket.exists() and self.ready()):
            if self.process.poll() is not None or time.monotonic() > until:
                raise Failure(f"PostgreSQL does not start:{self.log()}")
            time.sleep(0.05)

    def reach(self):
        return f"`{self.name}` must be able to reach that folder, so choose another one with --dir if it cannot"

    def ready(self):
        """The last line of the file of its process says whether it takes connections."""
        with contextlib.suppress(OSError, IndexError):
            return (self.data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        return False

    def version(self):
        return said([self.postgres, "--version"], "asking PostgreSQL for its version").strip()

    def url(self):
        """A database that is not there yet: the peer makes it, and no run sees what another one left."""
        self.databases += 1
        return f"postgres:///peer_{self.databases}?{urllib.parse.urlencode({'host': self.sockets, 'user': 'peer'})}"

    def stop(self):
        if self.process and self.process.poll() is None:
            # First in order, then at once, then without it.
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                self.process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(30)
                    break
        shutil.rmtree(self.sockets, ignore_errors=True)


class Sides:
    """Both programs, and what each workload gave in each round."""

    def __init__(self, bench, peer, postgres, folder, miniature):
        self.bench, self.peer, self.postgres, self.folder, self.miniature = bench, peer, postgres, folder, miniature
        self.rounds, self.machine = [], {}

    def of_mandate(self, workload):
        words = ["durable", "--workload", workload, "--runs", "1", "--json", "--dir", self.folder]
        more = ["--miniature"] if self.miniature else []
        report = figures([self.bench, *words, *more], f"mandate-bench's workload {workload}")
        if not report.get("optimised"):
            print("mandate-bench was built without optimisation: the ratios say nothing about speed", file=sys.stderr)
        self.machine = report.get("machine", {})
        return {name: spread["median"] for name, spread in report["figures"].items()}

    def of_peer(self, workload):
        words = ["--url", self.postgres.url(), "--postmaster", self.postgres.process.pid, "--workload", workload]
        more = MINIATURE[workload] if self.miniature else []
        found = figures([self.peer, *words, *more], f"the peer's workload {workload}")
        # Mandate's database is within its process, the peer's is not.
        found["peer_process_cpu_us_per_step"] = found["cpu_us_per_step"]
        found["cpu_us_per_step"] += found["postgres_cpu_us_per_step"]
        return found

    def round(self, number):
        sides = [("peer", self.of_peer), ("mandate", self.of_mandate)]
        taken = {"mandate": {}, "peer": {}}
        for name, side in sides if number % 2 == 0 else reversed(sides):
            for workload in ("B", "A"):
                taken[name][workload] = side(workload)
        self.rounds.append(taken)


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": values}


def compared(rounds):
    """Each figure of both, and by how much Mandate is the better one: above 1 it is, whichever way the figure counts."""
    rows = []
    for workload, figure, more_is_better in FIGURES:
        both = [[taken[side][workload][figure] for taken in rounds] for side in ("mandate", "peer")]
        mandate, peer = (spread(values) for values in both)

        def better(ours, theirs, upwards=more_is_better):
            above, below = (ours, theirs) if upwards else (theirs, ours)
            return above / below if below else float("nan")

        row = {"workload": workload, "figure": figure, "mandate": mandate, "peer": peer}
        row["ratio_of_medians"] = better(mandate["median"], peer["median"])
        row["median_of_ratios"] = statistics.median(map(better, *both))
        rows.append(row)
    return rows


def shown(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def table(rows):
    def cell(one):
        return f"{shown(one['median'])} ({shown(one['min'])}–{shown(one['max'])})"

    lines = ["| workload | figure | Mandate | peer | ratio of medians | median of ratios |", "|---|---|---|---|---|---|"]
    for row in rows:
        ratios = [f"{row[name]:.2f}" for name in ("ratio_of_medians", "median_of_ratios")]
        cells = [row["workload"], f"`{row['figure']}`", cell(row["mandate"]), cell(row["peer"]), *ratios]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def measured(arguments, folder):
    bench = arguments.mandate_bench.resolve()
    if not os.access(bench, os.X_OK):
        raise Failure(f"`{bench}` is no program: build it with `cargo build --profile dist -p mandate-bench`")
    postgres = Postgres(folder / "postgres")
    try:
        peer = build()
        postgres.start()
        ours = folder / "mandate"
        ours.mkdir()
        sides = Sides(bench, peer, postgres, ours, arguments.miniature)
        for number in range(arguments.rounds):
            sides.round(number)
            print(f"round {number + 1} of {arguments.rounds} is done", file=sys.stderr)
        rows = compared(sides.rounds)
        report = {"peer": f"dbos {peer_version()}", "postgres": postgres.version(), "postgres_settings": DURABLE}
        return {**report, "miniature": arguments.miniature, "machine": sides.machine, "rows": rows, "rounds": sides.rounds}
    finally:
        postgres.stop()


def told(report):
    machine = report["machine"]
    known = {name: machine.get(name, "unknown") for name in ("processors", "processor", "kernel", "file_system", "load")}
    print("{processors} × {processor}, Linux {kernel}, {file_system}, load {load}".format(**known))
    print(f"peer: {report['peer']} on {report['postgres']}, {', '.join(report['postgres_settings'])}")
    if known["file_system"] == "tmpfs":
        print("the data lies in memory, where no commit waits for a disk: choose a disk with --dir")
    if report["miniature"]:
        print("a miniature: it shows that everything works, and measures nothing")
    print(f"\n{table(report['rows'])}\n\nA ratio above 1 is in favour of Mandate, whichever way the figure counts.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mandate-bench", type=pathlib.Path, required=True, help="the program `mandate-bench`, as released")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--dir", type=pathlib.Path, help="where all data lies, which decides which disk is measured")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--miniature", action="store_true", help="show that everything works, and measure nothing")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds needs a number above 0")
    # So that what follows `finally` happens when somebody ends this program in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.dir and not arguments.dir.is_dir():
        parser.error(f"--dir: `{arguments.dir}` is no directory: make it first")
    folder = None
    try:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="peers-", dir=arguments.dir and arguments.dir.resolve()))
        # The server's user goes through it; what it keeps for itself lies further inside.
        folder.chmod(0o711)
        report = measured(arguments, folder)
    except (Failure, OSError) as failure:
        sys.exit(f"run.py: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        print(json.dumps(report))
    else:
        told(report)


if __name__ == "__main__":
    main()
