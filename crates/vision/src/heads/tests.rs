//! Decoders against hand-made outputs, hostile numbers and wrong shapes.

use proptest::prelude::*;

use super::{DecodeOptions, Head, HeadError};
use crate::geometry::{BBox, Size};
use crate::tensor::TensorView;

fn head(text: &str) -> Head {
    Head::from_table(&text.parse().expect("a table")).expect("a head")
}

fn refused(text: &str) -> String {
    Head::from_table(&text.parse().expect("a table")).expect_err("no head").to_string()
}

fn close(got: BBox, wanted: [f32; 4]) -> bool {
    let got = [got.x1, got.y1, got.x2, got.y2];
    got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-3)
}

const TWO: &str = "classes = ['a', 'b']\nclasses_zh = ['甲', '乙']\n";

#[test]
fn yolox_adds_the_grid() {
    let head = head(&format!("head = 'yolox'\nstrides = [8, 16]\n{TWO}"));
    // 16 x 16: four cells of 8 pixels, one of 16.
    let mut data = vec![0.0_f32; 5 * 7];
    data[3 * 7..4 * 7].copy_from_slice(&[0.5, 0.25, 2.0_f32.ln(), 0.0, 0.9, 0.1, 0.8]);
    data[4 * 7..].copy_from_slice(&[0.5, 0.5, 0.0, 0.0, 0.5, 0.6, 0.2]);
    let view = TensorView::new(&[1, 5, 7], &data).expect("sizes agree");
    let found = head.decode(&[("output", view)], Size::new(16, 16), head.options()).expect("right");
    let [first, second] = found[0][..] else { panic!("two boxes: {found:?}") };
    assert!(close(first.bbox, [12.0 - 8.0, 10.0 - 4.0, 12.0 + 8.0, 10.0 + 4.0]), "{first:?}");
    assert!((first.score - 0.72).abs() < 1e-6 && first.class == 1);
    assert!(close(second.bbox, [0.0, 0.0, 16.0, 16.0]), "{second:?}");
    assert!((second.score - 0.3).abs() < 1e-6 && second.class == 0);

    let error = head.decode(&[("output", view)], Size::new(32, 16), head.options());
    assert!(error.expect_err("10 cells").to_string().contains("5 anchors"));
}

#[test]
fn yolox_that_adds_the_grid_itself() {
    let head = head(&format!("head = 'yolox'\ndecoded = true\n{TWO}"));
    let data = [30.0, 40.0, 10.0, 20.0, 0.9, 0.8, 0.1];
    let view = TensorView::new(&[1, 1, 7], &data).expect("sizes agree");
    let found = head.decode(&[("x", view)], Size::new(64, 64), head.options()).expect("right");
    assert!(close(found[0][0].bbox, [25.0, 30.0, 35.0, 50.0]));
}

#[test]
fn yolo_in_both_layouts() {
    // 1100 anchors, more than one block; the same numbers in both orders.
    let (anchors, width) = (1100, 6);
    let (shape_last, shape_first) = ([1, anchors, width], [1, width, anchors]);
    let mut last = vec![0.0_f32; anchors * width];
    for (at, row) in last.chunks_exact_mut(width).enumerate() {
        let x = (at * 30) as f32;
        row.copy_from_slice(&[x, 50.0, 20.0, 10.0, 0.1, 0.1]);
    }
    last[1030 * width + 5] = 0.75;
    last[3 * width + 4] = 0.5;
    // Covered by the one before, as its neighbour of the same class.
    last[4 * width..5 * width].copy_from_slice(&[91.0, 50.0, 20.0, 10.0, 0.4, 0.0]);
    let first: Vec<f32> = (0..width)
        .flat_map(|c| (0..anchors).map(move |a| (a, c)))
        .map(|(a, c)| last[a * width + c])
        .collect();
    let input = Size::new(9000, 100);
    let by_last = head(&format!("head = 'yolo'\nlayout = 'channels-last'\n{TWO}"));
    let view = TensorView::new(&shape_last, &last).expect("sizes agree");
    let one = by_last.decode(&[("o", view)], input, by_last.options()).expect("right");
    let by_first = head(&format!("head = 'yolo'\n{TWO}"));
    let view = TensorView::new(&shape_first, &first).expect("sizes agree");
    let two = by_first.decode(&[("o", view)], input, by_first.options()).expect("right");
    assert_eq!(one, two);
    let [a, b] = two[0][..] else { panic!("two boxes: {two:?}") };
    assert_eq!((a.class, a.score, b.class, b.score), (1, 0.75, 0, 0.5));
    assert!(close(a.bbox, [30890.0, 45.0, 30910.0, 55.0]));

    let only_b = DecodeOptions { classes: Some(vec![1]), ..DecodeOptions::default() };
    let found = by_first.decode(&[("o", view)], input, &only_b).expect("right");
    assert_eq!(found[0].len(), 1);

    let wrong = by_last.decode(&[("o", view)], input, by_last.options());
    let message = wrong.expect_err("channels first").to_string();
    assert!(message.contains("[1, 6, 1100]") && message.contains("(any, any, 6)"), "{message}");
}

#[test]
fn end_to_end_rows() {
    let head = head(&format!("head = 'end2end'\nconfidence = 0.3\n{TWO}"));
    let data = [
        [1.0, 2.0, 3.0, 4.0, 0.4, 0.0],
        [5.0, 6.0, 7.0, 8.0, 0.9, 1.0],
        [5.0, 6.0, 7.0, 8.0, 0.9, 2.0],
        [7.0, 6.0, 5.0, 8.0, 0.9, 1.0],
        [0.0, 0.0, 0.0, 0.0, 0.2, 0.0],
        [0.0, 0.0, 9.0, 9.0, f32::NAN, 0.0],
    ];
    let view = TensorView::new(&[1, 6, 6], data.as_flattened()).expect("sizes agree");
    let outputs = [("o", view)];
    let decoded = head.decode_counted(&outputs, Size::new(9, 9), head.options()).expect("right");
    assert_eq!(decoded.unusable, 3);
    let [a, b] = decoded.items[0][..] else { panic!("two boxes: {decoded:?}") };
    assert_eq!((a.score, a.class, b.score, b.class), (0.9, 1, 0.4, 0));
    assert!(close(b.bbox, [1.0, 2.0, 3.0, 4.0]));
}

#[test]
fn rt_detr_sigmoids_and_scales() {
    let head = head(&format!("head = 'rt-detr'\nconfidence = 0.5\n{TWO}"));
    let logits = [0.0, -4.0, -0.01, -3.0, 1.0, 3.0];
    let boxes = [[0.5, 0.5, 0.5, 0.5], [0.5; 4], [0.25, 0.5, 0.1, 0.2]];
    let logits = TensorView::new(&[1, 3, 2], &logits).expect("sizes agree");
    let boxes = TensorView::new(&[1, 3, 4], boxes.as_flattened()).expect("sizes agree");
    let outputs = [("pred_boxes", boxes), ("logits", logits)];
    let found = head.decode(&outputs, Size::new(200, 100), head.options()).expect("right");
    let [a, b] = found[0][..] else { panic!("two boxes: {found:?}") };
    assert!((a.score - 0.952_574_1).abs() < 1e-6 && a.class == 1);
    assert!(close(a.bbox, [40.0, 40.0, 60.0, 60.0]));
    assert!(b.score == 0.5 && close(b.bbox, [50.0, 25.0, 150.0, 75.0]));
    let missing = head.decode(&outputs[..1], Size::new(200, 100), head.options());
    assert!(missing.expect_err("no logits").to_string().contains("logits"));
}

#[test]
fn overflow_is_counted() {
    let head = head(&format!("head = 'yolo'\n{TWO}"));
    let data = [f32::NAN; 6 * 10];
    let view = TensorView::new(&[2, 6, 5], &data).expect("sizes agree");
    let decoded = head.decode_counted(&[("o", view)], Size::new(9, 9), head.options());
    let decoded = decoded.expect("right");
    assert_eq!((decoded.unusable, decoded.items), (10, vec![vec![], vec![]]));
}

#[test]
fn cards_that_make_no_head() {
    assert!(refused("classes = ['a']").contains("head: missing"));
    assert!(refused("head = 'ssd'\nclasses = ['a']").contains("rt-detr"));
    assert!(refused("head = 'features'").contains("memory bank"));
    assert!(refused("head = 'yolo'").contains("classes"));
    assert!(refused("head = 'yolo'\nclasses = [1]").contains("text"));
    assert!(
        refused("head = 'yolo'\nclasses = ['a']\nclasses_zh = ['一', '二']").contains("2 names")
    );
    assert!(refused("head = 'yolo'\nclasses = ['a']\niou = 45").contains("from 0 to 1"));
    assert!(refused("head = 'yolox'\nclasses = ['a']\nstrides = [0]").contains("strides"));
    assert!(refused("head = 'yolo'\nclasses = ['a']\nmax_detections = -1").contains("above 0"));
    assert!(refused("head = 'yolo'\nclasses = ['a']\nlayout = 'nchw'").contains("channels-last"));
}

#[test]
fn classes_by_name_and_outputs_by_name() {
    let head = head(&format!("head = 'end2end'\noutput = 'dets'\n{TWO}"));
    assert_eq!((head.class("B"), head.class("乙"), head.class("c")), (Some(1), Some(1), None));
    let data = [0.0; 6];
    let view = TensorView::new(&[1, 1, 6], &data).expect("sizes agree");
    let error = head.decode(&[("other", view)], Size::new(9, 9), head.options());
    assert!(matches!(error, Err(HeadError::MissingOutput { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hostile_outputs_give_finite_boxes(
        kind in 0..5_usize,
        shape in prop::collection::vec(0..12_usize, 0..4),
        seed in prop::collection::vec(prop_oneof![any::<f32>(), 0.0..1.0_f32], 1..200),
        confidence: f32,
        input in (0..64_u32, 0..64_u32),
    ) {
        let kinds = [
            "head = 'yolox'\ndecoded = true\n",
            "head = 'yolox'\n",
            "head = 'yolo'\n",
            "head = 'yolo'\nlayout = 'channels-last'\n",
            "head = 'end2end'\n",
        ];
        let head = head(&format!("{}classes = ['a', 'b']", kinds[kind]));
        let numbers = |shape: &[usize]| -> Vec<f32> {
            seed.iter().copied().cycle().take(shape.iter().product()).collect()
        };
        // A random shape, and one that fits.
        let fitting = [vec![2, 9, 6], vec![2, 9, 7], vec![1, 6, 9]];
        for shape in fitting.iter().chain([&shape]) {
            let data = numbers(shape);
            let view = TensorView::new(shape, &data).expect("sizes agree");
            let options = DecodeOptions { confidence, ..DecodeOptions::default() };
            let size = Size::new(input.0, input.1);
            if let Ok(items) = head.decode(&[("o", view)], size, &options) {
                for found in items.iter().flatten() {
                    prop_assert!(found.score.is_finite() && found.score <= 1.0);
                    prop_assert!(found.bbox.x1.is_finite() && found.bbox.x1 <= found.bbox.x2);
                    prop_assert!(found.class < 2);
                }
            }
        }
    }
}

#[test]
fn every_class_of_an_anchor_counts_when_asked() {
    // One anchor: box, objectness, three classes.
    let yolox = [0.0, 0.0, 0.0, 0.0, 1.0, 0.9, 0.2, 0.6];
    let yolo = [4.0, 4.0, 8.0, 8.0, 0.9, 0.2, 0.6];
    let options =
        |multi_label| DecodeOptions { confidence: 0.5, multi_label, ..DecodeOptions::default() };
    let cards = [
        ("head = \"yolox\"\nstrides = [8]", &yolox[..], vec![1, 1, 8]),
        ("head = \"yolo\"", &yolo[..], vec![1, 7, 1]),
        ("head = \"yolo\"\nlayout = \"channels-last\"", &yolo[..], vec![1, 1, 7]),
    ];
    for (card, data, shape) in cards {
        let table = format!("{card}\nclasses = [\"a\", \"b\", \"c\"]").parse().expect("TOML");
        let head = Head::from_table(&table).expect("a head");
        let tensor = TensorView::new(&shape, data).expect("as many numbers");
        let classes = |multi| {
            let found = head.decode(&[("output", tensor)], Size::new(8, 8), &options(multi));
            found.expect("decoded")[0].iter().map(|d| d.class).collect::<Vec<_>>()
        };
        assert_eq!(classes(false), [0], "{card}");
        assert_eq!(classes(true), [0, 2], "{card}");
    }
}
