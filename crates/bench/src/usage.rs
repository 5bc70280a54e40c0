//! What this process has used: CPU time and memory.

use crate::failure::Failure;
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;

/// User and system time of all threads of this process so far, in seconds.
pub(crate) fn cpu_s() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// The most memory that was ever resident, in bytes.
pub(crate) fn peak_rss_bytes() -> Result<u64, Failure> {
    sum_of("/proc/self/status", &["VmHWM:"])
}

/// Memory that is this process's alone, in bytes.
pub(crate) fn private_bytes() -> Result<u64, Failure> {
    sum_of(
        "/proc/self/smaps_rollup",
        &["Private_Clean:", "Private_Dirty:"],
    )
}

fn sum_of(path: &str, names: &[&str]) -> Result<u64, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::io("read", Path::new(path)))?;
    Ok(names.iter().map(|name| kib(&text, name)).sum::<u64>() * 1024)
}

fn kib(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read() {
        assert_eq!(kib("VmPeak:\t 9 kB\nVmHWM:\t  1234 kB\n", "VmHWM:"), 1234);
        assert!(private_bytes().unwrap() > 0);
        assert!(peak_rss_bytes().unwrap() > 0);
    }

    #[test]
    fn cpu_time_goes_on() {
        let before = cpu_s();
        let mut number = 1_u64;
        while cpu_s() - before < 0.001 {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        assert!(cpu_s() > before);
    }
}
