//! Decoding held against what other programs write (`tests/data/make.py`), and hostile files.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use strata_vision::geometry::Size;
use strata_vision::image::{
    DecodeError, DecodeLimits, Format, Image, decode, decode_file, decode_into,
};

/// A file of `tests/data`.
fn file(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(bytes: &[u8]) -> Result<Image, DecodeError> {
    decode(bytes, &DecodeLimits::default())
}

/// Every file of `tests/data` that holds a picture.
const FILES: [&str; 34] = [
    "baseline.jpg",
    "sampled.jpg",
    "progressive.jpg",
    "grey.jpg",
    "cmyk_adobe.jpg",
    "cmyk_plain.jpg",
    "ycck.jpg",
    "exif1.jpg",
    "exif2.jpg",
    "exif3.jpg",
    "exif4.jpg",
    "exif5.jpg",
    "exif6.jpg",
    "exif7.jpg",
    "exif8.jpg",
    "exif6.png",
    "exif6.webp",
    "exif6.tif",
    "rgb.png",
    "rgb16.png",
    "grey16.png",
    "grey16.tif",
    "alpha.png",
    "palette.png",
    "bits.png",
    "rgb.bmp",
    "palette.bmp",
    "rgb.tif",
    "cmyk.tif",
    "float.tif",
    "lossless.webp",
    "lossy.webp",
    "animated.webp",
    "animated.gif",
];

/// The picture of `make.py`, by column and row.
fn colour(x: u32, y: u32) -> [u8; 3] {
    [40 + 3 * x, 30 + 5 * y, 200 - 2 * x - y].map(|v| v as u8)
}

/// Largest difference to the picture in any channel.
fn difference(image: &Image, expected: impl Fn(u32, u32) -> [u8; 3]) -> u8 {
    assert_eq!(image.size(), Size::new(48, 32));
    let pixels = (0..32).flat_map(|y| (0..48).map(move |x| (x, y)));
    let worst = pixels.flat_map(|(x, y)| {
        let found = image.pixel(x, y).expect("inside");
        let wanted = expected(x, y);
        (0..3).map(move |c| found[c].abs_diff(wanted[c]))
    });
    worst.max().expect("pixels")
}

#[test]
fn colours_come_out_right() {
    for (name, allowed) in [
        ("rgb.png", 0),
        ("rgb16.png", 0),
        ("rgb.bmp", 0),
        ("rgb.tif", 0),
        ("lossless.webp", 0),
        ("animated.webp", 0),
        ("cmyk.tif", 2),
        ("baseline.jpg", 4),
        ("progressive.jpg", 4),
        ("lossy.webp", 12),
        ("sampled.jpg", 12),
        ("cmyk_adobe.jpg", 14),
        ("cmyk_plain.jpg", 14),
        ("ycck.jpg", 14),
        ("palette.png", 20),
        ("palette.bmp", 20),
        ("animated.gif", 20),
    ] {
        let image = read(&file(name)).expect(name);
        let worst = difference(&image, colour);
        assert!(worst <= allowed, "{name}: {worst}");
    }
}

#[test]
fn grey_depth_and_transparency() {
    let grey = |x, y| {
        let [r, g, b] = colour(x, y).map(f64::from);
        [(0.299 * r + 0.587 * g + 0.114 * b).round() as u8; 3]
    };
    assert!(difference(&read(&file("grey.jpg")).expect("JPEG"), grey) <= 3);
    let red = |x, y| [colour(x, y)[0]; 3];
    assert_eq!(difference(&read(&file("grey16.png")).expect("PNG"), red), 0);
    assert_eq!(difference(&read(&file("grey16.tif")).expect("TIFF"), red), 0);
    // The right half is transparent: white, whatever lies below.
    let half = |x, y| if x < 24 { colour(x, y) } else { [255; 3] };
    assert_eq!(difference(&read(&file("alpha.png")).expect("PNG"), half), 0);
    let black_or_white = |x, y| if grey(x, y)[0] > 128 { [255; 3] } else { [0; 3] };
    let bits = read(&file("bits.png")).expect("PNG");
    let same = (0..32).flat_map(|y| (0..48).map(move |x| (x, y)));
    let same = same.filter(|&(x, y)| bits.pixel(x, y) == Some(black_or_white(x, y))).count();
    assert!(same > 48 * 32 * 98 / 100, "{same} of {}", 48 * 32);
    // Floats have no known range.
    let error = read(&file("float.tif")).expect_err("no 8-bit meaning");
    assert_eq!(error.code(), "unsupported", "{error}");
}

#[test]
fn orientation_is_applied() {
    for number in 1..=8 {
        let image = read(&file(&format!("exif{number}.jpg"))).expect("JPEG");
        let worst = difference(&image, colour);
        assert!(worst <= 6, "orientation {number}: {worst}");
    }
    for name in ["exif6.png", "exif6.webp", "exif6.tif"] {
        assert_eq!(difference(&read(&file(name)).expect(name), colour), 0, "{name}");
    }
}

#[test]
fn a_cut_file_is_an_error_or_lacks_nothing() {
    for name in FILES {
        let bytes = file(name);
        if name == "float.tif" {
            continue;
        }
        let whole = read(&bytes).expect(name);
        // Every length of the headers, then some.
        for length in (0..bytes.len()).filter(|length| *length < 64 || length % 13 == 0) {
            match read(&bytes[..length]) {
                // What is cut may be no part of the picture: a checksum, a second frame, a tag.
                Ok(image) => assert_eq!(image, whole, "{name} cut to {length} bytes"),
                Err(error) => {
                    let told = ["truncated", "corrupt", "empty", "unknown_format", "unsupported"];
                    assert!(told.contains(&error.code()), "{name} cut to {length} bytes: {error}");
                }
            }
        }
    }
}

#[test]
fn a_cut_jpeg_is_told_and_can_be_accepted() {
    let bytes = file("baseline.jpg");
    let half = &bytes[..bytes.len() - 60];
    assert_eq!(read(half).expect_err("half a picture").code(), "truncated");
    // Cut, and closed again by a camera that lost its link: told, but for a cut within the last few
    // bytes, which cost the last blocks.
    let whole = read(&bytes).expect("a picture");
    let scan = bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]).expect("a scan") + 14;
    for length in (scan..bytes.len() - 2).step_by(5) {
        match read(&[&bytes[..length], b"\xFF\xD9"].concat()) {
            Ok(image) => {
                let above = 48 * 3 * 24;
                assert!(length + 40 > bytes.len(), "cut to {length} of {} bytes", bytes.len());
                assert!(image.data()[..above] == whole.data()[..above], "cut to {length} bytes");
            }
            Err(error) => assert!(["truncated", "corrupt"].contains(&error.code()), "{error}"),
        }
    }
    let closed = [half, b"\xFF\xD9"].concat();
    let lenient = DecodeLimits { lenient: true, ..DecodeLimits::default() };
    for cut in [half, &closed] {
        let image = decode(cut, &lenient).expect("as far as it goes");
        let [found, wanted] = [image.pixel(3, 3).expect("inside"), colour(3, 3)];
        assert!((0..3).all(|c| found[c].abs_diff(wanted[c]) < 8), "{found:?} {wanted:?}");
    }
}

/// The file with the two sides in its header replaced.
fn with_size(name: &str, size: u32) -> Vec<u8> {
    let mut bytes = file(name);
    let wide = (size as u16).to_be_bytes();
    match Format::of(&bytes).expect("known") {
        Format::Jpeg => {
            let at = bytes
                .windows(2)
                .position(|w| w == [0xFF, 0xC0] || w == [0xFF, 0xC2])
                .expect("a frame");
            bytes[at + 5..at + 7].copy_from_slice(&wide);
            bytes[at + 7..at + 9].copy_from_slice(&wide);
        }
        Format::Png => {
            bytes[16..20].copy_from_slice(&size.to_be_bytes());
            bytes[20..24].copy_from_slice(&size.to_be_bytes());
            let crc = crc32(&bytes[12..29]).to_be_bytes();
            bytes[29..33].copy_from_slice(&crc);
        }
        Format::Bmp => {
            bytes[18..22].copy_from_slice(&size.to_le_bytes());
            bytes[22..26].copy_from_slice(&size.to_le_bytes());
        }
        Format::Gif => {
            bytes[6..8].copy_from_slice(&(size as u16).to_le_bytes());
            bytes[8..10].copy_from_slice(&(size as u16).to_le_bytes());
        }
        Format::WebP => {
            // The canvas of an extended file: 24 bits, less one.
            let side = size.wrapping_sub(1).to_le_bytes();
            bytes[24..27].copy_from_slice(&side[..3]);
            bytes[27..30].copy_from_slice(&side[..3]);
        }
        _ => {
            // Little-endian TIFF: the entries of the first directory.
            let at = u32::from_le_bytes(bytes[4..8].try_into().expect("four")) as usize;
            let count = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
            for entry in bytes[at + 2..at + 2 + count * 12].chunks_exact_mut(12) {
                // Columns, rows and rows of a strip: the picture in one strip.
                if [256, 257, 278].contains(&u16::from_le_bytes([entry[0], entry[1]])) {
                    entry[2..4].copy_from_slice(&[4, 0]);
                    entry[8..12].copy_from_slice(&size.to_le_bytes());
                }
            }
        }
    }
    bytes
}

/// The checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), shift))
}

#[test]
fn huge_and_empty_headers_are_refused_before_memory_is_taken() {
    for name in [
        "baseline.jpg",
        "progressive.jpg",
        "rgb.png",
        "rgb.bmp",
        "rgb.tif",
        "animated.webp",
        "animated.gif",
    ] {
        let start = Instant::now();
        let error = read(&with_size(name, 50_000)).expect_err(name);
        assert!(start.elapsed() < Duration::from_secs(1), "{name} took {:?}", start.elapsed());
        assert_eq!(error.code(), "too_large", "{name}: {error}");
        let text = error.to_string();
        assert!(
            text.contains("50000 x 50000") && text.contains("limit of 32768"),
            "{name}: {text}"
        );
    }
    for name in ["baseline.jpg", "progressive.jpg", "rgb.png", "rgb.bmp", "rgb.tif", "animated.gif"]
    {
        let error = read(&with_size(name, 0)).expect_err(name);
        assert!(["zero_size", "corrupt"].contains(&error.code()), "{name}: {error}");
    }
    // Within the sides but too many pixels, and a header that promises more than the file holds.
    let error = read(&with_size("rgb.png", 30_000)).expect_err("900 million pixels");
    assert!(error.to_string().contains("number of pixels of 900000000"), "{error}");
    let small = DecodeLimits { max_alloc: 4000, ..DecodeLimits::default() };
    assert_eq!(decode(&file("rgb.png"), &small).expect_err("4,608 bytes").code(), "too_large");
    assert_eq!(
        decode(&file("progressive.jpg"), &small).expect_err("4,608 bytes").code(),
        "too_large"
    );
    let short = DecodeLimits { max_bytes: 100, ..DecodeLimits::default() };
    assert_eq!(decode(&file("rgb.png"), &short).expect_err("117 bytes").code(), "too_large");
}

#[test]
fn files_and_what_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("named.png");
    // The name says PNG, the bytes say JPEG.
    std::fs::write(&path, file("baseline.jpg")).expect("written");
    let limits = DecodeLimits::default();
    assert_eq!(
        decode_file(&path, &limits).expect("a JPEG"),
        read(&file("baseline.jpg")).expect("JPEG")
    );
    let short = DecodeLimits { max_bytes: 100, ..limits };
    assert_eq!(decode_file(&path, &short).expect_err("too long").code(), "too_large");
    assert_eq!(
        decode_file(&folder.path().join("none"), &limits).expect_err("missing").code(),
        "io"
    );
    assert_eq!(decode_file(folder.path(), &limits).expect_err("a folder").code(), "io");
    std::fs::write(&path, b"").expect("written");
    assert_eq!(decode_file(&path, &limits).expect_err("empty").code(), "empty");
    let error = read(b"%PDF-1.7").expect_err("a document");
    assert_eq!(error.code(), "unknown_format");
    assert!(error.to_string().contains("25 50 44 46"), "{error}");
}

#[test]
fn memory_is_used_again() {
    let limits = DecodeLimits::default();
    let mut frame = read(&file("baseline.jpg")).expect("JPEG");
    let at = frame.data().as_ptr();
    for name in ["progressive.jpg", "rgb.png", "grey.jpg"] {
        decode_into(&file(name), &limits, &mut frame).expect(name);
        assert_eq!(frame.data().as_ptr(), at, "{name}");
        assert_eq!(frame, read(&file(name)).expect(name), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Changed bytes give a picture or an error, in bounded time, never a panic.
    #[test]
    fn damaged_files_are_survived(
        which in 0..FILES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
        lenient in any::<bool>(),
    ) {
        let mut bytes = file(FILES[which]);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            let length = cut.index(bytes.len());
            bytes.truncate(length);
        }
        let limits = DecodeLimits { max_pixels: 1 << 20, max_alloc: 1 << 25, lenient, ..DecodeLimits::default() };
        let start = Instant::now();
        if let Ok(image) = decode(&bytes, &limits) {
            prop_assert_eq!(image.data().len() as u64, image.size().area() * 3);
            prop_assert!(image.size().area() <= 1 << 20);
        }
        prop_assert!(start.elapsed() < Duration::from_secs(5), "{:?} for {}", start.elapsed(), FILES[which]);
    }

    /// Bytes behind a format's first bytes.
    #[test]
    fn noise_is_survived(
        magic in prop::sample::select(vec![
            &b"\xFF\xD8\xFF"[..], b"\x89PNG\r\n\x1A\n", b"BM", b"II*\0", b"MM\0*", b"RIFF\xFF\0\0\0WEBPVP8 ", b"GIF89a",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let limits = DecodeLimits { max_pixels: 1 << 20, max_alloc: 1 << 25, ..DecodeLimits::default() };
        drop(decode(&[magic, &rest].concat(), &limits));
    }
}

#[test]
fn a_part_longer_than_its_file_takes_no_memory() {
    for (name, chunk) in
        [("exif6.webp", b"EXIF"), ("lossless.webp", b"VP8L"), ("animated.webp", b"ANMF")]
    {
        let mut bytes = file(name);
        let at = bytes.windows(4).position(|four| four == chunk).expect(name) + 4;
        // The library would make room for 1,360 MB.
        bytes[at..at + 4].copy_from_slice(&0x5500_001A_u32.to_le_bytes());
        assert_eq!(read(&bytes).expect_err(name).code(), "truncated", "{name}");
    }
}
