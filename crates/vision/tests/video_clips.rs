//! Clips made by ffmpeg, read here: H.264 with pictures out of order, Motion JPEG in MOV, what needs
//! ffmpeg, and damage at every place. `data/b_frames.mp4` and `data/motion_jpeg.mov` hold twelve
//! pictures of 64 x 48, ten a second, of one colour each: Y = 40 + 15 n, Cb = 90, Cr = 170.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use strata_vision::geometry::Size;
use strata_vision::image::Image;
use strata_vision::video::mp4_read::Mp4Reader;
use strata_vision::video::{
    Frame, FrameSource, VideoError, VideoLimits, ffmpeg, folder, gif, open_built_in, open_video,
};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn frames(source: &mut dyn FrameSource) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().expect("readable") {
        frames.push(frame);
    }
    frames
}

/// Twelve pictures that become lighter by the same step, a tenth of a second apart.
fn check_ramp(frames: &[Frame], bt601: bool) {
    assert_eq!(frames.len(), 12);
    for (n, frame) in frames.iter().enumerate() {
        assert_eq!((frame.index, frame.time.as_millis()), (n as u64, n as u128 * 100));
        assert_eq!(frame.image.size(), Size::new(64, 48));
        let pixel = frame.image.pixel(31, 22).expect("inside");
        let green = f64::from(pixel[1]);
        // BT.709; or BT.601, which ffmpeg assumed when it made the JPEGs.
        let y = 40.0 + 15.0 * n as f64;
        let right = if bt601 {
            1.164 * (y - 16.0) + 0.392 * 38.0 - 0.813 * 42.0
        } else {
            1.164 * (y - 16.0) + 0.213 * 38.0 - 0.533 * 42.0
        };
        assert!(
            (green - right.clamp(0.0, 255.0)).abs() < 5.0,
            "frame {n}: {pixel:?}, green {right}"
        );
    }
}

#[test]
#[cfg(feature = "h264")]
fn pictures_sent_out_of_order_come_in_order() {
    let mut source = open_built_in(&data("b_frames.mp4"), &VideoLimits::default()).expect("an MP4");
    let info = source.info().clone();
    assert_eq!((info.size, info.frames), (Some(Size::new(64, 48)), Some(12)));
    assert!((info.fps.expect("known") - 10.0).abs() < 0.01, "{info:?}");
    assert_eq!(info.format, "MP4, H.264");
    check_ramp(&frames(&mut *source), false);
    let mut source = open_built_in(&data("b_frames.mp4"), &VideoLimits::default()).expect("an MP4");
    for _ in 0..5 {
        assert!(source.skip_frame().expect("readable"));
    }
    let sixth = source.next_frame().expect("readable").expect("twelve frames");
    assert_eq!((sixth.index, sixth.time.as_millis()), (5, 500));
}

#[test]
fn motion_jpeg_in_mov() {
    let mut source =
        open_built_in(&data("motion_jpeg.mov"), &VideoLimits::default()).expect("a MOV");
    assert_eq!(source.info().format, "MP4, Motion JPEG");
    check_ramp(&frames(&mut *source), true);
}

#[test]
fn cut_off_files() {
    let bytes = std::fs::read(data("motion_jpeg.mov")).expect("the file is there");
    let error = open(&bytes[..bytes.len() / 2]).err().expect("no table");
    assert!(error.to_string().contains("moov"), "{error}");
    // With the table in front, the frames that are there come first.
    let moov = bytes.windows(4).rposition(|w| w == b"moov").expect("a table") - 4;
    let mut front = bytes[moov..].to_vec();
    front.extend_from_slice(&bytes[..moov]);
    let stco = front.windows(4).position(|w| w == b"stco").expect("offsets");
    let count = u32::from_be_bytes(front[stco + 8..stco + 12].try_into().expect("4")) as usize;
    let moved = (bytes.len() - moov) as u32;
    for n in 0..count {
        let at = stco + 12 + 4 * n;
        let offset = u32::from_be_bytes(front[at..at + 4].try_into().expect("4")) + moved;
        front[at..at + 4].copy_from_slice(&offset.to_be_bytes());
    }
    let mut whole = open(&front).expect("a table in front");
    check_ramp(&frames(&mut whole), true);
    let mut cut = open(&front[..front.len() - 1500]).expect("a table in front");
    let mut seen = 0;
    let error = loop {
        match cut.next_frame() {
            Ok(Some(_)) => seen += 1,
            Ok(None) => panic!("a cut was not noticed"),
            Err(error) => break error,
        }
    };
    assert!(seen > 2 && seen < 12, "{seen}");
    assert!(matches!(error, VideoError::Truncated { frames, .. } if frames == seen), "{error}");
    assert!(cut.next_frame().expect("at its end").is_none());
}

fn open(bytes: &[u8]) -> Result<Mp4Reader<Cursor<Vec<u8>>>, VideoError> {
    Mp4Reader::new(Cursor::new(bytes.to_vec()), "clip".to_owned(), &VideoLimits::default())
}

#[test]
fn limits_hold() {
    let limits = VideoLimits { max_pixels: 64 * 47, ..VideoLimits::default() };
    for name in ["b_frames.mp4", "motion_jpeg.mov"] {
        let error = open_built_in(&data(name), &limits).err().expect("too large");
        assert!(matches!(error, VideoError::Limit { .. }), "{error}");
    }
    let limits = VideoLimits { max_frames: 11, ..VideoLimits::default() };
    assert!(matches!(open_built_in(&data("b_frames.mp4"), &limits), Err(VideoError::Limit { .. })));
}

#[test]
fn unknown_and_empty_files_say_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        open_built_in(&path, &VideoLimits::default()).err().expect("no clip").to_string()
    };
    assert!(write("empty.mp4", b"").contains("empty"));
    let webm = write("a.webm", &[0x1A, 0x45, 0xDF, 0xA3, 0, 0]);
    assert!(
        webm.contains("Matroska") && webm.contains("install ffmpeg") && webm.contains("convert"),
        "{webm}"
    );
    assert!(write("a.txt", b"just words").contains("unknown kind"));
    let missing =
        open_video(Path::new("nowhere.avi"), &VideoLimits::default()).err().expect("missing");
    assert!(matches!(missing, VideoError::Io { .. }));
}

#[test]
fn a_folder_is_a_clip_and_one_bad_picture_is_one_error() {
    let folder_path = tempfile::tempdir().expect("a folder");
    for n in [1_u8, 2, 10] {
        let mut jpeg = Vec::new();
        let image = Image::filled(Size::new(16, 16), [n * 20; 3]);
        jpeg_encoder::Encoder::new(&mut jpeg, 95)
            .encode(image.data(), 16, 16, jpeg_encoder::ColorType::Rgb)
            .expect("encoded");
        std::fs::write(folder_path.path().join(format!("p{n}.jpg")), jpeg).expect("written");
    }
    std::fs::write(folder_path.path().join("p3.jpg"), b"no picture").expect("written");
    std::fs::write(folder_path.path().join("notes.txt"), b"x").expect("written");
    let mut clip = folder::PictureClip::open(folder_path.path(), 4.0, &VideoLimits::default())
        .expect("pictures");
    assert_eq!(clip.info().frames, Some(4));
    let mut seen = Vec::new();
    for _ in 0..4 {
        match clip.next_frame() {
            Ok(frame) => {
                let frame = frame.expect("four pictures");
                seen.push((frame.image.pixel(8, 8).expect("inside")[0], frame.time.as_millis()));
            }
            Err(error) => {
                assert!(error.is_recoverable() && error.to_string().contains("p3.jpg"), "{error}");
            }
        }
    }
    assert_eq!(seen, [(20, 0), (40, 250), (200, 750)]);
    assert!(clip.next_frame().expect("at its end").is_none());
}

#[test]
fn an_animated_gif_is_a_clip() {
    let mut bytes = Vec::new();
    let palette = [255, 0, 0, 0, 255, 0, 0, 0, 255];
    let mut encoder = ::gif::Encoder::new(&mut bytes, 4, 4, &palette).expect("an encoder");
    let frame = |index: u8, left: u16, dispose| ::gif::Frame {
        width: 2,
        height: 4,
        left,
        delay: 5,
        dispose,
        buffer: vec![index; 8].into(),
        ..::gif::Frame::default()
    };
    use ::gif::DisposalMethod::{Background, Keep, Previous};
    for (index, left, dispose) in [(0, 0, Keep), (1, 2, Previous), (2, 2, Background), (0, 3, Keep)]
    {
        encoder.write_frame(&frame(index, left, dispose)).expect("written");
    }
    drop(encoder);
    let limits = VideoLimits::default();
    let mut source = gif::GifReader::new(&bytes[..], "a.gif".to_owned(), &limits).expect("a GIF");
    let seen: Vec<_> = frames(&mut source)
        .iter()
        .map(|f| {
            (f.image.pixel(0, 0), f.image.pixel(2, 0), f.image.pixel(3, 3), f.time.as_millis())
        })
        .collect();
    let (red, green, blue, none) =
        (Some([255, 0, 0]), Some([0, 255, 0]), Some([0, 0, 255]), Some([0; 3]));
    assert_eq!(
        seen,
        [
            (red, none, none, 0),
            (red, green, green, 50),
            (red, blue, blue, 100),
            (red, none, red, 150)
        ]
    );
    let mut cut = gif::GifReader::new(&bytes[..bytes.len() - 12], "a.gif".to_owned(), &limits)
        .expect("a GIF");
    let error = std::iter::repeat_with(|| cut.next_frame()).take(10).find_map(Result::err);
    assert!(matches!(error, Some(VideoError::Truncated { .. })), "{error:?}");
}

/// Makes a clip with ffmpeg; `None` where there is none or it lacks the encoder.
#[allow(clippy::print_stdout, reason = "a test says that it was skipped")]
fn made(folder: &Path, name: &str, options: &[&str]) -> Option<PathBuf> {
    let path = folder.join(name);
    let source = "color=c=black:s=64x48:r=10:d=1.2,format=yuv420p,geq=lum='40+N*15':cb=90:cr=170";
    let status = Command::new(ffmpeg::find_program()?)
        .args(["-v", "error", "-f", "lavfi", "-i", source])
        .args(options)
        .arg(&path)
        .status();
    if !status.is_ok_and(|s| s.success()) {
        println!("skipped: ffmpeg makes no {name}");
        return None;
    }
    Some(path)
}

#[test]
fn other_codecs_come_through_ffmpeg() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(program) = ffmpeg::find_program() else {
        println!("skipped: no ffmpeg");
        return;
    };
    let limits = VideoLimits::default();
    for (name, options, what) in [
        ("a.mkv", &["-c:v", "mpeg4", "-q:v", "1"][..], "Matroska"),
        ("hevc.mp4", &["-c:v", "libx265", "-x265-params", "log-level=error:lossless=1"], "H.265"),
        ("422.mp4", &["-c:v", "libx264", "-qp", "1", "-pix_fmt", "yuv422p"], "4:2:2"),
    ] {
        let Some(path) = made(folder.path(), name, options) else { continue };
        let refused = open_built_in(&path, &limits).err().expect("not built in");
        assert!(refused.to_string().contains(what), "{refused}");
        let mut source = open_video(&path, &limits).expect("through ffmpeg");
        assert_eq!(source.info().format, "read by ffmpeg");
        check_ramp_loosely(&frames(&mut *source));
    }
    let bad = folder.path().join("bad.mkv");
    std::fs::write(&bad, [0x1A, 0x45, 0xDF, 0xA3, 1, 2, 3, 4]).expect("written");
    let error = open_video(&bad, &limits).err().expect("no clip");
    assert!(matches!(error, VideoError::Program { .. }), "{error}");
    let input = ffmpeg::FfmpegInput::file(folder.path().join("none"), &bad);
    let error = ffmpeg::FfmpegReader::start(&input, &limits).err().expect("no program");
    assert!(error.to_string().contains("does not start"), "{error}");
    if let Some(path) = made(folder.path(), "long.mkv", &["-c:v", "mpeg4"]) {
        // Dropped in the middle: the program must not stay behind.
        let mut reader =
            ffmpeg::FfmpegReader::start(&ffmpeg::FfmpegInput::file(program, &path), &limits)
                .expect("starts");
        assert!(reader.next_frame().expect("readable").is_some());
        let killer = reader.killer();
        drop(reader);
        killer.kill();
    }
}

/// As [`check_ramp`] for clips that do not say their matrix: the order, the times and the brightness.
fn check_ramp_loosely(frames: &[Frame]) {
    assert_eq!(frames.len(), 12);
    for (n, frame) in frames.iter().enumerate() {
        assert_eq!((frame.index, frame.time.as_millis()), (n as u64, n as u128 * 100));
        let right =
            (1.164 * (24.0 + 15.0 * n as f64) + 0.392 * 38.0 - 0.813 * 42.0).clamp(0.0, 255.0);
        let green = f64::from(frame.image.pixel(31, 22).expect("inside")[1]);
        assert!((green - right).abs() < 10.0, "frame {n}: {green}, right {right}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn damaged_bytes_never_panic(
        mov in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        in_tables in any::<bool>(),
    ) {
        let name = if mov { "motion_jpeg.mov" } else { "b_frames.mp4" };
        let mut bytes = std::fs::read(data(name)).expect("the file is there");
        let moov = bytes.windows(4).rposition(|w| w == b"moov").expect("a table");
        let from = if in_tables { moov } else { 0 };
        for (at, byte) in changes {
            let at = from + at.index(bytes.len() - from);
            bytes[at] = byte;
        }
        let limits = VideoLimits { max_pixels: 1_000_000, ..VideoLimits::default() };
        if let Ok(mut source) = Mp4Reader::new(Cursor::new(bytes), "clip".to_owned(), &limits) {
            for _ in 0..100 {
                match source.next_frame() {
                    Ok(None) => break,
                    Err(error) if !error.is_recoverable() => break,
                    _ => {}
                }
            }
        }
    }
}
