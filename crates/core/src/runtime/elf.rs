//! Whether a shared library of Linux is whole. The loader maps a file that was cut short and then
//! dies of a bus error, which no caller can catch; a half-copied library must be an error instead.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
/// Type of a segment that is mapped into memory.
const LOAD: u32 = 1;

/// Checks that the file holds every segment and the section table its header promises. Files that are no 64-bit
/// little-endian ELF are left to the loader, which refuses them properly.
pub(super) fn check_whole(path: &Path) -> Result<(), String> {
    let missing = read_missing(path).map_err(|e| e.to_string())?;
    match missing {
        0 => Ok(()),
        bytes => Err(format!("it was cut short: at least {bytes} bytes are missing")),
    }
}

fn read_missing(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut header = [0; HEADER];
    if length < HEADER as u64 {
        return Ok(0);
    }
    file.read_exact(&mut header)?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Ok(0);
    }
    let table = long(&header, 32);
    let (entry, count) = (usize::from(short(&header, 54)), usize::from(short(&header, 56)));
    if entry < PROGRAM_HEADER {
        return Ok(0);
    }
    let size = entry * count;
    // The section headers, which linkers put last, show a cut that no segment would.
    let sections = u64::from(short(&header, 58)) * u64::from(short(&header, 60));
    let mut end = table.saturating_add(size as u64).max(long(&header, 40).saturating_add(sections));
    if table.saturating_add(size as u64) <= length {
        let mut headers = vec![0; size];
        file.seek(SeekFrom::Start(table))?;
        file.read_exact(&mut headers)?;
        let mapped = headers.chunks_exact(entry).filter(|h| int(h, 0) == LOAD);
        let last = mapped.map(|h| long(h, 8).saturating_add(long(h, 32))).max();
        end = end.max(last.unwrap_or(0));
    }
    Ok(end.saturating_sub(length))
}

/// The `N` bytes from `at`; callers keep within bounds.
fn bytes<const N: usize>(data: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| data.get(at + i).copied().unwrap_or(0))
}

fn short(data: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes(data, at))
}

fn int(data: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes(data, at))
}

fn long(data: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes(data, at))
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
mod tests {
    use super::check_whole;

    #[test]
    fn this_executable_is_whole_and_its_parts_are_not() {
        let path = std::env::current_exe().unwrap();
        assert_eq!(check_whole(&path), Ok(()));
        let bytes = std::fs::read(&path).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let part = dir.path().join("part");
        for length in [64, 4096, bytes.len() / 3, bytes.len() - 1] {
            std::fs::write(&part, &bytes[..length]).unwrap();
            assert!(check_whole(&part).is_err(), "{length} bytes");
        }
        for odd in [
            &b""[..],
            b"\x7fELF\x02\x01",
            b"text, long enough to be more than a header is: sixty-four bytes",
        ] {
            std::fs::write(&part, odd).unwrap();
            assert_eq!(check_whole(&part), Ok(()));
        }
    }
}
