//! Reads a configuration: every fault with its line, unknown keys with the name that was meant.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{RuleConfig, SceneConfig, WatchConfig, When, Zones};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is no TOML, or has keys or values that are not known.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong and how to right it.
        message: String,
    },
    /// The parts of the file contradict each other.
    #[error("{}: {}", path.display(), faults.join("; "))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, one entry a fault.
        faults: Vec<String>,
    },
}

/// Parses TOML, with place and nearest name where it fails.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
        let message = with_hint(error.message());
        ConfigError::Syntax { path: path.to_owned(), line, column, message }
    })
}

/// Serde's "unknown field `x`, expected one of `a`, `b`" with the name nearest to `x`.
fn with_hint(message: &str) -> String {
    let message = message.trim();
    let mut names = message.split('`').skip(1).step_by(2);
    let is_unknown = message.starts_with("unknown ");
    let (true, Some(written)) = (is_unknown, names.next()) else { return message.to_owned() };
    match nearest(written, names) {
        Some(near) => format!("{} `{written}`; did you mean `{near}`?", kind(message)),
        None => message.to_owned(),
    }
}

fn kind(message: &str) -> &'static str {
    if message.starts_with("unknown variant") { "there is no" } else { "there is no key" }
}

/// The name that takes the fewest edits to become `written`, where they are few enough to be a slip.
pub(super) fn nearest<'a>(
    written: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let scored = names.into_iter().map(|name| (edits(written, name), name));
    let (distance, name) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + written.chars().count() / 3).then_some(name)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

impl WatchConfig {
    /// Reads a configuration file and its file of zones; relative paths start from its folder.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML, has unknown keys, or contradicts itself: all
    /// contradictions at once.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        let mut config = Self::parse(path, &text)?;
        let zones = Zones::read(config.zones_path(path).as_path())?;
        let mut all = Zones { all: std::mem::take(&mut config.zones) };
        all.replace(zones.all);
        config.zones = all.all;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        config.checked(path)
    }

    /// A configuration from its text; paths are left as written and names are not yet checked.
    ///
    /// # Errors
    /// Text that is no TOML or has unknown keys.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        parse(path, text)
    }

    /// Where zones drawn on the page are kept.
    #[must_use]
    pub fn zones_path(&self, config: &Path) -> PathBuf {
        match &self.engine.zones_file {
            Some(path) => config.parent().unwrap_or(Path::new("")).join(path),
            None => config.with_extension("zones.toml"),
        }
    }

    /// The configuration, if nothing in it contradicts.
    ///
    /// # Errors
    /// All contradictions.
    pub fn checked(self, path: &Path) -> Result<Self, ConfigError> {
        let faults = self.faults();
        if faults.is_empty() {
            return Ok(self);
        }
        Err(ConfigError::Invalid { path: path.to_owned(), faults })
    }

    fn resolve(&mut self, folder: &Path) {
        let outputs = &mut self.outputs;
        let mqtt = outputs.mqtt.as_mut().and_then(|mqtt| mqtt.ca_file.as_mut());
        let paths = [
            Some(&mut outputs.journal.path),
            outputs.jsonl.as_mut(),
            outputs.snapshots.as_mut().map(|snapshots| &mut snapshots.dir),
            outputs.clips.as_mut().map(|clips| &mut clips.dir),
            mqtt,
            self.engine.zones_file.as_mut(),
        ];
        let banks = self.scenes.iter_mut().filter_map(|scene| scene.bank.as_mut());
        for path in paths.into_iter().flatten().chain(banks) {
            *path = folder.join(&path);
        }
        for camera in &mut self.cameras {
            if !camera.source.contains("://") {
                camera.source = folder.join(&camera.source).to_string_lossy().into_owned();
            }
        }
    }

    /// The cameras that a scene looks at.
    #[must_use]
    pub fn cameras_of(&self, scene: &SceneConfig) -> Vec<&str> {
        let all = self.cameras.iter().map(|camera| camera.name.as_str());
        all.filter(|name| scene.cameras.is_empty() || scene.cameras.iter().any(|c| c == name))
            .collect()
    }

    /// Everything that is contradictory or out of range.
    fn faults(&self) -> Vec<String> {
        let mut faults = Faults::default();
        if self.cameras.is_empty() {
            faults.add("there is no [[camera]]; give at least one".to_owned());
        }
        if self.scenes.is_empty() {
            faults.add("there is no [[scene]]; give at least one".to_owned());
        }
        faults.names("camera", self.cameras.iter().map(|camera| camera.name.as_str()));
        faults.names("scene", self.scenes.iter().map(|scene| scene.name.as_str()));
        faults.names("rule", self.rules.iter().map(|rule| rule.name.as_str()));
        let engine = &self.engine;
        faults.range("engine.workers", engine.workers as f64, 1.0, 256.0);
        faults.range("engine.batch", engine.batch as f64, 1.0, 64.0);
        faults.range("engine.stop_seconds", engine.stop_seconds, 0.0, 600.0);
        for camera in &self.cameras {
            let of = |key: &str| format!("camera {:?}: {key}", camera.name);
            if camera.source.is_empty() {
                faults.add(of("source is empty"));
            }
            faults.range(&of("fps"), camera.fps, 0.01, 240.0);
            faults.range(&of("stall_seconds"), camera.stall_seconds, 0.1, 3600.0);
            faults.range(&of("queue"), camera.queue as f64, 1.0, 16.0);
        }
        let cameras: Vec<&str> = self.cameras.iter().map(|camera| camera.name.as_str()).collect();
        let mut places = BTreeSet::new();
        for zone in &self.zones {
            if let Some(fault) = zone.fault() {
                faults.add(format!("zone {:?} {fault}", zone.name));
            }
            if let Some(camera) = &zone.camera {
                faults.known(&format!("zone {:?}", zone.name), "camera", camera, &cameras);
            }
            if !places.insert((&zone.name, &zone.camera)) {
                faults.add(format!("zone {:?} is given twice for the same camera", zone.name));
            }
        }
        for rule in &self.rules {
            faults.rule(rule);
        }
        self.scene_faults(&mut faults, &cameras);
        self.output_faults(&mut faults);
        faults.0
    }

    fn scene_faults(&self, faults: &mut Faults, cameras: &[&str]) {
        let rules: Vec<&str> = self.rules.iter().map(|rule| rule.name.as_str()).collect();
        for scene in &self.scenes {
            let of = format!("scene {:?}", scene.name);
            let kinds = [scene.scenario.is_some(), scene.model.is_some(), scene.bank.is_some()];
            let given = kinds.iter().filter(|given| **given).count() + usize::from(scene.belt);
            if given != 1 {
                faults.add(format!("{of} needs one of scenario, model, bank and belt = true"));
            }
            faults.range(&format!("{of}: every"), f64::from(scene.every), 1.0, 10_000.0);
            if let Some(confidence) = scene.confidence {
                faults.range(&format!("{of}: confidence"), f64::from(confidence), 0.0, 1.0);
            }
            if let Some(tile) = scene.tile {
                faults.range(&format!("{of}: tile"), f64::from(tile), 32.0, 8192.0);
            }
            for camera in &scene.cameras {
                faults.known(&of, "camera", camera, cameras);
            }
            if scene.rules.is_none() && scene.scenario.is_none() {
                faults.add(format!("{of} has no rules; only a scenario brings its own"));
            }
            for name in scene.rules.iter().flatten() {
                faults.known(&of, "rule", name, &rules);
                let rule = self.rules.iter().find(|rule| rule.name == *name);
                if let Some((rule, zone)) = rule.and_then(|rule| Some((rule, rule.zone.as_ref()?)))
                {
                    self.zone_faults(faults, scene, rule, zone);
                }
            }
        }
    }

    fn zone_faults(&self, faults: &mut Faults, scene: &SceneConfig, rule: &RuleConfig, zone: &str) {
        let zones = Zones { all: self.zones.clone() };
        let names: Vec<&str> = self.zones.iter().map(|zone| zone.name.as_str()).collect();
        faults.known(&format!("rule {:?}", rule.name), "zone", zone, &names);
        for camera in self.cameras_of(scene) {
            let Some(found) = zones.find(zone, camera) else {
                if names.contains(&zone) {
                    faults.add(format!(
                        "rule {:?}: camera {camera:?} has no zone {zone:?}",
                        rule.name
                    ));
                }
                continue;
            };
            if found.line.is_some() != (rule.when == When::Crossing) {
                let needed = if found.line.is_some() { "a polygon" } else { "a line" };
                faults.add(format!(
                    "rule {:?} waits for {} and needs {needed}, which zone {zone:?} is not",
                    rule.name,
                    rule.when.as_str()
                ));
            }
        }
    }

    fn output_faults(&self, faults: &mut Faults) {
        if let Some(mqtt) = &self.outputs.mqtt {
            if !(mqtt.url.starts_with("mqtt://") || mqtt.url.starts_with("mqtts://")) {
                faults.add(format!(
                    "outputs.mqtt.url {:?} must begin with mqtt:// or mqtts://",
                    mqtt.url
                ));
            }
            faults.range("outputs.mqtt.qos", f64::from(mqtt.qos), 0.0, 1.0);
            faults.range("outputs.mqtt.keep_alive", f64::from(mqtt.keep_alive), 5.0, 3600.0);
            if mqtt.prefix.is_empty() || mqtt.prefix.contains(['+', '#', '\0']) {
                faults.add("outputs.mqtt.prefix must be a topic without + and #".to_owned());
            }
        }
        let mut urls = BTreeSet::new();
        for hook in &self.outputs.webhook {
            if !(hook.url.starts_with("http://") || hook.url.starts_with("https://")) {
                faults.add(format!(
                    "outputs.webhook.url {:?} must begin with http:// or https://",
                    hook.url
                ));
            }
            if !urls.insert(&hook.url) {
                faults.add(format!("outputs.webhook.url {:?} is given twice", hook.url));
            }
            faults.range("outputs.webhook.timeout", hook.timeout, 0.1, 300.0);
            faults.range("outputs.webhook.cooldown", hook.cooldown, 0.0, 86_400.0);
            faults.range("outputs.webhook.give_up_hours", hook.give_up_hours, 0.0, 8760.0);
        }
        let journal = &self.outputs.journal;
        faults.range("outputs.journal.keep_days", journal.keep_days, 0.01, 36_500.0);
        faults.range("outputs.journal.keep_events", journal.keep_events as f64, 1.0, 1e9);
        faults.range("outputs.journal.outbox", journal.outbox as f64, 1.0, 1e9);
        if let Some(clips) = &self.outputs.clips {
            faults.range("outputs.clips.before", clips.before, 0.0, 60.0);
            faults.range("outputs.clips.after", clips.after, 0.0, 60.0);
            faults.range("outputs.clips.width", f64::from(clips.width), 32.0, 4096.0);
            faults.range("outputs.clips.memory_mib", f64::from(clips.memory_mib), 1.0, 1024.0);
            faults.range("outputs.clips.quality", f64::from(clips.quality), 1.0, 100.0);
        }
        if let Some(snapshots) = &self.outputs.snapshots {
            faults.range("outputs.snapshots.quality", f64::from(snapshots.quality), 1.0, 100.0);
        }
    }
}

/// What was found wrong.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, fault: String) {
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    fn range(&mut self, what: &str, value: f64, low: f64, high: f64) {
        if !(value >= low && value <= high) {
            self.add(format!("{what} is {value}; it takes {low} to {high}"));
        }
    }

    /// Names stand in topics and paths.
    fn names<'a>(&mut self, kind: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for name in names {
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
            if name.is_empty() || name.len() > 100 || !name.chars().all(plain) {
                self.add(format!("{kind} {name:?}: a name has letters, digits, - and _ only"));
            }
            if !seen.insert(name) {
                self.add(format!("{kind} {name:?} is given twice"));
            }
        }
    }

    fn known(&mut self, of: &str, kind: &str, name: &str, names: &[&str]) {
        if names.contains(&name) {
            return;
        }
        let hint = nearest(name, names.iter().copied())
            .map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
        self.add(format!("{of}: there is no {kind} {name:?}{hint}"));
    }

    fn rule(&mut self, rule: &RuleConfig) {
        let of = |key: &str| format!("rule {:?}: {key}", rule.name);
        self.range(&of("min_score"), f64::from(rule.min_score), 0.0, 1.0);
        self.range(&of("min_duration"), rule.min_duration, 0.0, 86_400.0);
        self.range(&of("min_frames"), f64::from(rule.min_frames), 1.0, 10_000.0);
        self.range(&of("cooldown"), rule.cooldown, 0.0, 86_400.0);
        self.range(&of("end_after"), rule.end_after, 0.0, 3600.0);
        self.range(&of("update"), rule.update, 0.0, 86_400.0);
        self.range(&of("min_area"), f64::from(rule.min_area), 0.0, 1.0);
        self.range(&of("max_area"), f64::from(rule.max_area), f64::from(rule.min_area), 1.0);
        self.range(&of("tolerance"), f64::from(rule.tolerance), 1.0, 180.0);
        self.range(&of("min_distance"), f64::from(rule.min_distance), 0.0, 1.0);
        if let Some(threshold) = rule.threshold {
            self.range(&of("threshold"), f64::from(threshold), 0.0, 1e6);
        }
        for (given, key, when) in [
            (rule.dwell.is_some(), "dwell", When::Dwell),
            (rule.direction.is_some(), "direction", When::Direction),
            (rule.count.is_some(), "count", When::Count),
            (rule.crossing != super::Crossing::Both, "crossing", When::Crossing),
        ] {
            let needed = when != When::Crossing && rule.when == when;
            if given && rule.when != when {
                self.add(of(&format!("{key} is for when = {:?} only", when.as_str())));
            } else if needed && !given {
                self.add(of(&format!("when = {:?} needs {key}", when.as_str())));
            }
        }
        if rule.when == When::Crossing && rule.zone.is_none() {
            self.add(of("when = \"crossing\" needs a zone with a line"));
        }
        let needs_threshold = matches!(rule.when, When::Deviation | When::Overflow);
        if needs_threshold && rule.threshold.is_none() {
            self.add(of(&format!("when = {:?} needs threshold", rule.when.as_str())));
        }
        if rule.threshold.is_some() && !(needs_threshold || rule.when == When::Anomaly) {
            self.add(of("threshold is for anomaly, deviation and overflow; write min_score"));
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
