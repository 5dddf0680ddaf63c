//! Rules about tracked things: presence, dwelling, crossing a line, moving in a direction.

use std::collections::{HashMap, HashSet};

use strata_vision::geometry::BBox;

use super::geometry::{Direction, LineWatch, WayWatch, diagonal, is_in};
use super::open::{OpenEvent, Sight};
use super::{FORGET_MS, Look, MAX_THINGS, Shared, Tracked, ms};
use crate::watch::config::{Crossing, RuleConfig, When, ZoneShape};
use crate::watch::event::{EndReason, Event, Transition};

/// A rule, and what it remembers of every thing.
#[derive(Debug)]
pub(super) struct ThingRule {
    pub(super) config: RuleConfig,
    pub(super) zone: Option<ZoneShape>,
    /// Numbers of the classes; `None` for all.
    classes: Option<HashSet<u32>>,
    things: HashMap<u64, Thing>,
}

/// What a rule remembers of a thing.
#[derive(Debug)]
struct Thing {
    /// When it met the rule first, without a gap since.
    first_ms: i64,
    /// When it met the rule last.
    last_ms: i64,
    /// Frames in which it met the rule.
    frames: u32,
    line: LineWatch,
    way: WayWatch,
    /// It crossed, or moved that way.
    did: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Candidate,
    Open(Box<OpenEvent>),
    /// It made its event and makes no other.
    Done,
}

impl ThingRule {
    pub(super) fn new(config: RuleConfig, classes: &[String]) -> Self {
        let named = |name: &String| {
            let at = classes.iter().position(|class| class == name)?;
            u32::try_from(at).ok()
        };
        let classes =
            (!config.classes.is_empty()).then(|| config.classes.iter().filter_map(named).collect());
        Self { config, zone: None, classes, things: HashMap::new() }
    }

    pub(super) fn step(
        &mut self,
        shared: &mut Shared,
        look: &Look<'_>,
        changes: &mut Vec<Transition>,
    ) {
        for thing in look.things {
            if self.is_meant(thing, look) {
                self.see(thing, look);
                self.decide(shared, thing, look, changes);
            }
        }
        let end_after = ms(self.config.end_after);
        self.things.retain(|_, thing| {
            let unseen = look.at_ms - thing.last_ms;
            if unseen > end_after && matches!(thing.phase, Phase::Open(_)) {
                let phase = std::mem::replace(&mut thing.phase, Phase::Done);
                if let Phase::Open(open) = phase {
                    changes.push(open.end(EndReason::Gone, look.at_ms));
                }
            }
            unseen <= FORGET_MS
        });
        self.bound(look.at_ms, changes);
    }

    pub(super) fn close(&mut self, reason: EndReason, at_ms: i64) -> Vec<Transition> {
        let mut open: Vec<_> = self
            .things
            .drain()
            .filter_map(|(_, thing)| match thing.phase {
                Phase::Open(open) => Some(open.end(reason, at_ms)),
                _ => None,
            })
            .collect();
        open.sort_by(|a, b| a.event.id.cmp(&b.event.id));
        open
    }

    pub(super) fn open(&self) -> Vec<&Event> {
        let open = self.things.values().filter_map(|thing| match &thing.phase {
            Phase::Open(open) => Some(&open.event),
            _ => None,
        });
        open.collect()
    }

    /// Whether the rule is about such a thing, wherever it is; a line's rule sees it everywhere.
    fn is_meant(&self, thing: &Tracked, look: &Look<'_>) -> bool {
        is_meant(&self.config, self.classes.as_ref(), thing, look)
            && (self.config.when == When::Crossing
                || self.is_placed() && is_in(self.zone.as_ref(), thing.bbox.bottom_centre()))
    }

    /// A rule with a zone that is not known sees nothing.
    fn is_placed(&self) -> bool {
        self.config.zone.is_none() || self.zone.is_some()
    }

    fn see(&mut self, thing: &Tracked, look: &Look<'_>) {
        let (config, here) = (&self.config, thing.bbox.bottom_centre());
        let fresh = || Thing {
            first_ms: look.at_ms,
            last_ms: look.at_ms,
            frames: 0,
            line: LineWatch::default(),
            way: WayWatch::new(here),
            did: false,
            phase: Phase::Candidate,
        };
        let known = self.things.entry(thing.id).or_insert_with(fresh);
        let gap = look.at_ms - known.last_ms > ms(config.end_after);
        if gap && matches!(known.phase, Phase::Candidate) {
            // It left and is here again: what it did before counts no more.
            *known = fresh();
        }
        known.last_ms = look.at_ms;
        known.frames = known.frames.saturating_add(1);
        match (config.when, &self.zone) {
            (When::Crossing, Some(ZoneShape::Line(a, b))) => {
                let crossed = known.line.step((*a, *b), here, look.size);
                known.did |= crossed
                    .is_some_and(|way| config.crossing == Crossing::Both || way == config.crossing);
            }
            (When::Direction, _) => {
                let direction = Direction {
                    degrees: config.direction.unwrap_or(0.0),
                    tolerance: config.tolerance,
                    distance: config.min_distance * diagonal(look.size),
                };
                known.did |= known.way.step(here, direction);
            }
            (When::Crossing, _) => {}
            _ => known.did = true,
        }
    }

    fn decide(
        &mut self,
        shared: &mut Shared,
        seen: &Tracked,
        look: &Look<'_>,
        changes: &mut Vec<Transition>,
    ) {
        let config = &self.config;
        let Some(thing) = self.things.get_mut(&seen.id) else { return };
        let Some((_, history)) = shared.histories.get(&seen.id) else { return };
        let sight = Sight {
            class: class_name(&shared.setup.classes, seen.class),
            track: Some(seen.id),
            started_ms: thing.first_ms,
            top: history.top(),
            median: history.median(),
            bbox: Some(seen.bbox),
        };
        match &mut thing.phase {
            Phase::Open(open) => changes.extend(open.go_on(config, &sight, look.at_ms)),
            Phase::Done => {}
            Phase::Candidate => {
                let lasts = match config.when {
                    When::Dwell => ms(config.dwell.unwrap_or(0.0)).max(ms(config.min_duration)),
                    _ => ms(config.min_duration),
                };
                let fires = thing.did
                    && thing.frames >= config.min_frames
                    && look.at_ms - thing.first_ms >= lasts
                    && sight.median >= config.min_score;
                if !fires {
                    return;
                }
                let Some((open, new)) = OpenEvent::begin(shared, config, &sight, look.at_ms) else {
                    return;
                };
                changes.push(new);
                thing.phase = if config.when == When::Crossing {
                    changes.push(open.end(EndReason::Moment, look.at_ms));
                    Phase::Done
                } else {
                    Phase::Open(Box::new(open))
                };
            }
        }
    }

    /// Forgets the oldest things when there are too many.
    fn bound(&mut self, at_ms: i64, changes: &mut Vec<Transition>) {
        if self.things.len() <= MAX_THINGS {
            return;
        }
        let mut ids: Vec<u64> = self.things.keys().copied().collect();
        ids.sort_unstable();
        for id in &ids[..ids.len() - MAX_THINGS] {
            if let Some(Phase::Open(open)) = self.things.remove(id).map(|thing| thing.phase) {
                changes.push(open.end(EndReason::Gone, at_ms));
            }
        }
    }
}

/// Whether class and size of a thing are those of a rule.
pub(super) fn is_meant(
    config: &RuleConfig,
    classes: Option<&HashSet<u32>>,
    thing: &Tracked,
    look: &Look<'_>,
) -> bool {
    let share = area_share(thing.bbox, look);
    classes.is_none_or(|classes| classes.contains(&thing.class))
        && share >= config.min_area
        && share <= config.max_area
}

fn area_share(bbox: BBox, look: &Look<'_>) -> f32 {
    let inside = bbox.clipped(look.size).area();
    let all = look.size.area() as f32;
    if all > 0.0 { inside / all } else { 0.0 }
}

/// Name of a class, or its number where the model names none.
pub(super) fn class_name(classes: &[String], class: u32) -> String {
    classes.get(class as usize).cloned().unwrap_or_else(|| class.to_string())
}
