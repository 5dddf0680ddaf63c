//! The public conveyor-belt data through all formats: reads `STRATA_SHARED`, and skips without it.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use strata_vision::convert::{
    Dataset, YoloLabels, coco_to_json, parse_coco, read_voc, read_yolo, write_voc, write_yolo,
};
use strata_vision::geometry::Size;
use strata_vision::metrics::{CocoFound, coco_ap};

/// The true sizes do not matter here: boxes are shares.
fn size(_: &Path) -> Result<Size, Infallible> {
    Ok(Size::new(640, 480))
}

fn belt() -> Option<Dataset> {
    let Some(shared) = std::env::var_os("STRATA_SHARED") else {
        eprintln!("skipped: STRATA_SHARED is not set");
        return None;
    };
    let folder = PathBuf::from(shared).join("data/mining/conveyor_belt_defects");
    Some(read_yolo(&folder, Some("val"), size).expect("a YOLO folder"))
}

#[test]
fn belt_data_through_all_formats() {
    let Some(belt) = belt() else { return };
    let names: Vec<&str> = belt.classes.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["Hole", "Impact Damage", "Puncture", "Tear", "Wear"]);
    let things: usize = belt.images.iter().map(|image| image.annotations.len()).sum();
    assert!(things >= 100, "{things} things in {} pictures", belt.images.len());

    let coco = parse_coco(coco_to_json(&belt).as_bytes(), Path::new("own")).expect("own JSON");
    let folder = tempfile::tempdir().expect("a folder");
    write_voc(&belt, folder.path()).expect("written");
    let names: Vec<String> = belt.classes.iter().map(|c| c.name.clone()).collect();
    let voc = read_voc(folder.path(), &names, size).expect("own XML");
    write_yolo(&voc, folder.path(), YoloLabels::Boxes).expect("written");
    for (at, image) in belt.images.iter().enumerate() {
        for (place, annotation) in image.annotations.iter().enumerate() {
            assert_eq!(coco.images[at].annotations[place].bbox, annotation.bbox);
            let back = voc.images[at].annotations[place].bbox;
            assert!(back.iter().zip(annotation.bbox).all(|(a, b)| (a - b).abs() < 1e-9));
        }
    }
}

/// Detections equal to the truth reach an average precision of 1 in each class that occurs.
#[test]
fn belt_data_scores_itself() {
    let Some(belt) = belt() else { return };
    let truths = belt.truths();
    let found: Vec<CocoFound> = truths
        .iter()
        .map(|t| CocoFound { image: t.image, class: t.class, bbox: t.bbox, score: 0.5 })
        .collect();
    let summary = coco_ap(&belt.class_ids(), &truths, &found);
    assert!((summary.ap - 1.0).abs() < 1e-9, "{summary:?}");
}
