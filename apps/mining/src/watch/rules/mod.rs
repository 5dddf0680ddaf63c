//! Rules at work: tracked things and measures of one camera and scene go in, changes of events come out.
//!
//! Nothing fires in retrospect: an event begins in the frame in which its last condition is met. A thing
//! makes one event for a rule as long as it is tracked, and a rule, zone and camera make none within the
//! cooldown.

mod geometry;
mod history;
mod measure;
mod open;
mod thing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use strata_vision::geometry::{BBox, Size};
use strata_vision::image::Plane;

use self::history::History;
use self::measure::MeasureRule;
use self::thing::ThingRule;
use super::config::{RuleConfig, When, ZoneShape, Zones};
use super::event::{EndReason, Event, Ids, Transition};

/// Milliseconds after which a thing that was not seen is forgotten; trackers let go much sooner.
const FORGET_MS: i64 = 60_000;
/// Things remembered at most.
const MAX_THINGS: usize = 4096;

/// A tracked thing in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tracked {
    /// The tracker's number.
    pub id: u64,
    /// Where, in pixels of the frame.
    pub bbox: BBox,
    /// The score in this frame.
    pub score: f32,
    /// The class.
    pub class: u32,
}

/// A number about a frame as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Measure<'a> {
    /// `Anomaly`, `Deviation` or `Overflow`.
    pub kind: When,
    /// The number; a deviation's sign does not matter.
    pub value: f32,
    /// Where.
    pub region: Option<BBox>,
    /// The number of every place, stretched over the frame, for rules with a zone.
    pub map: Option<&'a Plane<f32>>,
}

/// What a frame showed.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// When it was taken, milliseconds since 1970.
    pub at_ms: i64,
    /// Its size.
    pub size: Size,
    /// Things.
    pub things: &'a [Tracked],
    /// Measures.
    pub measures: &'a [Measure<'a>],
}

/// When each rule, zone and camera last made an event, for all scenes.
#[derive(Debug, Default)]
pub struct Cooldowns {
    last: Mutex<HashMap<(String, String, String), i64>>,
}

impl Cooldowns {
    /// With what is known from earlier runs.
    pub fn new(known: impl IntoIterator<Item = super::journal::Fired>) -> Self {
        Self { last: Mutex::new(known.into_iter().collect()) }
    }

    /// Whether an event may begin; if so the cooldown begins.
    fn take(&self, key: (&str, &str, &str), at_ms: i64, cooldown_ms: i64) -> bool {
        let key = (key.0.to_owned(), key.1.to_owned(), key.2.to_owned());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // A moment in the future is a clock that was set back: it counts as over.
        if last.get(&key).is_some_and(|last| (0..cooldown_ms).contains(&(at_ms - last))) {
            return false;
        }
        last.insert(key, at_ms);
        true
    }
}

/// Where the pictures and clips of events will be: set in an event when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaPlan {
    /// There are snapshots.
    pub snapshots: bool,
    /// There are clips.
    pub clips: bool,
}

/// What the events of a camera and scene have in common.
#[derive(Debug, Clone)]
pub struct SceneSetup {
    /// Name of the camera.
    pub camera: String,
    /// Name of the scene.
    pub scene: String,
    /// What looks.
    pub model: String,
    /// Names of the classes, by number.
    pub classes: Vec<String>,
    /// The rules.
    pub rules: Vec<RuleConfig>,
    /// Least anomaly score where a rule gives none.
    pub threshold: Option<f32>,
    /// What is kept of each event.
    pub media: MediaPlan,
    /// Makes identifiers.
    pub ids: Arc<Ids>,
    /// For all scenes.
    pub cooldowns: Arc<Cooldowns>,
}

/// What rules share.
#[derive(Debug)]
struct Shared {
    setup: SceneSetup,
    size: Size,
    /// The scores of every thing, whatever the rules think of it.
    histories: HashMap<u64, (i64, History)>,
    suppressed: u64,
}

/// The rules of one camera and scene, with all they remember.
#[derive(Debug)]
pub struct SceneRules {
    shared: Shared,
    zones: Zones,
    rules: Vec<AnyRule>,
}

#[derive(Debug)]
enum AnyRule {
    Thing(Box<ThingRule>),
    Measure(Box<MeasureRule>),
}

impl SceneRules {
    /// Rules that have seen nothing.
    #[must_use]
    pub fn new(setup: SceneSetup, zones: Zones) -> Self {
        let rules = setup.rules.iter().map(|rule| match rule.when.is_measure() {
            true => AnyRule::Measure(Box::new(MeasureRule::new(rule.clone(), setup.threshold))),
            false => AnyRule::Thing(Box::new(ThingRule::new(rule.clone(), &setup.classes))),
        });
        let rules = rules.collect();
        let (size, histories) = (Size::default(), HashMap::new());
        Self { shared: Shared { setup, size, histories, suppressed: 0 }, zones, rules }
    }

    /// Size of the pictures as last seen.
    #[must_use]
    pub fn size(&self) -> Size {
        self.shared.size
    }

    /// Events that did not begin because of a cooldown.
    #[must_use]
    pub fn suppressed(&self) -> u64 {
        self.shared.suppressed
    }

    /// Pictures have another size from now on: what was remembered of places is void, and what is open
    /// ends.
    pub fn resize(&mut self, size: Size, at_ms: i64) -> Vec<Transition> {
        if size == self.shared.size {
            return Vec::new();
        }
        let ended = self.close(EndReason::Camera, at_ms);
        self.shared.size = size;
        self.place();
        ended
    }

    /// Zones are others from now on; events of rules whose zone changed end.
    pub fn set_zones(&mut self, zones: Zones, at_ms: i64) -> Vec<Transition> {
        self.zones = zones;
        let mut ended = Vec::new();
        for rule in &mut self.rules {
            let shape = shape_of(rule.config(), &self.zones, &self.shared);
            if shape.as_ref() != rule.zone() {
                ended.extend(rule.close(EndReason::Changed, at_ms));
                rule.set_zone(shape);
            }
        }
        ended
    }

    /// Ends what is open and forgets everything, as when a camera stalls or the program stops.
    pub fn close(&mut self, reason: EndReason, at_ms: i64) -> Vec<Transition> {
        self.shared.histories.clear();
        self.rules.iter_mut().flat_map(|rule| rule.close(reason, at_ms)).collect()
    }

    /// Events that are open.
    pub fn open(&self) -> impl Iterator<Item = &Event> {
        self.rules.iter().flat_map(AnyRule::open)
    }

    /// A frame was looked at: what became of events.
    pub fn step(&mut self, look: &Look<'_>) -> Vec<Transition> {
        let mut changes = self.resize(look.size, look.at_ms);
        self.remember(look);
        for rule in &mut self.rules {
            match rule {
                AnyRule::Thing(rule) => rule.step(&mut self.shared, look, &mut changes),
                AnyRule::Measure(rule) => rule.step(&mut self.shared, look, &mut changes),
            }
        }
        changes
    }

    fn place(&mut self) {
        for rule in &mut self.rules {
            let shape = shape_of(rule.config(), &self.zones, &self.shared);
            rule.set_zone(shape);
        }
    }

    fn remember(&mut self, look: &Look<'_>) {
        let histories = &mut self.shared.histories;
        for thing in look.things {
            let (seen, history) = histories.entry(thing.id).or_default();
            *seen = look.at_ms;
            history.push(thing.score);
        }
        histories.retain(|_, (seen, _)| look.at_ms - *seen <= FORGET_MS);
        if histories.len() > MAX_THINGS {
            // The youngest have the greatest numbers.
            let mut ids: Vec<u64> = histories.keys().copied().collect();
            ids.sort_unstable();
            for id in &ids[..ids.len() - MAX_THINGS] {
                histories.remove(id);
            }
        }
    }
}

fn shape_of(rule: &RuleConfig, zones: &Zones, shared: &Shared) -> Option<ZoneShape> {
    let name = rule.zone.as_deref()?;
    zones.find(name, &shared.setup.camera)?.shape(shared.size)
}

impl AnyRule {
    fn config(&self) -> &RuleConfig {
        match self {
            Self::Thing(rule) => &rule.config,
            Self::Measure(rule) => &rule.config,
        }
    }

    fn zone(&self) -> Option<&ZoneShape> {
        match self {
            Self::Thing(rule) => rule.zone.as_ref(),
            Self::Measure(rule) => rule.zone.as_ref(),
        }
    }

    fn set_zone(&mut self, zone: Option<ZoneShape>) {
        match self {
            Self::Thing(rule) => rule.zone = zone,
            Self::Measure(rule) => rule.zone = zone,
        }
    }

    fn close(&mut self, reason: EndReason, at_ms: i64) -> Vec<Transition> {
        match self {
            Self::Thing(rule) => rule.close(reason, at_ms),
            Self::Measure(rule) => rule.close(reason, at_ms).into_iter().collect(),
        }
    }

    fn open(&self) -> Vec<&Event> {
        match self {
            Self::Thing(rule) => rule.open(),
            Self::Measure(rule) => rule.open().into_iter().collect(),
        }
    }
}

/// Seconds of the configuration as milliseconds.
fn ms(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
