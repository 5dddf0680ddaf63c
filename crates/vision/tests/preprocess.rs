//! Preprocessing held against OpenCV's numbers (`tests/data/make.py`) and its own geometry.

use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use strata_vision::geometry::{BBox, Size};
use strata_vision::image::Image;
use strata_vision::preprocess::{PrepareError, Preprocess, Source};

/// The picture of `noise` in `make.py`.
fn noise(width: u32, height: u32) -> Image {
    let mut state = 12_345_u32;
    let byte = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let data = (0..width * height * 3).map(byte).collect();
    Image::new(Size::new(width, height), data).expect("three bytes a pixel")
}

fn card(text: &str) -> Preprocess {
    Preprocess::from_table(&text.parse().expect("valid TOML")).expect("a good card")
}

/// A card that only resizes.
fn resize(width: u32, height: u32, interpolation: &str) -> Preprocess {
    card(&format!(
        "width = {width}\nheight = {height}\nfit = \"stretch\"\ndtype = \"uint8\"\nlayout = \"nhwc\"\n\
         interpolation = \"{interpolation}\""
    ))
}

fn opencv() -> Value {
    serde_json::from_str(include_str!("data/opencv_resize.json")).expect("valid JSON")
}

fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().expect("a list").iter().map(|n| n.as_u64().expect("a number") as u32).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("text");
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(byte).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn run(case: &Value, interpolation: &str, region: Option<BBox>) -> Vec<u8> {
    let (from, to) = (numbers(&case["from"]), numbers(&case["to"]));
    let image = noise(from[0], from[1]);
    let preprocess = resize(to[0], to[1], interpolation);
    let mut out = vec![0_u8; preprocess.len()];
    preprocess.prepare(Source { image: &image, region }, &mut out).expect("fits");
    out
}

#[test]
fn bilinear_is_opencv_bit_for_bit() {
    let opencv = opencv();
    for case in opencv["linear_bytes"].as_array().expect("cases") {
        assert_eq!(
            run(case, "bilinear", None),
            bytes(&case["bytes"]),
            "{} {}",
            case["from"],
            case["to"]
        );
    }
    for case in opencv["linear"].as_array().expect("cases") {
        let digest = sha256(&run(case, "bilinear", None));
        assert_eq!(
            digest,
            case["sha256"].as_str().expect("text"),
            "{} {}",
            case["from"],
            case["to"]
        );
    }
    let case = &opencv["region"];
    let at = numbers(&case["region"]);
    let region = BBox::new(at[0] as f32, at[1] as f32, at[2] as f32, at[3] as f32);
    assert_eq!(
        sha256(&run(case, "bilinear", Some(region))),
        case["sha256"].as_str().expect("text")
    );
}

#[test]
fn area_is_opencv_within_a_step() {
    for case in opencv()["area"].as_array().expect("cases") {
        let (ours, theirs) = (run(case, "area", None), bytes(&case["bytes"]));
        assert_eq!(ours.len(), theirs.len());
        let worst = ours.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(1), "{} {}: {worst:?}", case["from"], case["to"]);
    }
}

#[test]
fn letterbox_as_yolox() {
    // r = min(416/500, 416/300) = 0.832; int(500 r) = 416, int(300 r) = 249.
    let preprocess = card("width = 416\nheight = 416\nchannels = \"bgr\"");
    let image = noise(500, 300);
    let mut out = vec![f32::NAN; preprocess.len()];
    let placement = preprocess.prepare(Source::from(&image), &mut out).expect("fits");
    assert_eq!(placement.content(), BBox::new(0.0, 0.0, 416.0, 249.0));
    assert!((placement.scale_x - 0.832).abs() < 1e-6 && placement.scale_x == placement.scale_y);
    let plain = resize(416, 249, "bilinear");
    let mut expected = vec![0_u8; plain.len()];
    plain.prepare(Source::from(&image), &mut expected).expect("fits");
    for y in 0..416 {
        for x in 0..416 {
            for c in 0..3 {
                let value = out[c * 416 * 416 + y * 416 + x];
                let wanted = if y < 249 { expected[(y * 416 + x) * 3 + 2 - c] } else { 114 };
                assert_eq!(value, f32::from(wanted), "column {x}, row {y}, channel {c}");
            }
        }
    }
}

#[test]
fn centred_letterbox_and_centre_crop() {
    let text = "width = 64\nheight = 48\nlayout = \"nhwc\"\ndtype = \"uint8\"\n";
    let image = noise(100, 30);
    let centred = card(&format!("{text}fit = \"letterbox-center\"\npad = 7"));
    let mut out = vec![0_u8; centred.len()];
    let placement = centred.prepare(Source::from(&image), &mut out).expect("fits");
    // 30 * 0.64 = 19.2: 19 rows, 29 left over, the odd one below.
    assert_eq!(placement.content(), BBox::new(0.0, 14.0, 64.0, 33.0));
    let padding = |y: usize| out[y * 192..(y + 1) * 192].iter().all(|&v| v == 7);
    assert!(padding(13) && !padding(14) && !padding(32) && padding(33));

    // The short side, 30, becomes 64 and the long one 213; the middle is taken.
    let crop = card(&format!("{text}fit = \"center-crop\"\nshort_side = 64"));
    let mut out = vec![0_u8; crop.len()];
    let placement = crop.prepare(Source::from(&image), &mut out).expect("fits");
    assert_eq!((placement.pad_x, placement.pad_y), (-74.0, -8.0));
    let whole = resize(213, 64, "bilinear");
    let mut expected = vec![0_u8; whole.len()];
    whole.prepare(Source::from(&image), &mut expected).expect("fits");
    for y in 0..48 {
        let from = ((y + 8) * 213 + 74) * 3;
        assert_eq!(out[y * 192..(y + 1) * 192], expected[from..from + 192], "row {y}");
    }
}

#[test]
fn normalised_as_the_card_says() {
    let preprocess = card(
        "width = 8\nheight = 8\nfit = \"stretch\"\nscale = 0.00392156862745098\nmean = [0.485, 0.456, 0.406]\n\
         std = [0.229, 0.224, 0.225]",
    );
    let image = noise(8, 8);
    let mut out = vec![0.0_f32; preprocess.len()];
    preprocess.prepare(Source::from(&image), &mut out).expect("fits");
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    for (at, &value) in out.iter().enumerate() {
        let (channel, pixel) = (at / 64, at % 64);
        let byte = f64::from(image.data()[pixel * 3 + channel]);
        let exact = (byte / 255.0 - mean[channel]) / std[channel];
        assert!((f64::from(value) - exact).abs() < 2e-6, "{value} against {exact}");
    }
}

#[test]
fn a_batch_is_its_items_and_mistakes_are_told() {
    let preprocess = card("width = 32\nheight = 24\nscale = 0.1");
    let (a, b) = (noise(50, 40), noise(20, 90));
    let region = BBox::new(3.2, 10.0, 17.0, 400.0);
    let sources = [Source::from(&a), Source { image: &b, region: Some(region) }, Source::from(&b)];
    let mut batch = vec![0.0_f32; preprocess.len() * 3];
    let placements = preprocess.prepare_batch(&sources, &mut batch).expect("fits");
    assert_eq!(placements[1].region, BBox::new(3.0, 10.0, 17.0, 90.0));
    for (i, source) in sources.iter().enumerate() {
        let mut alone = vec![0.0_f32; preprocess.len()];
        assert_eq!(preprocess.prepare(*source, &mut alone), Ok(placements[i]));
        assert_eq!(batch[i * alone.len()..][..alone.len()], alone, "item {i}");
    }
    // A region is the same as the picture of it.
    let cut = b.crop(&region).expect("inside");
    let mut alone = vec![0.0_f32; preprocess.len()];
    preprocess.prepare(Source::from(&cut), &mut alone).expect("fits");
    assert_eq!(batch[alone.len()..][..alone.len()], alone);

    let short = preprocess.prepare(sources[0], &mut alone[1..]);
    assert!(matches!(short, Err(PrepareError::Length { items: 1, .. })));
    let bytes = preprocess.prepare(sources[0], &mut vec![0_u8; preprocess.len()]);
    assert_eq!(bytes, Err(PrepareError::ElementType { card: "float32" }));
    for outside in [
        BBox::new(50.0, 0.0, 60.0, 9.0),
        BBox::new(f32::NAN, 0.0, 5.0, 5.0),
        BBox::new(9.0, 9.0, 2.0, 2.0),
    ] {
        let nothing = preprocess.prepare(Source { image: &a, region: Some(outside) }, &mut alone);
        assert!(matches!(nothing, Err(PrepareError::EmptyRegion { .. })), "{outside:?}");
    }
    let empty = Image::filled(Size::new(0, 5), [0; 3]);
    assert!(preprocess.prepare(Source::from(&empty), &mut alone).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Any size, any fit, any region: every element is written, and boxes go there and back.
    #[test]
    fn every_element_is_written(
        (w, h) in (1_u32..90, 1_u32..90), (tw, th) in (1_u32..70, 1_u32..70),
        fit in prop::sample::select(vec!["letterbox-top-left", "letterbox-center", "stretch", "center-crop"]),
        layout in prop::sample::select(vec!["nchw", "nhwc"]),
        interpolation in prop::sample::select(vec!["bilinear", "area"]),
        corners in prop::array::uniform4(0.0_f32..90.0),
    ) {
        let preprocess = card(&format!(
            "width = {tw}\nheight = {th}\nfit = \"{fit}\"\nlayout = \"{layout}\"\ninterpolation = \"{interpolation}\""
        ));
        let image = Image::filled(Size::new(w, h), [50, 100, 150]);
        let [a, b, c, d] = corners;
        let region = BBox::new(a.min(c), b.min(d), a.max(c), b.max(d));
        let mut out = vec![f32::NAN; preprocess.len()];
        for region in [None, Some(region)] {
            out.fill(f32::NAN);
            let Ok(placement) = preprocess.prepare(Source { image: &image, region }, &mut out) else {
                prop_assert!(region.is_some());
                continue;
            };
            prop_assert!(out.iter().all(|v| [50.0, 100.0, 114.0, 150.0].contains(v)));
            let shown = placement.content();
            let pixels = |v: f32| out.iter().filter(|&&x| x == v).count() as f32;
            prop_assert_eq!(pixels(50.0), shown.area());
            let inner = placement.to_image(shown);
            let back = placement.to_input(inner);
            for (x, y) in [(back.x1, shown.x1), (back.y1, shown.y1), (back.x2, shown.x2), (back.y2, shown.y2)] {
                prop_assert!((x - y).abs() <= 1.01, "{:?} against {:?}", back, shown);
            }
        }
    }
}

#[test]
fn sides_are_cut_as_yolox_does_or_rounded_when_the_card_says_so() {
    // 416 * (480 / 416) is a hair below 480 in binary.
    let image = Image::filled(Size::new(416, 416), [10, 20, 30]);
    let shown = |card: &str| {
        let table =
            format!("kit = \"vision/1\"\nwidth = 480\nheight = 480\n{card}").parse().expect("TOML");
        let preprocess = Preprocess::from_table(&table).expect("a card");
        let content = preprocess.placement((&image).into()).expect("placed").content();
        (content.width(), preprocess.hash())
    };
    let (cut, nearest) = (shown("fit = \"letterbox-top-left\""), shown("rounding = \"nearest\""));
    assert_eq!((cut.0, nearest.0), (479.0, 480.0));
    assert_ne!(cut.1, nearest.1);
    let table =
        "kit = \"vision/1\"\nwidth = 8\nheight = 8\nfit = \"stretch\"\nrounding = \"nearest\""
            .parse()
            .expect("TOML");
    assert!(Preprocess::from_table(&table).is_err());
}
