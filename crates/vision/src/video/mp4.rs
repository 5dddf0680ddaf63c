//! The boxes of MP4 and MOV: the first video track and where its samples lie. Fragments are not read.
//!
//! ISO/IEC 14496-12 and -15, QuickTime File Format. The tables are kept as bytes and walked as the
//! samples are asked for, so a count that lies costs nothing.

use std::io::{Read, Seek, SeekFrom};

use super::yuv::{Matrix, YuvColor};
use super::{VideoError, VideoLimits};
use crate::geometry::Size;

/// Tables of a whole day at 25 frames a second are 60 MB.
const MAX_MOOV: u64 = 256 << 20;

/// A box inside bytes: its name and what it holds.
type Part<'a> = ([u8; 4], &'a [u8]);

/// The codec of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Parameter sets and the bytes of a length.
    H264 { sets: Vec<Vec<u8>>, length_bytes: usize },
    /// Each sample is a JPEG.
    MotionJpeg,
}

/// A video track.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) codec: Codec,
    pub(crate) size: Size,
    pub(crate) timescale: u32,
    pub(crate) samples: u32,
    pub(crate) fps: Option<f64>,
    pub(crate) color: Option<YuvColor>,
    pub(crate) quarter_turns: u8,
    pub(crate) cursor: Cursor,
}

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
    /// When it is shown, in the track's time scale.
    pub(crate) shown: i64,
}

/// Finds the track of a file.
pub(crate) fn read_track(
    reader: &mut (impl Read + Seek),
    name: &str,
    limits: &VideoLimits,
) -> Result<Track, VideoError> {
    let bad = |what: &str| VideoError::format(name, what);
    let length = reader.seek(SeekFrom::End(0)).map_err(|e| VideoError::io(name, e))?;
    let mut at = 0_u64;
    let mut unfinished = false;
    while at.saturating_add(8) <= length {
        reader.seek(SeekFrom::Start(at)).map_err(|e| VideoError::io(name, e))?;
        let mut head = Vec::new();
        reader.take(16).read_to_end(&mut head).map_err(|e| VideoError::io(name, e))?;
        let short = u64::from(number(&head, 0).unwrap_or(0));
        let (header, size) = match short {
            0 => (8, length - at),
            1 => (16, long(&head, 8).unwrap_or(0)),
            n => (8, n),
        };
        if size < header {
            return Err(bad("a box shorter than its head"));
        }
        if head.get(4..8) == Some(b"moov") {
            if size > MAX_MOOV || size > length - at {
                return Err(bad("the table of samples is cut off or too large"));
            }
            let mut bytes = Vec::new();
            reader.seek(SeekFrom::Start(at + header)).map_err(|e| VideoError::io(name, e))?;
            reader
                .take(size - header)
                .read_to_end(&mut bytes)
                .map_err(|e| VideoError::io(name, e))?;
            return movie(&bytes, name, limits);
        }
        unfinished |= head.get(4..8) == Some(b"mdat");
        at = at.saturating_add(size);
    }
    Err(bad(if unfinished {
        "the table of samples (moov) is missing: the recording was not finished or the file is cut off"
    } else {
        "no movie box"
    }))
}

fn movie(moov: &[u8], name: &str, limits: &VideoLimits) -> Result<Track, VideoError> {
    let mut error = VideoError::format(name, "no video track");
    for (_, track) in parts(moov).filter(|(id, _)| id == b"trak") {
        let media = find(track, b"mdia").unwrap_or_default();
        if find(media, b"hdlr").and_then(|h| h.get(8..12)) != Some(b"vide") {
            continue;
        }
        match read_video(track, media, name, limits) {
            Ok(found) if found.samples == 0 && find(moov, b"mvex").is_some() => {
                return Err(VideoError::unsupported(name, "fragmented MP4"));
            }
            Ok(found) => return Ok(found),
            Err(failed) => error = failed,
        }
    }
    Err(error)
}

fn read_video(
    track: &[u8],
    media: &[u8],
    name: &str,
    limits: &VideoLimits,
) -> Result<Track, VideoError> {
    let bad = |what: &str| VideoError::format(name, what);
    let header = find(media, b"mdhd").ok_or_else(|| bad("a track without a header"))?;
    let (timescale, duration) = if header.first() == Some(&1) {
        (number(header, 20), long(header, 24))
    } else {
        (number(header, 12), number(header, 16).map(u64::from))
    };
    let timescale =
        timescale.filter(|&n| n > 0).ok_or_else(|| bad("a track without a time scale"))?;
    let tables = find(media, b"minf")
        .and_then(|m| find(m, b"stbl"))
        .ok_or_else(|| bad("a track without tables"))?;
    let description = find(tables, b"stsd").ok_or_else(|| bad("a track without a description"))?;
    let (code, entry) = parts(description.get(8..).unwrap_or_default())
        .next()
        .ok_or_else(|| bad("a track without a codec"))?;
    let side = |at: usize| {
        entry.get(at..at + 2).map_or(0, |b| u32::from(u16::from_be_bytes([b[0], b[1]])))
    };
    let size = Size::new(side(24), side(26));
    limits.check_size(name, size)?;
    let inner = entry.get(78..).unwrap_or_default();
    let codec = codec(&code, inner)
        .map_err(|what| VideoError::unsupported(name, format!("{what} in MP4")))?;
    let cursor = Cursor::new(tables).ok_or_else(|| bad("a table of samples is missing"))?;
    let samples = cursor.count;
    if samples > 0 {
        limits.check_index(name, u64::from(samples) - 1)?;
    }
    let seconds = duration.map(|d| d as f64 / f64::from(timescale)).filter(|s| *s > 0.0);
    let fps = seconds.map(|s| f64::from(samples) / s).filter(|f| (0.001..=100_000.0).contains(f));
    Ok(Track {
        codec,
        size,
        timescale,
        samples,
        fps,
        color: color(inner),
        quarter_turns: turns(track),
        cursor,
    })
}

fn codec(code: &[u8; 4], inner: &[u8]) -> Result<Codec, String> {
    match code {
        b"avc1" | b"avc3" => h264(find(inner, b"avcC").unwrap_or_default())
            .ok_or_else(|| "H.264 with damaged parameters".to_owned()),
        b"jpeg" | b"mjpa" | b"MJPG" => Ok(Codec::MotionJpeg),
        // MPEG-4 systems: the object type 6C is JPEG.
        b"mp4v" if find(inner, b"esds").is_some_and(|e| object_type(e) == Some(0x6C)) => {
            Ok(Codec::MotionJpeg)
        }
        b"hvc1" | b"hev1" => Err("H.265 (HEVC)".to_owned()),
        b"av01" => Err("AV1".to_owned()),
        b"vp09" | b"vp08" => Err("VP8 or VP9".to_owned()),
        b"mp4v" => Err("MPEG-4 part 2".to_owned()),
        other => Err(format!("the codec \"{}\"", other.escape_ascii())),
    }
}

/// The decoder configuration record of H.264: 14496-15, 5.3.3.1.
fn h264(record: &[u8]) -> Option<Codec> {
    let length_bytes = usize::from(record.get(4)? & 3) + 1;
    let mut at = 6;
    let mut sets = Vec::new();
    let mut take = |count: u8, at: &mut usize| -> Option<()> {
        for _ in 0..count {
            let length =
                usize::from(u16::from_be_bytes(record.get(*at..*at + 2)?.try_into().ok()?));
            sets.push(record.get(*at + 2..*at + 2 + length)?.to_vec());
            *at += 2 + length;
        }
        Some(())
    };
    take(record.get(5)? & 0x1F, &mut at)?;
    let count = *record.get(at)?;
    at += 1;
    take(count, &mut at)?;
    Some(Codec::H264 { sets, length_bytes })
}

/// The object type in an elementary stream descriptor: the byte behind the decoder's tag and length.
fn object_type(esds: &[u8]) -> Option<u8> {
    let descriptor = esds.get(4..)?;
    let tag = descriptor.iter().position(|&b| b == 4)?;
    let rest = descriptor.get(tag + 1..)?;
    let length = rest.iter().position(|&b| b < 0x80)?;
    rest.get(length + 1).copied()
}

fn color(inner: &[u8]) -> Option<YuvColor> {
    let colr = find(inner, b"colr")?;
    let kind = colr.get(..4)?;
    if kind != b"nclx" && kind != b"nclc" {
        return None;
    }
    let matrix = match colr.get(8..10)? {
        [0, 1] => Matrix::Bt709,
        [0, 4..=7] => Matrix::Bt601,
        _ => return None,
    };
    Some(YuvColor {
        matrix,
        full_range: kind == b"nclx" && colr.get(10).is_some_and(|b| b & 0x80 != 0),
    })
}

/// Quarter turns to the right by which the track is to be shown (its header's matrix).
fn turns(track: &[u8]) -> u8 {
    let header = find(track, b"tkhd").unwrap_or_default();
    let matrix = if header.first() == Some(&1) { 52 } else { 40 };
    let sign = |at: usize| number(header, matrix + at).map_or(0, |n| n.cast_signed().signum());
    match (sign(0), sign(4), sign(12), sign(16)) {
        (0, 1, -1, 0) => 1,
        (-1, 0, 0, -1) => 2,
        (0, -1, 1, 0) => 3,
        _ => 0,
    }
}

/// Walks the tables of a track, sample by sample.
#[derive(Debug)]
pub(crate) struct Cursor {
    count: u32,
    next: u32,
    /// Size of every sample, or 0 with a table.
    even_bytes: u32,
    sizes: Vec<u8>,
    /// Offsets of chunks, of 4 or 8 bytes.
    chunks: Vec<u8>,
    wide: bool,
    /// Runs of chunks: first chunk, samples in each.
    runs: Vec<u8>,
    run: usize,
    chunk: u32,
    left_in_chunk: u32,
    offset: u64,
    durations: Runs,
    shifts: Option<Runs>,
    decoded: i64,
}

/// A table of (count, value), run by run.
#[derive(Debug)]
struct Runs {
    table: Vec<u8>,
    next: usize,
    left: u32,
    value: u32,
}

impl Runs {
    fn new(table: &[u8]) -> Self {
        Self { table: table.get(8..).unwrap_or_default().to_vec(), next: 0, left: 0, value: 0 }
    }

    /// The next value; the last is repeated behind the end.
    fn take(&mut self) -> u32 {
        while self.left == 0 {
            let at = self.next * 8;
            let (Some(count), Some(value)) = (number(&self.table, at), number(&self.table, at + 4))
            else {
                return self.value;
            };
            (self.left, self.value) = (count, value);
            self.next += 1;
        }
        self.left -= 1;
        self.value
    }
}

impl Cursor {
    fn new(tables: &[u8]) -> Option<Self> {
        let sizes = find(tables, b"stsz")?;
        let (chunks, wide) = match find(tables, b"stco") {
            Some(table) => (table, false),
            None => (find(tables, b"co64")?, true),
        };
        Some(Self {
            count: number(sizes, 8)?,
            next: 0,
            even_bytes: number(sizes, 4)?,
            sizes: sizes.get(12..)?.to_vec(),
            chunks: chunks.get(8..)?.to_vec(),
            wide,
            runs: find(tables, b"stsc")?.get(8..)?.to_vec(),
            run: 0,
            chunk: 0,
            left_in_chunk: 0,
            offset: 0,
            durations: Runs::new(find(tables, b"stts")?),
            shifts: find(tables, b"ctts").map(Runs::new),
            decoded: 0,
        })
    }

    /// The next sample; `None` at the end, an error where the tables contradict each other.
    pub(crate) fn next(&mut self) -> Result<Option<Sample>, &'static str> {
        if self.next >= self.count {
            return Ok(None);
        }
        while self.left_in_chunk == 0 {
            self.next_chunk().ok_or("the tables tell of more samples than there are places")?;
        }
        let bytes = if self.even_bytes > 0 {
            self.even_bytes
        } else {
            number(&self.sizes, self.next as usize * 4).ok_or("the table of sizes is cut off")?
        };
        let shift = self.shifts.as_mut().map_or(0, Runs::take).cast_signed();
        let sample = Sample {
            offset: self.offset,
            bytes,
            shown: self.decoded.saturating_add(i64::from(shift)),
        };
        self.decoded = self.decoded.saturating_add(i64::from(self.durations.take()));
        self.offset = self.offset.saturating_add(u64::from(bytes));
        self.left_in_chunk -= 1;
        self.next += 1;
        Ok(Some(sample))
    }

    fn next_chunk(&mut self) -> Option<()> {
        let at = self.chunk as usize;
        self.offset = if self.wide {
            long(&self.chunks, at * 8)?
        } else {
            u64::from(number(&self.chunks, at * 4)?)
        };
        self.chunk += 1;
        // The run that this chunk (counted from 1) is in.
        while number(&self.runs, (self.run + 1) * 12).is_some_and(|first| first <= self.chunk) {
            self.run += 1;
        }
        self.left_in_chunk = number(&self.runs, self.run * 12 + 4)?;
        Some(())
    }
}

/// The boxes inside bytes; ends at the first that does not fit.
fn parts(bytes: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let size = number(rest, 0)?;
        let id: [u8; 4] = rest.get(4..8)?.try_into().ok()?;
        let (header, size) = match size {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(long(rest, 8)?).ok()?),
            n => (8, n as usize),
        };
        let content = rest.get(header..size)?;
        rest = &rest[size..];
        Some((id, content))
    })
}

fn find<'a>(bytes: &'a [u8], id: &[u8; 4]) -> Option<&'a [u8]> {
    parts(bytes).find(|(name, _)| name == id).map(|(_, content)| content)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
