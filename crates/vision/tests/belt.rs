//! Belt geometry on belts rendered here, whose edges are known: noise, dust, load, uneven light, a
//! tilted camera; and pictures without a belt, where none may be found.

use strata_vision::belt::{
    Baseline, BeltConfig, BeltInspector, BeltReport, LaserColor, OverflowKind, Running, TearKind,
};
use strata_vision::geometry::{BBox, Point, Size};
use strata_vision::image::Image;

const SIZE: Size = Size::new(640, 480);

/// A belt seen from above. Edges are straight, from `top` to `bottom`, in pixels.
#[derive(Clone)]
struct Scene {
    size: Size,
    left: (f32, f32),
    right: (f32, f32),
    belt: f32,
    ground: f32,
    /// Grey levels that the light adds from the left to the right.
    light: f32,
    noise: f32,
    dust: u32,
    /// Heaps of lumps.
    heaps: Vec<BBox>,
    /// Dark lines along the belt: place across as a share, from row, to row.
    tears: Vec<(f32, f32, f32)>,
    /// A rail beside the belt, lighter, at this x.
    rail: Option<f32>,
    /// Row of a laser line, and the columns in which it is missing.
    laser: Option<(f32, f32, f32)>,
    seed: u32,
}

impl Scene {
    fn new() -> Self {
        Self {
            size: SIZE,
            left: (180.0, 160.0),
            right: (470.5, 500.25),
            belt: 60.0,
            ground: 120.0,
            light: 0.0,
            noise: 4.0,
            dust: 0,
            heaps: Vec::new(),
            tears: Vec::new(),
            rail: None,
            laser: None,
            seed: 1,
        }
    }

    fn edge(&self, ends: (f32, f32), y: f32) -> f32 {
        ends.0 + (ends.1 - ends.0) * y / self.size.height as f32
    }

    fn render(&self) -> Image {
        let mut random = Random(self.seed.wrapping_mul(2_654_435_761).wrapping_add(1));
        let mut image = Image::filled(self.size, [0; 3]);
        for row in 0..self.size.height {
            let y = row as f32 + 0.5;
            let (l, r) = (self.edge(self.left, y), self.edge(self.right, y));
            for column in 0..self.size.width {
                let x = column as f32 + 0.5;
                // Share of the pixel that is belt.
                let share = (x + 0.5 - l).clamp(0.0, 1.0).min((r - x + 0.5).clamp(0.0, 1.0));
                let mut ground = self.ground + 6.0 * (x * 0.11).sin() * (y * 0.07).cos();
                if self.rail.is_some_and(|rail| (x - rail).abs() < 6.0) {
                    ground += 80.0;
                }
                let mut belt = self.belt;
                for &(at, from, to) in &self.tears {
                    let place = l + (r - l) * at + 1.5 * (y * 0.09).sin();
                    if y >= from && y < to && (x - place).abs() < 1.6 {
                        belt -= 45.0;
                    }
                }
                let mut grey = ground + (belt - ground) * share;
                if let Some(heap) = self.heaps.iter().find(|b| in_ellipse(b, x, y)) {
                    // Lumps: a shade for each cell of eleven pixels.
                    let cell = (x / 11.0).floor() * 7.3 + (y / 11.0).floor() * 3.7 + heap.x1;
                    grey = 45.0 + 70.0 * ((cell * 12.9898).sin() * 43_758.547).fract().abs();
                }
                grey +=
                    self.light * (x / self.size.width as f32 - 0.5) + self.noise * random.normal();
                let level = grey.round().clamp(0.0, 255.0) as u8;
                let mut rgb = [level; 3];
                if let Some((at, from, to)) = self.laser
                    && (y - at).abs() < 2.5
                    && !(from..to).contains(&x)
                    && share > 0.5
                {
                    rgb = [255, level, level];
                }
                image.set_pixel(column, row, rgb);
            }
        }
        for _ in 0..self.dust {
            let (x, y) = (random.below(self.size.width), random.below(self.size.height));
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                image.set_pixel(x + dx, y + dy, [220; 3]);
            }
        }
        image
    }
}

fn in_ellipse(b: &BBox, x: f32, y: f32) -> bool {
    let c = b.centre();
    let (u, v) = ((x - c.x) / (b.width() / 2.0), (y - c.y) / (b.height() / 2.0));
    u * u + v * v < 1.0
}

struct Random(u32);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as f32 / u32::MAX as f32
    }

    fn below(&mut self, end: u32) -> u32 {
        ((self.next() * end as f32) as u32).min(end - 1)
    }

    /// Twelve uniform numbers less six: near enough to a normal one.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.next()).sum::<f32>() - 6.0
    }
}

fn inspector(config: BeltConfig) -> BeltInspector {
    BeltInspector::new(config).expect("a good configuration")
}

/// The ends of both edges must be within two pixels.
fn check_edges(scene: &Scene, report: &BeltReport, what: &str) {
    assert!(report.found, "{what}: {:?}", report.missing);
    let (left, right) = (report.left.expect("found"), report.right.expect("found"));
    for (line, ends) in [(left, scene.left), (right, scene.right)] {
        for (point, place) in [(line.from, "top"), (line.to, "bottom")] {
            let true_x = scene.edge(ends, point.y);
            assert!((point.x - true_x).abs() <= 2.0, "{what}, {place}: {} for {true_x}", point.x);
        }
        assert!(line.confidence > 0.3 && line.inliers > 0.35, "{what}: {line:?}");
    }
}

#[test]
fn both_edges_within_two_pixels() {
    let base = Scene::new();
    let heap = |x, y, w, h| BBox::from_centre(x, y, w, h);
    let cases: Vec<(&str, Scene)> = vec![
        ("plain", base.clone()),
        ("noise of 12 levels", Scene { noise: 12.0, ..base.clone() }),
        ("dust", Scene { dust: 1500, ..base.clone() }),
        ("light from the right", Scene { light: 70.0, ..base.clone() }),
        ("light from the left", Scene { light: -70.0, ..base.clone() }),
        ("a light belt on dark ground", Scene { belt: 130.0, ground: 50.0, ..base.clone() }),
        ("weak contrast", Scene { belt: 95.0, noise: 5.0, ..base.clone() }),
        ("a rail beside it", Scene { rail: Some(560.0), ..base.clone() }),
        (
            "load in the middle",
            Scene { heaps: vec![heap(325.0, 240.0, 180.0, 420.0)], ..base.clone() },
        ),
        (
            "load over an edge",
            Scene {
                heaps: vec![heap(320.0, 150.0, 150.0, 200.0), heap(480.0, 350.0, 90.0, 120.0)],
                ..base.clone()
            },
        ),
        (
            "all at once",
            Scene {
                noise: 8.0,
                dust: 600,
                light: 40.0,
                rail: Some(570.0),
                heaps: vec![heap(330.0, 240.0, 160.0, 300.0)],
                ..base.clone()
            },
        ),
        ("aslant", Scene { left: (100.0, 220.0), right: (380.0, 500.0), ..base.clone() }),
    ];
    for (what, scene) in cases {
        for seed in [1, 2] {
            let scene = Scene { seed, ..scene.clone() };
            let report = inspector(BeltConfig::default()).inspect(&scene.render());
            check_edges(&scene, &report, what);
        }
    }
}

#[test]
fn deviation_against_rollers_and_a_baseline() {
    let normal = Scene::new();
    let rollers = [Point { x: 140.0, y: 240.0 }, Point { x: 520.0, y: 240.0 }];
    let with_rollers = inspector(BeltConfig {
        rollers: Some(rollers),
        width_mm: Some(1000.0),
        ..BeltConfig::default()
    });
    for shift in [-40.0, -7.5, 0.0, 12.25, 55.0] {
        let scene = Scene {
            left: (normal.left.0 + shift, normal.left.1 + shift),
            right: (normal.right.0 + shift, normal.right.1 + shift),
            noise: 8.0,
            ..normal.clone()
        };
        let report = with_rollers.inspect(&scene.render());
        let middle = (scene.edge(scene.left, 240.0) + scene.edge(scene.right, 240.0)) / 2.0;
        let width = scene.edge(scene.right, 240.0) - scene.edge(scene.left, 240.0);
        let deviation = report.deviation.expect("a baseline");
        assert!((deviation.px - (middle - 330.0)).abs() <= 1.0, "{shift}: {deviation:?}");
        assert!((deviation.share - deviation.px / width).abs() < 0.01);
        assert!((deviation.mm.expect("a width") - 1000.0 * deviation.share).abs() < 0.1);
    }
    let plain = inspector(BeltConfig::default());
    let report = plain.inspect(&normal.render());
    assert!(
        report.deviation.is_none() && report.missing[0].contains("no baseline"),
        "{:?}",
        report.missing
    );
    let pictures: Vec<Image> =
        (1..4).map(|seed| Scene { seed, ..normal.clone() }.render()).collect();
    let baseline = plain.calibrate(&pictures).expect("a belt in each");
    let true_middle = (normal.edge(normal.left, 240.0) + normal.edge(normal.right, 240.0)) / 2.0;
    assert!((baseline.centre - true_middle).abs() < 1.0, "{baseline:?}");
    let config = BeltConfig { baseline: Some(baseline), ..BeltConfig::default() };
    let moved = Scene { left: (200.0, 180.0), right: (490.5, 520.25), ..normal };
    let deviation = inspector(config).inspect(&moved.render()).deviation.expect("a baseline");
    assert!((deviation.px - 20.0).abs() < 1.0, "{deviation:?}");
}

#[test]
fn a_belt_to_the_side_and_a_region() {
    let scene = Scene { noise: 6.0, ..Scene::new() };
    let upright = scene.render();
    let mut turned = Image::filled(Size::new(480, 640), [0; 3]);
    for y in 0..640 {
        for x in 0..480 {
            turned.set_pixel(x, y, upright.pixel(y, x).expect("inside"));
        }
    }
    let config = BeltConfig { running: Running::Horizontal, ..BeltConfig::default() };
    let report = inspector(config).inspect(&turned);
    assert!(report.found, "{:?}", report.missing);
    let upper = report.left.expect("found");
    assert!(
        (upper.from.y - scene.left.0).abs() < 2.0 && (upper.to.y - scene.left.1).abs() < 2.0,
        "{upper:?}"
    );

    let region = vec![
        Point { x: 120.0, y: 100.0 },
        Point { x: 540.0, y: 90.0 },
        Point { x: 560.0, y: 400.0 },
        Point { x: 100.0, y: 400.0 },
    ];
    let report = inspector(BeltConfig { region, ..BeltConfig::default() }).inspect(&upright);
    check_edges(&scene, &report, "in a region");
}

#[test]
fn without_a_belt_none_is_found() {
    let flat = Image::filled(SIZE, [90; 3]);
    let noise = Scene { belt: 120.0, noise: 15.0, ..Scene::new() }.render();
    let lumps =
        Scene { heaps: vec![BBox::new(-400.0, -400.0, 1040.0, 880.0)], ..Scene::new() }.render();
    let one_edge = Scene { right: (900.0, 900.0), ..Scene::new() }.render();
    let dust = Scene { belt: 120.0, dust: 6000, ..Scene::new() }.render();
    for (what, image) in
        [("flat", flat), ("noise", noise), ("lumps", lumps), ("one edge", one_edge), ("dust", dust)]
    {
        let report = inspector(BeltConfig::default()).inspect(&image);
        assert!(!report.found && report.left.is_none(), "{what}: {report:?}");
        assert!(
            !report.missing.is_empty() && report.tears.is_empty() && report.load.is_none(),
            "{what}"
        );
    }
    for size in [Size::new(1, 1), Size::new(31, 500), Size::new(33, 33)] {
        assert!(!inspector(BeltConfig::default()).inspect(&Image::filled(size, [0; 3])).found);
    }
    let region = vec![Point { x: 5000.0, y: 5000.0 }, Point { x: 6000.0, y: 6000.0 }];
    assert!(
        !inspector(BeltConfig { region, ..BeltConfig::default() })
            .inspect(&Image::filled(SIZE, [0; 3]))
            .found
    );
}

#[test]
fn load_is_outlined_and_measured() {
    let heap = BBox::from_centre(325.0, 260.0, 180.0, 300.0);
    let scene = Scene { heaps: vec![heap], light: 30.0, ..Scene::new() };
    let report = inspector(BeltConfig::default()).inspect(&scene.render());
    let load = report.load.expect("a belt");
    let width = (scene.right.0 - scene.left.0 + scene.right.1 - scene.left.1) / 2.0;
    let truth = std::f32::consts::PI / 4.0 * heap.width() * heap.height() / (width * 480.0);
    assert!((load.filled - truth).abs() < 0.05, "{} for {truth}", load.filled);
    assert!(load.bbox.expect("a heap").iou(&heap) > 0.8, "{:?}", load.bbox);
    assert!(load.outlines.len() == 1 && load.outlines[0].len() > 10);
    assert!(report.overflow.is_empty(), "{:?}", report.overflow);
    let empty = inspector(BeltConfig::default())
        .inspect(&Scene { light: 30.0, noise: 8.0, ..Scene::new() }.render());
    assert!(empty.load.expect("a belt").filled < 0.01);
    let config = BeltConfig { max_filled: 0.2, ..BeltConfig::default() };
    let report = inspector(config).inspect(&scene.render());
    assert_eq!(report.overflow[0].kind, OverflowKind::Overfull);
}

#[test]
fn load_over_an_edge_is_overflow_at_that_place() {
    let spill = BBox::from_centre(490.0, 330.0, 110.0, 120.0);
    let scene = Scene { heaps: vec![spill], ..Scene::new() };
    let report = inspector(BeltConfig::default()).inspect(&scene.render());
    let over: Vec<_> =
        report.overflow.iter().filter(|o| o.kind == OverflowKind::OverRight).collect();
    assert!(!over.is_empty(), "{report:?}");
    assert!(over.iter().all(|o| o.bbox.y1 > 240.0 && o.bbox.y2 < 420.0), "{over:?}");
    assert!(report.overflow.iter().all(|o| o.kind != OverflowKind::OverLeft));
}

#[test]
fn tears_along_the_belt_are_candidates_and_load_is_none() {
    let scene = Scene { tears: vec![(0.35, 120.0, 300.0)], noise: 5.0, ..Scene::new() };
    let report = inspector(BeltConfig::default()).inspect(&scene.render());
    assert_eq!(report.tears.len(), 1, "{:?}", report.tears);
    let tear = report.tears[0];
    assert_eq!(tear.kind, TearKind::Texture);
    let x = |y: f32| {
        scene.edge(scene.left, y) + 0.35 * (scene.edge(scene.right, y) - scene.edge(scene.left, y))
    };
    assert!(
        tear.bbox.x1 < x(200.0) && tear.bbox.x2 > x(200.0) && tear.bbox.width() < 40.0,
        "{tear:?}"
    );
    assert!((tear.bbox.y1 - 120.0).abs() < 12.0 && (tear.bbox.y2 - 300.0).abs() < 12.0, "{tear:?}");
    assert!(report.load.expect("a belt").filled < 0.01);
    for seed in 1..4 {
        let loaded = Scene {
            heaps: vec![BBox::from_centre(325.0, 240.0, 180.0, 400.0)],
            dust: 300,
            seed,
            ..Scene::new()
        };
        let report = inspector(BeltConfig::default()).inspect(&loaded.render());
        assert!(report.tears.is_empty(), "{seed}: {:?}", report.tears);
    }
}

#[test]
fn a_broken_laser_line() {
    let config = BeltConfig { laser: Some(LaserColor::Red), ..BeltConfig::default() };
    let whole = Scene { laser: Some((200.0, 0.0, 0.0)), ..Scene::new() };
    let report = inspector(config.clone()).inspect(&whole.render());
    assert!(report.found && report.tears.is_empty() && report.missing.len() == 1, "{report:?}");
    let broken = Scene { laser: Some((200.0, 300.0, 330.0)), ..Scene::new() };
    let report = inspector(config.clone()).inspect(&broken.render());
    assert_eq!(report.tears.len(), 1, "{:?}", report.tears);
    let tear = report.tears[0];
    assert_eq!(tear.kind, TearKind::Laser);
    assert!((tear.bbox.x1 - 300.0).abs() < 6.0 && (tear.bbox.x2 - 330.0).abs() < 6.0, "{tear:?}");
    let report = inspector(config).inspect(&Scene::new().render());
    assert!(report.missing.iter().any(|m| m.contains("laser")), "{:?}", report.missing);
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let bad = |config: BeltConfig| BeltInspector::new(config).expect_err("nonsense").to_string();
    assert!(bad(BeltConfig { min_support: 0.0, ..BeltConfig::default() }).contains("min_support"));
    assert!(
        bad(BeltConfig { region: vec![Point::default()], ..BeltConfig::default() })
            .contains("one point")
    );
    let nan = Baseline { centre: f32::NAN, width: 5.0 };
    assert!(bad(BeltConfig { baseline: Some(nan), ..BeltConfig::default() }).contains("centre"));
    let rollers = [Point { x: 9.0, y: 0.0 }, Point { x: 9.0, y: 50.0 }];
    assert!(
        bad(BeltConfig { rollers: Some(rollers), ..BeltConfig::default() }).contains("rollers")
    );
    let text = serde_json::to_string(&BeltConfig::default()).expect("serialisable");
    assert_eq!(
        serde_json::from_str::<BeltConfig>(&text).expect("read back"),
        BeltConfig::default()
    );
}

#[test]
#[ignore = "a measurement: run with --release --no-default-features -- --ignored --nocapture"]
fn speed_at_720p() {
    let scene = Scene {
        size: Size::new(1280, 720),
        left: (360.0, 320.0),
        right: (941.0, 1000.5),
        heaps: vec![BBox::from_centre(650.0, 360.0, 360.0, 500.0)],
        tears: vec![(0.15, 100.0, 400.0)],
        dust: 500,
        ..Scene::new()
    };
    let image = scene.render();
    let inspector = inspector(BeltConfig::default());
    let mut times: Vec<f64> = (0..60)
        .map(|_| {
            let start = std::time::Instant::now();
            assert!(inspector.inspect(&image).found);
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("720p: fastest {:.1} ms, median {:.1} ms", times[0], times[30]);
    assert!(times[0] < 12.0, "{times:?}");
}
