//! Round trips between the formats, odd files and hostile ones.

use std::convert::Infallible;
use std::path::Path;

use proptest::prelude::*;

use super::*;

const SIZE: Size = Size::new(640, 480);

fn no_size(file: &Path) -> Result<Size, String> {
    Err(format!("{} is not looked at", file.display()))
}

fn dataset(boxes: Vec<(usize, [f64; 4])>) -> Dataset {
    let name = |(name, id): (&str, u64)| Class { id, name: name.to_owned() };
    let annotations = boxes.into_iter().map(|(class, bbox)| Annotation::new(class, bbox)).collect();
    let image = |id, file: &str, annotations| DatasetImage {
        id,
        file: file.to_owned(),
        size: SIZE,
        annotations,
    };
    Dataset {
        folder: PathBuf::new(),
        classes: ["it's <a> & \"b\"", "撕裂: c", "d"].into_iter().zip(0..).map(name).collect(),
        images: vec![image(1, "a.jpg", annotations), image(2, "sub/b.png", Vec::new())],
    }
}

/// Empty picture files, so that the folders are complete.
fn touch(dataset: &Dataset, folder: &Path) {
    for image in &dataset.images {
        write(&folder.join(&image.file), "").expect("written");
    }
}

fn boxes() -> impl Strategy<Value = Vec<(usize, [f64; 4])>> {
    let one = (0..3_usize, 0.0..600.0_f64, 0.0..400.0_f64, 0.5..40.0_f64, 0.5..80.0_f64);
    prop::collection::vec(one.prop_map(|(c, x, y, w, h)| (c, [x, y, w, h])), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn boxes_survive_all_formats(boxes in boxes()) {
        let dataset = dataset(boxes);
        let folder = tempfile::tempdir().expect("a folder");
        let coco = parse_coco(coco_to_json(&dataset).as_bytes(), Path::new("c")).expect("own JSON");
        prop_assert_eq!(&coco.classes, &dataset.classes);
        prop_assert_eq!(coco.images.len(), dataset.images.len());
        for (got, wanted) in coco.images.iter().zip(&dataset.images) {
            prop_assert_eq!(&got.file, &wanted.file);
            let boxes = |i: &DatasetImage| -> Vec<(usize, [f64; 4])> {
                i.annotations.iter().map(|a| (a.class, a.bbox)).collect()
            };
            prop_assert_eq!(boxes(got), boxes(wanted));
        }

        let yolo = folder.path().join("yolo");
        write_yolo(&dataset, &yolo, YoloLabels::Boxes).expect("written");
        touch(&dataset, &yolo.join("images"));
        let size = |_: &Path| Ok::<_, Infallible>(SIZE);
        let back = read_yolo(&yolo, None, size).expect("own folder");
        prop_assert_eq!(&back.classes, &dataset.classes);
        // A second trip changes nothing any more.
        write_yolo(&back, &yolo, YoloLabels::Boxes).expect("written");
        prop_assert_eq!(&read_yolo(&yolo, None, size).expect("own folder"), &back);

        let voc = folder.path().join("voc");
        write_voc(&dataset, &voc).expect("written");
        let names: Vec<String> = dataset.classes.iter().map(|c| c.name.clone()).collect();
        let voc = read_voc(&voc, &names, no_size).expect("own folder");
        prop_assert_eq!(&voc.classes, &dataset.classes);
        for (other, off) in [(back, 1e-6 * 640.0), (voc, 1e-9)] {
            for (image, wanted) in other.images.iter().zip(&dataset.images) {
                prop_assert_eq!((&image.file, image.size), (&wanted.file, wanted.size));
                prop_assert_eq!(image.annotations.len(), wanted.annotations.len());
                for (got, wanted) in image.annotations.iter().zip(&wanted.annotations) {
                    prop_assert_eq!(got.class, wanted.class);
                    let edges = |b: [f64; 4]| [b[0], b[1], b[0] + b[2], b[1] + b[3]];
                    for (a, b) in edges(got.bbox).into_iter().zip(edges(wanted.bbox)) {
                        prop_assert!((a - b).abs() <= off, "{} {}", a, b);
                    }
                }
            }
        }
    }

    #[test]
    fn hostile_text_does_no_harm(text in "[<>/&;a-z0-9 .:\\[\\]{}'\"\n#-]{0,80}") {
        let name = Path::new("x");
        let _ = super::yaml::parse(&text, name);
        let _ = parse_coco(text.as_bytes(), name);
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder.path().join("a.xml"), &format!("<annotation>{text}")).expect("written");
        let _ = read_voc(folder.path(), &[], no_size);
        write(&folder.path().join("images/a.jpg"), "").expect("written");
        write(&folder.path().join("labels/a.txt"), &text).expect("written");
        let _ = read_yolo(folder.path(), None, |_| Ok::<_, Infallible>(SIZE));
    }
}

#[test]
fn coco_keeps_crowds_areas_polygons_and_masks() {
    let text = r#"{"images": [{"id": 9, "file_name": "x.jpg", "width": 640, "height": 480, "license": 1}],
        "categories": [{"id": 7, "name": "rod", "supercategory": "steel"}],
        "annotations": [
        {"id": 1, "image_id": 9, "category_id": 7, "bbox": [1, 2.5, 30, 40], "area": 600.25, "iscrowd": 0,
         "segmentation": [[1, 2.5, 31, 2.5, 31, 42.5]]},
        {"id": 2, "image_id": 9, "category_id": 7, "bbox": [1, 2, 3, 4], "iscrowd": 1, "area": 5,
         "segmentation": {"size": [480, 640], "counts": "abc"}},
        {"id": 3, "image_id": 9, "category_id": 7, "bbox": [1, 2, 3, 4]}]}"#;
    let first = parse_coco(text.as_bytes(), Path::new("x")).expect("good");
    let [a, b, c] = &first.images[0].annotations[..] else { panic!("three things") };
    assert_eq!((a.area(), a.polygons[0].len(), a.crowd), (600.25, 3, false));
    assert_eq!((b.area(), b.crowd, b.mask.is_some()), (5.0, true, true));
    assert_eq!(c.area(), 12.0);
    let second = parse_coco(coco_to_json(&first).as_bytes(), Path::new("x")).expect("own JSON");
    assert_eq!(second.images[0].annotations[..2], first.images[0].annotations[..2]);
    let truths = second.truths();
    assert_eq!((truths[1].image, truths[1].class, truths[1].crowd), (9, 7, true));

    let folder = tempfile::tempdir().expect("a folder");
    let left_out = write_yolo(&first, folder.path(), YoloLabels::Outlines).expect("written");
    assert_eq!(left_out, LeftOut { crowds: 1, ..LeftOut::default() });
    let labels = read_text(&folder.path().join("labels/x.txt")).expect("written");
    assert_eq!(
        labels.lines().next(),
        Some("0 0.001563 0.005208 0.048438 0.005208 0.048438 0.088542")
    );
    let left_out = write_yolo(&first, folder.path(), YoloLabels::Boxes).expect("written");
    assert_eq!((left_out.crowds, left_out.outlines), (1, 1));
}

#[test]
fn coco_that_is_wrong_says_where() {
    let refused = |text: &str| {
        parse_coco(text.as_bytes(), Path::new("some.json")).expect_err("wrong").to_string()
    };
    assert!(refused("{\n\"images\": [],\n \"categories\": 3}").starts_with("some.json:3:"));
    let row = |image, class| {
        format!(
            r#"{{"images":[{{"id":1,"file_name":"a","width":1,"height":1}}],"categories":[{{"id":1,"name":"a"}}],
            "annotations":[{{"id":5,"image_id":{image},"category_id":{class},"bbox":[0,0,1,1]}}]}}"#
        )
    };
    assert!(refused(&row(2, 1)).contains("(id 5) names the image 2"));
    assert!(refused(&row(1, 3)).contains("category 3"));
}

#[test]
fn results_there_and_back() {
    let detection =
        crate::geometry::Detection { bbox: BBox::new(1.5, 2.0, 4.0, 9.25), score: 0.5, class: 0 };
    let result = CocoResult::new(3, 4, &detection);
    let bad = CocoResult { score: f64::NAN, ..result };
    let text = coco_results_json(&[result, bad]);
    assert_eq!(text, r#"[{"image_id":3,"category_id":4,"bbox":[1.5,2.0,2.5,7.25],"score":0.5}]"#);
    assert_eq!(parse_coco_results(text.as_bytes(), Path::new("r")).expect("own"), [result]);
    assert!(parse_coco_results(b"[{}]", Path::new("r")).is_err());
}

#[test]
fn yolo_folders_as_they_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    write(&at("data.yaml"), "val: ../valid/images\nnames: ['hole', 'tear']").expect("written");
    write(&at("valid/images/a.JPG"), "").expect("written");
    write(&at("valid/images/b.png"), "").expect("written");
    write(&at("valid/labels/a.txt"), "1 0.5 0.5 0.25 0.5\r\n\n0 0.1 0.1 0.3 0.1 0.3 0.4\n")
        .expect("written");
    let size = |_: &Path| Ok::<_, Infallible>(Size::new(200, 100));
    // By the split, and by the split's own folder.
    let one = read_yolo(folder.path(), Some("val"), size).expect("good");
    let two = read_yolo(&at("valid"), None, size).expect("good");
    assert_eq!(one.images, two.images);
    assert_eq!((one.classes[1].name.as_str(), two.classes[1].name.as_str()), ("tear", "tear"));
    let [a, b] = &one.images[0].annotations[..] else { panic!("two things") };
    assert_eq!((a.class, a.bbox), (1, [75.0, 25.0, 50.0, 50.0]));
    assert_eq!(b.polygons[0].len(), 3);
    for (got, wanted) in b.bbox.into_iter().zip([20.0, 10.0, 40.0, 30.0]) {
        assert!((got - wanted).abs() < 1e-9);
    }
    assert!(one.images[1].annotations.is_empty());

    for (label, why) in [
        ("2 0.5 0.5 0.1 0.1", "a.txt:1: class 2 where data.yaml names 2"),
        ("0 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1", "a.txt:2: 3 numbers"),
        ("0 0.5 nan 0.1 0.1", "\"nan\" is not a share"),
        ("0 0.5 0.5 0.1 0.1 0.9", "5 numbers"),
        ("x 0.5 0.5 0.1 0.1", "\"x\" is not the number"),
        ("0 0.5 0.5 -0.1 0.1", "-0.1 x 0.1"),
    ] {
        write(&at("valid/labels/a.txt"), label).expect("written");
        let error = read_yolo(&at("valid"), None, size).expect_err("wrong").to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(
        read_yolo(folder.path(), None, size).expect_err("no images").to_string().contains("split")
    );
    write(&at("valid/labels/a.txt"), "").expect("written");
    let error = read_yolo(&at("valid"), None, no_size).expect_err("no sizes").to_string();
    assert!(error.contains("a.JPG is not looked at"), "{error}");
}

#[test]
fn voc_that_is_wrong_says_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = |text: &str| {
        write(&folder.path().join("a.xml"), text).expect("written");
        read_voc(folder.path(), &[], no_size)
    };
    let thing = |inside: &str| {
        format!(
            "<annotation><size><width>9</width><height>9</height></size>\n<object>{inside}\n</object></annotation>"
        )
    };
    let box_of = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3.5</xmax><ymax>4</ymax></bndbox>";
    // The name and box of a part are not the thing's.
    let part = "<part><name>head</name><bndbox><xmin>0</xmin></bndbox></part>";
    let good =
        read(&thing(&format!("<name>a &lt;&#98;</name>{part}{box_of}<difficult>1</difficult>")));
    let good = good.expect("good");
    assert_eq!((good.classes[0].name.as_str(), good.images[0].file.as_str()), ("a <b", "a.jpg"));
    let annotation = &good.images[0].annotations[0];
    assert_eq!((annotation.bbox, annotation.difficult), ([1.0, 2.0, 2.5, 2.0], true));

    for (text, why) in [
        (thing(box_of), "a.xml:3: a thing without a name"),
        (thing("<name>a</name>"), "without xmin"),
        (thing("<name>a</name><bndbox><xmin>one</xmin></bndbox>"), "a.xml:2: xmin is \"one\""),
        (thing(&format!("<name>&lol;</name>{box_of}")), "the entity &lol;"),
        ("<!DOCTYPE a [<!ENTITY b \"c\">]><annotation/>".to_owned(), "DOCTYPE"),
        (format!("<annotation>{}", "<a>".repeat(40)), "32 elements"),
        ("<annotation><object>".to_owned(), "ends inside annotation/object"),
        ("<svg></svg>".to_owned(), "svg where VOC has annotation"),
        ("<annotation></b>".to_owned(), "not XML"),
        (
            format!("<annotation><object><name>a</name>{box_of}</object></annotation>"),
            "not looked at",
        ),
    ] {
        let error = read(&text).expect_err("wrong").to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn names_that_lead_out_are_not_written() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["../a.jpg", "/a.jpg", "..", "a/../../b.jpg", "c:\\a.jpg", ""] {
        let mut dataset = dataset(Vec::new());
        name.clone_into(&mut dataset.images[0].file);
        let inside = folder.path().join("in");
        assert!(write_yolo(&dataset, &inside, YoloLabels::Boxes).is_err(), "{name}");
        assert!(write_voc(&dataset, &inside).is_err(), "{name}");
    }
}
