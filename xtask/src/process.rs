//! Running other programs: streamed to the terminal, or captured.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result, bail};

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Runs a command with its output on ours.
pub(crate) fn stream(command: &mut Command) -> Result<ExitStatus> {
    let shown = shown(command);
    command.status().with_context(|| format!("cannot run `{shown}`: is the program installed?"))
}

/// Runs a command with its output on ours; an error when it fails.
pub(crate) fn must(command: &mut Command) -> Result<()> {
    let status = stream(command)?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// A command's standard output; an error with its standard error when it fails.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command
        .output()
        .with_context(|| format!("cannot run `{shown}`: is the program installed?"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed: {}\n{}", output.status, stderr.trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed no text"))
}

/// The exit code of another program as ours: 1 where it had none or one that is out of range.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    match (status.success(), code) {
        (true, _) => ExitCode::SUCCESS,
        (false, Some(code)) if code != 0 => ExitCode::from(code),
        (false, _) => ExitCode::FAILURE,
    }
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        if word.is_empty() || word.contains([' ', '"', '\'', '(', ')', '#', '*', '[']) {
            format!("'{word}'")
        } else {
            word.into_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir(root: &Path) -> Result<PathBuf> {
    let text = capture(
        cargo().args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(root),
    )?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let dir = metadata["target_directory"].as_str().context("cargo names no target folder")?;
    Ok(PathBuf::from(dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("strata-drug");
        command.args(["search", "c1ccccc1(C)", "--db", "x.sfp"]);
        assert_eq!(shown(&command), "strata-drug search 'c1ccccc1(C)' --db x.sfp");
    }

    #[test]
    #[cfg(unix)]
    fn failures_carry_the_programs_own_words() {
        let error = capture(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
        let error = must(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(format!("{error:#}").contains("no-such-program-here"));
        let status = stream(Command::new("sh").args(["-c", "exit 3"])).unwrap();
        assert_eq!(exit_code(status), ExitCode::from(3));
    }
}
