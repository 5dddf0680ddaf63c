//! What a configuration comes to: which cameras are looked at by which scenes through which passes.
//! `watch --check` prints it, and the engine is built from it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::config::{RuleConfig, WatchConfig};
use super::engine::Pass;
use super::pass::{AnalyserFactory, PassKey, ScenePlan};
use super::{AnalyseError, WatchError};

/// A scene, with what it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedScene {
    /// Its name.
    pub name: String,
    /// The cameras it looks at.
    pub cameras: Vec<String>,
    /// Place of its pass in [`Plan::passes`].
    pub pass: usize,
    /// Its rules, its own or the scenario's.
    pub rules: Vec<RuleConfig>,
    /// What the factory says of it.
    pub needs: ScenePlan,
}

/// What a configuration comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Cameras, and frames of each looked at in a second.
    pub cameras: Vec<(String, f64)>,
    /// Passes, each once.
    pub passes: Vec<PassKey>,
    /// Scenes.
    pub scenes: Vec<PlannedScene>,
    /// Outputs by name.
    pub outputs: Vec<String>,
}

impl Plan {
    /// Plans a configuration; no model is loaded.
    ///
    /// # Errors
    /// A scene whose model, bank or scenario is not there, or a rule with a class that the model does
    /// not know.
    pub fn new(config: &WatchConfig, factory: &dyn AnalyserFactory) -> Result<Self, WatchError> {
        let mut passes: Vec<PassKey> = Vec::new();
        let mut scenes = Vec::new();
        for scene in &config.scenes {
            let of = |error| WatchError::Scene { scene: scene.name.clone(), error };
            let needs = factory.plan(scene).map_err(of)?;
            let rules: Vec<RuleConfig> = match &scene.rules {
                Some(names) => names
                    .iter()
                    .filter_map(|name| config.rules.iter().find(|rule| rule.name == *name))
                    .cloned()
                    .collect(),
                None => needs.rules.clone(),
            };
            for rule in &rules {
                let unknown = rule.classes.iter().find(|class| !needs.classes.contains(class));
                if let Some(class) = unknown {
                    return Err(of(AnalyseError(format!(
                        "rule {:?} names the class {class:?}, and {} knows {}",
                        rule.name,
                        needs.model,
                        needs.classes.join(", "),
                    ))));
                }
            }
            let known = passes.iter().position(|key| *key == needs.key);
            let pass = known.unwrap_or_else(|| {
                passes.push(needs.key.clone());
                passes.len() - 1
            });
            let cameras = config.cameras_of(scene).into_iter().map(str::to_owned).collect();
            scenes.push(PlannedScene { name: scene.name.clone(), cameras, pass, rules, needs });
        }
        let cameras =
            config.cameras.iter().map(|camera| (camera.name.clone(), camera.fps)).collect();
        let outputs =
            super::sinks::routes(&config.outputs).into_iter().map(|route| route.sink).collect();
        Ok(Self { cameras, passes, scenes, outputs })
    }

    /// Runs of passes in a second when every frame is looked at, counted by frame; and how many there
    /// would be if scenes shared none.
    #[must_use]
    pub fn load(&self) -> (f64, f64) {
        let (mut shared, mut alone) = (0.0, 0.0);
        for (camera, fps) in &self.cameras {
            let passes = self.scenes.iter().filter(|scene| scene.cameras.contains(camera));
            let mut used: Vec<usize> = passes.map(|scene| scene.pass).collect();
            alone += used.len() as f64 * fps;
            used.sort_unstable();
            used.dedup();
            shared += used.len() as f64 * fps;
        }
        (shared, alone)
    }

    /// Loads the models, each once.
    pub(super) fn load_passes(
        &self,
        config: &WatchConfig,
        factory: &dyn AnalyserFactory,
    ) -> Result<Vec<Pass>, WatchError> {
        let mut passes = Vec::with_capacity(self.passes.len());
        for (place, key) in self.passes.iter().enumerate() {
            let users = || self.scenes.iter().filter(|scene| scene.pass == place);
            let first =
                config.scenes.iter().find(|scene| users().any(|user| user.name == scene.name));
            let Some(first) = first else { continue };
            let analyser = factory
                .analyser(first)
                .map_err(|error| WatchError::Scene { scene: first.name.clone(), error })?;
            passes.push(Pass {
                key: key.clone(),
                analyser: Arc::clone(&analyser),
                scenes: users().map(|scene| scene.name.clone()).collect(),
                runs: AtomicU64::new(0),
                frames: AtomicU64::new(0),
                failures: AtomicU64::new(0),
                micros: AtomicU64::new(0),
            });
        }
        Ok(passes)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (camera, fps) in &self.cameras {
            writeln!(f, "camera {camera}: {fps} frames/s")?;
            for scene in self.scenes.iter().filter(|scene| scene.cameras.contains(camera)) {
                let rules: Vec<&str> = scene.rules.iter().map(|rule| rule.name.as_str()).collect();
                writeln!(
                    f,
                    "  scene {}: pass {}, rules {}",
                    scene.name,
                    scene.pass + 1,
                    rules.join(", ")
                )?;
            }
        }
        for (place, key) in self.passes.iter().enumerate() {
            let scenes = self.scenes.iter().filter(|scene| scene.pass == place);
            let names: Vec<&str> = scenes.map(|scene| scene.name.as_str()).collect();
            writeln!(f, "pass {}: {key}, for {}", place + 1, names.join(", "))?;
        }
        let (shared, alone) = self.load();
        writeln!(f, "frames through passes: {shared}/s at most ({alone}/s if scenes shared none)")?;
        let mut outputs = self.outputs.join(", ");
        if outputs.is_empty() {
            outputs.push_str("none");
        }
        writeln!(f, "outputs besides the journal: {outputs}")
    }
}
