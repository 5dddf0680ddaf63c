//! `cargo xtask train NAME`: trains a model in a Python environment of its own and exports it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use strata_fetch::Digest;

use crate::{process, workspace};

/// Options of `train`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The model, by the name of its folder in shared-models/
    name: String,
    /// The Python that makes the environment [default: python3]
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// Given to the trainer
    #[arg(last = true)]
    trainer: Vec<String>,
}

/// Runs `train`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let training = workspace::root()?.join("training");
    let python = environment(&training, &args.python)?;
    let mut trainer = Command::new(python);
    trainer.args(["-m", "strata_training", &args.name]).args(&args.trainer).current_dir(&training);
    println!("$ {}", process::shown(&trainer));
    Ok(process::exit_code(process::stream(&mut trainer)?))
}

/// The environment's Python, made and filled by `requirements.txt` where that has not been done yet.
fn environment(training: &Path, python: &Path) -> Result<PathBuf> {
    let requirements = training.join("requirements.txt");
    let text = std::fs::read(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let wanted = Digest::of(&text).to_string();
    let venv = training.join(".venv");
    let inside = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = venv.join("requirements.sha256");
    if inside.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|s| s.trim() == wanted) {
        return Ok(inside);
    }
    println!("making {} (the first time takes some minutes) …", venv.display());
    process::must(Command::new(python).args(["-m", "venv"]).arg(&venv)).with_context(|| {
        format!(
            "{} cannot make an environment: install Python 3.11 or newer with venv (Debian and Ubuntu: \
             `apt install python3-venv`), or name another with --python",
            python.display()
        )
    })?;
    if !inside.is_file() {
        bail!("{} made no {}", python.display(), inside.display());
    }
    // Older versions of venv do not tell git that an environment is not a source.
    let ignore = venv.join(".gitignore");
    std::fs::write(&ignore, "*\n").with_context(|| ignore.display().to_string())?;
    process::must(
        Command::new(&inside)
            .args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--requirement"])
            .arg(&requirements),
    )
    .context("check the network; behind a proxy set HTTPS_PROXY, with an own package index PIP_INDEX_URL")?;
    std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(inside)
}

#[cfg(unix)] // The stand-in is a shell script.
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A stand-in for Python: `-m venv DIR` puts itself there, `-m pip …` is counted.
    const PYTHON: &str = "#!/bin/sh\necho \"$2\" >> \"$(dirname \"$0\")/calls\"\n\
        if [ \"$2\" = venv ]; then mkdir -p \"$3/bin\"; cp \"$0\" \"$3/bin/python\"; fi\n\
        [ \"$2\" = pip ] && [ -e \"$(dirname \"$0\")/../../no-network\" ] && exit 1\nexit 0\n";

    #[test]
    fn the_environment_is_made_once_for_the_same_requirements() {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python");
        std::fs::write(&python, PYTHON).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let training = folder.path().join("training");
        std::fs::create_dir(&training).unwrap();
        let error = format!("{:#}", environment(&training, &python).unwrap_err());
        assert!(error.contains("requirements.txt"), "{error}");

        let requirements = training.join("requirements.txt");
        std::fs::write(&requirements, "onnx==1\n").unwrap();
        let inside = environment(&training, &python).unwrap();
        environment(&training, &python).unwrap();
        let pips = || {
            let calls = std::fs::read_to_string(inside.with_file_name("calls")).unwrap();
            calls.lines().filter(|l| *l == "pip").count()
        };
        assert_eq!(pips(), 1);
        std::fs::write(&requirements, "onnx==2\n").unwrap();
        std::fs::write(training.join("no-network"), "").unwrap();
        let error = format!("{:#}", environment(&training, &python).unwrap_err());
        assert!(error.contains("PIP_INDEX_URL"), "{error}");
        std::fs::remove_file(training.join("no-network")).unwrap();
        environment(&training, &python).unwrap();
        assert_eq!(pips(), 3, "the failed installation is repeated");
    }
}
