//! Whether two programs found the same boxes: each box of the one is matched to the best of the other of its class.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};
use strata_vision::geometry::BBox;

type Found = (BBox, f64, u64);

/// Compares two files of boxes, picture by picture.
pub(crate) fn compare(theirs: &Path, ours: &Path) -> anyhow::Result<Value> {
    let (theirs, ours) = (read(theirs)?, read(ours)?);
    let (mut matched, mut alone, mut worst_iou, mut worst_score) = (0_u64, 0_u64, 1.0_f32, 0.0_f64);
    for (peer, own) in theirs.iter().zip(&ours) {
        let mut left = own.clone();
        for (bbox, score, class) in peer {
            let same = left.iter().enumerate().filter(|(_, other)| other.2 == *class);
            let best = same.max_by(|a, b| bbox.iou(&a.1.0).total_cmp(&bbox.iou(&b.1.0)));
            match best.map(|(at, other)| (at, bbox.iou(&other.0), (other.1 - score).abs())) {
                Some((at, iou, difference)) if iou >= 0.5 => {
                    left.swap_remove(at);
                    matched += 1;
                    worst_iou = worst_iou.min(iou);
                    worst_score = worst_score.max(difference);
                }
                _ => alone += 1,
            }
        }
        alone += left.len() as u64;
    }
    Ok(json!({
        "what": "boxes against onnxruntime + OpenCV", "images": theirs.len(), "matched": matched, "without_partner": alone,
        "worst_iou": worst_iou, "worst_score_difference": worst_score,
    }))
}

fn read(path: &Path) -> anyhow::Result<Vec<Vec<Found>>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let picture = |line: &str| -> anyhow::Result<Vec<Found>> {
        let line: Value = serde_json::from_str(line)?;
        let boxes = line["boxes"].as_array().context("no boxes")?;
        let number = |row: &Value, at: usize| row[at].as_f64().unwrap_or(f64::NAN);
        let found = |row: &Value| {
            let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|at| number(row, at) as f32);
            (BBox { x1, y1, x2, y2 }, number(row, 4), row[5].as_u64().unwrap_or(u64::MAX))
        };
        Ok(boxes.iter().map(found).collect())
    };
    text.lines().map(picture).collect()
}
