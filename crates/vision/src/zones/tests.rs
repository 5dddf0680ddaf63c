//! Zones, lines and motion of made-up tracks.

use proptest::prelude::*;

use super::*;

fn p(x: f32, y: f32) -> Point {
    Point { x, y }
}

fn zone(points: &[(f32, f32)], units: Units, anchor: Anchor) -> Zone {
    let points = points.iter().map(|&(x, y)| p(x, y)).collect();
    Zone::new(points, units, anchor).expect("a simple polygon")
}

/// A box of 20 x 20 whose lower edge's middle is here.
fn thing(track: u64, x: f32, y: f32) -> Observation {
    Observation { track, bbox: BBox::new(x - 10.0, y - 20.0, x + 10.0, y) }
}

const FRAME: Size = Size::new(200, 100);
/// A U: open above.
const HOLLOW: [(f32, f32); 8] = [
    (0.0, 0.0),
    (30.0, 0.0),
    (30.0, 60.0),
    (70.0, 60.0),
    (70.0, 0.0),
    (100.0, 0.0),
    (100.0, 90.0),
    (0.0, 90.0),
];

#[test]
fn inside_a_hollow_zone_and_on_its_edge() {
    let area = zone(&HOLLOW, Units::Pixels, Anchor::default()).resolve(FRAME);
    for (x, y) in [
        (15.0, 30.0),
        (85.0, 1.0),
        (50.0, 75.0),
        (0.0, 0.0),
        (30.0, 30.0),
        (50.0, 60.0),
        (100.0, 90.0),
    ] {
        assert!(area.contains(p(x, y)), "{x} {y}");
    }
    for (x, y) in
        [(50.0, 30.0), (-0.01, 45.0), (100.01, 45.0), (50.0, 59.99), (50.0, 90.01), (50.0, 0.0)]
    {
        assert!(!area.contains(p(x, y)), "{x} {y}");
    }
    assert_eq!(area.area(), 9000.0 - 40.0 * 60.0);
    // A box across both legs and the gap.
    assert!((area.overlap(&BBox::new(20.0, 10.0, 80.0, 20.0)) - 20.0 / 60.0).abs() < 1e-12);
    assert_eq!(area.overlap(&BBox::new(40.0, 10.0, 60.0, 20.0)), 0.0);
    assert_eq!(area.overlap(&BBox::new(5.0, 5.0, 10.0, 10.0)), 1.0);
}

#[test]
fn anchors_and_units() {
    let square = [(0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0)];
    // Its foot is inside, its middle is not, a quarter of it is.
    let bbox = BBox::new(90.0, 20.0, 130.0, 60.0);
    for (anchor, holds) in [
        (Anchor::BottomCentre, true),
        (Anchor::Centre, false),
        (Anchor::Overlap(0.187), true),
        (Anchor::Overlap(0.188), false),
    ] {
        let area = zone(&square, Units::Relative, anchor).resolve(FRAME);
        assert_eq!(area.holds(&bbox), holds, "{anchor:?} {}", area.overlap(&bbox));
    }
    // The same zone in pixels of a picture twice as large.
    let doubled = square.map(|(x, y)| (x * 400.0, y * 200.0));
    let of = zone(&doubled, Units::Of(Size::new(400, 200)), Anchor::default());
    let relative = zone(&square, Units::Relative, Anchor::default());
    assert_eq!(of.resolve(FRAME), relative.resolve(FRAME));
}

#[test]
fn shapes_that_are_none() {
    let new = |points: &[(f32, f32)]| {
        let points = points.iter().map(|&(x, y)| p(x, y)).collect();
        Zone::new(points, Units::Pixels, Anchor::Centre)
    };
    assert_eq!(new(&[(0.0, 0.0), (1.0, 1.0)]), Err(ZoneError::Corners(2)));
    let bow = [(0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0)];
    assert_eq!(new(&bow), Err(ZoneError::Crossed(0, 2)));
    assert!(new(&[(0.0, 0.0), (10.0, 0.0), (5.0, 0.0)]).is_err());
    assert!(new(&[(0.0, 0.0), (0.0, 0.0), (5.0, 5.0)]).is_err());
    assert_eq!(new(&[(0.0, 0.0), (f32::NAN, 1.0), (5.0, 5.0)]), Err(ZoneError::NotANumber(1)));
    assert!(LineCounter::new(Line::new(p(1.0, 1.0), p(1.0, 1.0), Units::Pixels)).is_err());
    assert!(
        Zone::new(vec![p(0.0, 0.0), p(1.0, 0.0), p(0.0, 1.0)], Units::Pixels, Anchor::Overlap(0.0))
            .is_err()
    );
}

fn monitor(options: OccupancyOptions) -> ZoneMonitor {
    let left_half =
        zone(&[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)], Units::Relative, Anchor::default());
    ZoneMonitor::new(left_half, options).expect("in range")
}

#[test]
fn stays_are_told_once() {
    let options = OccupancyOptions { enter_after: 0.2, leave_after: 0.7, loiter_after: Some(3.0) };
    let mut monitor = monitor(options);
    let mut events = Vec::new();
    for frame in 0..80_u16 {
        let time = f64::from(frame) / 10.0;
        // Inside from 1 s to 5 s, trembling over the edge; hidden from 2 s to 2.4 s.
        let tremble = if frame % 2 == 0 { 99.0 } else { 101.0 };
        let x =
            if (10..50).contains(&frame) { if frame < 14 { 80.0 } else { tremble } } else { 150.0 };
        let hidden = (20..24).contains(&frame);
        let things = [thing(7, x, 50.0)];
        events.extend(
            monitor.update(time, FRAME, if hidden { &[] } else { &things }).expect("in order"),
        );
        if frame == 40 {
            assert_eq!((monitor.occupancy(), monitor.dwell(7)), (1, Some(3.0)));
        }
    }
    let [
        ZoneEvent::Entered { track: 7, since },
        ZoneEvent::Loitering { dwell: loitered, .. },
        ZoneEvent::Left { dwell, .. },
    ] = events[..]
    else {
        panic!("{events:?}")
    };
    assert!((since - 1.0).abs() < 1e-9 && (loitered - 3.0).abs() < 1e-9, "{events:?}");
    assert!((dwell - 3.8).abs() < 1e-9, "{dwell}");
    assert_eq!((monitor.counts(), monitor.occupancy()), ((1, 1), 0));
}

#[test]
fn a_gap_longer_than_the_patience_makes_two_stays() {
    let mut monitor = monitor(OccupancyOptions::default());
    let things = [thing(1, 50.0, 50.0)];
    assert_eq!(monitor.update(0.0, FRAME, &things).expect("in order").len(), 1);
    monitor.update(0.5, FRAME, &things).expect("in order");
    let events = monitor.update(60.0, FRAME, &things).expect("in order");
    let left = ZoneEvent::Left { track: 1, since: 0.0, dwell: 0.5 };
    assert_eq!(events, [left, ZoneEvent::Entered { track: 1, since: 60.0 }]);
    assert!(monitor.update(1.0, FRAME, &things).is_err());
    // The picture's size changes, the thing stays where it is.
    let larger = [thing(1, 100.0, 100.0)];
    assert!(monitor.update(60.1, Size::new(400, 200), &larger).expect("in order").is_empty());
}

#[test]
fn a_tremble_on_the_line_counts_once() {
    let line = Line { margin: 0.03, ..Line::new(p(0.5, 1.0), p(0.5, 0.0), Units::Relative) };
    let mut counter = LineCounter::new(line).expect("a line");
    let mut crossings = Vec::new();
    // To the right, trembling at the line for a while, and back.
    let way = [80.0, 95.0, 101.0, 99.0, 102.0, 98.0, 101.0, 120.0, 101.0, 99.0, 101.0, 70.0];
    for (at, x) in way.into_iter().enumerate() {
        let things = [thing(3, x, 50.0)];
        crossings.extend(counter.update(at as f64, FRAME, &things).expect("in order"));
    }
    // The line goes up, so its right is to the right.
    let told: Vec<(LineWay, f64)> = crossings.iter().map(|c| (c.way, c.time)).collect();
    assert_eq!(told, [(LineWay::In, 7.0), (LineWay::Out, 11.0)]);
    assert_eq!(counter.counts(), (1, 1));
}

#[test]
fn around_the_end_is_no_crossing_and_sizes_may_change() {
    let mut counter =
        LineCounter::new(Line::new(p(0.5, 0.5), p(0.5, 0.0), Units::Relative)).expect("a line");
    counter.update(0.0, FRAME, &[thing(1, 50.0, 90.0), thing(2, 50.0, 30.0)]).expect("in order");
    let crossings = counter.update(0.1, FRAME, &[thing(1, 150.0, 90.0)]).expect("in order");
    assert!(crossings.is_empty());
    // In a picture twice as wide the second has not moved, and then crosses.
    let wide = Size::new(400, 100);
    assert!(counter.update(0.2, wide, &[thing(2, 100.0, 30.0)]).expect("in order").is_empty());
    let crossings = counter.update(0.3, wide, &[thing(2, 300.0, 30.0)]).expect("in order");
    assert_eq!(crossings.len(), 1);
    // Forgotten after 5 s: seen on the other side, it is new.
    assert!(counter.update(9.0, wide, &[thing(2, 100.0, 30.0)]).expect("in order").is_empty());
}

#[test]
fn direction_of_motion() {
    let mut monitor = MotionMonitor::new(MotionOptions::default()).expect("in range");
    for frame in 0..30_u8 {
        let t = f32::from(frame) / 10.0;
        let noise = if frame % 2 == 0 { 0.5 } else { -0.5 };
        let things = [thing(1, 100.0 - 20.0 * t + noise, 50.0), thing(2, 50.0 + noise, 50.0)];
        monitor.update(f64::from(frame) / 10.0, FRAME, &things).expect("in order");
    }
    let left = monitor.motion(1).expect("seen");
    assert!(
        (left.vx + 20.0).abs() < 0.5 && left.goes(180.0, 5.0) && !left.goes(0.0, 90.0),
        "{left:?}"
    );
    assert!(left.goes(-180.0, 5.0) && (left.speed() - 20.0).abs() < 0.5);
    let still = monitor.motion(2).expect("seen");
    assert!(!still.moving && still.degrees().is_none());
    assert!(monitor.motion(3).is_none());
    monitor.update(60.0, FRAME, &[]).expect("in order");
    assert!(monitor.motion(1).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A star around a centre is a simple polygon: a point is inside when it is nearer than the edge in
    /// its direction; and the share of a tiny box agrees with its middle away from the edge.
    #[test]
    fn stars(radii in prop::collection::vec(10.0..100.0_f32, 5..40), angle in 0.0..6.2_f32, share in 0.0..1.5_f32) {
        let count = radii.len();
        let turn = std::f32::consts::TAU / count as f32;
        let corner = |at: usize| {
            let (sin, cos) = (turn * at as f32).sin_cos();
            p(200.0 + radii[at % count] * cos, 200.0 + radii[at % count] * sin)
        };
        let star = Zone::new((0..count).map(corner).collect(), Units::Pixels, Anchor::Centre);
        let area = star.expect("simple").resolve(FRAME);
        let sector = (angle / turn) as usize;
        let (a, b) = (corner(sector), corner(sector + 1));
        // Where the ray meets the edge from a to b.
        let (sin, cos) = angle.sin_cos();
        let (ax, ay) = (a.x - 200.0, a.y - 200.0);
        let (ex, ey) = (b.x - a.x, b.y - a.y);
        let reach = (ax * ey - ay * ex) / (cos * ey - sin * ex);
        prop_assume!((share - 1.0).abs() > 0.05 && reach.is_finite());
        let point = p(200.0 + cos * reach * share, 200.0 + sin * reach * share);
        prop_assert_eq!(area.contains(point), share < 1.0);
        let tiny = BBox::from_centre(point.x, point.y, 1e-2, 1e-2);
        let overlap = area.overlap(&tiny);
        prop_assert!(if share < 1.0 { overlap > 0.99 } else { overlap < 0.01 }, "{}", overlap);
    }

    #[test]
    fn hostile_boxes_do_no_harm(
        boxes in prop::collection::vec((any::<[f32; 4]>(), 0..3_u64, 0.0..2.0_f64), 0..40),
        size in (0..300_u32, 0..300_u32),
    ) {
        let frame = Size::new(size.0, size.1);
        let mut monitor = monitor(OccupancyOptions { loiter_after: Some(1.0), ..OccupancyOptions::default() });
        let mut counter = LineCounter::new(Line::new(p(0.5, 1.0), p(0.5, 0.0), Units::Relative)).expect("a line");
        let mut motion = MotionMonitor::new(MotionOptions::default()).expect("in range");
        let mut time = 0.0;
        let (mut entered, mut left) = (0, 0);
        for ([x1, y1, x2, y2], track, step) in boxes {
            time += step;
            let things = [Observation { track, bbox: BBox::new(x1, y1, x2, y2) }];
            for event in monitor.update(time, frame, &things).expect("in order") {
                match event {
                    ZoneEvent::Entered { .. } => entered += 1,
                    ZoneEvent::Left { .. } => left += 1,
                    ZoneEvent::Loitering { dwell, .. } => prop_assert!(dwell >= 1.0),
                }
            }
            counter.update(time, frame, &things).expect("in order");
            motion.update(time, frame, &things).expect("in order");
            let _ = motion.motion(track);
            prop_assert_eq!(monitor.occupancy(), entered - left);
        }
    }
}
