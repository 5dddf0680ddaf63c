//! One measurement of detection in a process of its own, from the bytes of files to boxes, the way `strata-mining detect`
//! does it: a line of JSON with pictures a second, CPU time, peak memory and milliseconds a stage.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::json;
use strata_core::stream::Silent;
use strata_mining::detect::{DetectJob, Detector, Found, detect};
use strata_mining::models::{Folder, ModelSource};
use strata_mining::picture::Pictures;
use strata_mining::scenario::DetectTask;
use strata_vision::image::DecodeLimits;

/// Measures: `MODEL WORKERS INTRA ROUNDS CONF IOU BOXES|- PICTURES…`.
pub(crate) fn main(args: &[String]) -> anyhow::Result<()> {
    let [model, workers, intra, rounds, conf, iou, boxes, pictures @ ..] = args else {
        bail!("usage: bench_vision one MODEL WORKERS INTRA ROUNDS CONF IOU BOXES|- PICTURES…");
    };
    let (workers, intra): (usize, usize) = (workers.parse()?, intra.parse()?);
    let rounds: usize = rounds.parse()?;
    let task = DetectTask {
        confidence: Some(conf.parse()?),
        iou: Some(iou.parse()?),
        ..DetectTask::default()
    };
    let folder = Folder::new(None, workers).with_intra_threads(intra);
    let detector = Arc::new(Detector::new(folder.vision(model)?, &task)?);
    let limits = DecodeLimits::default();
    let job = DetectJob { threads: workers, limits, save: None };
    let paths: Vec<PathBuf> = pictures.iter().map(PathBuf::from).collect();
    let stop = AtomicBool::new(false);
    let (started, cpu) = (Instant::now(), cpu_seconds()?);
    let mut times = strata_core::stream::StageTimes::default();
    let mut rows: Vec<Found> = Vec::new();
    for _ in 0..rounds {
        let mut source = Pictures::files(paths.clone(), None, limits);
        let done = detect(&detector, &mut source, &job, (&stop, &mut Silent))?;
        times.source += done.tally.times.source;
        times.prepare += done.tally.times.prepare;
        times.infer += done.tally.times.infer;
        times.interpret += done.tally.times.interpret;
        rows = done.rows;
    }
    let (wall, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let count = (paths.len() * rounds) as f64;
    if boxes != "-" {
        let mut out = std::io::BufWriter::new(std::fs::File::create(boxes)?);
        for (path, row) in pictures.iter().zip(&rows) {
            let found = |o: &strata_mining::detect::FoundObject| {
                let [x1, y1, x2, y2] = o.bbox;
                json!([x1, y1, x2, y2, o.score, o.class])
            };
            let found: Vec<_> = row.objects.iter().map(found).collect();
            writeln!(out, "{}", json!({ "image": path, "boxes": found, "error": row.error }))?;
        }
    }
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e3 / count;
    println!(
        "{}",
        json!({
            "program": "strata-mining", "workers": workers, "intra_threads": intra, "images": count,
            "images_per_second": count / wall, "cpu_ms_per_image": cpu / count * 1e3, "peak_bytes": peak_bytes()?,
            "ms_per_image": {
                "read": each(times.source), "decode_prepare": each(times.prepare), "model": each(times.infer),
                "boxes": each(times.interpret),
            },
        })
    );
    Ok(())
}

/// Processor time of this process in seconds.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The program's name, in brackets, may hold spaces.
    let (_, rest) = stat.rsplit_once(')').context("no name in /proc/self/stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    // utime and stime in ticks of 1/100 s.
    Ok((ticks(11) + ticks(12)) / 100.0)
}

/// The most memory this process held.
fn peak_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    let kb: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kb * 1024)
}
