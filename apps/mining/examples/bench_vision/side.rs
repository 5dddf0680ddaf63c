//! Detection as a side of the suite `mining`: the first pictures of a folder, from the bytes of files to boxes, after one that is
//! detected alone. Prints a line of JSON and writes the boxes.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use strata_mining::detect::FoundObject;
use strata_testkit::bench::{report, since_start, write_answers};

use crate::one::{Took, Work};

/// Measures: `MODEL FOLDER COUNT WORKERS CONF IOU ANSWERS`. An answer is a picture's boxes, surest first: class, score, left, top,
/// right, bottom in pixels.
pub(crate) fn main(args: &[String]) -> anyhow::Result<()> {
    let [model, folder, count, workers, conf, iou, answers] = args else {
        bail!("usage: bench_vision side MODEL FOLDER COUNT WORKERS CONF IOU ANSWERS");
    };
    let (count, workers): (usize, usize) = (count.parse()?, workers.parse()?);
    let work = Work { model, workers, intra: 1, conf: conf.parse()?, iou: iou.parse()? };
    let pictures = pictures(Path::new(folder), count)?;
    let detector = work.detector()?;
    work.run(&detector, &pictures[..1], 1)?;
    let first_answer = since_start();
    let Took { seconds, cpu_seconds, times, rows } = work.run(&detector, &pictures, 1)?;
    let shown = |o: &FoundObject| {
        let [x1, y1, x2, y2] = o.bbox;
        json!([o.class, o.score, x1, y1, x2, y2])
    };
    let boxes: Vec<Value> = rows
        .iter()
        .map(|row| match &row.error {
            None => json!(row.objects.iter().map(shown).collect::<Vec<_>>()),
            Some(trouble) => json!(trouble.message),
        })
        .collect();
    write_answers(Path::new(answers), &boxes)?;
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e3 / pictures.len() as f64;
    report(
        pictures.len(),
        (seconds, cpu_seconds),
        &[
            ("first_answer_seconds", json!(first_answer)),
            // Of the time, as workers run side by side.
            ("model_seconds", json!(times.infer.as_secs_f64() / workers as f64)),
            ("decode_prepare_ms", json!(each(times.prepare))),
            ("model_ms", json!(each(times.infer))),
            ("boxes_ms", json!(each(times.interpret))),
        ],
    );
    Ok(())
}

/// The first pictures of a folder by name; at least one.
fn pictures(folder: &Path, count: usize) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut all: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    all.sort();
    if all.len() < count || count == 0 {
        bail!("{} holds {} pictures of {count}", folder.display(), all.len());
    }
    all.truncate(count);
    Ok(all)
}
