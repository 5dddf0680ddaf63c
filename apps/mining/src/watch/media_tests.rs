//! Snapshots and clips: what is in them, and how much memory they take.

use strata_vision::video::{VideoLimits, open_video};

use super::*;
use crate::watch::event::Severity;

fn event(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        camera: "c".to_owned(),
        scene: "s".to_owned(),
        rule: "r".to_owned(),
        zone: None,
        class: "hole".to_owned(),
        severity: Severity::Alert,
        track: None,
        started: String::new(),
        ended: None,
        reason: None,
        top_score: 1.0,
        median_score: 1.0,
        bbox: Some([10.0, 16.0, 40.0, 30.0]),
        frame: [64, 48],
        snapshot: Some(format!("day/{id}.jpg")),
        clip: Some(format!("day/{id}.avi")),
        model: String::new(),
    }
}

fn config(dir: &Path) -> ClipConfig {
    let text =
        format!("dir = {:?}\nbefore = 2.0\nafter = 1.0\nwidth = 64\nmemory_mib = 1", dir.display());
    toml::from_str(&text).unwrap()
}

#[test]
fn a_clip_holds_the_seconds_before_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let writer = ClipWriter::start(Arc::default()).unwrap();
    let mut recorder = ClipRecorder::new(config(dir.path()));
    let frame = |n: i64| Image::filled(Size::new(128, 96), [(n * 4) as u8, 0, 0]);
    let mut clips = Vec::new();
    for n in 0..60 {
        clips.extend(recorder.push(&frame(n), n * 200).unwrap());
        if n == 30 {
            assert!(recorder.start(&event("a"), n * 200));
        }
    }
    assert_eq!((clips.len(), clips[0].frames()), (1, 16), "2 s before, the moment, 1 s after");
    assert_eq!(recorder.past.len(), 11);
    writer.write(clips);
    drop(writer);
    let mut video = open_video(&dir.path().join("day/a.avi"), &VideoLimits::default()).unwrap();
    assert!((video.info().fps.unwrap() - 5.0).abs() < 0.01);
    let mut reds = Vec::new();
    while let Some(frame) = video.next_frame().unwrap() {
        assert_eq!(frame.image.size(), Size::new(64, 48));
        reds.push(frame.image.pixel(20, 20).unwrap()[0]);
    }
    assert_eq!(reds.len(), 16);
    for (n, red) in reds.into_iter().enumerate() {
        assert!(red.abs_diff((20 + n as u8) * 4) < 6, "{n}: {red}");
    }
}

#[test]
fn memory_is_bounded_by_bytes_and_recordings() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = ClipRecorder::new(ClipConfig { width: 640, ..config(dir.path()) });
    // Noise does not compress.
    let mut state = 1_u32;
    let mut noise = || {
        let mut image = Image::filled(Size::new(320, 240), [0; 3]);
        for byte in image.data_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        image
    };
    let mut done = 0;
    for n in 0..40 {
        done += recorder.push(&noise(), n).unwrap().len();
        let started = recorder.start(&event(&n.to_string()), n);
        assert_eq!(started, n < MAX_RECORDINGS as i64 || done > 0 && started);
        assert!(recorder.bytes() <= 1 << 20 && recorder.recordings.len() <= MAX_RECORDINGS);
        assert!(recorder.recordings.iter().all(|r| r.bytes < (1 << 20) * (CLIP_TIMES + 1)));
    }
    // Another size ends what is recorded.
    let clips = recorder.push(&Image::filled(Size::new(32, 24), [0; 3]), 50).unwrap();
    assert_eq!((clips.len(), recorder.past.len(), recorder.recordings.len()), (4, 1, 0));
}

#[test]
fn a_snapshot_has_its_box_and_goes_with_its_event() {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = SnapshotConfig { dir: dir.path().to_owned(), quality: 95 };
    let image = Image::filled(Size::new(64, 48), [10, 10, 200]);
    snapshot(&snapshots, &image, &event("a")).unwrap();
    let path = dir.path().join("day/a.jpg");
    let bytes = std::fs::read(&path).unwrap();
    let back = strata_vision::video::jpeg::decode_frame(&bytes, &VideoLimits::default()).unwrap();
    // The label stands above the box, and within it all is as it was.
    let (label, middle) = (back.pixel(11, 4).unwrap(), back.pixel(25, 24).unwrap());
    assert!(label[0] > 120 && middle[0] < 60, "{label:?} {middle:?}");
    let outputs = OutputsConfig { snapshots: Some(snapshots), ..OutputsConfig::default() };
    remove(&outputs, &event("a"));
    assert!(!path.exists() && !dir.path().join("day").exists() && dir.path().exists());
}

#[test]
fn shrinking_takes_means() {
    let mut image = Image::filled(Size::new(4, 2), [0; 3]);
    for (x, y, value) in [(0, 0, 100), (1, 0, 200), (0, 1, 100), (1, 1, 0)] {
        image.set_pixel(x, y, [value, 0, 0]);
    }
    let small = shrunk(&image, 2).unwrap();
    assert_eq!((small.size(), small.pixel(0, 0)), (Size::new(2, 1), Some([100, 0, 0])));
    assert!(shrunk(&image, 4).is_none());
    let odd = shrunk(&Image::filled(Size::new(7, 5), [9, 8, 7]), 3).unwrap();
    assert_eq!((odd.size(), odd.pixel(2, 1)), (Size::new(3, 2), Some([9, 8, 7])));
}
