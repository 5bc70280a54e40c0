//! The system calls that a confined program is refused: ways around Landlock, ways to its neighbours, ways into the kernel.

use crate::profile::Profile;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Compare,
    SeccompCondition as Condition, SeccompFilter, SeccompRule as Rule, TargetArch,
};
use std::collections::BTreeMap;

/// Refused whatever they are given.
const NEVER: &[i64] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_perf_event_open,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    // Files by handle, not by path.
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    // What does other calls' work, or opens much of the kernel.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_bpf,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_vhangup,
    // The machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
];

/// Flags of `clone` that make namespaces.
const NAMESPACES: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// On x86-64 each call has a second number (x32).
#[cfg(target_arch = "x86_64")]
const SECOND: Option<i64> = Some(0x4000_0000);
#[cfg(not(target_arch = "x86_64"))]
const SECOND: Option<i64> = None;

/// Has the kernel refuse them to this process, and whatever it becomes.
pub(crate) fn restrict(profile: &Profile, landlock: i32) -> Result<(), String> {
    let filters = filters(profile, landlock);
    let filters = filters.map_err(|error| format!("system calls cannot be filtered: {error}"))?;
    for filter in &filters {
        seccompiler::apply_filter(filter)
            .map_err(|error| format!("system calls cannot be filtered: {error}"))?;
    }
    Ok(())
}

type Rules = BTreeMap<i64, Vec<Rule>>;

fn filters(profile: &Profile, landlock: i32) -> Result<Vec<BpfProgram>, seccompiler::Error> {
    let mut rules: Rules = NEVER.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_socket, sockets(profile)?);
    rules.insert(libc::SYS_ioctl, terminals()?);
    rules.insert(libc::SYS_clone, namespaces()?);
    if landlock < crate::kernel::MIN_LANDLOCK {
        rules.insert(libc::SYS_truncate, Vec::new());
    }
    let refused = filter(rules, libc::EPERM)?;
    // Its flags are in memory, where no filter looks; without it, `clone` is used.
    let unknown = filter(Rules::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?;
    Ok(vec![unknown, refused])
}

fn filter(mut rules: Rules, errno: i32) -> Result<BpfProgram, seccompiler::Error> {
    if let Some(second) = SECOND {
        let more: Rules = rules
            .iter()
            .map(|(call, rules)| (call | second, rules.clone()))
            .collect();
        rules.extend(more);
    }
    let errno = errno.unsigned_abs();
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        arch(),
    )?;
    Ok(filter.try_into()?)
}

fn arch() -> TargetArch {
    #[cfg(target_arch = "x86_64")]
    return TargetArch::x86_64;
    #[cfg(target_arch = "aarch64")]
    return TargetArch::aarch64;
    #[cfg(target_arch = "riscv64")]
    return TargetArch::riscv64;
}

/// Which kinds of sockets are refused.
fn sockets(profile: &Profile) -> Result<Vec<Rule>, seccompiler::Error> {
    let mut allowed = Vec::new();
    if profile.network {
        allowed.extend([libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]);
    }
    if profile.unix_sockets {
        allowed.push(libc::AF_UNIX);
    }
    let others = allowed
        .iter()
        .map(|family| Condition::new(0, Length::Dword, Compare::Ne, family.unsigned_abs().into()));
    let others = others.collect::<Result<Vec<_>, _>>()?;
    match others.is_empty() {
        true => Ok(Vec::new()),
        false => Ok(vec![Rule::new(others)?]),
    }
}

/// Typing into a terminal, and what the console can do besides.
fn terminals() -> Result<Vec<Rule>, seccompiler::BackendError> {
    let codes = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSCTTY];
    let rules = codes.iter().map(|code| {
        let code = *code & 0xffff_ffff;
        Rule::new(vec![Condition::new(1, Length::Dword, Compare::Eq, code)?])
    });
    rules.collect()
}

fn namespaces() -> Result<Vec<Rule>, seccompiler::BackendError> {
    let bits = (0..32).map(|bit| 1_i32 << bit);
    let bits = bits.filter(|bit| NAMESPACES & bit != 0);
    let rules = bits.map(|bit| {
        let bit = u64::from(bit.cast_unsigned());
        Rule::new(vec![Condition::new(
            0,
            Length::Qword,
            Compare::MaskedEq(bit),
            bit,
        )?])
    });
    rules.collect()
}
