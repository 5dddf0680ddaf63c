//! What a suite's run is kept as: one JSON file a suite, read again by `compare` and by reports.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The format written and read here.
pub(crate) const SCHEMA: u32 = 1;
/// Our side's name in every record.
pub(crate) const OURS: &str = "strata";

/// A suite's run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) schema: u32,
    pub(crate) suite: String,
    pub(crate) title: String,
    pub(crate) date: String,
    pub(crate) quick: bool,
    pub(crate) machine: Value,
    /// Versions of the peers and of what they run on, by package.
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) absent: Vec<Absent>,
    pub(crate) cases: Vec<Case>,
}

/// A peer that one would expect and that is not there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Absent {
    pub(crate) name: String,
    pub(crate) why: String,
}

/// A case as it was measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) unit: String,
    pub(crate) threads: usize,
    pub(crate) size: Option<u64>,
    pub(crate) rounds: Vec<Round>,
    pub(crate) sides: BTreeMap<String, Side>,
    /// Peer by ours, paired by round.
    pub(crate) ratios: BTreeMap<String, Ratios>,
    pub(crate) agreement: BTreeMap<String, Agreement>,
    pub(crate) growth: BTreeMap<String, Growth>,
    /// A report's own object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) figures: Option<Value>,
    /// Sides that ended with an error, with their last words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) failed: BTreeMap<String, String>,
    /// Why the peers could not be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unavailable: Option<String>,
    pub(crate) skipped: Option<String>,
}

/// One run of one side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) side: String,
    pub(crate) size: Option<u64>,
    pub(crate) round: usize,
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) peak_kb: u64,
    /// The last line that the side printed.
    pub(crate) inner: Value,
}

/// Middle and ends of the measurements of one quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// A side's figures at the case's size.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Side {
    pub(crate) items: Option<f64>,
    pub(crate) seconds: Option<Spread>,
    pub(crate) cpu_seconds: Option<Spread>,
    pub(crate) per_second: Option<Spread>,
    pub(crate) wall_s: Option<Spread>,
    pub(crate) cpu_s: Option<Spread>,
    pub(crate) peak_mb: Option<Spread>,
    pub(crate) p50_ms: Option<Spread>,
    pub(crate) p95_ms: Option<Spread>,
    pub(crate) p99_ms: Option<Spread>,
    /// Share of `seconds` that is the model's own.
    pub(crate) model_share: Option<Spread>,
    /// From the start of the process to its first answer.
    pub(crate) first_answer_s: Option<Spread>,
    pub(crate) disk_mb: Option<f64>,
    /// Every other number that the side printed, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) inner: BTreeMap<String, Spread>,
}

/// Peer by ours: above 1, ours is faster or smaller.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ratios {
    pub(crate) seconds: Option<Spread>,
    pub(crate) cpu_seconds: Option<Spread>,
    pub(crate) wall_s: Option<Spread>,
    pub(crate) peak_mb: Option<Spread>,
}

/// Whether two sides gave the same answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Agreement {
    pub(crate) compared: u64,
    pub(crate) largest_difference: f64,
    pub(crate) median_difference: f64,
    /// Share of the compared values within the tolerance.
    pub(crate) within: f64,
    pub(crate) tolerance: f64,
    pub(crate) agree: bool,
    /// Why they don't, where that is not a number's difference; or where the first one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// How time and memory grow with the size: `cost ~ size^exponent`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) sizes: Vec<u64>,
    pub(crate) seconds: Vec<f64>,
    pub(crate) peak_mb: Vec<f64>,
    pub(crate) exponent: Option<f64>,
    pub(crate) memory_exponent: Option<f64>,
}

impl Run {
    /// Reads a suite's file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let run: Self =
            serde_json::from_str(&text).with_context(|| format!("{shown} is no run of a suite"))?;
        if run.schema != SCHEMA {
            bail!("{shown} has schema {}; this program reads {SCHEMA}", run.schema);
        }
        Ok(run)
    }

    /// True where every case ran, and agreed where it has a peer.
    pub(crate) fn is_good(&self) -> bool {
        self.cases.iter().all(|case| {
            case.failed.is_empty() && case.agreement.values().all(|agreement| agreement.agree)
        })
    }
}
