//! What a program of `process.exec` tries and must not get: each test is an escape.

use crate::fixture::{Fixture, Setup, contents, fixture};
use mandate_plan::ErrorCode;
use mandate_tools::Outcome;
use serde_json::{Value, json};
use std::{
    fs,
    net::{TcpListener, UdpSocket},
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
};

/// What a shell says and how it ends.
async fn shell(f: &Fixture, command: &str) -> Value {
    let codes: Vec<i32> = (0..=255).collect();
    let args = json!({"shell": true, "command": command, "ok_exit_codes": codes});
    f.output("process.exec", args).await
}

/// The system's Python runs the text; whatever it raises, it prints.
async fn python(f: &Fixture, text: &str) -> String {
    f.write("attack.py", text);
    let args = json!({"argv": ["/usr/bin/python3", "attack.py"], "ok_exit_codes": [0, 1]});
    let ended = f.output("process.exec", args).await;
    format!(
        "{}{}",
        ended["stdout"].as_str().unwrap(),
        ended["stderr"].as_str().unwrap()
    )
}

#[tokio::test]
async fn it_works_beneath_the_roots_and_in_a_place_of_its_own() {
    let f = fixture();
    let ended = shell(
        &f,
        "mkdir a && echo one > a/b && mv a/b c && ln c d && ln -s c e && rm d && cat e && echo two > \"$TMPDIR/x\" && cat \"$TMPDIR/x\" && echo \"$TMPDIR\" && ls /usr/bin > /dev/null && cat /proc/self/status > /dev/null && echo good",
    )
    .await;
    assert_eq!(ended["exit_code"], 0, "{ended}");
    let lines: Vec<&str> = ended["stdout"].as_str().unwrap().lines().collect();
    assert_eq!((lines[0], lines[1], lines[3]), ("one", "two", "good"));
    assert!(!std::path::Path::new(lines[2]).exists(), "{}", lines[2]);
    assert_eq!(f.text("c"), "one\n");
}

#[tokio::test]
async fn nothing_outside_is_written_read_or_listed() {
    let f = fixture();
    let before = contents(&f.outside);
    let outside = f.outside.display().to_string();
    // Links that were there before, and made on the way.
    std::os::unix::fs::symlink(&f.outside, f.project.join("link")).unwrap();
    let attempts = [
        format!("echo x > {outside}/new"),
        format!("echo x >> {outside}/secret.txt"),
        format!("rm {outside}/secret.txt"),
        format!("truncate -s 0 {outside}/secret.txt"),
        format!("mv {outside}/secret.txt ."),
        format!("cp {outside}/secret.txt ."),
        format!("ln {outside}/secret.txt hard && cat hard"),
        format!("cat {outside}/secret.txt"),
        format!("ls {outside}"),
        format!("chmod 777 {outside}/secret.txt; cat {outside}/secret.txt"),
        "cat link/secret.txt".to_owned(),
        format!("ln -s {outside} way; echo x > way/new"),
        format!("cat /proc/self/root{outside}/secret.txt"),
        format!("cat /proc/$PPID/root{outside}/secret.txt"),
        format!("cd /proc/self/fd && cat ../cwd/../outside/secret.txt"),
        "mknod disk b 8 0 && head -c 1 disk".to_owned(),
        "echo x > /tmp/mandate-escape".to_owned(),
        "echo x > /dev/shm/mandate-escape".to_owned(),
        "echo x > /etc/mandate-escape".to_owned(),
        "echo 1 > /proc/sys/vm/drop_caches".to_owned(),
    ];
    for attempt in attempts {
        let ended = shell(&f, &attempt).await;
        assert_ne!(ended["exit_code"], 0, "{attempt}: {ended}");
        assert!(
            !ended["stdout"].as_str().unwrap().contains("outside"),
            "{attempt}: {ended}"
        );
    }
    assert_eq!(contents(&f.outside), before);
}

#[tokio::test]
async fn journal_policies_and_keys_are_not_there() {
    let f = fixture();
    let before = contents(&f.project.join("data"));
    for attempt in [
        "cat data/journal.db",
        "cat data/blobs/one",
        "echo x > data/new",
        "echo x > data/journal.db",
        "rm -r data",
        "mv data elsewhere",
        "cat policy.cedar | grep .",
        "echo x > policy.cedar",
        "rm policy.cedar",
        "mv policy.cedar other",
        "cat /proc/$PPID/cwd/data/journal.db",
        "cat /proc/$PPID/root$PWD/data/journal.db",
        "umount data && cat data/journal.db",
        "ln data/journal.db out && cat out",
        "cat /proc/$PPID/environ | grep -a .",
        "cat /proc/$PPID/mem",
    ] {
        let ended = shell(&f, attempt).await;
        assert_ne!(ended["exit_code"], 0, "{attempt}: {ended}");
    }
    assert_eq!(contents(&f.project.join("data")), before);
    assert_eq!(f.text("policy.cedar"), "policy");
    let listed = shell(&f, "ls data; echo new > beside; cat beside").await;
    assert_eq!(listed["stdout"], "new\n");
}

#[tokio::test]
async fn what_would_configure_the_next_run_is_moved_aside() {
    let f = fixture();
    for make in ["mkdir later.key", "echo x > later.key", "ln -s / later.key"] {
        let args = json!({"shell": true, "command": make});
        let fault = f.failure("process.exec", args).await;
        assert_eq!(fault.code, ErrorCode::PolicyDenied, "{make}: {fault:?}");
        assert!(
            fs::symlink_metadata(f.project.join("later.key")).is_err(),
            "{make}"
        );
    }
}

#[tokio::test]
async fn a_protected_directory_that_was_moved_is_still_hidden() {
    let f = fixture();
    // By somebody outside of the sandbox.
    fs::rename(f.project.join("data"), f.project.join("moved")).unwrap();
    let ended = shell(&f, "cat moved/journal.db").await;
    assert_ne!(ended["exit_code"], 0, "{ended}");
}

const SOCKETS: &str = r#"
import socket
def attempt(name, act):
    try:
        act()
        print(name, "WORKED")
    except OSError as error:
        print(name, "refused")
def tcp():
    socket.create_connection(("127.0.0.1", TCP), 2)
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"x", ("127.0.0.1", UDP))
def listen():
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind(("127.0.0.1", 0))
def raw():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
def netlink():
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
def unix():
    s = socket.socket(socket.AF_UNIX)
    s.connect(PATH)
def abstract():
    s = socket.socket(socket.AF_UNIX)
    s.connect("\0" + ABSTRACT)
def vsock():
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
for act in [tcp, udp, listen, raw, netlink, unix, abstract, vsock]:
    attempt(act.__name__, act)
a, b = socket.socketpair()
a.send(b"x")
print("pair", b.recv(1))
"#;

/// Sockets of every kind that somebody listens on; gives the attack on them.
fn listeners(f: &Fixture) -> (String, (TcpListener, UdpSocket, UnixListener, UnixListener)) {
    use std::os::linux::net::SocketAddrExt as _;
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let path = f.project.join("socket");
    let unix = UnixListener::bind(&path).unwrap();
    let name = format!(
        "mandate-test-{}-{}",
        std::process::id(),
        tcp.local_addr().unwrap().port()
    );
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let abstract_one = UnixListener::bind_addr(&address).unwrap();
    let text = SOCKETS
        .replace("TCP)", &format!("{})", tcp.local_addr().unwrap().port()))
        .replace("UDP)", &format!("{})", udp.local_addr().unwrap().port()))
        .replace("PATH", &format!("{:?}", path.display().to_string()))
        .replace("ABSTRACT", &format!("{name:?}"));
    (text, (tcp, udp, unix, abstract_one))
}

#[tokio::test]
async fn there_is_no_network_and_no_way_to_the_neighbours() {
    let f = fixture();
    let (attack, _listeners) = listeners(&f);
    let said = python(&f, &attack).await;
    assert!(!said.contains("WORKED"), "{said}");
    assert_eq!(said.matches("refused").count(), 8, "{said}");
    assert!(said.contains("pair b'x'"), "{said}");
}

#[tokio::test]
async fn the_network_can_be_allowed_and_sockets_of_files_apart_from_it() {
    let mut setup = Setup::default();
    setup.config.sandbox.network = true;
    let f = setup.build();
    let (attack, _listeners) = listeners(&f);
    let said = python(&f, &attack).await;
    for works in ["tcp WORKED", "udp WORKED", "listen WORKED"] {
        assert!(said.contains(works), "{said}");
    }
    for refused in ["raw", "unix", "abstract", "vsock"] {
        assert!(said.contains(&format!("{refused} refused")), "{said}");
    }
    let mut setup = Setup::default();
    setup.config.sandbox.unix_sockets = true;
    let f = setup.build();
    let (attack, _listeners) = listeners(&f);
    let said = python(&f, &attack).await;
    assert!(said.contains("unix WORKED"), "{said}");
    for refused in ["tcp", "udp", "abstract"] {
        assert!(said.contains(&format!("{refused} refused")), "{said}");
    }
}

const CALLS: &str = r#"
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
def call(name, number, *args):
    ctypes.set_errno(0)
    done = libc.syscall(number, *args)
    print(name, "refused" if done == -1 and ctypes.get_errno() in (1, 38) else "WORKED %s %s" % (done, ctypes.get_errno()))
host, keeper = HOST, os.getppid()
call("ptrace", 101, 16, host, 0, 0)
call("ptrace of the keeper", 101, 16, keeper, 0, 0)
call("process_vm_readv", 310, host, 0, 0, 0, 0, 0)
call("bpf", 321, 0, 0, 0)
call("userfaultfd", 323, 1)
call("io_uring", 425, 8, 0)
call("keyctl", 250, 0, -3, 0)
call("add_key", 248, 0, 0, 0, 0, 0)
call("mount", 165, 0, 0, 0, 0, 0)
call("unshare user", 272, 0x10000000)
call("unshare mounts", 272, 0x20000)
call("setns", 308, 0, 0)
call("pivot_root", 155, 0, 0)
call("chroot", 161, b"/usr")
call("open_by_handle_at", 304, 0, 0, 0)
call("perf_event_open", 298, 0, 0, -1, -1, 0)
call("pidfd_getfd", 438, 0, 0, 0)
call("clone3", 435, 0, 0)
call("clone with namespaces", 56, 0x10000000 | 17, 0, 0, 0, 0)
call("x32 ptrace", 101 | 0x40000000, 16, host, 0, 0)
call("x32 socket", 41 | 0x40000000, 2, 1, 0)
call("reboot", 169, 0, 0, 0, 0)
call("init_module", 175, 0, 0, 0)
for name, pid in [("init", 1), ("host", host), ("keeper", keeper), ("the keeper's group", -keeper)]:
    for number in (0,) if pid == 1 else (0, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
        try:
            os.kill(pid, number)
            print("kill", name, number, "WORKED")
        except OSError:
            print("kill", name, number, "refused")
try:
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    print("priority WORKED")
except OSError:
    print("priority refused")
"#;

#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn neither_the_host_nor_the_kernel_is_touched() {
    let f = fixture();
    let attack = CALLS.replace("HOST", &std::process::id().to_string());
    let said = python(&f, &attack).await;
    assert!(!said.contains("WORKED"), "{said}");
    assert_eq!(said.matches("refused").count(), 37, "{said}");
}

#[tokio::test]
async fn setuid_gives_nothing() {
    let f = fixture();
    let copy = f.project.join("id");
    fs::copy("/usr/bin/id", &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o6755)).unwrap();
    let ended = shell(
        &f,
        "grep NoNewPrivs /proc/self/status; setpriv --reuid 65534 --clear-groups ./id -u; true",
    )
    .await;
    let said = ended["stdout"].as_str().unwrap();
    assert!(said.contains("NoNewPrivs:\t1"), "{ended}");
    assert!(!said.lines().any(|line| line == "0"), "{ended}");
}

#[tokio::test]
async fn capabilities_are_gone() {
    let f = fixture();
    let ended = shell(&f, "grep CapEff /proc/self/status").await;
    let said = ended["stdout"].as_str().unwrap().trim().to_owned();
    let bits = u64::from_str_radix(said.rsplit('\t').next().unwrap(), 16).unwrap();
    // Nothing of CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_NET_ADMIN, CAP_KILL.
    for bit in [21, 19, 12, 5] {
        assert_eq!(bits & (1 << bit), 0, "{said}");
    }
}

#[tokio::test]
async fn a_fork_bomb_is_ended_and_told() {
    let mut setup = Setup::default();
    setup.config.process.limits.processes = Some(40);
    let f = setup.build();
    let command = "while :; do sleep 50 & done";
    let args = json!({"shell": true, "command": command, "timeout_ms": 60_000});
    match f.call("process.exec", args).await {
        Outcome::Unknown(fault) => {
            assert_eq!(fault.code, ErrorCode::ResourceExhausted, "{fault:?}");
            assert!(
                fault.message.contains("more than 40 processes"),
                "{fault:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_memory_bomb_is_ended() {
    let mut setup = Setup::default();
    setup.config.process.limits.memory_bytes = Some(200 * 1024 * 1024);
    let f = setup.build();
    let said = python(&f, "x = bytearray(300 * 1024 * 1024)\nprint('WORKED')").await;
    assert!(said.contains("MemoryError"), "{said}");
    // Each for itself is within the limit.
    let together = "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        x = bytearray(b'x' * (80 * 1024 * 1024))\n        time.sleep(30)\ntime.sleep(30)\n";
    f.write("together.py", together);
    let args = json!({"argv": ["/usr/bin/python3", "together.py"], "timeout_ms": 60_000});
    match f.call("process.exec", args).await {
        Outcome::Unknown(fault) => {
            assert_eq!(fault.code, ErrorCode::ResourceExhausted, "{fault:?}");
            assert!(fault.message.contains("bytes of memory"), "{fault:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn further_paths_can_be_granted() {
    let f = fixture();
    let mut setup = Setup::default();
    let shared = tempfile::tempdir().unwrap();
    fs::write(shared.path().join("in"), "in").unwrap();
    setup.config.sandbox.read = vec![shared.path().to_owned()];
    drop(f);
    let f = setup.build();
    let path = shared.path().display();
    let ended = shell(&f, &format!("cat {path}/in; echo x > {path}/out")).await;
    assert_eq!(
        (&ended["stdout"], &ended["exit_code"]),
        (&json!("in"), &json!(2))
    );
    let mut setup = Setup::default();
    setup.config.sandbox.write = vec![shared.path().to_owned()];
    let f = setup.build();
    let ended = shell(&f, &format!("echo x > {path}/out")).await;
    assert_eq!(ended["exit_code"], 0, "{ended}");
}

#[tokio::test]
async fn a_gigabyte_of_output_is_read_and_not_kept() {
    let f = fixture();
    let args = json!({"argv": ["head", "-c", "1000000000", "/dev/zero"], "max_output_bytes": 1000});
    let ended = f.output("process.exec", args).await;
    assert_eq!(ended["truncated"], true);
    assert_eq!(ended["stdout"].as_str().unwrap().len(), 1000);
}

#[tokio::test]
async fn what_ignores_every_signal_is_killed_at_its_time_limit() {
    let f = fixture();
    let command = "trap '' HUP INT QUIT TERM PIPE; (setsid sh -c \"trap '' TERM; echo \\$\\$ > child; while :; do sleep 0.05; done\" &) ; while :; do sleep 0.05; done";
    let args = json!({"shell": true, "command": command, "timeout_ms": 500});
    match f.call("process.exec", args).await {
        Outcome::Unknown(fault) => assert_eq!(fault.code, ErrorCode::StepTimeout),
        other => panic!("{other:?}"),
    }
    let child = f.text("child");
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    assert!(stat.is_err(), "{stat:?}");
}
