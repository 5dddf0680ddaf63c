//! ZIP archives of office formats, opened so that no entry unpacks to more than it may, whatever its header says.

use std::io::{self, Cursor, Read};

use zip::ZipArchive;

use super::detect::{Format, zip_kind};
use super::limits::ReadLimits;
use super::problem::Problem;

/// Unpacked bytes that are never too many for an archive's size.
const ALWAYS: u64 = 32 << 20;

/// An archive in memory, with what may still be unpacked of it.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    entry_bytes: u64,
    left: u64,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8], limits: &ReadLimits) -> Result<Self, Problem> {
        // Before the library makes a list of them: every entry of the directory begins with these bytes.
        let entries = bytes.windows(4).filter(|w| w == b"PK\x01\x02").count();
        if entries > limits.entries {
            return Err(Problem::new(
                "bomb",
                format!("an archive of more than {} entries", limits.entries),
            ));
        }
        let zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| Problem::damaged(format!("its archive cannot be opened ({error})")))?;
        let by_ratio = (bytes.len() as u64).saturating_mul(limits.ratio).max(ALWAYS);
        Ok(Self { zip, entry_bytes: limits.entry_bytes, left: limits.unpacked_bytes.min(by_ratio) })
    }

    /// Names of all entries.
    pub(super) fn names(&self) -> Vec<String> {
        self.zip.file_names().flatten().map(std::borrow::Cow::into_owned).collect()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// Unpacks an entry through `read`; `None` where there is none of that name.
    pub(super) fn with<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn Read) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        let Some(index) = self.zip.index_for_name(name) else { return Ok(None) };
        let entry = self.zip.by_index(index).map_err(|error| {
            Problem::damaged(format!("{name} in it cannot be unpacked ({error})"))
        })?;
        if entry.encrypted() {
            return Err(Problem::new(
                "encrypted",
                "it is protected by a password; save it without one",
            ));
        }
        let limit = self.entry_bytes.min(self.left);
        let mut limited = Limited::new(entry, limit);
        let result = read(&mut limited);
        let exceeded = limited.exceeded;
        self.left = self.left.saturating_sub(limited.read);
        if exceeded {
            return Err(Problem::new(
                "bomb",
                format!("{name} in it unpacks to more than {limit} bytes"),
            ));
        }
        result.map(Some)
    }
}

/// What an archive is, by its parts; `None` for one that cannot be opened.
pub(super) fn kind(bytes: &[u8]) -> Option<Format> {
    let archive = Archive::open(bytes, &ReadLimits::default()).ok()?;
    Some(zip_kind(|part| archive.has(part)).unwrap_or(Format::Zip))
}

/// A reader that fails, instead of ending, behind a limit.
pub(super) struct Limited<R> {
    inner: R,
    read: u64,
    limit: u64,
    exceeded: bool,
}

impl<R: Read> Limited<R> {
    pub(super) fn new(inner: R, limit: u64) -> Self {
        Self { inner, read: 0, limit, exceeded: false }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read += count as u64;
        if self.read > self.limit {
            self.exceeded = true;
            return Err(io::Error::other(format!("it unpacks to more than {} bytes", self.limit)));
        }
        Ok(count)
    }
}
