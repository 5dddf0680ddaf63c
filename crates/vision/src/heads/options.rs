//! Thresholds of a decoding, what can go wrong, and the card's `[postprocess]` table.

use serde::{Deserialize, Serialize};

use super::{Head, HeadKind, YoloLayout};
use crate::geometry::Size;

/// Thresholds and limits of a decoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecodeOptions {
    /// Least score, 0 to 1.
    pub confidence: f32,
    /// Intersection over union above which the less sure of two boxes goes, 0 to 1. Heads without NMS
    /// do not look at it.
    pub iou: f32,
    /// Classes wanted; `None`: all. An anchor whose best class is another one is left out.
    pub classes: Option<Vec<u32>>,
    /// Most detections of one picture.
    pub max_detections: usize,
    /// Whether boxes of different classes suppress each other.
    pub class_agnostic: bool,
    /// Whether an anchor counts for every class that passes, not for its best alone (YOLO and YOLOX heads): what published
    /// average precisions are made with, as a second guess costs nothing there.
    pub multi_label: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            confidence: 0.25,
            iou: 0.45,
            classes: None,
            max_detections: 300,
            class_agnostic: false,
            multi_label: false,
        }
    }
}

/// Why a head cannot be made or its outputs cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HeadError {
    /// A key of the card's table.
    #[error("[postprocess] {key}: {message}")]
    Table {
        /// The key.
        key: &'static str,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// The model gave no such output.
    #[error("the model has no output {wanted}; it has {}. Name it in the card's [postprocess] output", .have.join(", "))]
    MissingOutput {
        /// What was looked for.
        wanted: String,
        /// The outputs' names and shapes.
        have: Vec<String>,
    },
    /// An output of another shape.
    #[error(
        "output {name} has the shape {got:?} where this head and its classes need ({wanted}); compare head, layout and classes of the card with the model"
    )]
    Shape {
        /// The output.
        name: String,
        /// Its shape.
        got: Vec<usize>,
        /// The shape that was needed.
        wanted: String,
    },
    /// Another number of anchors than the grids have cells.
    #[error(
        "output {name} has {anchors} anchors where the strides of the card give {expected} for an input of {input}"
    )]
    Anchors {
        /// The output.
        name: String,
        /// Its anchors.
        anchors: usize,
        /// Cells of the grids.
        expected: u64,
        /// The model's input.
        input: Size,
    },
}

fn wrong(key: &'static str, message: impl Into<String>) -> HeadError {
    HeadError::Table { key, message: message.into() }
}

fn names(table: &toml::Table, key: &'static str) -> Result<Option<Vec<String>>, HeadError> {
    let Some(value) = table.get(key) else { return Ok(None) };
    let list = value.as_array().ok_or_else(|| wrong(key, "a list of names is needed"))?;
    let name = |v: &toml::Value| v.as_str().map(str::to_owned);
    let names: Option<Vec<String>> = list.iter().map(name).collect();
    names.map(Some).ok_or_else(|| wrong(key, "each class is a text"))
}

fn share(table: &toml::Table, key: &'static str, default: f32) -> Result<f32, HeadError> {
    let Some(value) = table.get(key) else { return Ok(default) };
    let number = value.as_float().or_else(|| value.as_integer().map(|v| v as f64));
    match number {
        Some(number) if (0.0..=1.0).contains(&number) => Ok(number as f32),
        _ => Err(wrong(key, format!("{value:?} is not a number from 0 to 1"))),
    }
}

fn flag(table: &toml::Table, key: &'static str) -> Result<bool, HeadError> {
    let Some(value) = table.get(key) else { return Ok(false) };
    value.as_bool().ok_or_else(|| wrong(key, format!("{value:?} is neither true nor false")))
}

fn text<'t>(table: &'t toml::Table, key: &'static str) -> Result<Option<&'t str>, HeadError> {
    let Some(value) = table.get(key) else { return Ok(None) };
    value.as_str().map(Some).ok_or_else(|| wrong(key, format!("{value:?} is not a text")))
}

fn strides(table: &toml::Table) -> Result<Vec<u32>, HeadError> {
    let Some(value) = table.get("strides") else { return Ok(vec![8, 16, 32]) };
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let stride = |v: &toml::Value| v.as_integer().and_then(|v| u32::try_from(v).ok());
    let strides: Option<Vec<u32>> = list.iter().map(|v| stride(v).filter(|&s| s > 0)).collect();
    let strides = strides.filter(|s| !s.is_empty());
    strides
        .ok_or_else(|| wrong("strides", format!("{value:?} is not a list of whole pixels above 0")))
}

pub(super) fn head_from_table(table: &toml::Table) -> Result<Head, HeadError> {
    let name = text(table, "head")?.ok_or_else(|| wrong("head", "missing"))?;
    let layout = match text(table, "layout")? {
        None | Some("channels-first") => YoloLayout::ChannelsFirst,
        Some("channels-last") => YoloLayout::ChannelsLast,
        Some(other) => {
            let message = format!("{other} is neither channels-first nor channels-last");
            return Err(wrong("layout", message));
        }
    };
    let kind = match name {
        "yolox" => HeadKind::Yolox { strides: strides(table)?, decoded: flag(table, "decoded")? },
        "yolo" => HeadKind::Yolo(layout),
        "end2end" => HeadKind::EndToEnd,
        "rt-detr" => HeadKind::RtDetr,
        "features" => return Err(wrong("head", "features give no boxes: use a memory bank")),
        other => {
            let message = format!("{other} is none of yolox, yolo, end2end, rt-detr");
            return Err(wrong("head", message));
        }
    };
    let classes = names(table, "classes")?.unwrap_or_default();
    if classes.is_empty() {
        return Err(wrong("classes", "the names of the model's classes are needed, in its order"));
    }
    let classes_zh = names(table, "classes_zh")?.unwrap_or_default();
    if !classes_zh.is_empty() && classes_zh.len() != classes.len() {
        let message = format!("{} names for {} classes", classes_zh.len(), classes.len());
        return Err(wrong("classes_zh", message));
    }
    let default = DecodeOptions::default();
    let max_detections = match table.get("max_detections") {
        None => default.max_detections,
        Some(value) => {
            value.as_integer().and_then(|v| usize::try_from(v).ok()).filter(|&v| v > 0).ok_or_else(
                || wrong("max_detections", format!("{value:?} is not a number above 0")),
            )?
        }
    };
    let options = DecodeOptions {
        confidence: share(table, "confidence", default.confidence)?,
        iou: share(table, "iou", default.iou)?,
        max_detections,
        class_agnostic: flag(table, "class_agnostic")?,
        ..default
    };
    let output = text(table, "output")?.map(str::to_owned);
    Ok(Head { kind, classes, classes_zh, options, output })
}
