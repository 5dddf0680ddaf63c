//! Motion JPEG in AVI, written and read: damage at every place, and what ffmpeg thinks of it.

use std::io::Cursor;
use std::process::Command;

use proptest::prelude::*;
use strata_vision::geometry::Size;
use strata_vision::image::Image;
use strata_vision::video::avi::AviReader;
use strata_vision::video::{
    AviOptions, AviWriter, FrameSource, VideoError, VideoLimits, open_video,
};

const SIZE: Size = Size::new(64, 48);

fn picture(n: u8) -> Image {
    let mut image = Image::filled(SIZE, [n.wrapping_mul(20), 90, 160]);
    for y in 10..30 {
        for x in 5..40 {
            image.set_pixel(x, y, [230, 60, 30]);
        }
    }
    image
}

fn clip(frames: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = AviWriter::new(&mut bytes, "clip".to_owned(), &AviOptions::new(SIZE, 10.0))
        .expect("options are good");
    for n in 0..frames {
        writer.push(&picture(n)).expect("written");
    }
    writer.finish().expect("finished");
    bytes.into_inner()
}

/// Reads all there is: the frames, and the error at the end.
fn read(bytes: Vec<u8>, limits: &VideoLimits) -> (usize, Option<VideoError>) {
    let mut reader = match AviReader::new(Cursor::new(bytes), "clip".to_owned(), limits) {
        Ok(reader) => reader,
        Err(error) => return (0, Some(error)),
    };
    let mut frames = 0;
    for _ in 0..1000 {
        match reader.next_frame() {
            Ok(Some(_)) => frames += 1,
            Ok(None) => return (frames, None),
            Err(error) if error.is_recoverable() => {}
            Err(error) => return (frames, Some(error)),
        }
    }
    panic!("a clip without an end");
}

#[test]
fn a_file_cut_off_gives_the_frames_there_are_and_then_an_error() {
    let bytes = clip(8);
    let limits = VideoLimits::default();
    assert!(matches!(read(bytes.clone(), &limits), (8, None)));
    let movi = bytes.windows(4).position(|w| w == b"movi").expect("a list of frames");
    let mut seen = [false; 9];
    for keep in (movi + 4..bytes.len()).step_by(37) {
        let (frames, error) = read(bytes[..keep].to_vec(), &limits);
        let error = error.expect("cut off");
        assert!(
            matches!(&error, VideoError::Truncated { frames: n, .. } if *n == frames as u64),
            "{keep}: {error}"
        );
        seen[frames] = true;
    }
    assert!(seen.iter().all(|&s| s), "{seen:?}");
    assert!(
        read(bytes[..movi - 30].to_vec(), &limits)
            .1
            .expect("no frames")
            .to_string()
            .contains("no list of frames")
    );
}

#[test]
fn a_recording_that_was_never_finished_is_read() {
    let mut bytes = clip(5);
    let index = bytes.windows(4).position(|w| w == b"ix00").expect("an index");
    bytes.truncate(index);
    let movi = bytes.windows(4).position(|w| w == b"movi").expect("a list of frames");
    bytes[4..8].fill(0);
    bytes[movi - 4..movi].fill(0);
    assert!(matches!(read(bytes, &VideoLimits::default()), (5, None)));
}

#[test]
fn an_empty_chunk_shows_the_frame_before_again() {
    let bytes = clip(3);
    let second = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, w)| w == b"00dc")
        .nth(2)
        .expect("three frames, one in indx")
        .0;
    let mut doubled = bytes[..second].to_vec();
    doubled.extend_from_slice(b"00dc\0\0\0\0");
    doubled.extend_from_slice(&bytes[second..]);
    let mut reader =
        AviReader::new(Cursor::new(doubled), "clip".to_owned(), &VideoLimits::default())
            .expect("an AVI");
    let mut shades = Vec::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        shades.push(frame.image.pixel(60, 40).expect("inside")[0]);
    }
    assert_eq!(shades.len(), 4);
    assert_eq!(shades[0], shades[1]);
    assert!(shades[2] > shades[1] + 10, "{shades:?}");
}

#[test]
fn limits_hold() {
    let bytes = clip(4);
    let limits = VideoLimits { max_frames: 2, ..VideoLimits::default() };
    assert!(matches!(
        read(bytes.clone(), &limits),
        (2, Some(VideoError::Limit { what: "frames", .. }))
    ));
    let limits = VideoLimits { max_pixels: 1000, ..VideoLimits::default() };
    assert!(matches!(read(bytes.clone(), &limits), (0, Some(VideoError::Limit { .. }))));
    let limits = VideoLimits { max_frame_bytes: 100, ..VideoLimits::default() };
    assert!(matches!(read(bytes, &limits), (0, Some(VideoError::Limit { .. }))));
}

#[test]
fn skipping_decodes_nothing_and_counts() {
    let mut reader =
        AviReader::new(Cursor::new(clip(6)), "clip".to_owned(), &VideoLimits::default())
            .expect("an AVI");
    assert!(reader.skip_frame().expect("readable") && reader.skip_frame().expect("readable"));
    let frame = reader.next_frame().expect("readable").expect("six frames");
    assert_eq!((frame.index, frame.time.as_millis()), (2, 200));
    assert!(frame.image.pixel(60, 40).expect("inside")[0].abs_diff(40) < 5);
    let mut rest = 0;
    while reader.skip_frame().expect("readable") {
        rest += 1;
    }
    assert_eq!(rest, 3);
}

#[test]
fn frames_without_huffman_tables_have_the_standard_ones() {
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 90)
        .encode(picture(3).data(), 64, 48, jpeg_encoder::ColorType::Rgb)
        .expect("encoded");
    let mut bare = Vec::new();
    let mut at = 2;
    bare.extend_from_slice(&jpeg[..2]);
    while jpeg[at + 1] != 0xDA {
        let next = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != 0xC4 {
            bare.extend_from_slice(&jpeg[at..next]);
        }
        at = next;
    }
    bare.extend_from_slice(&jpeg[at..]);
    assert!(bare.len() + 300 < jpeg.len());
    let limits = VideoLimits::default();
    let whole = strata_vision::video::jpeg::decode_frame(&jpeg, &limits).expect("a JPEG");
    assert!(strata_vision::video::jpeg::decode_frame(&bare, &limits).expect("a JPEG") == whole);
}

#[test]
fn ffmpeg_and_this_kit_read_each_others_files() {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        println!("skipped: no ffmpeg");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let ours = folder.path().join("ours.avi");
    std::fs::write(&ours, clip(7)).expect("written");
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-of", "csv=p=0"])
        .args([
            "-show_entries",
            "stream=codec_name,width,height,r_frame_rate,nb_read_frames:format=duration",
        ])
        .arg(&ours)
        .output()
        .expect("ffprobe runs");
    let told = String::from_utf8_lossy(&probe.stdout).into_owned();
    assert!(probe.stderr.is_empty(), "{}", String::from_utf8_lossy(&probe.stderr));
    assert!(told.contains("mjpeg,64,48,10/1,7") && told.contains("0.700000"), "{told}");
    let theirs = folder.path().join("theirs.avi");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "color=c=0x2060c0:s=160x120:r=15:d=1"])
        .args(["-f", "lavfi", "-i", "sine=d=1", "-c:v", "mjpeg", "-c:a", "pcm_s16le"])
        .arg(&theirs)
        .status()
        .expect("ffmpeg runs");
    assert!(made.success());
    let mut reader = open_video(&theirs, &VideoLimits::default()).expect("an AVI");
    assert_eq!(
        (reader.info().size, reader.info().fps, reader.info().frames),
        (Some(Size::new(160, 120)), Some(15.0), Some(15))
    );
    let mut frames = 0;
    while let Some(frame) = reader.next_frame().expect("readable") {
        frames += 1;
        let pixel = frame.image.pixel(80, 60).expect("inside");
        assert!(pixel.iter().zip([0x20, 0x60, 0xC0]).all(|(a, b)| a.abs_diff(b) < 6), "{pixel:?}");
    }
    assert_eq!(frames, 15);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_bytes_never_panic(changes in prop::collection::vec((0_usize..20_000, any::<u8>()), 1..12), cut in 0_usize..20_000) {
        let mut bytes = clip(3);
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - cut % bytes.len() / 4);
        let _ = read(bytes, &VideoLimits::default());
    }
}
