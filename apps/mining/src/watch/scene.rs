//! A scene at work on one camera: what its pass found becomes tracks and measures, rules make events of
//! them, and what is seen is put over the live picture.

use std::sync::Arc;

use strata_vision::geometry::{BBox, Detection};
use strata_vision::image::Image;
use strata_vision::track::{TrackError, Tracker, TrackerOptions};

use super::config::{SceneConfig, When, Zones};
use super::event::{EndReason, Transition};
use super::pass::{AnalyseError, Findings, Refiner};
use super::rules::{Look, Measure, SceneRules, SceneSetup, Tracked};

/// A box over the live picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlay {
    /// Where, in pixels of the frame.
    pub bbox: BBox,
    /// Class and score, as `hole 0.83`.
    pub label: String,
    /// It belongs to an event that is open.
    pub event: bool,
}

/// A scene with all it remembers of one camera.
pub(super) struct SceneState {
    /// Place of its pass among all passes.
    pub(super) pass: usize,
    every: u32,
    turn: u32,
    refiner: Option<Arc<dyn Refiner>>,
    tracker: Tracker,
    classes: Vec<String>,
    rules: SceneRules,
    last_ms: i64,
}

impl SceneState {
    /// # Errors
    /// Thresholds of the tracker out of range.
    pub(super) fn new(
        config: &SceneConfig,
        setup: SceneSetup,
        zones: Zones,
        fps: f64,
    ) -> Result<Self, TrackError> {
        let classes = setup.classes.clone();
        let tracker = Tracker::new(tracking(config, &setup, fps / f64::from(config.every)))?;
        Ok(Self {
            pass: 0,
            every: config.every,
            turn: 0,
            refiner: None,
            tracker,
            classes,
            rules: SceneRules::new(setup, zones),
            last_ms: i64::MIN,
        })
    }

    pub(super) fn with_pass(self, pass: usize, refiner: Option<Arc<dyn Refiner>>) -> Self {
        Self { pass, refiner, ..self }
    }

    /// Whether this frame is one of those it looks at; asked once for every frame.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.turn == 0;
        self.turn = (self.turn + 1) % self.every.max(1);
        due
    }

    /// What a frame means for events; `over` gets what is to be put over the live picture.
    ///
    /// # Errors
    /// Findings that the refiner cannot work with.
    pub(super) fn look(
        &mut self,
        (frame, at_ms): (&Image, i64),
        found: &Findings,
        over: &mut Vec<Overlay>,
    ) -> Result<Vec<Transition>, AnalyseError> {
        let refined = match &self.refiner {
            Some(refiner) => Some(refiner.refine(frame, found)?),
            None => None,
        };
        // Two frames within a millisecond, and a clock that was set back, are a step forward.
        let at_ms = at_ms.max(self.last_ms.saturating_add(1));
        self.last_ms = at_ms;
        let mut changes = Vec::new();
        if self.rules.size() != frame.size() {
            self.tracker.reset();
            changes = self.rules.resize(frame.size(), at_ms);
        }
        let mut things: Vec<Tracked> = Vec::new();
        let mut measures: Vec<Measure<'_>> = Vec::new();
        match refined.as_ref().unwrap_or(found) {
            Findings::Detections(detections) => things = self.track(at_ms, detections)?,
            Findings::Anomaly(anomaly) => measures.push(Measure {
                kind: When::Anomaly,
                value: anomaly.score,
                region: anomaly.region,
                map: anomaly.map.as_ref(),
            }),
            Findings::Belt(belt) => {
                things = self.track(at_ms, &belt.tears)?;
                let of = |kind, value: Option<f32>| {
                    value.map(|value| Measure { kind, value, region: belt.region, map: None })
                };
                measures.extend(of(When::Deviation, belt.deviation));
                measures.extend(of(When::Overflow, belt.overflow));
            }
            Findings::Features(_) => {
                let what = "a pass of features needs a refiner that scores them".to_owned();
                return Err(AnalyseError(what));
            }
        }
        let look = Look { at_ms, size: frame.size(), things: &things, measures: &measures };
        changes.extend(self.rules.step(&look));
        self.overlay(&look, over);
        Ok(changes)
    }

    pub(super) fn close(&mut self, reason: EndReason, at_ms: i64) -> Vec<Transition> {
        self.tracker.reset();
        self.rules.close(reason, at_ms.max(self.last_ms))
    }

    pub(super) fn set_zones(&mut self, zones: Zones, at_ms: i64) -> Vec<Transition> {
        self.rules.set_zones(zones, at_ms.max(self.last_ms))
    }

    pub(super) fn suppressed(&self) -> u64 {
        self.rules.suppressed()
    }

    pub(super) fn open_events(&self) -> usize {
        self.rules.open().count()
    }

    fn track(
        &mut self,
        at_ms: i64,
        detections: &[Detection],
    ) -> Result<Vec<Tracked>, AnalyseError> {
        self.tracker
            .update(at_ms as f64 / 1000.0, detections)
            .map_err(|error| AnalyseError(error.to_string()))?;
        let tracked = self.tracker.tracked().map(|track| {
            let detection = track.detection();
            let (bbox, score) = (detection.bbox, detection.score);
            Tracked { id: track.id(), bbox, score, class: track.class() }
        });
        Ok(tracked.collect())
    }

    fn overlay(&self, look: &Look<'_>, over: &mut Vec<Overlay>) {
        let open: Vec<u64> = self.rules.open().filter_map(|event| event.track).collect();
        for thing in look.things {
            let class = self.classes.get(thing.class as usize).map_or("?", String::as_str);
            let label = format!("{class} {:.2}", thing.score);
            over.push(Overlay { bbox: thing.bbox, label, event: open.contains(&thing.id) });
        }
        let measured = self.rules.open().filter(|event| event.track.is_none());
        for event in measured {
            let Some([x1, y1, x2, y2]) = event.bbox else { continue };
            let label = format!("{} {:.2}", event.class, event.top_score);
            over.push(Overlay { bbox: BBox::new(x1, y1, x2, y2), label, event: true });
        }
    }
}

/// Thresholds of the tracker: a track starts with the least score that any rule could accept, so that
/// a model of low scores is tracked as well.
fn tracking(config: &SceneConfig, setup: &SceneSetup, fps: f64) -> TrackerOptions {
    let default = TrackerOptions::default();
    let least = setup.rules.iter().map(|rule| rule.min_score).fold(default.high_score, f32::min);
    let track = &config.track;
    let high = track.high_score.unwrap_or(least);
    TrackerOptions {
        high_score: high,
        low_score: track.low_score.unwrap_or(default.low_score.min(high)),
        new_score: track.new_score.unwrap_or(high),
        min_hits: track.min_hits.unwrap_or(default.min_hits),
        lost_seconds: track.lost_seconds.unwrap_or((10.0 / fps).max(default.lost_seconds)),
        frame_rate: fps,
        ..default
    }
}
