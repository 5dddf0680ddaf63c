//! A small disk of a server's own, so that it can be full without harm to anybody else: a file system in memory, which only
//! the system's administrator can mount.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// What fills it.
const FILLER: &str = "filler";

/// A folder that is a disk, where that could be had.
pub(crate) struct Disk {
    folder: PathBuf,
    /// Why it is a plain folder.
    plain: Option<String>,
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.plain.is_none() {
            // Whoever still has it open keeps it until then.
            let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
        }
    }
}

impl Disk {
    /// Makes the folder, and a file system of so many MB in it.
    pub(crate) fn new(folder: &Path, mb: u32) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let size = format!("size={mb}m,mode=700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "strata-soak"]).arg(folder);
        let plain = match mount.output() {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Some(format!("mount: {error}")),
        };
        Ok(Self { folder: folder.to_owned(), plain })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Why it cannot be filled.
    pub(crate) fn cannot(&self) -> Option<String> {
        self.plain.as_ref().map(|why| format!("no file system of its own: {why}"))
    }

    /// Fills it to its last byte; how many that were.
    pub(crate) fn fill(&self) -> Result<u64> {
        if let Some(why) = self.cannot() {
            bail!("{why}");
        }
        let path = self.folder.join(FILLER);
        let mut file = File::create(&path).with_context(|| path.display().to_string())?;
        let mut written = 0_u64;
        for size in [1 << 20, 1 << 12, 1] {
            let block = vec![0_u8; size];
            while let Ok(count) = file.write(&block) {
                written += count as u64;
                if count < size {
                    break;
                }
            }
        }
        Ok(written)
    }

    /// Makes room again.
    pub(crate) fn empty(&self) -> Result<()> {
        std::fs::remove_file(self.folder.join(FILLER))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_and_has_room_again_or_says_why_it_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(&folder.path().join("disk"), 1).unwrap();
        if let Some(why) = disk.cannot() {
            eprintln!("skipped: {why}");
            assert!(disk.fill().is_err());
            return;
        }
        let written = disk.fill().unwrap();
        assert!((900_000..=1 << 20).contains(&written), "{written}");
        assert!(std::fs::write(disk.folder().join("one"), vec![0; 5000]).is_err());
        disk.empty().unwrap();
        std::fs::write(disk.folder().join("one"), vec![0; 5000]).unwrap();
    }
}
