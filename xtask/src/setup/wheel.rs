//! Taking the libraries out of a wheel, checked and in one step each.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::pins::{Library, Pin};

/// A text that goes with the library wherever it is handed on.
pub(super) struct Notice {
    entry: &'static str,
    /// Name in the cache and in a release.
    pub(super) name: &'static str,
}

/// ONNX Runtime's licence and those of what is in it.
pub(super) const NOTICES: &[Notice] = &[
    Notice { entry: "onnxruntime/LICENSE", name: "ONNXRUNTIME-LICENSE.txt" },
    Notice {
        entry: "onnxruntime/ThirdPartyNotices.txt",
        name: "ONNXRUNTIME-ThirdPartyNotices.txt",
    },
];

/// Texts longer than this are cut; the longest real one has 0.3 MB.
const MAX_NOTICE: u64 = 8 << 20;

/// Unpacks the libraries of `pin` from the wheel into `folder` and returns the path of ONNX Runtime itself.
///
/// Only entries named by the pin are read, under names of ours, to at most their pinned size; what they must be is
/// known by SHA-256, so it does not matter what else the archive holds.
pub(super) fn install(wheel: &Path, pin: &Pin, folder: &Path) -> Result<PathBuf> {
    let file =
        File::open(wheel).with_context(|| format!("cannot open the wheel {}", wheel.display()))?;
    let mut archive = ZipArchive::new(file)
        .with_context(|| format!("{} is no wheel (not a zip archive)", wheel.display()))?;
    std::fs::create_dir_all(folder).with_context(|| {
        format!(
            "cannot make {}; set STRATA_CACHE to a folder that can be written",
            folder.display()
        )
    })?;
    // ONNX Runtime itself last: while it is absent the installation is not taken for complete.
    for library in pin.libraries.iter().rev() {
        unpack(&mut archive, pin, library, folder)
            .with_context(|| format!("taking {} from {}", library.entry, wheel.display()))?;
    }
    for notice in NOTICES {
        take_notice(&mut archive, notice, folder);
    }
    let main = pin.libraries.first().context("the pin names no library")?;
    Ok(folder.join(main.name))
}

/// Takes a text of the wheel, if it has it: nothing is run from it, so that no digest is asked for. Only a release needs
/// it, and says so where it is absent.
fn take_notice(archive: &mut ZipArchive<File>, notice: &Notice, folder: &Path) {
    let Ok(entry) = archive.by_name(notice.entry) else { return };
    let mut text = Vec::new();
    if entry.take(MAX_NOTICE).read_to_end(&mut text).is_ok() {
        // A cache that cannot be written has failed above already.
        let _ = std::fs::write(folder.join(notice.name), text);
    }
}

fn unpack(
    archive: &mut ZipArchive<File>,
    pin: &Pin,
    library: &Library,
    folder: &Path,
) -> Result<()> {
    let mut entry = archive
        .by_name(library.entry)
        .with_context(|| format!("the wheel has no such entry: is it {}?", pin.wheel))?;
    if entry.size() != library.bytes {
        bail!(
            "it has {} bytes where {} are expected: another version's wheel?",
            entry.size(),
            library.bytes
        );
    }
    let mut out = tempfile::NamedTempFile::new_in(folder)?;
    let mut state = Sha256::new();
    let mut buffer = vec![0_u8; 128 * 1024];
    let mut total = 0;
    // The size in the archive is a claim; one byte more than expected is enough to refuse.
    let mut limited = (&mut entry).take(library.bytes + 1);
    loop {
        let n = limited.read(&mut buffer).context("the archive is damaged")?;
        if n == 0 {
            break;
        }
        total += n as u64;
        state.update(&buffer[..n]);
        out.write_all(&buffer[..n])?;
    }
    let got: String = state.finalize().iter().map(|b| format!("{b:02x}")).collect();
    if total != library.bytes || got != library.sha256 {
        bail!("sha256 expected {}, got {got} ({total} bytes)", library.sha256);
    }
    out.as_file().sync_all()?;
    readable(out.as_file())?;
    let dest = folder.join(library.name);
    out.persist(&dest).with_context(|| format!("cannot write {}", dest.display()))?;
    Ok(())
}

/// Temporary files are private; a cache shared by several users is read by all of them.
#[cfg(unix)]
fn readable(file: &File) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.set_permissions(std::fs::Permissions::from_mode(0o644))?)
}

#[cfg(not(unix))]
fn readable(_file: &File) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn the_pinned_entries_are_taken_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("w.whl");
        fixture::write_wheel(&wheel, fixture::RUNTIME, true);
        let into = folder.path().join("cache");
        let main = install(&wheel, &fixture::pin(&wheel), &into).unwrap();
        assert_eq!(std::fs::read(&main).unwrap(), fixture::RUNTIME);
        let mut names: Vec<_> =
            std::fs::read_dir(&into).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["libfixture.so", "libshared.so"]);
        assert!(!folder.path().join("escaped").exists());
    }

    #[test]
    fn a_library_with_other_bytes_is_refused_and_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("good.whl");
        fixture::write_wheel(&good, fixture::RUNTIME, true);
        let pin = fixture::pin(&good);
        let into = folder.path().join("cache");
        install(&good, &pin, &into).unwrap();

        let mut changed = fixture::RUNTIME.to_vec();
        changed[0] ^= 1;
        for (bytes, says) in [(changed, "sha256 expected"), (b"short".to_vec(), "5 bytes where")] {
            let bad = folder.path().join("bad.whl");
            fixture::write_wheel(&bad, &bytes, true);
            let error = format!("{:#}", install(&bad, &pin, &into).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
        assert_eq!(std::fs::read(into.join("libfixture.so")).unwrap(), fixture::RUNTIME);
        assert_eq!(std::fs::read_dir(&into).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn what_is_no_wheel_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("w.whl");
        fixture::write_wheel(&wheel, fixture::RUNTIME, true);
        let pin = fixture::pin(&wheel);
        let whole = std::fs::read(&wheel).unwrap();
        for bytes in [&b""[..], b"<html>login</html>", &whole[..whole.len() / 2]] {
            std::fs::write(&wheel, bytes).unwrap();
            let error = format!("{:#}", install(&wheel, &pin, folder.path()).unwrap_err());
            assert!(error.contains("is no wheel"), "{error}");
        }
        fixture::write_wheel(&wheel, fixture::RUNTIME, false);
        let error = format!("{:#}", install(&wheel, &pin, folder.path()).unwrap_err());
        assert!(error.contains("no such entry"), "{error}");
    }
}
