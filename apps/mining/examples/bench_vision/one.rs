//! One measurement of detection in a process of its own, from the bytes of files to boxes, the way `strata-mining detect`
//! does it: a line of JSON with pictures a second, CPU time, peak memory and milliseconds a stage.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use serde_json::json;
use strata_core::stream::{Silent, StageTimes};
use strata_mining::detect::{DetectJob, Detector, Found, detect};
use strata_mining::models::{Folder, ModelSource};
use strata_mining::picture::Pictures;
use strata_mining::scenario::DetectTask;
use strata_testkit::bench::Stopwatch;
use strata_vision::image::DecodeLimits;

/// What is measured.
pub(crate) struct Work<'a> {
    pub(crate) model: &'a str,
    /// Pictures at a time, each in a session of its own.
    pub(crate) workers: usize,
    /// Threads of a session.
    pub(crate) intra: usize,
    pub(crate) conf: f32,
    pub(crate) iou: f32,
}

/// What it took.
pub(crate) struct Took {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) times: StageTimes,
    pub(crate) rows: Vec<Found>,
}

impl Work<'_> {
    /// The model, loaded.
    pub(crate) fn detector(&self) -> anyhow::Result<Arc<Detector>> {
        let task = DetectTask {
            confidence: Some(self.conf),
            iou: Some(self.iou),
            ..DetectTask::default()
        };
        let folder = Folder::new(None, self.workers).with_intra_threads(self.intra);
        Ok(Arc::new(Detector::new(folder.vision(self.model)?, &task)?))
    }

    /// Detects in all pictures, `rounds` times; the rows are those of the last.
    pub(crate) fn run(
        &self,
        detector: &Arc<Detector>,
        pictures: &[PathBuf],
        rounds: usize,
    ) -> anyhow::Result<Took> {
        let limits = DecodeLimits::default();
        let job = DetectJob { threads: self.workers, limits, save: None };
        let stop = AtomicBool::new(false);
        let watch = Stopwatch::start();
        let mut times = StageTimes::default();
        let mut rows: Vec<Found> = Vec::new();
        for _ in 0..rounds {
            let mut source = Pictures::files(pictures.to_vec(), None, limits);
            let done = detect(detector, &mut source, &job, (&stop, &mut Silent))?;
            times.source += done.tally.times.source;
            times.prepare += done.tally.times.prepare;
            times.infer += done.tally.times.infer;
            times.interpret += done.tally.times.interpret;
            rows = done.rows;
        }
        let (seconds, cpu_seconds) = watch.seconds();
        Ok(Took { seconds, cpu_seconds, times, rows })
    }
}

/// Measures: `MODEL WORKERS INTRA ROUNDS CONF IOU BOXES|- PICTURES…`.
pub(crate) fn main(args: &[String]) -> anyhow::Result<()> {
    let [model, workers, intra, rounds, conf, iou, boxes, pictures @ ..] = args else {
        bail!("usage: bench_vision one MODEL WORKERS INTRA ROUNDS CONF IOU BOXES|- PICTURES…");
    };
    let (workers, intra): (usize, usize) = (workers.parse()?, intra.parse()?);
    let rounds: usize = rounds.parse()?;
    let work = Work { model, workers, intra, conf: conf.parse()?, iou: iou.parse()? };
    let paths: Vec<PathBuf> = pictures.iter().map(PathBuf::from).collect();
    let Took { seconds, cpu_seconds, times, rows } = work.run(&work.detector()?, &paths, rounds)?;
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
            "images_per_second": count / seconds, "cpu_ms_per_image": cpu_seconds / count * 1e3,
            "peak_bytes": peak_bytes()?,
            "ms_per_image": {
                "read": each(times.source), "decode_prepare": each(times.prepare), "model": each(times.infer),
                "boxes": each(times.interpret),
            },
        })
    );
    Ok(())
}

/// The most memory this process held.
fn peak_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    let kb: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kb * 1024)
}
