//! Sources: what a word on the command line means, files shown in real time, and cameras on the
//! loopback that work, stall, break off, change their picture's size or want a password.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use openh264::OpenH264API;
use openh264::encoder::{Encoder, EncoderConfig, IntraFramePeriod, RateControlMode};
use openh264::formats::{RgbSliceU8, YUVBuffer};
use strata_mining::sources::faulty::{Fault, FaultySource};
use strata_mining::sources::{
    Pace, SourceError, SourceSpec, StreamOptions, list_images, open_stream,
};
use strata_testkit::rtsp::{RtspAuth, RtspFault, RtspFrames, RtspOptions, RtspServer};
use strata_vision::geometry::Size;
use strata_vision::image::Image;
use strata_vision::video::h264::split_annex_b;
use strata_vision::video::{AviOptions, AviWriter, FrameSource, VideoError};

/// Colours that tell frames apart: red rises by 20 from frame to frame.
fn picture(size: Size, n: u8) -> Image {
    Image::filled(size, [n.wrapping_mul(20), 100, 180])
}

/// Access units of `count` pictures; a key frame every sixth.
fn encode(size: Size, count: u8) -> Vec<Vec<Vec<u8>>> {
    let config = EncoderConfig::new()
        .rate_control_mode(RateControlMode::Off)
        .intra_frame_period(IntraFramePeriod::from_num_frames(6));
    let mut encoder =
        Encoder::with_api_config(OpenH264API::from_source(), config).expect("an encoder");
    (0..count)
        .map(|n| {
            let image = picture(size, n);
            let dimensions = (size.width as usize, size.height as usize);
            let yuv = YUVBuffer::from_rgb8_source(RgbSliceU8::new(image.data(), dimensions));
            let stream = encoder.encode(&yuv).expect("encoded").to_vec();
            split_annex_b(&stream).map(<[u8]>::to_vec).collect()
        })
        .collect()
}

fn camera(frames: RtspFrames, fault: RtspFault) -> RtspServer {
    RtspServer::start(RtspOptions { frames, fps: 25.0, fault, auth: None })
}

fn h264_camera(fault: RtspFault) -> RtspServer {
    camera(RtspFrames::H264(encode(Size::new(96, 64), 12)), fault)
}

fn options(timeout_ms: u64) -> StreamOptions {
    StreamOptions {
        timeout: Duration::from_millis(timeout_ms),
        queue: 64,
        ..StreamOptions::default()
    }
}

fn open(url: &str, options: &StreamOptions) -> Result<Box<dyn FrameSource>, SourceError> {
    open_stream(&SourceSpec::parse(url)?, options)
}

/// The number that the colour stands for.
fn number(image: &Image) -> u8 {
    let [red, green, blue] = image.pixel(image.width() / 2, image.height() / 2).expect("inside");
    assert!(green.abs_diff(100) < 8 && blue.abs_diff(180) < 8, "{red} {green} {blue}");
    red.saturating_add(10) / 20
}

#[test]
fn frames_of_a_camera_arrive_in_order_with_their_colours() {
    let server = h264_camera(RtspFault::None);
    let mut source = open(&server.url(), &options(5000)).expect("plays");
    assert_eq!(source.info().size, Some(Size::new(96, 64)));
    assert_eq!(source.info().format, "RTSP, H.264");
    let mut last = Duration::ZERO;
    for n in 0..15_u64 {
        let frame = source.next_frame().expect("works").expect("goes on");
        assert_eq!(frame.index, n);
        assert_eq!(number(&frame.image), (n % 12) as u8);
        assert!(n == 0 || frame.time > last, "{:?} behind {last:?}", frame.time);
        last = frame.time;
    }
    assert!((last.as_secs_f64() - 14.0 / 25.0).abs() < 0.02, "{last:?}");
    assert_eq!(server.playing(), 1);
    drop(source);
    let start = Instant::now();
    while server.playing() > 0 {
        assert!(start.elapsed() < Duration::from_secs(5), "the session was left open");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn motion_jpeg_from_a_camera() {
    let jpegs = (0..5)
        .map(|n| {
            let mut jpeg = Vec::new();
            let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, 90);
            encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
            let image = picture(Size::new(64, 48), n);
            encoder.encode(image.data(), 64, 48, jpeg_encoder::ColorType::Rgb).expect("encoded");
            jpeg
        })
        .collect();
    let server = camera(RtspFrames::Jpeg(jpegs), RtspFault::None);
    let mut source = open(&server.url(), &options(5000)).expect("plays");
    for n in 0..7_u8 {
        let frame = source.next_frame().expect("works").expect("goes on");
        assert_eq!((number(&frame.image), frame.image.size()), (n % 5, Size::new(64, 48)));
    }
}

#[test]
fn a_stalled_camera_is_noticed_in_time() {
    let server = h264_camera(RtspFault::StallAfter(4));
    let mut source = open(&server.url(), &options(700)).expect("plays");
    for _ in 0..4 {
        assert!(source.next_frame().expect("works").is_some());
    }
    let start = Instant::now();
    let error = source.next_frame().expect_err("silent");
    assert!(matches!(error, VideoError::Stalled { .. }), "{error}");
    assert!(
        start.elapsed() >= Duration::from_millis(600) && start.elapsed() < Duration::from_secs(4)
    );

    let mute = h264_camera(RtspFault::Mute);
    let error = open(&mute.url(), &options(500)).err().expect("no answer");
    assert!(matches!(error, SourceError::Video(VideoError::Stalled { .. })), "{error}");
}

#[test]
fn an_end_and_a_break_are_told_apart() {
    let server = h264_camera(RtspFault::DropAfter(3));
    let mut source = open(&server.url(), &options(5000)).expect("plays");
    for _ in 0..3 {
        assert!(source.next_frame().expect("works").is_some());
    }
    let error = source.next_frame().expect_err("broken off");
    assert!(
        matches!(error, VideoError::Lost { .. }) && error.to_string().contains("closed"),
        "{error}"
    );
    assert!(source.next_frame().expect("at its end").is_none());

    let server = h264_camera(RtspFault::ByeAfter(3));
    let mut source = open(&server.url(), &options(5000)).expect("plays");
    let mut frames = 0;
    while source.next_frame().expect("ends well").is_some() {
        frames += 1;
    }
    assert_eq!(frames, 3);

    let gone = h264_camera(RtspFault::None);
    let url = gone.url();
    drop(gone);
    let error = open(&url, &options(2000)).err().expect("nobody is there");
    assert!(matches!(error, SourceError::Video(VideoError::Lost { .. })), "{error}");
}

#[test]
fn the_size_may_change_in_the_middle() {
    let mut units = encode(Size::new(96, 64), 6);
    units.extend(encode(Size::new(160, 128), 6));
    let server = camera(RtspFrames::H264(units), RtspFault::None);
    let mut source = open(&server.url(), &options(5000)).expect("plays");
    let sizes: Vec<Size> = (0..14)
        .map(|_| source.next_frame().expect("works").expect("goes on").image.size())
        .collect();
    assert_eq!(&sizes[..6], [Size::new(96, 64); 6]);
    assert_eq!(&sizes[6..12], [Size::new(160, 128); 6]);
    assert_eq!(&sizes[12..], [Size::new(96, 64); 2]);
}

#[test]
fn passwords_open_the_stream_and_stay_secret() {
    for kind in [RtspAuth::Basic, RtspAuth::Digest] {
        let server = RtspServer::start(RtspOptions {
            frames: RtspFrames::H264(encode(Size::new(96, 64), 2)),
            fps: 25.0,
            fault: RtspFault::None,
            auth: Some((kind, "admin".to_owned(), "geheim:7".to_owned())),
        });
        let mut source = open(&server.url_with("admin", "geheim%3A7"), &options(5000))
            .expect("the right password");
        assert!(source.next_frame().expect("works").is_some());
        let with = StreamOptions {
            credentials: Some(("admin".to_owned(), "geheim:7".to_owned())),
            ..options(5000)
        };
        let mut source = open(&server.url(), &with).expect("the right password");
        assert!(source.next_frame().expect("works").is_some());
        for url in [server.url_with("admin", "falsch99"), server.url()] {
            let error = open(&url, &options(5000)).err().expect("refused");
            assert!(
                matches!(error, SourceError::Video(VideoError::Unauthorized { .. })),
                "{kind:?}: {error}"
            );
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("falsch99") && shown.contains("password"), "{shown}");
        }
    }
}

#[test]
fn a_slow_reader_sees_the_present_and_memory_does_not_grow() {
    let server = RtspServer::start(RtspOptions {
        frames: RtspFrames::H264(encode(Size::new(96, 64), 12)),
        fps: 100.0,
        fault: RtspFault::ByeAfter(60),
        auth: None,
    });
    let slow = StreamOptions { queue: 3, ..options(5000) };
    let mut source = open(&server.url(), &slow).expect("plays");
    assert!(source.next_frame().expect("works").is_some());
    std::thread::sleep(Duration::from_millis(1500));
    let mut last = 0;
    let mut got = 1;
    while let Some(frame) = source.next_frame().expect("ends well") {
        assert!(frame.index > last);
        last = frame.index;
        got += 1;
    }
    assert_eq!((got, last, source.dropped()), (4, 59, 56));
}

#[test]
fn fewer_frames_when_asked_for() {
    let server = RtspServer::start(RtspOptions {
        frames: RtspFrames::H264(encode(Size::new(96, 64), 12)),
        fps: 50.0,
        fault: RtspFault::ByeAfter(50),
        auth: None,
    });
    let few = StreamOptions { max_fps: Some(10.0), ..options(5000) };
    let mut source = open(&server.url(), &few).expect("plays");
    let mut frames = 0;
    while source.next_frame().expect("ends well").is_some() {
        frames += 1;
    }
    assert!((9..=12).contains(&frames), "{frames} frames in a second");
}

#[test]
fn a_camera_with_another_codec_says_what_to_do() {
    if strata_vision::video::ffmpeg::find_program().is_some() {
        println!("skipped: ffmpeg is there and would be asked");
        return;
    }
    let server = camera(RtspFrames::H265, RtspFault::None);
    let error = open(&server.url(), &options(3000)).err().expect("H.265").to_string();
    assert!(error.contains("H.265") && error.contains("ffmpeg"), "{error}");
}

/// A clip of ten frames at 20 a second.
fn clip(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("clip.avi");
    let size = Size::new(64, 48);
    let mut writer = AviWriter::create(&path, &AviOptions::new(size, 20.0)).expect("made");
    (0..10).for_each(|n| writer.push(&picture(size, n)).expect("written"));
    writer.finish().expect("finished");
    path
}

#[test]
fn words_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path());
    for name in ["p10.jpg", "p2.JPG", "p1.png", "notes.txt"] {
        std::fs::write(folder.path().join(name), b"x").expect("written");
    }
    // A clip under a picture's name is a clip.
    std::fs::copy(&path, folder.path().join("zz.jpg")).expect("copied");
    let parse = |name: &str| SourceSpec::parse(&folder.path().join(name).display().to_string());
    assert!(matches!(parse("clip.avi"), Ok(SourceSpec::Video(_))));
    assert!(matches!(parse("zz.jpg"), Ok(SourceSpec::Video(_))));
    assert!(matches!(parse("p2.JPG"), Ok(SourceSpec::Picture(_))));
    assert!(matches!(parse(""), Ok(SourceSpec::Folder(_))));
    assert!(matches!(parse("nothing.jpg"), Err(SourceError::Missing(_))));
    assert!(matches!(SourceSpec::parse("rtsp://"), Err(SourceError::Address(_))));
    let names = |spec: &SourceSpec| -> Vec<String> {
        let files = list_images(spec).expect("pictures");
        files
            .iter()
            .map(|f| f.file_name().expect("a name").to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(names(&parse("").expect("a folder")), ["p1.png", "p2.JPG", "p10.jpg", "zz.jpg"]);
    assert_eq!(names(&parse("p*.[jJ]*").expect("a pattern")), ["p2.JPG", "p10.jpg"]);
    assert!(list_images(&parse("q*.jpg").expect("a pattern")).is_err());
    assert!(matches!(
        list_images(&parse("clip.avi").expect("a clip")),
        Err(SourceError::NotPictures(_))
    ));
}

#[test]
fn a_clip_is_replayed_in_real_time_over_and_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = SourceSpec::parse(&clip(folder.path()).display().to_string()).expect("a clip");
    let once = StreamOptions::default();
    let mut source = open_stream(&spec, &once).expect("opened");
    let start = Instant::now();
    let mut frames = 0;
    while source.next_frame().expect("readable").is_some() {
        frames += 1;
    }
    assert_eq!(frames, 10);
    assert!(start.elapsed() < Duration::from_millis(400));

    let pace = Pace { speed: Some(2.0), ..Pace::live() };
    let live = StreamOptions { pace, ..StreamOptions::default() };
    let mut source = open_stream(&spec, &live).expect("opened");
    let start = Instant::now();
    for n in 0..25_u64 {
        let frame = source.next_frame().expect("readable").expect("over and over");
        // A busy machine may come late: what counts is that the frame fits its number.
        assert!(frame.index >= n);
        assert_eq!(number(&frame.image), (frame.index % 10) as u8);
        assert_eq!(frame.time.as_millis() as u64, frame.index * 50);
        let due = Duration::from_millis(frame.index * 25);
        assert!(
            start.elapsed() + Duration::from_millis(5) >= due,
            "frame {} too early",
            frame.index
        );
    }
    let dropped = source.dropped();
    std::thread::sleep(Duration::from_millis(300));
    let late = source.next_frame().expect("readable").expect("over and over");
    assert!(source.dropped() >= dropped + 10, "{} behind {dropped}", source.dropped());
    assert_eq!(number(&late.image), (late.index % 10) as u8);
}

#[test]
fn a_wait_can_be_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = SourceSpec::parse(&clip(folder.path()).display().to_string()).expect("a clip");
    let stop = Arc::new(AtomicBool::new(false));
    let pace = Pace { fps: Some(0.01), ..Pace::live() };
    let slow = StreamOptions { pace, stop: Arc::clone(&stop), ..StreamOptions::default() };
    let mut source = open_stream(&spec, &slow).expect("opened");
    assert!(source.next_frame().expect("readable").is_some());
    let thread = std::thread::spawn(move || source.next_frame().expect("ends well").is_none());
    std::thread::sleep(Duration::from_millis(50));
    stop.store(true, Ordering::Relaxed);
    let start = Instant::now();
    assert!(thread.join().expect("ended"));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn faults_come_where_they_were_ordered() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = SourceSpec::parse(&clip(folder.path()).display().to_string()).expect("a clip");
    let faulty = |fault| {
        let inner = open_stream(&spec, &StreamOptions::default()).expect("opened");
        FaultySource::new(inner, fault, Duration::from_millis(30), Arc::new(AtomicBool::new(false)))
    };
    let mut source = faulty(Fault::DieAfter(2));
    assert!(source.next_frame().is_ok() && source.next_frame().is_ok());
    assert!(matches!(source.next_frame(), Err(VideoError::Lost { .. })));
    assert!(matches!(source.next_frame(), Ok(None)));
    let mut source = faulty(Fault::StallAfter(1));
    assert!(source.next_frame().is_ok());
    assert!(matches!(source.next_frame(), Err(VideoError::Stalled { .. })));
    assert!(matches!(source.next_frame(), Err(VideoError::Stalled { .. })));
    let mut source = faulty(Fault::ResizeAfter(1, Size::new(32, 16)));
    let mut size = || source.next_frame().expect("readable").expect("ten").image.size();
    assert_eq!((size(), size()), (Size::new(64, 48), Size::new(32, 16)));
}
