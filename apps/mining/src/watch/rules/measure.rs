//! Rules about the picture as a whole: anomaly, belt deviation, overflow, and how many things there are.

use std::collections::HashSet;

use strata_vision::geometry::{BBox, Point};

use super::geometry::is_in;
use super::history::History;
use super::open::{OpenEvent, Sight};
use super::thing::{class_name, is_meant};
use super::{Look, Measure, Shared, ms};
use crate::watch::config::{RuleConfig, When, ZoneShape};
use crate::watch::event::{EndReason, Event, Transition};

/// A rule, and what it remembers.
#[derive(Debug)]
pub(super) struct MeasureRule {
    pub(super) config: RuleConfig,
    pub(super) zone: Option<ZoneShape>,
    threshold: f32,
    run: Option<Run>,
}

/// Frames since the threshold was first reached, without a longer gap.
#[derive(Debug)]
struct Run {
    first_ms: i64,
    /// When the threshold was last reached.
    last_ms: i64,
    hits: u32,
    history: History,
    region: Option<BBox>,
    open: Option<Box<OpenEvent>>,
}

/// A number, and where.
struct Value {
    value: f32,
    region: Option<BBox>,
}

impl MeasureRule {
    /// `calibrated` is the bank's own threshold.
    pub(super) fn new(config: RuleConfig, calibrated: Option<f32>) -> Self {
        let threshold = match config.when {
            When::Count => config.count.map(|count| count as f32),
            When::Anomaly => config.threshold.or(calibrated),
            _ => config.threshold,
        };
        // Without any threshold nothing is too much.
        Self { config, zone: None, threshold: threshold.unwrap_or(f32::INFINITY), run: None }
    }

    pub(super) fn step(
        &mut self,
        shared: &mut Shared,
        look: &Look<'_>,
        changes: &mut Vec<Transition>,
    ) {
        let placed = self.config.zone.is_none() || self.zone.is_some();
        let Some(seen) = self.value(shared, look).filter(|_| placed) else {
            return self.expire(look.at_ms, changes);
        };
        let hit = seen.value >= self.threshold;
        if self.run.is_none() && hit {
            self.run = Some(Run {
                first_ms: look.at_ms,
                last_ms: look.at_ms,
                hits: 0,
                history: History::default(),
                region: seen.region,
                open: None,
            });
        }
        let Some(run) = &mut self.run else { return };
        run.history.push(seen.value);
        if hit {
            (run.last_ms, run.hits) = (look.at_ms, run.hits.saturating_add(1));
            run.region = seen.region.or(run.region);
            let config = &self.config;
            let sight = Sight {
                class: config.when.as_str().to_owned(),
                track: None,
                started_ms: run.first_ms,
                top: run.history.top(),
                median: run.history.median(),
                bbox: run.region,
            };
            if let Some(open) = &mut run.open {
                changes.extend(open.go_on(config, &sight, look.at_ms));
            } else if run.hits >= config.min_frames
                && look.at_ms - run.first_ms >= ms(config.min_duration)
                && sight.median >= self.threshold
            {
                let begun = OpenEvent::begin(shared, config, &sight, look.at_ms);
                if let Some((open, new)) = begun {
                    run.open = Some(Box::new(open));
                    changes.push(new);
                }
            }
        }
        self.expire(look.at_ms, changes);
    }

    pub(super) fn close(&mut self, reason: EndReason, at_ms: i64) -> Option<Transition> {
        Some(self.run.take()?.open?.end(reason, at_ms))
    }

    pub(super) fn open(&self) -> Option<&Event> {
        Some(&self.run.as_ref()?.open.as_ref()?.event)
    }

    fn expire(&mut self, at_ms: i64, changes: &mut Vec<Transition>) {
        let over = |run: &Run| at_ms - run.last_ms > ms(self.config.end_after);
        if self.run.as_ref().is_some_and(over) {
            changes.extend(self.close(EndReason::Gone, at_ms));
        }
    }

    /// What is measured in this frame; `None` when nothing is.
    fn value(&self, shared: &Shared, look: &Look<'_>) -> Option<Value> {
        if self.config.when == When::Count {
            return Some(self.count(shared, look));
        }
        let measure = look.measures.iter().find(|measure| measure.kind == self.config.when)?;
        let region = measure.region;
        let value = match (&self.zone, measure.map) {
            (Some(zone), Some(_)) => return within(zone, measure, look),
            _ => measure.value.abs(),
        };
        value.is_finite().then_some(Value { value, region })
    }

    fn count(&self, shared: &Shared, look: &Look<'_>) -> Value {
        let names = &self.config.classes;
        let number = |class: &u32| names.contains(&class_name(&shared.setup.classes, *class));
        let classes: Option<HashSet<u32>> = (!names.is_empty())
            .then(|| look.things.iter().map(|thing| thing.class).filter(number).collect());
        let sure = |id: u64| {
            shared.histories.get(&id).is_some_and(|(_, history)| {
                history.count() >= self.config.min_frames
                    && history.median() >= self.config.min_score
            })
        };
        let counted = look.things.iter().filter(|thing| {
            is_meant(&self.config, classes.as_ref(), thing, look)
                && is_in(self.zone.as_ref(), thing.bbox.bottom_centre())
                && sure(thing.id)
        });
        let (mut count, mut region) = (0_u32, None);
        for thing in counted {
            count += 1;
            region = Some(region.map_or(thing.bbox, |all| around(all, thing.bbox)));
        }
        Value { value: count as f32, region }
    }
}

/// The smallest box around two.
fn around(a: BBox, b: BBox) -> BBox {
    BBox::new(a.x1.min(b.x1), a.y1.min(b.y1), a.x2.max(b.x2), a.y2.max(b.y2))
}

/// The highest place of a map within a zone.
fn within(zone: &ZoneShape, measure: &Measure<'_>, look: &Look<'_>) -> Option<Value> {
    let map = measure.map?;
    let size = map.size();
    let (dx, dy) = (
        look.size.width as f32 / size.width.max(1) as f32,
        look.size.height as f32 / size.height.max(1) as f32,
    );
    let mut best: Option<Value> = None;
    for y in 0..size.height {
        for x in 0..size.width {
            let middle = Point { x: (x as f32 + 0.5) * dx, y: (y as f32 + 0.5) * dy };
            let value = map.get(x, y).filter(|value| value.is_finite());
            let Some(value) = value.filter(|_| is_in(Some(zone), middle)) else { continue };
            if best.as_ref().is_none_or(|best| value > best.value) {
                let region = Some(BBox::from_centre(middle.x, middle.y, dx, dy));
                best = Some(Value { value, region });
            }
        }
    }
    best
}
