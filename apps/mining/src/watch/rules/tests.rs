//! The rules, each against a little film.

use super::*;
use crate::watch::config::{Units, ZoneConfig};
use crate::watch::event::{ChangeKind, Severity};

const SIZE: Size = Size::new(1000, 500);

fn rule(text: &str) -> RuleConfig {
    let cooldown = if text.contains("cooldown") { "" } else { "cooldown = 0.0\n" };
    toml::from_str(&format!("name = \"r\"\n{cooldown}{text}")).unwrap()
}

fn zones() -> Zones {
    let zone = |name: &str, polygon, line| ZoneConfig {
        name: name.to_owned(),
        camera: None,
        polygon,
        line,
        units: Units::Relative,
    };
    let left = vec![[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]];
    let all =
        vec![zone("left", Some(left), None), zone("middle", None, Some([[0.5, 1.0], [0.5, 0.0]]))];
    Zones { all }
}

fn scene(rules: Vec<RuleConfig>) -> SceneRules {
    let setup = SceneSetup {
        camera: "north".to_owned(),
        scene: "belt".to_owned(),
        model: "m 1".to_owned(),
        classes: vec!["hole".to_owned(), "person".to_owned()],
        rules,
        threshold: Some(2.0),
        media: MediaPlan { snapshots: true, clips: false },
        ids: Arc::default(),
        cooldowns: Arc::default(),
    };
    SceneRules::new(setup, zones())
}

/// A thing of class 1 whose foot is at `x`, `y`.
fn thing(id: u64, (x, y): (f32, f32), score: f32) -> Tracked {
    let bbox = BBox::new(x - 20.0, y - 60.0, x + 20.0, y);
    Tracked { id, bbox, score, class: 1 }
}

fn see(scene: &mut SceneRules, at_ms: i64, things: &[Tracked]) -> Vec<Transition> {
    scene.step(&Look { at_ms, size: SIZE, things, measures: &[] })
}

fn kinds(transitions: &[Transition]) -> Vec<ChangeKind> {
    transitions.iter().map(|transition| transition.kind).collect()
}

#[test]
fn presence_needs_frames_time_and_median() {
    let mut scene = scene(vec![rule("min_duration = 1.0\nmin_score = 0.6\nupdate = 0.0")]);
    // High scores at first would have fired in a system that takes the best.
    for (n, score) in [0.9, 0.3, 0.3, 0.9, 0.3, 0.7].into_iter().enumerate() {
        assert_eq!(see(&mut scene, n as i64 * 400, &[thing(7, (100.0, 300.0), score)]), []);
    }
    let changes = see(&mut scene, 2400, &[thing(7, (100.0, 300.0), 0.8)]);
    assert_eq!(kinds(&changes), [ChangeKind::New]);
    let event = &changes[0].event;
    assert_eq!((event.class.as_str(), event.track, event.median_score), ("person", Some(7), 0.7));
    assert_eq!((event.started.as_str(), event.frame), ("1970-01-01T00:00:00.000Z", [1000, 500]));
    assert_eq!(event.snapshot, Some(format!("1970-01-01/{}.jpg", event.id)));
    assert_eq!((event.severity, scene.open().count()), (Severity::Alert, 1));
    // Better by five hundredths is told, the same is not.
    assert_eq!(see(&mut scene, 2800, &[thing(7, (100.0, 300.0), 0.9)]), []);
    let changes = see(&mut scene, 3600, &[thing(7, (100.0, 300.0), 0.97)]);
    assert_eq!((kinds(&changes), changes[0].event.top_score), (vec![ChangeKind::Update], 0.97));
    assert_eq!(see(&mut scene, 5600, &[]), []);
    let changes = see(&mut scene, 5601, &[]);
    assert_eq!(kinds(&changes), [ChangeKind::End]);
    assert_eq!(changes[0].event.reason, Some(EndReason::Gone));
    assert_eq!(changes[0].event.ended.as_deref(), Some("1970-01-01T00:00:05.601Z"));
    // The same track makes no second event, another does.
    for n in 0..20 {
        let at = 6000 + n * 400;
        assert_eq!(see(&mut scene, at, &[thing(7, (100.0, 300.0), 0.9)]), []);
    }
    let others =
        (0..6).flat_map(|n| see(&mut scene, 20_000 + n * 400, &[thing(8, (1.0, 1.0), 0.9)]));
    assert_eq!(kinds(&others.collect::<Vec<_>>()), [ChangeKind::New]);
}

#[test]
fn zone_class_and_size_are_filters() {
    let fast = "min_duration = 0.0\nmin_frames = 1\n";
    let mut scene = scene(vec![
        rule(&format!("{fast}zone = \"left\"")),
        rule(&format!("{fast}classes = [\"hole\"]")),
        rule(&format!("{fast}min_area = 0.1")),
        rule(&format!("{fast}zone = \"nowhere\"")),
        rule(&format!("{fast}classes = [\"no such class\"]")),
    ]);
    assert_eq!(see(&mut scene, 0, &[thing(1, (600.0, 300.0), 0.9)]), []);
    let changes = see(&mut scene, 200, &[thing(1, (400.0, 300.0), 0.9)]);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].event.zone.as_deref(), Some("left"));
    let hole = Tracked { class: 0, ..thing(2, (800.0, 300.0), 0.9) };
    assert_eq!(see(&mut scene, 400, &[hole])[0].event.class, "hole");
    let wide = Tracked { bbox: BBox::new(500.0, 0.0, 1000.0, 300.0), ..thing(3, (0.0, 0.0), 0.9) };
    assert_eq!(see(&mut scene, 600, &[wide]).len(), 1);
}

#[test]
fn dwelling_starts_anew_after_leaving() {
    let mut scene =
        scene(vec![rule("when = \"dwell\"\ndwell = 5.0\nzone = \"left\"\nend_after = 1.0")]);
    let mut made = Vec::new();
    for second in 0..10 {
        // Out of the zone from 3 to 5.
        let x = if (3..6).contains(&second) { 700.0 } else { 100.0 };
        made.extend(see(&mut scene, second * 1000, &[thing(1, (x, 300.0), 0.9)]));
    }
    assert_eq!(made, []);
    for second in 10..13 {
        made.extend(see(&mut scene, second * 1000, &[thing(1, (100.0, 300.0), 0.9)]));
    }
    assert_eq!((kinds(&made), made[0].at_ms), (vec![ChangeKind::New], 11_000));
    assert_eq!(made[0].event.started, "1970-01-01T00:00:06.000Z");
}

#[test]
fn a_line_is_crossed_once_in_the_direction_asked_for() {
    let line = "when = \"crossing\"\nzone = \"middle\"\nmin_duration = 0.0\n";
    // The line goes up: its right is the right of the picture.
    let mut scene = scene(vec![
        rule(&format!("{line}crossing = \"in\"")),
        rule(&format!("{line}crossing = \"out\"")),
    ]);
    let xs = [400.0, 450.0, 499.0, 502.0, 498.0, 540.0, 600.0, 400.0, 600.0];
    let mut made = Vec::new();
    for (n, x) in xs.into_iter().enumerate() {
        made.extend(see(&mut scene, n as i64 * 200, &[thing(1, (x, 300.0), 0.9)]));
    }
    use ChangeKind::{End, New};
    assert_eq!(kinds(&made), [New, End, New, End]);
    let moments: Vec<i64> = made.iter().map(|change| change.at_ms).collect();
    assert_eq!(moments, [1000, 1000, 1400, 1400]);
    assert_eq!(made[1].event.reason, Some(EndReason::Moment));
}

#[test]
fn a_crossing_before_the_track_is_sure_fires_when_it_is() {
    let text = "when = \"crossing\"\nzone = \"middle\"\nmin_duration = 1.0\nmin_score = 0.5";
    let mut scene = scene(vec![rule(text)]);
    let mut made = Vec::new();
    for (n, x) in [480.0, 520.0, 540.0, 560.0, 580.0, 600.0, 620.0].into_iter().enumerate() {
        made.extend(see(&mut scene, n as i64 * 250, &[thing(1, (x, 300.0), 0.6)]));
    }
    assert_eq!((kinds(&made).len(), made[0].at_ms), (2, 1000));
}

#[test]
fn directions_are_told_apart() {
    let way = |degrees: u32| {
        rule(&format!("when = \"direction\"\ndirection = {degrees}.0\nmin_duration = 0.0"))
    };
    let mut scene = scene(vec![way(0), way(180), way(90)]);
    let made: Vec<_> = (0..10)
        .flat_map(|n| see(&mut scene, n * 200, &[thing(1, (800.0 - 30.0 * n as f32, 300.0), 0.9)]))
        .collect();
    assert_eq!(kinds(&made), [ChangeKind::New]);
    assert!(made[0].at_ms >= 800, "a tenth of the diagonal is 112 pixels");
}

#[test]
fn counting_takes_only_sure_things() {
    let text = "when = \"count\"\ncount = 3\nmin_duration = 0.4\nzone = \"left\"\nend_after = 0.5";
    let mut scene = scene(vec![rule(text)]);
    let crowd = |n: u64, score| -> Vec<Tracked> {
        (0..n).map(|id| thing(id, (50.0 + 60.0 * id as f32, 300.0), score)).collect()
    };
    let mut made = Vec::new();
    for n in 0..10 {
        let mut things = crowd(2, 0.9);
        things.extend([thing(9, (200.0, 300.0), 0.2), thing(10, (900.0, 300.0), 0.9)]);
        made.extend(see(&mut scene, n * 200, &things));
    }
    assert_eq!(made, []);
    for n in 10..20 {
        made.extend(see(&mut scene, n * 200, &crowd(4, 0.9)));
    }
    assert_eq!((kinds(&made), made[0].event.class.as_str()), (vec![ChangeKind::New], "count"));
    assert_eq!((made[0].event.top_score, made[0].event.track), (4.0, None));
    let made: Vec<_> = (20..30).flat_map(|n| see(&mut scene, n * 200, &crowd(1, 0.9))).collect();
    assert_eq!(kinds(&made), [ChangeKind::End]);
}

fn measure(scene: &mut SceneRules, at_ms: i64, kind: When, value: f32) -> Vec<Transition> {
    let measures = [Measure { kind, value, region: None, map: None }];
    scene.step(&Look { at_ms, size: SIZE, things: &[], measures: &measures })
}

#[test]
fn measures_need_their_median_and_end_after_a_gap() {
    let text =
        "when = \"deviation\"\nthreshold = 0.08\nmin_duration = 1.0\nend_after = 1.0\nupdate = 3.0";
    let mut scene = scene(vec![rule(text)]);
    let mut made = Vec::new();
    // One frame in three is a wrong measurement: no event.
    for n in 0..30 {
        let value = if n % 3 == 0 { 0.5 } else { 0.01 };
        made.extend(measure(&mut scene, n * 200, When::Deviation, value));
        made.extend(measure(&mut scene, n * 200, When::Overflow, 9.0));
        made.extend(measure(&mut scene, n * 200, When::Deviation, f32::NAN));
    }
    assert_eq!(made, []);
    made.extend(measure(&mut scene, 20_000, When::Deviation, 0.0));
    for n in 0..30 {
        // To the left is as bad as to the right.
        made.extend(measure(&mut scene, 21_000 + n * 200, When::Deviation, -0.1));
    }
    use ChangeKind::{End, New, Update};
    assert_eq!((kinds(&made), made[0].at_ms), (vec![New, Update], 22_000));
    made.extend(measure(&mut scene, 28_000, When::Deviation, 0.0));
    assert_eq!(kinds(&made), [New, Update, End]);
}

#[test]
fn anomalies_are_sought_in_the_zone_and_take_the_banks_threshold() {
    let fast = "when = \"anomaly\"\nmin_duration = 0.0\nmin_frames = 1\n";
    let mut scene = scene(vec![rule(&format!("{fast}zone = \"left\"")), rule(fast)]);
    let mut look = |at_ms, spot: usize| {
        let mut values = vec![0.5; 8];
        values[spot] = 2.5;
        let map = Plane::new(Size::new(4, 2), values).unwrap();
        let measure = Measure { kind: When::Anomaly, value: 2.5, region: None, map: Some(&map) };
        scene.step(&Look { at_ms, size: SIZE, things: &[], measures: &[measure] })
    };
    let right = look(0, 2);
    assert_eq!((right.len(), right[0].event.zone.as_deref()), (1, None));
    let left = look(200, 5);
    assert_eq!((left.len(), left[0].event.zone.as_deref()), (1, Some("left")));
    assert_eq!(left[0].event.bbox, Some([250.0, 250.0, 500.0, 500.0]));
}

#[test]
fn cooldowns_hold_over_scenes_and_let_go() {
    let text = "min_duration = 0.0\nmin_frames = 1\ncooldown = 10.0";
    let mut first = scene(vec![rule(text)]);
    let mut second = scene(vec![rule(text)]);
    second.shared.setup.cooldowns = Arc::clone(&first.shared.setup.cooldowns);
    assert_eq!(see(&mut first, 0, &[thing(1, (10.0, 10.0), 0.9)]).len(), 1);
    assert_eq!(see(&mut second, 5000, &[thing(1, (10.0, 10.0), 0.9)]), []);
    assert_eq!((second.suppressed(), first.suppressed()), (1, 0));
    // What is still there when the cooldown is over does fire.
    assert_eq!(see(&mut second, 6500, &[thing(1, (10.0, 10.0), 0.9)]), []);
    let late = (8..12).flat_map(|n| see(&mut second, n * 1000, &[thing(1, (10.0, 10.0), 0.9)]));
    assert_eq!(kinds(&late.collect::<Vec<_>>()), [ChangeKind::New]);
}

#[test]
fn another_size_or_zone_ends_what_is_open() {
    let text = "min_duration = 0.0\nmin_frames = 1\nzone = \"left\"";
    let mut scene = scene(vec![rule(text)]);
    see(&mut scene, 0, &[thing(1, (400.0, 300.0), 0.9)]);
    let small = Size::new(500, 250);
    let look =
        Look { at_ms: 200, size: small, things: &[thing(1, (300.0, 200.0), 0.9)], measures: &[] };
    let changes = scene.step(&look);
    assert_eq!(kinds(&changes), [ChangeKind::End], "300 of 500 is not in the left half");
    assert_eq!(changes[0].event.reason, Some(EndReason::Camera));
    let look = Look { at_ms: 400, things: &[thing(1, (200.0, 200.0), 0.9)], ..look };
    assert_eq!(kinds(&scene.step(&look)), [ChangeKind::New]);
    assert_eq!(scene.set_zones(zones(), 500), []);
    let mut moved = zones();
    moved.all[0].polygon.as_mut().unwrap()[0] = [0.1, 0.1];
    let changes = scene.set_zones(moved, 600);
    assert_eq!(changes[0].event.reason, Some(EndReason::Changed));
    assert_eq!(scene.close(EndReason::Stopped, 700), []);
}

#[test]
fn memory_is_bounded_however_many_things_there_are() {
    let mut scene = scene(vec![rule("min_duration = 0.0\nmin_frames = 1")]);
    let (mut new, mut ended) = (0, 0);
    for n in 0..6_u64 {
        let things: Vec<_> = (0..1000).map(|id| thing(n * 1000 + id, (10.0, 10.0), 0.9)).collect();
        for change in see(&mut scene, n as i64 * 10, &things) {
            match change.kind {
                ChangeKind::New => new += 1,
                _ => ended += 1,
            }
        }
        let AnyRule::Thing(rule) = &scene.rules[0] else { panic!("about things") };
        assert!(rule.open().len() <= MAX_THINGS && scene.shared.histories.len() <= MAX_THINGS);
    }
    assert_eq!((new, new - ended), (6000, MAX_THINGS));
}
