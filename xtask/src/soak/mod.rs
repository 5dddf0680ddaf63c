//! `cargo xtask soak`: all four servers under mixed traffic while they are killed, reloaded, lied to about the time, given
//! cut models and a full disk. Every answer is compared with the one given while all was calm; accepted work must be
//! finished; memory must not grow.

mod chaos;
mod clock;
mod compare;
mod disk;
mod documents;
mod fleet;
mod memory;
mod plot;
mod record;
mod report;
mod schedule;
mod traffic;
mod unit;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::bench::machine;
use crate::{process, setup, workspace};
use chaos::Chaos;
use documents::Shelf;
use fleet::{Server, Site};
use record::Record;
use report::Found;
use work::Ledger;

/// Options of `soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: setup::Args,
    /// How long the traffic lasts
    #[arg(long, default_value_t = 60.0, value_name = "MINUTES")]
    minutes: f64,
    /// Draws the same events and requests again
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this server (drug, mining, gov, weather); may be given several times
    #[arg(long, value_name = "NAME")]
    server: Vec<String>,
    /// Requests a second, over all servers
    #[arg(long, default_value_t = 24.0, value_name = "N")]
    per_second: f64,
    /// Where the report is written [default: soak.json in a new folder of bench/runs]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Folder of the programs, which are then not built
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Keep the servers' folders and logs
    #[arg(long)]
    keep: bool,
}

/// Connections of each server's clients.
const CLIENTS: usize = 3;
/// How often processes are looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Runs `soak`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    if !(args.minutes > 0.0 && args.minutes <= 60.0 * 24.0 * 7.0 && args.per_second > 0.0) {
        bail!("--minutes is more than 0 and at most a week; --per-second is more than 0");
    }
    let root = workspace::root()?;
    let library = setup::main(&args.setup)?;
    let programs = match &args.programs {
        Some(folder) => folder.canonicalize().with_context(|| folder.display().to_string())?,
        None => built(&root)?,
    };
    let mut folder = tempfile::Builder::new().prefix("strata-soak-").tempdir()?;
    folder.disable_cleanup(args.keep);
    let work = folder.path().to_owned();
    let begun = Instant::now();
    let site = Site { root: root.clone(), programs, work, library, begun };
    println!("starting the servers; golden answers are taken …");
    let servers = fleet::start(&site, &args.server)?;
    println!("{} s; the soak begins, in {}", begun.elapsed().as_secs(), site.work.display());
    let (record, ledger, shelf) = (Record::default(), Ledger::default(), Shelf::default());
    let offset = begun.elapsed();
    soak(args, &servers, (&record, &ledger, &shelf), &site);
    println!("the traffic is over; what was accepted is looked after …");
    for server in &servers {
        work::settle(server, &record, &ledger);
        if server.documents {
            shelf.read_all(server, &record);
        }
    }
    let now = machine::unix_seconds();
    let machine = machine::machine(&root);
    let slug = machine::slug(&machine);
    let head = json!({
        "schema": 1, "kind": "soak", "date": machine::utc(now), "minutes": args.minutes, "seed": args.seed,
        "per_second": args.per_second, "begins_at_s": offset.as_secs(), "machine": machine,
        "sources": {
            "full disk": "a file system in memory (tmpfs) of 96 MB, filled to its last byte",
            "clock": "libfaketime: wall clock only",
        },
    });
    let documents = shelf.counts();
    let found = Found { servers: &servers, record: &record, ledger: &ledger, documents, head };
    for server in &servers {
        match server.unit.stop() {
            Ok(status) if status.success() => {}
            Ok(status) => record.fault(
                server.unit.now(),
                server.unit.name(),
                format!("its end after the soak: {status}"),
            ),
            Err(error) => record.fault(server.unit.now(), server.unit.name(), error.to_string()),
        }
    }
    let (report, held) = found.report();
    let path = args.out.clone().unwrap_or_else(|| {
        let name = format!("{}-{}", machine::utc(now).replace(':', ""), slug);
        root.join("bench/runs").join(name).join("soak.json")
    });
    write(&path, &report, &servers, &record)?;
    println!("{}", if held { "everything held" } else { "IT DID NOT HOLD" });
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The run itself: clients, work, events and a look at the processes, each on threads of their own.
fn soak(
    args: &Args,
    servers: &[Server],
    (record, ledger, shelf): (&Record, &Ledger, &Shelf),
    site: &Site,
) {
    let length = Duration::from_secs_f64(args.minutes * 60.0);
    let offset = site.begun.elapsed();
    let mut plan = schedule::plan(args.seed, length, servers.len(), |at, event| {
        servers[at].cannot(event).is_none()
    });
    plan.iter_mut().for_each(|planned| planned.at += offset);
    let short = length < Duration::from_secs(300);
    let chaos = Chaos {
        servers,
        record,
        models: site.work.join("models"),
        hold: if short { Duration::from_secs(1) } else { Duration::from_secs(8) },
        begun: site.begun,
    };
    let every = if short { Duration::from_secs(5) } else { Duration::from_secs(40) };
    let stop = AtomicBool::new(false);
    let rate = args.per_second / (servers.len() * CLIENTS) as f64;
    std::thread::scope(|scope| {
        for (number, server) in servers.iter().enumerate() {
            for client in 0..CLIENTS {
                let seed = args.seed * 1000 + (number * CLIENTS + client) as u64 * 7 + 3;
                let stop = &stop;
                scope.spawn(move || traffic::client(server, record, (rate, seed), stop));
            }
            let stop = &stop;
            if !server.jobs.is_empty() {
                scope.spawn(move || work::worker(server, (record, ledger), every, stop));
            }
            if server.documents {
                let pace = (every / 12, args.seed + 17);
                scope.spawn(move || shelf.keep(server, record, pace, stop));
            }
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    server.unit.sample();
                    traffic::sleep(EVERY, stop);
                }
            });
        }
        let events = scope.spawn(|| chaos.run(&plan, args.seed + 5, &stop));
        std::thread::sleep((offset + length).saturating_sub(site.begun.elapsed()));
        // An event that has begun is brought to its end: a server must not be left without its disk.
        let late = Instant::now();
        while !events.is_finished() && short && late.elapsed() < length * 8 {
            std::thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

fn built(root: &Path) -> Result<PathBuf> {
    let mut cargo = process::cargo();
    cargo.args(["build", "--release"]).current_dir(root);
    for name in ["drug", "mining", "gov", "weather"] {
        cargo.args(["--package", &format!("strata-{name}")]);
    }
    println!("building the programs (the first time takes some minutes) …");
    process::must(&mut cargo)?;
    Ok(process::target_dir(root)?.join("release"))
}

fn write(
    path: &Path,
    report: &serde_json::Value,
    servers: &[Server],
    record: &Record,
) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let put = |path: &Path, text: &str| {
        std::fs::write(path, text).with_context(|| path.display().to_string())
    };
    put(path, &(serde_json::to_string_pretty(report)? + "\n"))?;
    let courses: Vec<(&str, Vec<unit::Sample>)> =
        servers.iter().map(|server| (server.unit.name(), server.unit.samples())).collect();
    let svg = path.with_extension("svg");
    put(&svg, &plot::draw(&courses, &record.events()))?;
    let name = svg.file_name().unwrap_or_default().to_string_lossy();
    put(&path.with_extension("md"), &report::page(report, &name))?;
    println!("kept in {}", path.display());
    Ok(())
}
