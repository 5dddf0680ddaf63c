//! Getting the wheel by pip, which knows the machine's own index, proxy and certificates.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use strata_core::paths::ORT_VERSION;

use super::pins::Pin;

/// What every message ends with.
pub(super) fn other_ways(pin: &Pin) -> String {
    format!(
        "Other ways, without Python or a network:\n  \
         - carry the wheel {} here and run `cargo xtask setup --wheel FILE`\n  \
         - put it into a mirror under its sha256 {} and run `cargo xtask setup --mirror DIR|URL`\n  \
         - set ORT_DYLIB_PATH to an ONNX Runtime library (1.24 or newer) of this machine",
        pin.wheel, pin.sha256
    )
}

/// Downloads the wheel of `pin` into `folder`.
pub(super) fn download(pin: &Pin, python: Option<&Path>, folder: &Path) -> Result<PathBuf> {
    let python = find_python(python, pin)?;
    eprintln!("fetching {} by pip …", pin.wheel);
    let output = Command::new(&python)
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"])
        .args(["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"])
        .args(["--platform", pin.platform, "--disable-pip-version-check", "--dest"])
        .arg(folder)
        .arg(format!("onnxruntime=={ORT_VERSION}"))
        .output()?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = words.lines().filter(|l| !l.trim().is_empty()).collect();
        let last = last[last.len().saturating_sub(4)..].join("\n    ");
        bail!(
            "pip could not download {}:\n    {last}\nCheck the network; behind a proxy set HTTPS_PROXY, with an own \
             package index set PIP_INDEX_URL.\n{}",
            pin.wheel,
            other_ways(pin)
        );
    }
    let wheel = folder.join(pin.wheel);
    if !wheel.is_file() {
        bail!("pip reports success but brought no {}.\n{}", pin.wheel, other_ways(pin));
    }
    Ok(wheel)
}

/// A Python that has pip: the one given, else the usual names.
fn find_python(given: Option<&Path>, pin: &Pin) -> Result<PathBuf> {
    let names: Vec<PathBuf> = match given {
        Some(path) => vec![path.to_owned()],
        None => ["python3", "python"].map(PathBuf::from).to_vec(),
    };
    let mut without_pip = None;
    for name in &names {
        let Ok(version) = Command::new(name).arg("--version").output() else { continue };
        if !version.status.success() {
            continue;
        }
        let pip = Command::new(name).args(["-m", "pip", "--version"]).output();
        if pip.is_ok_and(|p| p.status.success()) {
            return Ok(name.clone());
        }
        without_pip.get_or_insert(name);
    }
    match without_pip {
        Some(name) => bail!(
            "{} has no pip, which brings ONNX Runtime. Install it (Debian and Ubuntu: `apt install python3-pip`; \
             elsewhere `{} -m ensurepip`).\n{}",
            name.display(),
            name.display(),
            other_ways(pin)
        ),
        None => bail!(
            "there is no Python here ({}), whose pip brings ONNX Runtime. Install Python 3 with pip, or name one \
             with --python.\n{}",
            names.iter().map(|n| n.display().to_string()).collect::<Vec<_>>().join(", "),
            other_ways(pin)
        ),
    }
}

#[cfg(unix)] // The stand-in is a shell script.
#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A stand-in for Python that runs this shell text; `$DEST` is pip's `--dest`.
    fn python(folder: &Path, download: &str, has_pip: bool) -> PathBuf {
        let path = folder.join("python");
        let pip = if has_pip { "exit 0" } else { "echo 'No module named pip' >&2; exit 1" };
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n  --version) exit 0;;\n  '-m pip --version') {pip};;\nesac\n\
             while [ $# -gt 1 ]; do [ \"$1\" = --dest ] && DEST=\"$2\"; shift; done\n{download}\n"
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn pip_brings_the_wheel() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source.whl");
        fixture::write_wheel(&source, fixture::RUNTIME, true);
        let pin = fixture::pin(&source);
        let copy = format!("cp '{}' \"$DEST/{}\"", source.display(), pin.wheel);
        let python = python(folder.path(), &copy, true);
        let wheel = download(&pin, Some(&python), folder.path()).unwrap();
        assert_eq!(std::fs::read(wheel).unwrap(), std::fs::read(source).unwrap());
    }

    #[test]
    fn each_way_to_fail_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source.whl");
        fixture::write_wheel(&source, fixture::RUNTIME, true);
        let pin = fixture::pin(&source);
        let fails = |download_script: &str, has_pip| {
            let python = python(folder.path(), download_script, has_pip);
            download(&pin, Some(&python), folder.path()).unwrap_err().to_string()
        };
        let no_network = fails("echo 'ERROR: Could not find a version' >&2; exit 1", true);
        assert!(no_network.contains("Could not find a version"), "{no_network}");
        assert!(no_network.contains("HTTPS_PROXY"), "{no_network}");
        let no_pip = fails("exit 0", false);
        assert!(no_pip.contains("has no pip") && no_pip.contains("ensurepip"), "{no_pip}");
        let nothing = fails("exit 0", true);
        assert!(nothing.contains("brought no"), "{nothing}");
        let absent = folder.path().join("no-python-here");
        let no_python = download(&pin, Some(&absent), folder.path()).unwrap_err().to_string();
        assert!(no_python.contains("no Python here"), "{no_python}");
        for text in [no_network, no_pip, nothing, no_python] {
            for way in ["--wheel", "--mirror", "ORT_DYLIB_PATH", pin.sha256] {
                assert!(text.contains(way), "{text}");
            }
        }
    }
}
