//! A `tar.gz` whose bytes depend on its content alone.

use std::fs::File;
use std::io::{BufWriter, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// One file of the archive.
#[derive(Debug)]
pub(super) struct Entry {
    /// Path below the archive's one folder, with `/`.
    pub(super) path: String,
    pub(super) content: Content,
    /// A program that may be run.
    pub(super) executable: bool,
}

/// Where an entry's bytes are.
#[derive(Debug)]
pub(super) enum Content {
    File(PathBuf),
    Text(String),
}

impl Entry {
    pub(super) fn file(path: impl Into<String>, file: PathBuf, executable: bool) -> Self {
        Self { path: path.into(), content: Content::File(file), executable }
    }

    pub(super) fn text(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), content: Content::Text(text), executable: false }
    }

    fn open(&self) -> Result<(u64, Box<dyn Read + '_>)> {
        Ok(match &self.content {
            Content::Text(text) => (text.len() as u64, Box::new(Cursor::new(text.as_bytes()))),
            Content::File(path) => {
                let file =
                    File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
                (file.metadata()?.len(), Box::new(file))
            }
        })
    }
}

/// Writes `entries` below `folder` into `dest`, which appears whole or not at all. `time` is every entry's.
pub(super) fn write(dest: &Path, folder: &str, mut entries: Vec<Entry>, time: u64) -> Result<()> {
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some(twice) = entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
        bail!("{} would be in the archive twice", twice[0].path);
    }
    let parent = dest.parent().context("the archive needs a folder")?;
    let out = tempfile::NamedTempFile::new_in(parent)?;
    // No name and no time in gzip's head either.
    let packer = GzBuilder::new().write(BufWriter::new(out.as_file()), Compression::best());
    let mut tar = Builder::new(packer);
    for entry in &entries {
        let (bytes, content) = entry.open()?;
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(if entry.executable { 0o755 } else { 0o644 });
        header.set_size(bytes);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        let path = format!("{folder}/{}", entry.path);
        tar.append_data(&mut header, path, content.take(bytes))
            .with_context(|| format!("packing {}", entry.path))?;
    }
    tar.into_inner()?
        .finish()?
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?;
    readable(out.as_file())?;
    out.persist(dest).with_context(|| format!("cannot write {}", dest.display()))?;
    Ok(())
}

/// Temporary files are private, and an archive is to be handed on.
#[cfg(unix)]
fn readable(file: &File) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.set_permissions(std::fs::Permissions::from_mode(0o644))?)
}

#[cfg(not(unix))]
fn readable(_file: &File) -> Result<()> {
    Ok(())
}

/// Unpacks an archive of ours into `into`.
pub(super) fn unpack(archive: &Path, into: &Path) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
    tar::Archive::new(flate2::read::GzDecoder::new(file))
        .unpack(into)
        .with_context(|| format!("unpacking {}", archive.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> Vec<Entry> {
        let program = folder.join("program");
        std::fs::write(&program, "#!/bin/sh\n").unwrap();
        vec![
            Entry::text("z/last.txt", "last".to_owned()),
            Entry::file("program", program, true),
            Entry::text(format!("long/{}.txt", "n".repeat(150)), "deep".to_owned()),
        ]
    }

    #[test]
    fn the_same_content_in_any_order_and_at_any_time_is_the_same_archive() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.tar.gz"), folder.path().join("b.tar.gz"));
        write(&a, "strata-1", entries(folder.path()), 7).unwrap();
        let mut turned = entries(folder.path());
        turned.reverse();
        write(&b, "strata-1", turned, 7).unwrap();
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        write(&b, "strata-1", entries(folder.path()), 8).unwrap();
        assert_ne!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap(), "the time is in it");
    }

    #[test]
    fn what_is_packed_comes_out_with_its_rights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        write(&path, "strata-1", entries(folder.path()), 0).unwrap();
        let into = folder.path().join("out");
        unpack(&path, &into).unwrap();
        let top = into.join("strata-1");
        assert_eq!(std::fs::read_to_string(top.join("z/last.txt")).unwrap(), "last");
        assert!(top.join(format!("long/{}.txt", "n".repeat(150))).is_file());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |name: &str| {
                std::fs::metadata(top.join(name)).unwrap().permissions().mode() & 0o777
            };
            assert_eq!((mode("program"), mode("z/last.txt")), (0o755, 0o644));
        }
        let twice = vec![Entry::text("a", String::new()), Entry::text("a", String::new())];
        assert!(write(&path, "s", twice, 0).unwrap_err().to_string().contains("twice"));
    }
}
