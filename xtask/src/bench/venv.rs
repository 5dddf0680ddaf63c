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
    let version = process::capture(Command::new(base).arg("--version")).with_context(|| {
        format!(
            "peers need Python 3.11 or newer: install it, or name one with --python (tried {})",
            base.display()
        )
    })?;
    let maker = Maker { base, version: version.trim(), folder };
    let mut beneath = Vec::new();
    for layer in &venv.layers {
        let python = maker.environment(&Lists { full: root.join(layer), bare: None }, &[])?;
        beneath.push(site_packages(&python)?.display().to_string());
    }
    let bare = venv.without_dependencies.as_ref().map(|file| root.join(file));
    maker.environment(&Lists { full: root.join(&venv.requirements), bare }, &beneath)
}

/// Lists of packages: with what they depend on, and without.
struct Lists {
    full: PathBuf,
    bare: Option<PathBuf>,
}

impl Lists {
    fn text(&self) -> Result<String> {
        let paths = std::iter::once(&self.full).chain(&self.bare);
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(paths.map(read).collect::<Result<Vec<_>>>()?.join("--no-deps\n"))
    }
}

struct Maker<'a> {
    base: &'a Path,
    version: &'a str,
    folder: &'a Path,
}

impl Maker<'_> {
    /// The Python of these packages over other environments' packages.
    fn environment(&self, lists: &Lists, beneath: &[String]) -> Result<PathBuf> {
        let all = [self.version, &beneath.join("\n"), &lists.text()?].join("\n");
        let wanted = Digest::of(all.as_bytes()).to_string();
        let venv = self.folder.join(&wanted[..16]);
        let inside = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        let stamp = venv.join("requirements.sha256");
        if inside.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|s| s.trim() == wanted) {
            return Ok(inside);
        }
        let (made, list) = (venv.display(), lists.full.display());
        println!("making {made} for {list} (the first time takes minutes) …");
        let mut make = Command::new(self.base);
        process::capture(make.args(["-m", "venv"]).arg(&venv)).with_context(|| {
            let base = self.base.display();
            format!(
                "{base} cannot make an environment (Debian, Ubuntu: `apt install python3-venv`)"
            )
        })?;
        if !inside.is_file() {
            bail!("{} made no {}", self.base.display(), inside.display());
        }
        if !beneath.is_empty() {
            // A path file: Python reads it at its start, and pip takes what lies there as installed.
            let file = site_packages(&inside)?.join("strata-layers.pth");
            std::fs::write(&file, beneath.join("\n") + "\n")
                .with_context(|| file.display().to_string())?;
        }
        install(&inside, &[], &lists.full)?;
        if let Some(bare) = &lists.bare {
            install(&inside, &["--no-deps"], bare)?;
        }
        std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
        Ok(inside)
    }
}

fn install(python: &Path, options: &[&str], list: &Path) -> Result<()> {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet"]);
    pip.args(options).arg("--requirement").arg(list);
    let done = process::capture(&mut pip);
    // What the run keeps of it: pip's last words, not the whole resolution.
    done.map_err(|error| anyhow::anyhow!(last_lines(&format!("{error:#}"), 4)))?;
    Ok(())
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
        std::fs::write(root.join("bare.txt"), "admet-ai==1\n").unwrap();
        let venv = Venv {
            requirements: "own.txt".into(),
            layers: vec!["torch.txt".into()],
            without_dependencies: Some("bare.txt".into()),
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
        assert_eq!(pips(&inside), "pip\npip\n", "with dependencies and without");
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
        let missing = Venv {
            requirements: "none.txt".into(),
            layers: vec![],
            without_dependencies: None,
            versions: vec![],
        };
        assert!(python(&missing, root, &kept, &base).is_err());
    }

    #[test]
    fn the_last_lines_are_those_that_say_something() {
        assert_eq!(last_lines("a\nb\n\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
