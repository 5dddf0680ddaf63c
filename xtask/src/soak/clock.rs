//! The wall clock of one server, which can be set without touching that of the machine: by libfaketime, where it is
//! installed. Clocks that only measure time go on undisturbed, as they do when an administrator sets a clock.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

/// Where systems put the library.
const PLACES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// How long the library goes by what it read.
pub(crate) const READ_AGAIN: Duration = Duration::from_secs(2);

/// A clock that a server goes by.
pub(crate) struct Clock {
    file: PathBuf,
    library: Option<&'static str>,
}

impl Clock {
    /// A clock that shows the right time, kept in a file.
    pub(crate) fn new(file: &Path) -> Result<Self> {
        let library = PLACES.into_iter().find(|path| Path::new(path).is_file());
        let clock = Self { file: file.to_owned(), library };
        clock.write("+0")?;
        Ok(clock)
    }

    /// Variables that a server is started with.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let Some(library) = self.library else { return Vec::new() };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            pair("LD_PRELOAD", library),
            pair("FAKETIME_TIMESTAMP_FILE", &self.file.display().to_string()),
            pair("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            pair("FAKETIME_CACHE_DURATION", &READ_AGAIN.as_secs().to_string()),
            // Times of files stay those of the disk.
            pair("NO_FAKE_STAT", "1"),
        ]
    }

    /// Why it cannot be set.
    pub(crate) fn cannot(&self) -> Option<String> {
        let missing = "libfaketime is not installed (on Debian: apt install libfaketime)";
        self.library.is_none().then(|| missing.to_owned())
    }

    /// Sets it by so many seconds from the right time.
    pub(crate) fn set(&self, seconds: i64) -> Result<()> {
        if let Some(why) = self.cannot() {
            bail!("{why}");
        }
        self.write(&format!("{seconds:+}"))
    }

    /// In one step, so that nobody reads half of it.
    fn write(&self, text: &str) -> Result<()> {
        let part = self.file.with_extension("part");
        std::fs::write(&part, format!("{text}\n"))?;
        std::fs::rename(&part, &self.file)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_program_sees_the_clock_that_was_set() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::new(&folder.path().join("clock")).unwrap();
        if let Some(why) = clock.cannot() {
            eprintln!("skipped: {why}");
            return;
        }
        let shown = || -> i64 {
            let output = Command::new("date").arg("+%s").envs(clock.env()).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
        };
        let now = || {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            i64::try_from(now.unwrap().as_secs()).unwrap()
        };
        assert!((shown() - now()).abs() < 5);
        for seconds in [172_800, -3600] {
            clock.set(seconds).unwrap();
            assert!((shown() - now() - seconds).abs() < 5, "{seconds}");
        }
    }
}
