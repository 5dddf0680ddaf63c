//! What looks at frames. A *pass* is one run of one model over a frame; scenes whose passes have the
//! same key share it, however many they are. What is cheap and differs from scene to scene, as the
//! scoring of one backbone's features against several memory banks, is a *refiner*.

use std::fmt;
use std::sync::Arc;

use strata_vision::geometry::{BBox, Detection};
use strata_vision::image::{Image, Plane};

use super::config::{RuleConfig, SceneConfig};

/// What makes two passes the same: model with its version, preprocessing, and every setting that
/// changes what comes out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PassKey {
    /// Model and version, or the name of a method: `belt-damage 1`, `belt geometry`.
    pub model: String,
    /// Hash of the preprocessing, tiles, thresholds and whatever else matters, as text.
    pub settings: String,
}

impl fmt::Display for PassKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.settings.as_str() {
            "" => f.write_str(&self.model),
            settings => write!(f, "{} ({settings})", self.model),
        }
    }
}

/// What a pass or a refiner found in a frame.
#[derive(Debug, Clone)]
pub enum Findings {
    /// Things, in pixels of the frame.
    Detections(Vec<Detection>),
    /// Features of patches, for refiners.
    Features(Arc<Features>),
    /// How unlike the normal pictures it is.
    Anomaly(Anomaly),
    /// How the belt runs.
    Belt(Belt),
}

/// Feature vectors of a picture's patches.
#[derive(Debug, Clone)]
pub struct Features {
    /// Rows of patches.
    pub rows: usize,
    /// Patches in a row.
    pub columns: usize,
    /// Numbers in a patch's vector.
    pub dim: usize,
    /// The vectors, row by row: `rows * columns * dim` numbers.
    pub values: Vec<f32>,
    /// The part of the frame that the grid covers, in pixels.
    pub region: BBox,
}

/// How unlike the normal pictures a frame is.
#[derive(Debug, Clone)]
pub struct Anomaly {
    /// Of the picture as a whole.
    pub score: f32,
    /// Of places, stretched over the frame: any size; for zones.
    pub map: Option<Plane<f32>>,
    /// Where it is most unlike, in pixels of the frame.
    pub region: Option<BBox>,
}

/// How the belt runs.
#[derive(Debug, Clone, Default)]
pub struct Belt {
    /// How far the middle of the belt is from the rollers' middle, as a share of the belt's width;
    /// `None` where the belt is not seen.
    pub deviation: Option<f32>,
    /// How much of the load lies beyond its bed, as a share; `None` where there is no telling.
    pub overflow: Option<f32>,
    /// Where the belt is, in pixels of the frame.
    pub region: Option<BBox>,
    /// Candidates for tears, their class as in [`ScenePlan::classes`].
    pub tears: Vec<Detection>,
}

/// A model, bank or method that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AnalyseError(pub String);

/// Looks at frames: a pass.
pub trait Analyser: Send + Sync {
    /// What is in each of the frames, of any sizes. Called by several threads at once.
    ///
    /// # Errors
    /// A model that fails; the frames are counted as failed, and the next are tried.
    fn analyse(&self, frames: &[&Image]) -> Result<Vec<Findings>, AnalyseError>;
}

/// Makes what a scene needs of what a pass found.
pub trait Refiner: Send + Sync {
    /// The scene's own findings.
    ///
    /// # Errors
    /// Findings that it cannot work with.
    fn refine(&self, frame: &Image, findings: &Findings) -> Result<Findings, AnalyseError>;
}

/// What a scene needs, known before any model is loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenePlan {
    /// The pass.
    pub key: PassKey,
    /// What every event of the scene says about what looked: model, version, bank.
    pub model: String,
    /// Names of the classes, by number.
    pub classes: Vec<String>,
    /// The scenario's rules, for a scene without its own.
    pub rules: Vec<RuleConfig>,
    /// The bank's calibrated threshold, for `anomaly` rules without one.
    pub threshold: Option<f32>,
}

/// Makes what scenes need.
pub trait AnalyserFactory {
    /// What a scene needs; nothing big is loaded.
    ///
    /// # Errors
    /// A model, bank or scenario that is not there or does not fit.
    fn plan(&self, scene: &SceneConfig) -> Result<ScenePlan, AnalyseError>;

    /// The pass of a scene; called once for every key.
    ///
    /// # Errors
    /// A model that cannot be loaded.
    fn analyser(&self, scene: &SceneConfig) -> Result<Arc<dyn Analyser>, AnalyseError>;

    /// The scene's refiner, if it has one.
    ///
    /// # Errors
    /// A bank that cannot be loaded.
    fn refiner(&self, scene: &SceneConfig) -> Result<Option<Arc<dyn Refiner>>, AnalyseError>;
}
