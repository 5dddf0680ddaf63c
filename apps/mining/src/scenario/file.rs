//! The scenario's format: plain structs. Unknown keys are refused everywhere.

use serde::{Deserialize, Serialize};

/// A task, as data.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Name: what commands, requests and cameras call it.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Title in Chinese.
    pub title_zh: String,
    /// Version of the scenario.
    pub version: String,
    /// What it is for and what it rests on.
    pub description: String,
    /// How a picture is looked at.
    pub mode: Mode,
    /// The model, by the name of its card; belt geometry needs none.
    pub model: Option<String>,
    /// Where a picture or clip to try it on is, in the repository.
    pub sample: Option<String>,
    /// Settings of `mode = "detect"`.
    #[serde(default)]
    pub detect: DetectTask,
    /// Settings of `mode = "anomaly"`.
    #[serde(default)]
    pub anomaly: AnomalyTask,
    /// Settings of `mode = "belt"`, as the belt analyser takes them.
    #[serde(default)]
    pub belt: toml::Table,
    /// What makes an event of what is found, for watched cameras.
    #[serde(default, rename = "rule")]
    pub rules: Vec<toml::Table>,
}

/// How a picture is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A detector finds things of known classes.
    Detect,
    /// A memory bank of normal pictures finds what is unlike them.
    Anomaly,
    /// Geometry finds the belt's edges, load and tears.
    Belt,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Detect => "detect",
            Self::Anomaly => "anomaly",
            Self::Belt => "belt",
        })
    }
}

/// Settings of a detection; what is absent is the card's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DetectTask {
    /// Least score of a detection, from 0 to 1.
    pub confidence: Option<f32>,
    /// Overlap (IoU) from which two boxes of a class are one thing.
    pub iou: Option<f32>,
    /// Classes to look for, by their names; empty means all.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Most detections of a picture.
    pub max_detections: Option<usize>,
    /// Look at tiles of the picture beside the whole.
    pub tile: Option<Tiling>,
    /// Whether a place counts for every class that passes, not for its best alone: for measuring.
    #[serde(skip)]
    pub multi_label: bool,
}

/// How a large picture is cut.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tiling {
    /// Side of a tile in pixels of the picture.
    pub size: u32,
    /// Share of a tile that its neighbour covers too.
    #[serde(default = "overlap")]
    pub overlap: f32,
}

fn overlap() -> f32 {
    0.2
}

/// Settings of a memory bank.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnomalyTask {
    /// Folder of normal pictures that the sample's bank is made of, in the repository.
    pub normals: Option<String>,
    /// Share of the normals' patches that the bank keeps.
    pub coreset: f64,
    /// Promised false alarms of a camera and day.
    pub false_alarms_per_day: f64,
    /// Pictures inspected a day, which the promise refers to.
    pub pictures_per_day: f64,
}

impl Default for AnomalyTask {
    fn default() -> Self {
        Self { normals: None, coreset: 0.1, false_alarms_per_day: 1.0, pictures_per_day: 1440.0 }
    }
}
