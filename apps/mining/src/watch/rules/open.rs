//! An event from its beginning to its end: what is written of it, and when.

use strata_vision::geometry::BBox;

use super::{Shared, ms};
use crate::watch::config::RuleConfig;
use crate::watch::event::{ChangeKind, EndReason, Event, Transition, day, rfc3339};

/// How much better a thing must be seen for an update.
const BETTER: f32 = 0.05;
/// Milliseconds between two updates at least.
const CALM_MS: i64 = 1000;

/// What an event is about.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    pub(super) class: String,
    pub(super) track: Option<u64>,
    pub(super) started_ms: i64,
    pub(super) top: f32,
    pub(super) median: f32,
    pub(super) bbox: Option<BBox>,
}

/// An event that is not over.
#[derive(Debug, Clone)]
pub(super) struct OpenEvent {
    pub(super) event: Event,
    told_ms: i64,
    told_top: f32,
}

impl OpenEvent {
    /// Begins an event, if the cooldown allows it.
    pub(super) fn begin(
        shared: &mut Shared,
        rule: &RuleConfig,
        sight: &Sight,
        at_ms: i64,
    ) -> Option<(Self, Transition)> {
        let setup = &shared.setup;
        let zone = rule.zone.as_deref().unwrap_or_default();
        let key = (rule.name.as_str(), zone, setup.camera.as_str());
        if !setup.cooldowns.take(key, at_ms, ms(rule.cooldown)) {
            shared.suppressed += 1;
            return None;
        }
        let id = setup.ids.next(at_ms);
        let file = |is: bool, ending| is.then(|| format!("{}/{id}.{ending}", day(at_ms)));
        let event = Event {
            camera: setup.camera.clone(),
            scene: setup.scene.clone(),
            rule: rule.name.clone(),
            zone: rule.zone.clone(),
            class: sight.class.clone(),
            severity: rule.severity,
            track: sight.track,
            started: rfc3339(sight.started_ms),
            ended: None,
            reason: None,
            top_score: sight.top,
            median_score: sight.median,
            bbox: sight.bbox.map(corners),
            frame: [shared.size.width, shared.size.height],
            snapshot: file(setup.media.snapshots, "jpg"),
            clip: file(setup.media.clips, "avi"),
            model: setup.model.clone(),
            id,
        };
        let transition = Transition { kind: ChangeKind::New, at_ms, event: event.clone() };
        Some((Self { event, told_ms: at_ms, told_top: sight.top }, transition))
    }

    /// It is still seen: an update when it is seen better, or lasts.
    pub(super) fn go_on(
        &mut self,
        rule: &RuleConfig,
        sight: &Sight,
        at_ms: i64,
    ) -> Option<Transition> {
        self.event.top_score = sight.top;
        self.event.median_score = sight.median;
        if let Some(bbox) = sight.bbox {
            self.event.bbox = Some(corners(bbox));
        }
        let since = at_ms - self.told_ms;
        let better = sight.top >= self.told_top + BETTER && since >= CALM_MS;
        let lasts = rule.update > 0.0 && since >= ms(rule.update);
        if !better && !lasts {
            return None;
        }
        (self.told_ms, self.told_top) = (at_ms, sight.top);
        Some(Transition { kind: ChangeKind::Update, at_ms, event: self.event.clone() })
    }

    /// It is over.
    pub(super) fn end(mut self, reason: EndReason, at_ms: i64) -> Transition {
        self.event.ended = Some(rfc3339(at_ms));
        self.event.reason = Some(reason);
        Transition { kind: ChangeKind::End, at_ms, event: self.event }
    }
}

fn corners(bbox: BBox) -> [f32; 4] {
    [bbox.x1, bbox.y1, bbox.x2, bbox.y2]
}
