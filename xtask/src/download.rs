//! Options and progress display that all commands which fetch something share.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use strata_fetch::{Digest, Fetched, Mirror, Progress, Request, Snapshot, locate};

/// Where files come from, besides their own addresses.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub(crate) struct From {
    /// Folder or address holding files by their SHA-256 (as <sha256> or <aa>/<sha256>); nothing else is then asked
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) mirror: Option<String>,
    /// Folder to search, at any depth and under any name, for files of the right size and SHA-256
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
}

/// One file to bring.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) dest: PathBuf,
    pub(crate) sha256: Digest,
    pub(crate) bytes: Option<u64>,
    pub(crate) urls: Vec<String>,
}

/// Brings one file with progress on standard error.
pub(crate) fn bring(wanted: Wanted, from: &From) -> Result<Fetched> {
    let label = wanted.dest.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut request = Request::new(wanted.dest, wanted.sha256);
    request.bytes = wanted.bytes;
    request.urls = wanted.urls;
    request.mirror = from.mirror.as_deref().map(Mirror::parse);
    if let Some(dir) = &from.from {
        request.files = locate(dir, request.bytes, &request.sha256)?.into_iter().collect();
        if request.mirror.is_none() {
            request.urls.clear();
        }
        if request.files.is_empty() && request.mirror.is_none() && !request.dest.is_file() {
            bail!(
                "below {} there is no file of sha256 {}{}: carry it there under any name, or leave --from out to \
                 fetch it from its own address",
                dir.display(),
                request.sha256,
                request.bytes.map_or_else(String::new, |b| format!(" ({b} bytes)"))
            );
        }
    }
    let mut display = Display::new(label);
    let fetched = strata_fetch::fetch(&request, &mut display);
    display.end();
    Ok(fetched?)
}

/// A bar on a terminal, JSON lines elsewhere.
pub(crate) struct Display {
    label: String,
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Display {
    const JSON_EVERY: Duration = Duration::from_secs(2);

    pub(crate) fn new(label: String) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template(
                "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            ) {
                bar.set_style(style);
            }
            bar.set_message(label.clone());
            bar
        });
        Self { label, bar, told: Instant::now() }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Display {
    fn update(&mut self, snapshot: &Snapshot<'_>) -> ControlFlow<()> {
        if let Some(bar) = &self.bar {
            bar.set_length(snapshot.total.unwrap_or(snapshot.bytes));
            bar.set_position(snapshot.bytes);
        } else if self.told.elapsed() >= Self::JSON_EVERY {
            self.told = Instant::now();
            let line = serde_json::json!({
                "fetching": self.label, "bytes": snapshot.bytes, "total": snapshot.total,
                "bytes_per_second": snapshot.rate.round(),
                "seconds_left": snapshot.time_left().map(|left| left.as_secs()),
            });
            eprintln!("{line}");
        }
        ControlFlow::Continue(())
    }

    fn retrying(&mut self, reason: &str, wait: Duration) {
        self.say(&format!("{}: {reason}; trying again in {:.1} s", self.label, wait.as_secs_f64()));
    }

    fn next_source(&mut self, reason: &str) {
        self.say(&format!("{}: {reason}; trying the next source", self.label));
    }

    fn waiting(&mut self) {
        self.say(&format!("{}: another process is fetching it; waiting", self.label));
    }
}

/// A size for people.
pub(crate) fn human(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (96_699, "97 kB"),
            (3_138_010, "3.1 MB"),
            (999_999, "1.0 MB"),
            (1_181_711_187, "1.2 GB"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn from_a_folder_means_from_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = Wanted {
            dest: folder.path().join("out/x"),
            sha256: Digest::of(b"data"),
            bytes: Some(4),
            urls: vec!["http://127.0.0.1:1/never-asked".into()],
        };
        let from = From { from: Some(folder.path().to_owned()), mirror: None };
        let error = bring(wanted.clone(), &from).unwrap_err().to_string();
        assert!(error.contains("under any name"), "{error}");
        std::fs::write(folder.path().join("under another name"), b"data").unwrap();
        bring(wanted.clone(), &from).unwrap();
        assert_eq!(std::fs::read(&wanted.dest).unwrap(), b"data");
    }
}
