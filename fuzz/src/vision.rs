//! Targets of `strata-vision`: pictures, clips, annotations.

use std::path::Path;

use strata_vision::convert::{coco_results_json, coco_to_json, parse_coco, parse_coco_results};
use strata_vision::image::{DecodeLimits, Image, decode};
use strata_vision::video::{VideoLimits, open_built_in};

use crate::guard::file;

/// Pictures of every format. What is read has the pixels that its size says.
pub fn picture(data: &[u8]) {
    let limits = DecodeLimits {
        max_width: 4096,
        max_height: 4096,
        max_pixels: 1 << 20,
        max_alloc: 64 << 20,
        ..DecodeLimits::default()
    };
    for limits in [limits, DecodeLimits { lenient: true, ..limits }] {
        if let Ok(image) = decode(data, &limits) {
            whole(&image, limits.max_pixels);
        }
    }
}

/// Clips of every container that needs no other program: at most twenty frames of each.
pub fn video(data: &[u8]) {
    let limits = VideoLimits { max_pixels: 1 << 20, max_frame_bytes: 1 << 20, max_frames: 1 << 16 };
    let file = file(data, "clip");
    let Ok(mut clip) = open_built_in(file.path(), &limits) else { return };
    for _ in 0..20 {
        match clip.next_frame() {
            Ok(Some(frame)) => whole(&frame.image, limits.max_pixels),
            Ok(None) => break,
            Err(error) if error.is_recoverable() => {}
            Err(_) => break,
        }
    }
}

fn whole(image: &Image, most: u64) {
    assert!(image.size().area() <= most, "{}", image.size());
    assert_eq!(image.data().len() as u64, image.size().area() * 3, "{}", image.size());
}

/// Annotations and results in COCO's JSON: what is written reads as what it was.
pub fn annotations(data: &[u8]) {
    let name = Path::new("annotations.json");
    if let Ok(read) = parse_coco(data, name) {
        let text = coco_to_json(&read);
        let again = parse_coco(text.as_bytes(), name);
        let again = again.unwrap_or_else(|error| panic!("{error}: written as {text}"));
        assert_eq!(coco_to_json(&again), text);
    }
    if let Ok(read) = parse_coco_results(data, name) {
        let text = coco_results_json(&read);
        let again = parse_coco_results(text.as_bytes(), name);
        let again = again.unwrap_or_else(|error| panic!("{error}: written as {text}"));
        assert_eq!(coco_results_json(&again), text);
    }
}
