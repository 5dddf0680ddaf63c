//! `watch`: cameras looked at until told to stop, with a table of how they are.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use strata_cli::progress::clock;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say, stop_on_interrupt};

use super::detect::threads;
use crate::analysers::{Analysers, Streams};
use crate::models::Folder;
use crate::watch::{Handle, Plan, Setup, Status, Summary, WatchConfig};

/// An example with every key.
const EXAMPLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/watch.example.toml"));

/// How often the table is drawn on a terminal, and a line written elsewhere.
const TABLE_EVERY: Duration = Duration::from_secs(1);
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Watch cameras: rules, events, alarms to MQTT, webhooks, JSON lines and a journal.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-mining watch cameras.toml
  strata-mining watch cameras.toml --check
  strata-mining watch cameras.toml --for 60
  strata-mining watch --print-example > cameras.toml

A camera is rtsp://…, or a video or a folder that is replayed at its own pace. Ctrl-C ends open events, sends what waits and stops.")]
pub struct Args {
    /// The configuration.
    #[arg(value_name = "CONFIG", required_unless_present = "print_example")]
    config: Option<PathBuf>,
    /// Print an example with every key and what it is for, and end.
    #[arg(long)]
    print_example: bool,
    /// Check the configuration and print what would run: cameras, scenes, and the passes that they share.
    #[arg(long)]
    check: bool,
    /// Stop after this many seconds.
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Sessions of each model; 0 takes as many as the configuration has workers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

/// Watches.
///
/// # Errors
/// A configuration, model or output that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    if args.print_example {
        say(EXAMPLE)?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = args.config.as_deref().context("give a configuration")?;
    let config = WatchConfig::read(path)?;
    let sessions = match args.threads {
        0 => config.engine.workers.max(1),
        asked => threads(asked),
    };
    let factory = Analysers::new(Arc::new(Folder::new(args.models_dir.as_deref(), sessions)));
    if args.check {
        say(&format!("{}\n", Plan::new(&config, &factory)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let mut setup = Setup::new(config, Arc::new(Streams));
    setup.zones_path = Some(setup.config.zones_path(path));
    let limit = args.seconds.map(Duration::try_from_secs_f64).transpose().context("--for")?;
    let over = Arc::new(AtomicBool::new(false));
    let mut looking = None;
    let ended = Arc::clone(&over);
    let quiet = globals.quiet;
    let summary = crate::watch::run(setup, &factory, |handle| {
        looking = Some(std::thread::spawn(move || look(&handle, (&stop, &ended), limit, quiet)));
    });
    over.store(true, Ordering::Relaxed);
    if let Some(looking) = looking {
        // A table that broke down is no reason to lose the summary.
        let _ = looking.join();
    }
    let summary = summary?;
    if !globals.quiet {
        say(&closing(&summary))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a run did, for people.
fn closing(summary: &Summary) -> String {
    let mut table = TextTable::new(&[
        "camera", "state", "frames", "seen", "dropped", "failed", "p50 ms", "p95 ms", "restarts",
    ]);
    for (camera, latency) in summary.status.cameras.iter().zip(&summary.latency) {
        table.row(vec![
            camera.name.clone(),
            camera.state.as_str().to_owned(),
            camera.received.to_string(),
            camera.analysed.to_string(),
            camera.dropped.to_string(),
            camera.failed.to_string(),
            format!("{:.0}", latency.p50_ms),
            format!("{:.0}", latency.p95_ms),
            camera.restarts.to_string(),
        ]);
    }
    let mut text = table.render();
    for pass in &summary.status.passes {
        text += &format!(
            "pass {}: {} frames in {} runs of {:.1} ms, for {}\n",
            pass.name,
            pass.frames,
            pass.runs,
            pass.mean_ms,
            pass.scenes.join(", ")
        );
    }
    let waiting =
        if summary.delivered { "" } else { "; some still wait and go out at the next start" };
    text + &format!("{} changes of events in the journal{waiting}\n", summary.changes)
}

/// Shows how it is, and passes on the wish to stop.
fn look(
    handle: &Handle,
    (stop, over): (&AtomicBool, &AtomicBool),
    limit: Option<Duration>,
    quiet: bool,
) {
    let started = Instant::now();
    let terminal = std::io::stderr().is_terminal();
    let every = if terminal { TABLE_EVERY } else { LINE_EVERY };
    let (mut shown, mut lines) = (Instant::now(), 0);
    while !over.load(Ordering::Relaxed) {
        if stop.load(Ordering::Relaxed) || limit.is_some_and(|limit| started.elapsed() >= limit) {
            handle.stop();
        }
        if !quiet && shown.elapsed() >= every {
            shown = Instant::now();
            if let Ok(status) = handle.status() {
                lines = show(&status, terminal, lines);
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Draws the table over the last one, or writes a line of JSON; gives back how many lines it took.
fn show(status: &Status, terminal: bool, before: usize) -> usize {
    let mut err = std::io::stderr().lock();
    if !terminal {
        if let Ok(line) =
            serde_json::to_string(&serde_json::json!({ "event": "status", "status": status }))
        {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(err, "{line}");
        }
        return 0;
    }
    let mut table = TextTable::new(&[
        "camera", "state", "in/s", "seen/s", "dropped", "p50 ms", "p95 ms", "open", "restarts",
    ]);
    for camera in &status.cameras {
        table.row(vec![
            camera.name.clone(),
            camera.state.as_str().to_owned(),
            format!("{:.1}", camera.received_fps),
            format!("{:.1}", camera.analysed_fps),
            camera.dropped.to_string(),
            format!("{:.0}", camera.latency.p50_ms),
            format!("{:.0}", camera.latency.p95_ms),
            camera.open_events.to_string(),
            camera.restarts.to_string(),
        ]);
    }
    let text = format!(
        "{}{} watched, {} changes in the journal\n",
        table.render(),
        clock(Duration::try_from_secs_f64(status.uptime_seconds).unwrap_or_default()),
        status.last_change
    );
    let up = if before > 0 { format!("\x1b[{before}A\x1b[J") } else { String::new() };
    let _ = write!(err, "{up}{text}");
    text.lines().count()
}
