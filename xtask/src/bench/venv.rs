//! The Python that peers run in: made once for a list of pinned packages, kept in the cache, shared layers beneath it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use strata_fetch::Digest;

use super::suite::Venv;
use crate::process;

/// The program that tells what is installed.
const INSTALLED: &str = "bench/peers/installed.py";

/// Makes the environments of a suite where they are not there yet, and returns its Python.
///
/// # Errors
/// Names what pip said last.
pub(crate) fn python(venv: &Venv, root: &Path, folder: &Path, base: &Path) -> Result<PathBuf> {
    let mut layers = Vec::new();
    for layer in &venv.layers {
        layers.push(site_packages(&environment(&root.join(layer), &[], folder, base)?)?);
    }
    environment(&root.join(&venv.requirements), &layers, folder, base)
}

/// The Python of one list of packages over other environments' packages.
fn environment(list: &Path, layers: &[PathBuf], folder: &Path, base: &Path) -> Result<PathBuf> {
    let text = std::fs::read(list).with_context(|| format!("cannot read {}", list.display()))?;
    let beneath: Vec<String> = layers.iter().map(|path| path.display().to_string()).collect();
    let version = process::capture(Command::new(base).arg("--version")).with_context(|| {
        format!(
            "peers need Python 3.11 or newer: install it, or name one with --python (tried {})",
            base.display()
        )
    })?;
    let wanted = Digest::of(
        format!("{version}{}\n{}", beneath.join("\n"), String::from_utf8_lossy(&text)).as_bytes(),
    )
    .to_string();
    let venv = folder.join(&wanted[..16]);
    let inside = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = venv.join("requirements.sha256");
    if inside.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|s| s.trim() == wanted) {
        return Ok(inside);
    }
    println!("making {} for {} (the first time takes minutes) …", venv.display(), list.display());
    process::capture(Command::new(base).args(["-m", "venv"]).arg(&venv)).with_context(|| {
        format!(
            "{} cannot make an environment (Debian and Ubuntu: `apt install python3-venv`)",
            base.display()
        )
    })?;
    if !inside.is_file() {
        bail!("{} made no {}", base.display(), inside.display());
    }
    if !layers.is_empty() {
        // A path file: Python reads it at its start, and pip takes what lies there as installed.
        let file = site_packages(&inside)?.join("strata-layers.pth");
        std::fs::write(&file, beneath.join("\n") + "\n")
            .with_context(|| file.display().to_string())?;
    }
    let mut pip = Command::new(&inside);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--requirement"])
        .arg(list);
    process::capture(&mut pip)
        .map_err(|error| anyhow::anyhow!(last_lines(&format!("{error:#}"), 4)))?;
    std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(inside)
}

fn site_packages(python: &Path) -> Result<PathBuf> {
    let ask = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let path = process::capture(Command::new(python).args(["-c", ask]))?;
    Ok(PathBuf::from(path.trim()))
}

/// What is installed of some packages.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Installed {
    /// By the names asked for; what is not installed is absent.
    pub(crate) versions: BTreeMap<String, String>,
    /// Megabytes on the disk of the package and all it depends on.
    pub(crate) disk_mb: BTreeMap<String, f64>,
}

/// Versions and sizes of packages.
pub(crate) fn installed(python: &Path, root: &Path, packages: &[&str]) -> Result<Installed> {
    let text = process::capture(Command::new(python).arg(root.join(INSTALLED)).args(packages))?;
    serde_json::from_str(&text).with_context(|| format!("{INSTALLED} printed {text:?}"))
}

/// The last lines that say something.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(unix)] // The stand-in is a shell script.
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A stand-in for Python: `-m venv DIR` puts itself there, `-m pip …` is counted and fails where a file says so.
    const PYTHON: &str = "#!/bin/sh\nhere=$(dirname \"$0\")\ncase \"$1 $2\" in\n\
        '--version ') echo 'Python 3.99.0';;\n\
        '-m venv') mkdir -p \"$3/bin\" \"$3/site\"; cp \"$0\" \"$3/bin/python\";;\n\
        '-m pip') echo pip >> \"$here/calls\"; [ -e \"$here/../../../no-network\" ] && { echo 'no such package' >&2; exit 1; };;\n\
        -c*) echo \"$here/../site\";;\nesac\nexit 0\n";

    #[test]
    fn environments_are_made_once_and_lie_over_their_layers() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let base = root.join("python");
        std::fs::write(&base, PYTHON).unwrap();
        std::fs::set_permissions(&base, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(root.join("own.txt"), "rdkit==1\n").unwrap();
        std::fs::write(root.join("torch.txt"), "torch==1\n").unwrap();
        let venv = Venv {
            requirements: "own.txt".into(),
            layers: vec!["torch.txt".into()],
            versions: vec![],
        };
        let kept = root.join("venvs");

        std::fs::write(root.join("no-network"), "").unwrap();
        let error = format!("{:#}", python(&venv, root, &kept, &base).unwrap_err());
        assert!(error.contains("no such package"), "{error}");
        std::fs::remove_file(root.join("no-network")).unwrap();

        let inside = python(&venv, root, &kept, &base).unwrap();
        assert_eq!(python(&venv, root, &kept, &base).unwrap(), inside);
        let pips = |python: &Path| std::fs::read_to_string(python.with_file_name("calls")).unwrap();
        assert_eq!(pips(&inside), "pip\n");
        let layer =
            std::fs::read_to_string(inside.parent().unwrap().join("../site/strata-layers.pth"))
                .unwrap();
        assert!(Path::new(layer.trim()).is_dir(), "{layer}");

        std::fs::write(root.join("own.txt"), "rdkit==2\n").unwrap();
        assert_ne!(
            python(&venv, root, &kept, &base).unwrap(),
            inside,
            "another list, another environment"
        );
        let missing = Venv { requirements: "none.txt".into(), layers: vec![], versions: vec![] };
        assert!(python(&missing, root, &kept, &base).is_err());
    }

    #[test]
    fn the_last_lines_are_those_that_say_something() {
        assert_eq!(last_lines("a\nb\n\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
