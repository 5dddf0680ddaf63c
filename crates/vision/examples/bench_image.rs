//! Times of reading and preparing pictures on one thread: `cargo run --release -p strata-vision
//! --example bench_image [FILE.jpg]`. Without a file only preparing is timed. Best and median of many runs:
//! on a machine that others use too, the best is the cost.

#![allow(clippy::print_stdout, reason = "a program that prints its measurements")]

use std::time::Instant;

use strata_vision::geometry::Size;
use strata_vision::image::{DecodeLimits, Image, decode, decode_into};
use strata_vision::preprocess::{Preprocess, Source};

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
    if let Some(file) = std::env::args().nth(1) {
        let bytes = std::fs::read(file)?;
        image = decode(&bytes, &limits)?;
        let fresh = timed(31, || drop(decode(&bytes, &limits)));
        let mut frame = decode(&bytes, &limits)?;
        let reused = timed(31, || drop(decode_into(&bytes, &limits, &mut frame)));
        println!("decode {} pixels: {fresh}; into an earlier frame {reused}", image.size());
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
