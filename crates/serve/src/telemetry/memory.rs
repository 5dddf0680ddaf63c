//! What the system knows about this process. Linux only; elsewhere there is no answer.

use std::fs;

/// Bytes of memory that this process holds. Read from `status` and not from `statm`, whose pages are
/// of a size that differs between systems.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    resident_in(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Largest amount of memory that this process has held, in bytes.
#[must_use]
pub fn peak_resident_bytes() -> Option<u64> {
    field_in(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// Number of files and sockets that this process has open.
#[must_use]
pub fn open_files() -> Option<u64> {
    // The folder being read is one of them, and is gone afterwards.
    let entries = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u64::try_from(entries).ok()
}

fn resident_in(status: &str) -> Option<u64> {
    field_in(status, "VmRSS:")
}

fn field_in(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_is_read_in_bytes() {
        let status = "Name:\tcat\nVmHWM:\t    2000 kB\nVmRSS:\t    1820 kB\nRssAnon:\t 104 kB\n";
        assert_eq!(resident_in(status), Some(1820 * 1024));
        assert_eq!(field_in(status, "VmHWM:"), Some(2000 * 1024));
        assert_eq!(resident_in("Name:\tkthread\n"), None);
        assert_eq!(resident_in("VmRSS:\tmuch kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_taken_shows() {
        let before = resident_bytes().unwrap();
        let taken = vec![1_u8; 64 << 20];
        let after = resident_bytes().unwrap();
        assert_eq!(taken[taken.len() / 2], 1);
        assert!(after > before + (32 << 20), "{before} {after}");
        assert!(peak_resident_bytes().unwrap() >= after - (1 << 20));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn open_files_are_counted() {
        let held: Vec<_> = (0..200).map(|_| fs::File::open("/proc/self/status").unwrap()).collect();
        assert!(open_files().unwrap() >= held.len() as u64);
    }
}
