//! Drawings on pictures of many sizes: nothing outside, nothing unreadable. With `STRATA_DRAWINGS`
//! set to a folder, the pictures are left there to be looked at.

use proptest::prelude::*;
use strata_vision::draw::{Canvas, class_colour};
use strata_vision::encode;
use strata_vision::geometry::{BBox, Detection, Point, Size};
use strata_vision::image::{Image, Plane};

/// A grey ramp.
fn belt(size: Size) -> Image {
    let mut image = Image::filled(size, [0; 3]);
    for y in 0..size.height {
        for x in 0..size.width {
            let grey = (60 + (x * 7 + y * 13) % 40 + 100 * x / size.width) as u8;
            image.set_pixel(x, y, [grey, grey, grey]);
        }
    }
    image
}

fn scene(size: Size) -> Image {
    let mut image = belt(size);
    let (w, h) = (size.width as f32, size.height as f32);
    let at = |x: f32, y: f32| Point { x: x * w, y: y * h };
    let part = |x1: f32, y1: f32, x2: f32, y2: f32| BBox::new(x1 * w, y1 * h, x2 * w, y2 * h);
    let disc = |x: u32, y: u32| ((x as f32 - 40.0).hypot(y as f32 - 30.0) < 12.0).into();
    let mask: Vec<u8> = (0..60).flat_map(|y| (0..80).map(move |x| disc(x, y))).collect();
    let mask = Plane::new(Size::new(80, 60), mask).expect("80 x 60");
    let heat: Vec<f32> = (0..12)
        .flat_map(|y| {
            (0..16)
                .map(move |x| (-((x as f32 - 3.0).powi(2) + (y as f32 - 9.0).powi(2)) / 8.0).exp())
        })
        .collect();
    let heat = Plane::new(Size::new(16, 12), heat).expect("16 x 12");
    let mut canvas = Canvas::new(&mut image);
    canvas.heat(&heat, 0.0, 1.0);
    canvas.polygon(&[at(0.62, 0.55), at(0.95, 0.6), at(0.9, 0.95), at(0.6, 0.9)], [0, 160, 255]);
    canvas.mask(&mask, [255, 0, 200]);
    canvas.contour(&mask, [255, 255, 255]);
    canvas.polyline(&[at(0.05, 0.5), at(0.3, 0.42), at(0.45, 0.5)], [255, 255, 0]);
    for (class, (bbox, name)) in [
        (part(0.1, 0.15, 0.35, 0.4), "撕裂 tear"),
        (part(0.6, 0.02, 0.8, 0.3), "孔洞 hole"),
        (part(0.85, 0.2, 1.2, 0.45), "锚杆 anchor rod"),
        (part(-0.1, 0.75, 0.2, 1.1), "大块煤"),
    ]
    .into_iter()
    .enumerate()
    {
        canvas.detection(&Detection { bbox, score: 0.87, class: class as u32 }, name);
    }
    canvas.text(at(0.3, 0.95), "皮带跑偏 +38 px (4.2 %) \u{1F600}", [255, 255, 255]);
    image
}

#[test]
fn legible_at_every_size() {
    for (w, h) in [(1, 1), (20, 300), (160, 120), (640, 480), (1280, 720)] {
        let size = Size::new(w, h);
        let image = scene(size);
        assert_eq!(image.size(), size);
        assert_ne!(image, belt(size));
        if let Some(folder) = std::env::var_os("STRATA_DRAWINGS") {
            let path = std::path::Path::new(&folder).join(format!("{w}x{h}.png"));
            std::fs::write(path, encode::png(&image).expect("a PNG")).expect("written");
        }
    }
}

/// Rows and columns that a drawing changed: left, top, right, bottom.
fn changed(before: &Image, after: &Image) -> Option<[u32; 4]> {
    let size = before.size();
    let all = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
    all.filter(|&(x, y)| before.pixel(x, y) != after.pixel(x, y)).fold(None, |bounds, (x, y)| {
        let [x1, y1, x2, y2] = bounds.unwrap_or([x, y, x, y]);
        Some([x1.min(x), y1.min(y), x2.max(x), y2.max(y)])
    })
}

#[test]
fn labels_stay_inside() {
    let size = Size::new(320, 240);
    let label = |bbox: BBox| {
        let mut image = belt(size);
        Canvas::new(&mut image).label(&bbox, "撕裂 tear 87%", [255, 0, 0]);
        changed(&belt(size), &image).expect("a label")
    };
    let [x1, y1, x2, y2] = label(BBox::new(100.0, 100.0, 200.0, 200.0));
    let (width, height) = (x2 - x1, y2 - y1);
    assert!(x1 == 100 && y2 == 99 && width > 60 && height >= 12, "{x1} {y1} {x2} {y2}");
    // At the upper edge it goes into the box, at the right edge to the left, whole.
    assert_eq!(label(BBox::new(100.0, 3.0, 200.0, 200.0))[1], 3);
    for outside in [
        BBox::new(310.0, 230.0, 400.0, 300.0),
        BBox::new(-90.0, -90.0, -9.0, -9.0),
        BBox::new(0.0, 900.0, 1.0, 901.0),
    ] {
        let [x1, y1, x2, y2] = label(outside);
        assert_eq!((x2 - x1, y2 - y1), (width, height), "{outside:?}");
    }
}

#[test]
fn a_box_is_where_it_is() {
    let size = Size::new(64, 48);
    let mut image = Image::filled(size, [0; 3]);
    Canvas::new(&mut image).bbox(&BBox::new(10.0, 5.0, 30.0, 25.0), [9, 9, 9]);
    let edge = |x, y| image.pixel(x, y) == Some([9; 3]);
    let drawn =
        (0..48).flat_map(|y| (0..64).map(move |x| (x, y))).filter(|&(x, y)| edge(x, y)).count();
    assert_eq!(drawn, 4 * 19);
    assert!(edge(10, 5) && edge(29, 24) && !edge(30, 25) && !edge(11, 6));
}

#[test]
fn cold_places_stay_and_masks_have_outlines() {
    let size = Size::new(40, 40);
    let plain = Image::filled(size, [90; 3]);
    let mut image = plain.clone();
    let mut map = Plane::filled(Size::new(4, 4), 0.0_f32);
    map.data_mut()[15] = 5.0;
    map.data_mut()[0] = f32::NAN;
    Canvas::new(&mut image).heat(&map, 1.0, 2.0);
    assert_eq!(image.pixel(2, 2), Some([90; 3]));
    assert!(image.pixel(39, 39).is_some_and(|[r, _, b]| r > 150 && b > 90));
    let mut image = plain.clone();
    let mut mask = Plane::filled(size, 0_u8);
    for y in 10..20 {
        for x in 10..20 {
            mask.data_mut()[y * 40 + x] = 1;
        }
    }
    Canvas::new(&mut image).contour(&mask, [1, 2, 3]);
    let line = image.data().chunks_exact(3).filter(|pixel| *pixel == [1, 2, 3]).count();
    assert_eq!(line, 36);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_coordinates_are_survived(
        (w, h) in (0_u32..40, 0_u32..40),
        corners in prop::array::uniform6(prop_oneof![-100.0_f32..100.0, Just(f32::NAN), Just(f32::INFINITY), Just(-1e30_f32), any::<f32>()]),
        label in ".{0,12}",
    ) {
        let mut image = Image::filled(Size::new(w, h), [7; 3]);
        let [a, b, c, d, e, f] = corners;
        let points = [Point { x: a, y: b }, Point { x: c, y: d }, Point { x: e, y: f }];
        let mask = Plane::filled(Size::new(3, 2), 1_u8);
        let mut canvas = Canvas::new(&mut image);
        canvas.detection(&Detection { bbox: BBox::new(a, b, c, d), score: e, class: u32::MAX }, &label);
        canvas.polygon(&points, class_colour(3));
        canvas.polyline(&points, class_colour(4));
        canvas.text(points[2], &label, [1; 3]);
        canvas.mask(&mask, [2; 3]);
        canvas.contour(&mask, [3; 3]);
        canvas.heat(&Plane::filled(Size::new(2, 3), a), c, d);
        prop_assert_eq!(image.size(), Size::new(w, h));
    }
}
