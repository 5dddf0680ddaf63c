//! Times of reading and preparing pictures on one thread: `cargo run --release -p strata-vision
//! --example bench_image [FILE.jpg...]`. Without a file made pictures are read, of 416 x 416 and
//! 1920 x 1080 pixels. Best and median of many runs: on a machine that others use too, the best is the
//! cost. JPEGs are read by zune-jpeg too, the fastest decoder in Rust known to us; for OpenCV's time of a
//! file, `python3 -m timeit -s "import cv2, numpy as np; cv2.setNumThreads(1); d = np.fromfile('FILE.jpg',
//! np.uint8)" "cv2.imdecode(d, cv2.IMREAD_COLOR)"`.

#![allow(clippy::print_stdout, reason = "a program that prints its measurements")]

use std::time::Instant;

use strata_vision::encode::{self, JpegOptions};
use strata_vision::geometry::Size;
use strata_vision::image::{DecodeLimits, Image, decode, decode_into};
use strata_vision::preprocess::{Preprocess, Source};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// Best and median time of a call, in milliseconds.
fn timed(runs: usize, mut call: impl FnMut()) -> String {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            call();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    format!("{:.3} ms, median {:.3}", times[0], times[runs / 2])
}

/// A picture with some structure: waves and grain.
fn scene(size: Size) -> Image {
    let mut image = Image::filled(size, [0; 3]);
    let mut state = 1_u32;
    for y in 0..size.height {
        for x in 0..size.width {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = (state >> 28) as f32;
            let (fx, fy) = (x as f32 / 37.0, y as f32 / 53.0);
            let wave =
                |phase: f32| (120.0 + 90.0 * (fx + phase).sin() * (fy - phase).cos() + grain) as u8;
            image.set_pixel(x, y, [wave(0.0), wave(1.0), wave(2.0)]);
        }
    }
    image
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = DecodeLimits::default();
    let mut image = scene(Size::new(1920, 1080));
    let mut files = Vec::new();
    for file in std::env::args().skip(1) {
        files.push(std::fs::read(file)?);
    }
    if files.is_empty() {
        for size in [Size::new(416, 416), image.size()] {
            files.push(encode::jpeg(&scene(size), JpegOptions { quality: 90, subsample: true })?);
        }
    }
    for bytes in &files {
        image = decode(bytes, &limits)?;
        let fresh = timed(51, || drop(decode(bytes, &limits)));
        let mut frame = decode(bytes, &limits)?;
        let reused = timed(51, || drop(decode_into(bytes, &limits, &mut frame)));
        println!(
            "decode {} pixels, {} bytes: {fresh}; into an earlier frame {reused}",
            image.size(),
            bytes.len()
        );
        let zune = timed(51, || {
            let options = DecoderOptions::new_fast().jpeg_set_out_colorspace(ColorSpace::RGB);
            drop(JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode());
        });
        println!("  by zune-jpeg: {zune}");
    }
    for (name, card) in [
        ("640 letterbox NCHW f32", "width = 640\nheight = 640\nscale = 0.00392156862745098"),
        ("416 letterbox NCHW f32", "width = 416\nheight = 416"),
        ("640 letterbox NHWC f32", "width = 640\nheight = 640\nlayout = \"nhwc\""),
        ("640 letterbox NCHW u8 ", "width = 640\nheight = 640\ndtype = \"uint8\""),
        (
            "224 crop of 256, area ",
            "width = 224\nheight = 224\nfit = \"center-crop\"\nshort_side = 256\ninterpolation = \"area\"",
        ),
        ("1280 stretch NCHW f32 ", "width = 1280\nheight = 1280\nfit = \"stretch\""),
    ] {
        let preprocess = Preprocess::from_table(&card.parse()?)?;
        let (mut floats, mut bytes) =
            (vec![0.0_f32; preprocess.len()], vec![0_u8; preprocess.len()]);
        let time = timed(101, || {
            let source = Source::from(&image);
            let done = preprocess
                .prepare(source, &mut floats)
                .or_else(|_| preprocess.prepare(source, &mut bytes));
            assert!(done.is_ok());
        });
        println!("{name} from {}: {time}", image.size());
    }
    Ok(())
}
