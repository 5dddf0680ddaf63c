//! Writing Motion JPEG in AVI, frame by frame: for clips of events and for samples.
//!
//! OpenDML: a file of any length is a row of RIFF parts of at most one gigabyte, each with an index of
//! its own, listed by a super index in the header; the first part also has the index of AVI 1.0.
//! A file whose writer died is readable up to its last frame, by this kit and by ffmpeg.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::VideoError;
use crate::geometry::Size;
use crate::image::Image;

/// Bytes of frames in a RIFF part: OpenDML asks for at most 1 GB in the first.
const PART_BYTES: u64 = 1 << 30;
/// Parts that the super index has room for: more than 256 GB are refused.
const MAX_PARTS: usize = 256;
/// Header of one super index and its entries of 16 bytes.
const SUPER_INDEX_BYTES: u32 = 24 + 16 * MAX_PARTS as u32;
const HAS_INDEX: u32 = 0x10;
const KEY_FRAME: u32 = 0x10;

/// What a clip that is written looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AviOptions {
    /// Width and height of every frame, at most 65,535 each.
    pub size: Size,
    /// Frames a second, 0.01 to 1000.
    pub fps: f64,
    /// Quality of the pictures given undecoded to [`AviWriter::push`], 1 to 100.
    pub quality: u8,
}

impl AviOptions {
    /// A clip at quality 85.
    #[must_use]
    pub const fn new(size: Size, fps: f64) -> Self {
        Self { size, fps, quality: 85 }
    }
}

/// Offsets in the header of what is known only at the end.
#[derive(Default, Clone, Copy)]
struct Fields {
    riff_size: u64,
    main: u64,
    stream: u64,
    super_index: u64,
    total: u64,
}

/// A clip being written. [`AviWriter::finish`] completes it; dropped without, it is completed as well
/// as can be, and errors are lost.
pub struct AviWriter<W: Write + Seek> {
    out: W,
    name: String,
    options: AviOptions,
    /// Frames a second as a ratio: rate / scale.
    rate: (u32, u32),
    fields: Fields,
    part_bytes: u64,
    position: u64,
    /// Where the present part's RIFF header begins, and where its list of frames does.
    part_start: u64,
    movi_start: u64,
    /// Offset of the data and its length, of the frames in the present part.
    part: Vec<(u64, u32)>,
    /// Of the parts before: offset and bytes of the index, frames.
    parts: Vec<(u64, u32, u32)>,
    frames: u32,
    frames_in_first: u32,
    largest: u32,
    finished: bool,
}

impl AviWriter<BufWriter<File>> {
    /// Begins a file; one that is there is replaced.
    ///
    /// # Errors
    /// [`VideoError`]: the file cannot be made, or a size or pace that AVI has no room for.
    pub fn create(path: &Path, options: &AviOptions) -> Result<Self, VideoError> {
        let name = path.display().to_string();
        let file = File::create(path).map_err(|e| VideoError::io(&name, e))?;
        Self::new(BufWriter::new(file), name, options)
    }
}

impl<W: Write + Seek> AviWriter<W> {
    /// Begins a clip at the start of `out`; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`AviWriter::create`].
    pub fn new(out: W, name: String, options: &AviOptions) -> Result<Self, VideoError> {
        let fits = |n: u32| (1..=u32::from(u16::MAX)).contains(&n);
        if !fits(options.size.width) || !fits(options.size.height) {
            return Err(VideoError::format(
                &name,
                format!("frames of {} cannot be written", options.size),
            ));
        }
        if !(0.01..=1000.0).contains(&options.fps) || !(1..=100).contains(&options.quality) {
            let what = format!(
                "{} frames a second at quality {} cannot be written",
                options.fps, options.quality
            );
            return Err(VideoError::format(&name, what));
        }
        let mut writer = Self {
            out,
            name,
            options: *options,
            rate: ratio(options.fps),
            fields: Fields::default(),
            part_bytes: PART_BYTES,
            position: 0,
            part_start: 0,
            movi_start: 0,
            part: Vec::new(),
            parts: Vec::new(),
            frames: 0,
            frames_in_first: 0,
            largest: 0,
            finished: false,
        };
        writer.header()?;
        Ok(writer)
    }

    /// Number of frames written.
    #[must_use]
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Bytes written so far, without the index of the present part.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.position
    }

    /// Encodes and adds a picture.
    ///
    /// # Errors
    /// [`VideoError`]: of another size than the clip, or as [`AviWriter::push_jpeg`].
    pub fn push(&mut self, image: &Image) -> Result<(), VideoError> {
        if image.size() != self.options.size {
            let what = format!("a frame of {} in a clip of {}", image.size(), self.options.size);
            return Err(VideoError::format(&self.name, what));
        }
        let side = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, self.options.quality);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder
            .encode(image.data(), side(image.width()), side(image.height()), ColorType::Rgb)
            .map_err(|e| VideoError::format(&self.name, e.to_string()))?;
        self.push_jpeg(&jpeg)
    }

    /// Adds a picture that is a JPEG already, as it is.
    ///
    /// # Errors
    /// [`VideoError`]: no JPEG, too many bytes for a clip, or the disk is full.
    pub fn push_jpeg(&mut self, jpeg: &[u8]) -> Result<(), VideoError> {
        if !jpeg.starts_with(&[0xFF, 0xD8]) {
            return Err(VideoError::format(&self.name, "a frame that is no JPEG"));
        }
        let length = u32::try_from(jpeg.len()).ok().filter(|&n| u64::from(n) < PART_BYTES / 2);
        let Some(length) = length else {
            return Err(VideoError::limit(
                &self.name,
                "bytes of a frame",
                jpeg.len() as u64,
                PART_BYTES / 2,
            ));
        };
        if !self.part.is_empty()
            && self.position - self.movi_start + u64::from(length) > self.part_bytes
        {
            self.end_part()?;
            self.begin_part()?;
        }
        self.chunk(b"00dc", length)?;
        self.part.push((self.position, length));
        self.put(jpeg)?;
        if length % 2 == 1 {
            self.put(&[0])?;
        }
        self.frames += 1;
        self.largest = self.largest.max(length);
        Ok(())
    }

    /// Writes the index and the counts, and flushes: the number of frames.
    ///
    /// # Errors
    /// [`VideoError::Io`].
    pub fn finish(mut self) -> Result<u32, VideoError> {
        self.complete()?;
        Ok(self.frames)
    }

    fn complete(&mut self) -> Result<(), VideoError> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        self.end_part()?;
        let Fields { main, stream, super_index, total, .. } = self.fields;
        let per_second = f64::from(self.rate.0) / f64::from(self.rate.1);
        let bytes_per_second =
            (f64::from(self.largest) * per_second).min(f64::from(u32::MAX)) as u32;
        self.patch(main + 4, &[bytes_per_second])?;
        self.patch(main + 16, &[self.frames_in_first])?;
        self.patch(main + 28, &[self.largest])?;
        self.patch(stream + 32, &[self.frames, self.largest])?;
        self.patch(total, &[self.frames])?;
        let mut entries = Vec::new();
        for &(offset, bytes, frames) in &self.parts {
            entries.extend([offset as u32, (offset >> 32) as u32, bytes, frames]);
        }
        self.patch(super_index + 4, &[self.parts.len() as u32])?;
        self.patch(super_index + 24, &entries)?;
        self.out.seek(SeekFrom::Start(self.position)).map_err(|e| VideoError::io(&self.name, e))?;
        self.out.flush().map_err(|e| VideoError::io(&self.name, e))
    }

    fn header(&mut self) -> Result<(), VideoError> {
        let Size { width, height } = self.options.size;
        let stream_list = 4 + 8 + 56 + 8 + 40 + 8 + SUPER_INDEX_BYTES;
        let extended_list = 4 + 8 + 248;
        let header_list = 4 + 8 + 56 + 8 + stream_list + 8 + extended_list;
        self.put(b"RIFF")?;
        self.fields.riff_size = self.position;
        self.numbers(&[0])?;
        self.put(b"AVI LIST")?;
        self.numbers(&[header_list])?;
        self.put(b"hdrl")?;
        self.chunk(b"avih", 56)?;
        self.fields.main = self.position;
        let frame_microseconds =
            (1e6 * f64::from(self.rate.1) / f64::from(self.rate.0)).round() as u32;
        self.numbers(&[
            frame_microseconds,
            0,
            0,
            HAS_INDEX,
            0,
            0,
            1,
            0,
            width,
            height,
            0,
            0,
            0,
            0,
        ])?;
        self.put(b"LIST")?;
        self.numbers(&[stream_list])?;
        self.put(b"strl")?;
        self.chunk(b"strh", 56)?;
        self.fields.stream = self.position;
        self.put(b"vidsMJPG")?;
        // Flags, priority, initial frames, scale, rate, start, length, buffer, quality, sample size.
        self.numbers(&[0, 0, 0, self.rate.1, self.rate.0, 0, 0, 0, u32::MAX, 0])?;
        let corner = |n: u32| (n & 0x7FFF) << 16;
        self.numbers(&[0, (corner(height)) | (width & 0x7FFF)])?;
        self.chunk(b"strf", 40)?;
        let picture = width.saturating_mul(height).saturating_mul(3);
        // One plane of 24 bits.
        self.numbers(&[40, width, height, 24 << 16 | 1])?;
        self.put(b"MJPG")?;
        self.numbers(&[picture, 0, 0, 0, 0])?;
        self.chunk(b"indx", SUPER_INDEX_BYTES)?;
        self.fields.super_index = self.position;
        // Four longs an entry, an index of indexes.
        self.numbers(&[4, 0])?;
        self.put(b"00dc")?;
        self.numbers(&[0, 0, 0])?;
        self.put(&[0; 16 * MAX_PARTS])?;
        self.put(b"LIST")?;
        self.numbers(&[extended_list])?;
        self.put(b"odml")?;
        self.chunk(b"dmlh", 248)?;
        self.fields.total = self.position;
        self.put(&[0; 248])?;
        self.begin_movi()
    }

    fn begin_movi(&mut self) -> Result<(), VideoError> {
        self.put(b"LIST\0\0\0\0")?;
        self.movi_start = self.position;
        self.put(b"movi")
    }

    fn begin_part(&mut self) -> Result<(), VideoError> {
        if self.parts.len() >= MAX_PARTS {
            return Err(VideoError::limit(
                &self.name,
                "bytes of a clip",
                self.position,
                self.position,
            ));
        }
        self.part_start = self.position;
        self.put(b"RIFF\0\0\0\0AVIX")?;
        self.begin_movi()
    }

    /// Writes the part's indexes and its lengths.
    fn end_part(&mut self) -> Result<(), VideoError> {
        let part = std::mem::take(&mut self.part);
        let first = self.parts.is_empty();
        let frames = part.len() as u32;
        let index = self.position;
        let bytes = 24 + 8 * frames;
        self.chunk(b"ix00", bytes)?;
        // Two longs an entry, an index of chunks.
        self.numbers(&[2 | 1 << 24, frames])?;
        self.put(b"00dc")?;
        self.numbers(&[self.movi_start as u32, (self.movi_start >> 32) as u32, 0])?;
        for &(offset, length) in &part {
            self.numbers(&[(offset - self.movi_start) as u32, length])?;
        }
        let movi_end = self.position;
        if first {
            self.frames_in_first = frames;
            self.chunk(b"idx1", 16 * frames)?;
            for &(offset, length) in &part {
                self.put(b"00dc")?;
                self.numbers(&[KEY_FRAME, (offset - 8 - self.movi_start) as u32, length])?;
            }
        }
        self.parts.push((index, bytes + 8, frames));
        self.patch(self.movi_start - 4, &[(movi_end - self.movi_start) as u32])?;
        self.patch(self.part_start + 4, &[(self.position - self.part_start - 8) as u32])
    }

    fn chunk(&mut self, id: &[u8; 4], bytes: u32) -> Result<(), VideoError> {
        self.put(id)?;
        self.numbers(&[bytes])
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), VideoError> {
        self.out.write_all(bytes).map_err(|e| VideoError::io(&self.name, e))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn numbers(&mut self, numbers: &[u32]) -> Result<(), VideoError> {
        numbers.iter().try_for_each(|n| self.put(&n.to_le_bytes()))
    }

    /// Overwrites numbers that were written before.
    fn patch(&mut self, at: u64, numbers: &[u32]) -> Result<(), VideoError> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let patched = self
            .out
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.out.write_all(&bytes))
            .and_then(|()| self.out.seek(SeekFrom::Start(self.position)));
        patched.map(|_| ()).map_err(|e| VideoError::io(&self.name, e))
    }
}

impl<W: Write + Seek> Drop for AviWriter<W> {
    fn drop(&mut self) {
        let _ = self.complete();
    }
}

/// A pace as rate / scale, exact for whole numbers and for the television rates of n / 1.001.
fn ratio(fps: f64) -> (u32, u32) {
    for scale in [1, 1001, 1000] {
        let rate = if scale == 1001 {
            (fps * 1.001).round() * 1000.0
        } else {
            (fps * f64::from(scale)).round()
        };
        if rate >= 1.0 && (rate / f64::from(scale) - fps).abs() < 1e-6 * fps {
            return (rate as u32, scale);
        }
    }
    ((fps * 10_000.0).round() as u32, 10_000)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::{FrameSource, VideoLimits, avi::AviReader};
    use super::*;

    fn picture(shade: u8) -> Image {
        Image::filled(Size::new(48, 32), [shade, 128, 255 - shade])
    }

    #[test]
    fn parts_of_a_long_file_are_read_as_one_clip() {
        let mut bytes = Cursor::new(Vec::new());
        let options = AviOptions::new(Size::new(48, 32), 12.5);
        let mut writer =
            AviWriter::new(&mut bytes, "clip".to_owned(), &options).expect("options are good");
        writer.part_bytes = 3000;
        for n in 0..20_u8 {
            writer.push(&picture(n * 12)).expect("written");
        }
        assert!(writer.parts.len() > 1, "{} parts", writer.parts.len());
        assert_eq!(writer.finish().expect("finished"), 20);
        let mut reader = AviReader::new(
            Cursor::new(bytes.into_inner()),
            "clip".to_owned(),
            &VideoLimits::default(),
        )
        .expect("an AVI");
        assert_eq!(reader.info().frames, Some(20));
        assert_eq!(reader.info().fps, Some(12.5));
        for n in 0..20_u64 {
            let frame = reader.next_frame().expect("readable").expect("20 frames");
            assert_eq!(frame.index, n);
            assert_eq!(frame.time.as_millis(), u128::from(n * 80));
            let [red, ..] = frame.image.pixel(20, 20).expect("inside");
            assert!(red.abs_diff(n as u8 * 12) < 6, "frame {n}: {red}");
        }
        assert!(reader.next_frame().expect("ended well").is_none());
    }

    #[test]
    fn rates_are_ratios() {
        assert_eq!(ratio(25.0), (25, 1));
        assert_eq!(ratio(30_000.0 / 1001.0), (30_000, 1001));
        assert_eq!(ratio(12.5), (12_500, 1000));
        assert_eq!(ratio(0.01), (10, 1000));
    }
}
