//! A test that mounts disks of its own: it runs once more in a process that sees other mounts than everybody else, so
//! that nothing is left mounted whatever happens to it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

const INSIDE: &str = "MANDATE_TEST_OWN_MOUNTS";

/// Whether the caller, the test `name`, is that process. If not, it has been run there; or cannot be, which is said.
pub(crate) fn inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    // A user of their own is root there, as far as mounts go.
    let ways: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];
    let able = |way: &&&[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(**way)
            .args(["sh", "-c", "mount -t tmpfs none /mnt"]);
        let tried = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let Some(way) = ways.iter().find(able) else {
        eprintln!("NOT TESTED: this machine lets nobody mount: {name}");
        return false;
    };
    let output = Command::new("unshare")
        .args(*way)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "`{name}` is no test: {said}");
    false
}

/// Mounts a disk of that many KiB, which only its owner sees into.
pub(crate) fn mount(at: &Path, kib: u32) {
    std::fs::create_dir_all(at).unwrap();
    run(
        "mount",
        &[
            "-t",
            "tmpfs",
            "-o",
            &format!("size={kib}k,mode=700"),
            "none",
        ],
        at,
    );
}

/// Lets nobody write, or everybody again.
pub(crate) fn remount(at: &Path, how: &str) {
    run("mount", &["-o", &format!("remount,{how}")], at);
}

fn run(program: &str, args: &[&str], at: &Path) {
    let status = Command::new(program).args(args).arg(at).status().unwrap();
    assert!(status.success(), "{program} {args:?}");
}

/// Writes until there is no room left.
pub(crate) fn fill(dir: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(dir.join("filler")).unwrap();
    let block = [0_u8; 4096];
    while file.write_all(&block).is_ok() {}
    while file.write_all(&[0]).is_ok() {}
}

pub(crate) fn make_room(dir: &Path) {
    std::fs::remove_file(dir.join("filler")).unwrap();
}
