//! What looks at the frames of watched cameras: the detector, memory banks and belt geometry that the
//! other commands use, as passes that scenes share; and the streams they come from.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use strata_core::runtime::RunOptions;
use strata_vision::bank::{AnyBank, Patches, Precision};
use strata_vision::belt::{BeltConfig, BeltInspector, EdgeLine};
use strata_vision::geometry::{BBox, Detection, Size};
use strata_vision::image::{Image, Plane};
use strata_vision::preprocess::Placement;
use strata_vision::video::FrameSource;

use crate::detect::{Detector, Settings};
use crate::inspect::FeatureModel;
use crate::models::ModelSource;
use crate::scenario::{DetectTask, Loaded, Mode, Tiling};
use crate::sources::{Pace, SourceSpec, StreamOptions, Transport as Carried, open_stream};
use crate::watch::config::{CameraConfig, SceneConfig, Transport};
use crate::watch::{
    AnalyseError, Analyser, AnalyserFactory, Anomaly, Belt, Features, Findings, PassKey, Refiner,
    ScenePlan, Sources,
};

/// Share of a tile that its neighbour covers too.
const OVERLAP: f32 = 0.2;

fn error(error: impl std::fmt::Display) -> AnalyseError {
    AnalyseError(error.to_string())
}

/// Opens cameras and what stands for them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Streams;

impl Sources for Streams {
    fn open(
        &self,
        camera: &CameraConfig,
        stop: &Arc<AtomicBool>,
    ) -> Result<Box<dyn FrameSource>, String> {
        let spec = SourceSpec::parse(&camera.source).map_err(|error| error.to_string())?;
        let options = StreamOptions {
            transport: match camera.transport {
                Transport::Tcp => Carried::Tcp,
                Transport::Udp => Carried::Udp,
            },
            timeout: Duration::from_secs_f64(camera.stall_seconds),
            max_fps: Some(camera.fps),
            pace: Pace { real_time: true, looped: camera.repeat, ..Pace::default() },
            stop: Arc::clone(stop),
            ..StreamOptions::default()
        };
        open_stream(&spec, &options.with_environment()).map_err(|error| error.to_string())
    }
}

/// What a scene looks with.
enum Task {
    Detect { model: String, task: DetectTask },
    Bank(std::path::PathBuf),
    Belt(BeltConfig),
}

/// Makes passes of the models of a folder or a server. Models and banks that several scenes name are
/// opened once.
pub struct Analysers {
    models: Arc<dyn ModelSource>,
    features: Mutex<HashMap<String, Arc<FeatureModel>>>,
    banks: Mutex<HashMap<std::path::PathBuf, Arc<AnyBank>>>,
}

impl std::fmt::Debug for Analysers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Analysers")
    }
}

impl Analysers {
    /// Of these models.
    #[must_use]
    pub fn new(models: Arc<dyn ModelSource>) -> Self {
        Self { models, features: Mutex::default(), banks: Mutex::default() }
    }

    /// The scene's task, and its scenario.
    fn task(scene: &SceneConfig) -> Result<(Task, Option<Loaded>), AnalyseError> {
        let loaded = scene.scenario.as_deref().map(Loaded::find).transpose().map_err(error)?;
        let detect = |model: String, mut task: DetectTask| {
            task.confidence = scene.confidence.or(task.confidence);
            task.tile = scene.tile.map(|size| Tiling { size, overlap: OVERLAP }).or(task.tile);
            Task::Detect { model, task }
        };
        let belt = |table: &toml::Table| {
            BeltConfig::deserialize(table.clone()).map(Task::Belt).map_err(error)
        };
        let task = match (&loaded, &scene.model, &scene.bank) {
            (_, _, Some(bank)) => Task::Bank(bank.clone()),
            (Some(loaded), model, None) => {
                let scenario = &loaded.scenario;
                match (scenario.mode, model.clone().or_else(|| scenario.model.clone())) {
                    (Mode::Detect, Some(model)) => detect(model, scenario.detect.clone()),
                    (Mode::Belt, _) if scene.options.is_empty() => belt(&scenario.belt)?,
                    (Mode::Belt, _) => belt(&scene.options)?,
                    _ => {
                        return Err(AnalyseError(format!(
                            "scenario {} compares with a memory bank: add `bank = \"…\"`, made by `strata-mining fit`",
                            scenario.name
                        )));
                    }
                }
            }
            (None, Some(model), None) => detect(model.clone(), DetectTask::default()),
            (None, None, None) if scene.belt => belt(&scene.options)?,
            (None, None, None) => {
                return Err(AnalyseError(
                    "it names nothing to look with: add scenario, model, bank or belt".to_owned(),
                ));
            }
        };
        Ok((task, loaded))
    }

    fn detector(&self, model: &str, task: &DetectTask) -> Result<Detector, AnalyseError> {
        Detector::new(self.models.vision(model).map_err(error)?, task).map_err(error)
    }

    fn bank(&self, path: &Path) -> Result<Arc<AnyBank>, AnalyseError> {
        let mut banks = self.banks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bank) = banks.get(path) {
            return Ok(Arc::clone(bank));
        }
        let bank = Arc::new(AnyBank::load(path, Precision::Int8).map_err(error)?);
        banks.insert(path.to_path_buf(), Arc::clone(&bank));
        Ok(bank)
    }

    fn features(&self, bank: &AnyBank) -> Result<Arc<FeatureModel>, AnalyseError> {
        let name = &bank.identity().model;
        let mut features = self.features.lock().unwrap_or_else(PoisonError::into_inner);
        let model = match features.get(name) {
            Some(model) => Arc::clone(model),
            None => {
                let model = Arc::new(
                    FeatureModel::new(self.models.vision(name).map_err(error)?).map_err(error)?,
                );
                features.insert(name.clone(), Arc::clone(&model));
                model
            }
        };
        bank.identity().check(model.identity()).map_err(error)?;
        Ok(model)
    }
}

/// Every setting of a detector, in words: what makes its pass another one, and what people read.
fn told(Settings { decode, tile }: &Settings, preprocess: &str) -> String {
    let mut words = format!(
        "score {}, iou {}, at most {}",
        decode.confidence, decode.iou, decode.max_detections
    );
    if let Some(classes) = &decode.classes {
        words += &format!(", classes {classes:?}");
    }
    if let Some(Tiling { size, overlap }) = tile {
        words += &format!(", tiles {size} overlap {overlap}");
    }
    words + &format!(", preprocessing {}", preprocess.get(..12).unwrap_or(preprocess))
}

impl AnalyserFactory for Analysers {
    fn plan(&self, scene: &SceneConfig) -> Result<ScenePlan, AnalyseError> {
        let (task, loaded) = Self::task(scene)?;
        let rules = loaded.map(|loaded| loaded.scenario.rules).unwrap_or_default();
        let rules = rules
            .into_iter()
            .map(|rule| crate::watch::config::RuleConfig::deserialize(rule).map_err(error));
        let rules = rules.collect::<Result<_, _>>()?;
        let named = |card: &strata_core::card::ModelCard| format!("{} {}", card.name, card.version);
        Ok(match task {
            Task::Detect { model, task } => {
                let detector = self.detector(&model, &task)?;
                let settings = detector.settings();
                let model = named(detector.model().card());
                let settings = told(settings, &detector.model().preprocess().hash());
                let classes = detector.classes().to_vec();
                let key = PassKey { model: model.clone(), settings };
                ScenePlan { key, model, classes, rules, threshold: None }
            }
            Task::Bank(path) => {
                let bank = self.bank(&path)?;
                let features = self.features(&bank)?;
                let model = named(features.model().card());
                // Every bank of this model shares the pass.
                let key = PassKey {
                    model: model.clone(),
                    settings: features.identity().preprocess.clone(),
                };
                let bank_name = path.file_stem().unwrap_or_default().to_string_lossy();
                let threshold = bank.calibration().map(|calibration| calibration.threshold);
                let model = format!("{model}, bank {bank_name}");
                ScenePlan { key, model, classes: vec!["anomaly".to_owned()], rules, threshold }
            }
            Task::Belt(config) => {
                let model = "belt geometry".to_owned();
                let key = PassKey { model: model.clone(), settings: format!("{config:?}") };
                ScenePlan { key, model, classes: vec!["tear".to_owned()], rules, threshold: None }
            }
        })
    }

    fn analyser(&self, scene: &SceneConfig) -> Result<Arc<dyn Analyser>, AnalyseError> {
        Ok(match Self::task(scene)?.0 {
            Task::Detect { model, task } => Arc::new(DetectPass(self.detector(&model, &task)?)),
            Task::Bank(path) => {
                let bank = self.bank(&path)?;
                Arc::new(FeaturePass(self.features(&bank)?))
            }
            Task::Belt(config) => Arc::new(BeltPass(BeltInspector::new(config).map_err(error)?)),
        })
    }

    fn refiner(&self, scene: &SceneConfig) -> Result<Option<Arc<dyn Refiner>>, AnalyseError> {
        let Task::Bank(path) = Self::task(scene)?.0 else { return Ok(None) };
        let bank = self.bank(&path)?;
        let features = self.features(&bank)?;
        Ok(Some(Arc::new(BankRefiner { bank, features })))
    }
}

/// A detector.
struct DetectPass(Detector);

impl Analyser for DetectPass {
    fn analyse(&self, frames: &[&Image]) -> Result<Vec<Findings>, AnalyseError> {
        let Self(detector) = self;
        let run = RunOptions::default();
        let mut found: Vec<Vec<Detection>> = vec![Vec::new(); frames.len()];
        if let Some(tiling) = detector.settings().tile {
            for (place, frame) in found.iter_mut().zip(frames) {
                *place = detector.detect_tiles(frame, tiling, &run).map_err(error)?;
            }
        } else {
            let mut pixels = detector.model().pixels(frames.len());
            let prepare = |(slot, frame): (usize, &&Image)| {
                detector.prepare((*frame).into(), slot, &mut pixels)
            };
            let placements: Vec<Placement> =
                frames.iter().enumerate().map(prepare).collect::<Result<_, _>>().map_err(error)?;
            let take = |slot: usize, detections| found[slot] = detections;
            detector.infer(0..frames.len(), (&pixels, &placements), &run, take).map_err(error)?;
        }
        Ok(found.into_iter().map(Findings::Detections).collect())
    }
}

/// A model of features, for banks.
struct FeaturePass(Arc<FeatureModel>);

impl Analyser for FeaturePass {
    fn analyse(&self, frames: &[&Image]) -> Result<Vec<Findings>, AnalyseError> {
        let one = |frame: &&Image| {
            let (patches, placement) =
                self.0.patches_of(frame, &RunOptions::default()).map_err(error)?;
            let (rows, columns) = patches.grid();
            let region = placement.to_image(BBox::new(0.0, 0.0, f32::MAX, f32::MAX));
            let (dim, values) = (patches.dim(), patches.data().to_vec());
            Ok(Findings::Features(Arc::new(Features { rows, columns, dim, values, region })))
        };
        frames.iter().map(one).collect()
    }
}

/// A bank, scoring the features of its model.
struct BankRefiner {
    bank: Arc<AnyBank>,
    features: Arc<FeatureModel>,
}

impl Refiner for BankRefiner {
    fn refine(&self, frame: &Image, findings: &Findings) -> Result<Findings, AnalyseError> {
        let Findings::Features(features) = findings else {
            return Err(AnalyseError("a bank scores features".to_owned()));
        };
        let grid = (features.rows, features.columns);
        let patches = Patches::new(grid, features.dim, features.values.clone()).map_err(error)?;
        let anomaly = self.bank.score(&patches).map_err(error)?;
        let placement =
            self.features.model().preprocess().placement(frame.into()).map_err(error)?;
        // The patches that show the picture; the others saw the border around it.
        let (content, input) = (placement.content(), placement.input);
        let cells = |from: f32, to: f32, of: u32, count: usize| {
            let cell = of as f32 / count.max(1) as f32;
            let first = (from / cell).floor().max(0.0) as usize;
            (first.min(count), ((to / cell).ceil() as usize).min(count))
        };
        let (left, right) = cells(content.x1, content.x2, input.width, grid.1);
        let (top, bottom) = cells(content.y1, content.y2, input.height, grid.0);
        let rows =
            (top..bottom).flat_map(|row| (left..right).map(move |column| row * grid.1 + column));
        let data = rows.map(|at| anomaly.distances.get(at).copied().unwrap_or(0.0)).collect();
        let (width, height) = ((right - left) as u32, (bottom - top) as u32);
        let (row, column, _) = anomaly.worst();
        let cell = |at: usize, count: usize, of: u32| at as f32 * of as f32 / count.max(1) as f32;
        let worst = BBox::new(
            cell(column, grid.1, input.width),
            cell(row, grid.0, input.height),
            cell(column + 1, grid.1, input.width),
            cell(row + 1, grid.0, input.height),
        );
        Ok(Findings::Anomaly(Anomaly {
            score: anomaly.score,
            map: Plane::new(Size::new(width, height), data),
            region: Some(placement.to_image(worst)),
        }))
    }
}

/// Belt geometry.
struct BeltPass(BeltInspector);

impl Analyser for BeltPass {
    fn analyse(&self, frames: &[&Image]) -> Result<Vec<Findings>, AnalyseError> {
        let one = |frame: &&Image| {
            let report = self.0.inspect(frame);
            // The edge under load is where the other and the baseline put it.
            let hidden = report.hidden.and_then(|hidden| hidden.expected);
            let ends = |edge: Option<EdgeLine>| edge.map(|e| [e.from, e.to]).or(hidden);
            let edges = || Some((ends(report.left)?, ends(report.right)?));
            let region = edges().map(|(left, right)| {
                let points = [left[0], left[1], right[0], right[1]];
                let least = |of: fn(&strata_vision::geometry::Point) -> f32| {
                    points.iter().map(of).fold(f32::MAX, f32::min)
                };
                let most = |of: fn(&strata_vision::geometry::Point) -> f32| {
                    points.iter().map(of).fold(f32::MIN, f32::max)
                };
                BBox::new(least(|p| p.x), least(|p| p.y), most(|p| p.x), most(|p| p.y))
            });
            // What lies beyond the bed counts by how clearly it is seen.
            let beyond =
                report.overflow.iter().map(|overflow| overflow.confidence).fold(0.0, f32::max);
            Findings::Belt(Belt {
                deviation: report.deviation.map(|deviation| deviation.share.abs()),
                overflow: (report.found || report.hidden.is_some()).then_some(beyond),
                region,
                tears: report
                    .tears
                    .iter()
                    .map(|tear| Detection { bbox: tear.bbox, score: tear.confidence, class: 0 })
                    .collect(),
            })
        };
        Ok(frames.iter().map(one).collect())
    }
}
