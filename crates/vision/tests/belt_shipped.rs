//! Belt geometry on the pictures that ship: rendered by other code than the scenes of `belt.rs`.

use strata_vision::belt::{Baseline, BeltConfig, BeltInspector, BeltReport, OverflowKind, Side};
use strata_vision::geometry::{BBox, Point, Size};
use strata_vision::image::Image;

fn inspector(config: BeltConfig) -> BeltInspector {
    BeltInspector::new(config).expect("a good configuration")
}

fn shipped(name: &str) -> Image {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/mining");
    let limits = strata_vision::image::DecodeLimits::default();
    strata_vision::image::decode_file(&folder.join(name), &limits).expect("the sample is there")
}

fn rollers() -> BeltConfig {
    let rollers = [Point { x: 70.0, y: 345.0 }, Point { x: 570.0, y: 345.0 }];
    BeltConfig { rollers: Some(rollers), ..BeltConfig::default() }
}

#[test]
fn shipped_samples() {
    let look = |name: &str| inspector(rollers()).inspect(&shipped(name));
    let share = |report: &BeltReport| report.deviation.expect("both edges").share;
    let centred = look("belt/centred.jpg");
    assert!(centred.load.as_ref().expect("a belt").filled > 0.4);
    assert!(share(&centred).abs() < 0.01);
    // Its README says by how much: 0.13 of the width, to the right.
    let deviated = look("belt/deviated.jpg");
    assert!((share(&deviated) - 0.13).abs() < 0.02, "{:?}", deviated.deviation);
    for report in [&centred, &deviated] {
        assert!(report.found && report.hidden.is_none(), "{report:?}");
        assert!(report.overflow.is_empty() && report.tears.is_empty(), "{report:?}");
    }
}

#[test]
fn load_over_a_whole_edge_is_told_and_the_rest_is_taken_from_the_other() {
    let image = shipped("belt/overflowing.jpg");
    // The same place as `centred.jpg`: the edges lie at 133 and 507.
    let check = |report: &BeltReport| {
        assert!(!report.found && report.right.is_none(), "{report:?}");
        let left = report.left.expect("the left edge is free");
        assert!((left.from.x - 133.0).abs() < 2.0 && (left.to.x - 133.0).abs() < 2.0, "{left:?}");
        let hidden = report.hidden.expect("load over the right edge");
        assert!(hidden.side == Side::Right && hidden.covered > 0.9, "{hidden:?}");
        assert!(report.missing[0].contains("right (lower) edge lies under load"));
        let over = report.overflow.iter().find(|o| o.kind == OverflowKind::OverRight);
        assert!(over.is_some_and(|o| o.confidence > 0.5 && o.bbox.x2 > 600.0), "{report:?}");
        assert!(report.tears.is_empty() && report.width.is_none());
        hidden.expected
    };
    let report = inspector(rollers()).inspect(&image);
    assert!(check(&report).is_none() && report.deviation.is_none() && report.load.is_none());
    assert!(report.missing[1].contains("calibrate"), "{:?}", report.missing);

    let baseline = inspector(rollers()).calibrate(&[shipped("belt/centred.jpg")]);
    assert!(baseline.is_some_and(|b| (b.width - 374.5).abs() < 2.0), "{baseline:?}");
    let config = BeltConfig { baseline, width_mm: Some(1000.0), ..rollers() };
    let report = inspector(config.clone()).inspect(&image);
    let [from, to] = check(&report).expect("the width is known");
    assert!((from.x - 507.0).abs() < 3.0 && (to.x - 507.0).abs() < 3.0, "{from:?} {to:?}");
    let deviation = report.deviation.expect("one edge and the width");
    assert!(deviation.px.abs() < 2.0 && deviation.mm.is_some_and(|mm| mm.abs() < 6.0));
    assert!(report.load.expect("the width is known").filled > 0.6);
    assert!(report.overflow.iter().all(|o| o.bbox.x1 > 500.0), "{:?}", report.overflow);

    // Seen in a mirror it is the left edge.
    let mut mirrored = Image::filled(image.size(), [0; 3]);
    let wide = image.width();
    for y in 0..image.height() {
        for x in 0..wide {
            mirrored.set_pixel(x, y, image.pixel(wide - 1 - x, y).expect("inside"));
        }
    }
    let report = inspector(config).inspect(&mirrored);
    let hidden = report.hidden.expect("load over the left edge");
    assert!(hidden.side == Side::Left && report.right.is_some() && report.left.is_none());
    assert!(report.deviation.is_some_and(|d| d.px.abs() < 2.0), "{:?}", report.deviation);
    assert!(report.overflow.iter().any(|o| o.kind == OverflowKind::OverLeft));
}

/// Columns of a picture up to `wide`.
fn cut(image: &Image, wide: u32) -> Image {
    let mut part = Image::filled(Size::new(wide, image.height()), [0; 3]);
    for y in 0..image.height() {
        for x in 0..wide {
            part.set_pixel(x, y, image.pixel(x, y).expect("inside"));
        }
    }
    part
}

#[test]
fn an_edge_outside_of_the_picture_is_not_under_load() {
    let image = shipped("belt/centred.jpg");
    // The right edge lies at 507. Up to 480, rubber comes again behind the load; up to 360, the load goes on to the picture's
    // end. Neither tells that there is load over the edge.
    for wide in [480, 360] {
        let report = inspector(BeltConfig::default()).inspect(&cut(&image, wide));
        assert!(!report.found && report.hidden.is_none(), "{wide}: {report:?}");
        assert!(report.overflow.is_empty(), "{wide}: {report:?}");
        // Nor does a baseline that puts the edge outside.
        let baseline = Some(Baseline { centre: 320.0, width: 374.5 });
        let config = BeltConfig { baseline, ..BeltConfig::default() };
        let report = inspector(config).inspect(&cut(&image, wide));
        assert!(!report.found && report.hidden.is_none(), "{wide}: {report:?}");
    }
}

#[test]
fn streaks_and_shadows_are_no_tears_and_a_slit_is() {
    for name in ["belt/deviated.jpg", "foreign-object/lump.jpg", "belt-damage/hole.jpg"] {
        let report = inspector(BeltConfig::default()).inspect(&shipped(name));
        assert!(report.found && report.tears.is_empty(), "{name}: {:?}", report.tears);
    }
    // A worn belt, full of streaks, with one slit.
    let report = inspector(BeltConfig::default()).inspect(&shipped("belt-damage/tear.jpg"));
    let [tear] = report.tears.as_slice() else { panic!("{:?}", report.tears) };
    let slit = BBox::new(328.0, 130.0, 362.0, 536.0);
    assert!(tear.bbox.iou(&slit) > 0.6 && tear.confidence > 0.6, "{tear:?}");
}
