//! Motion JPEG in AVI, read chunk by chunk. The index is not used, so a recording that was never
//! finished is readable; OpenDML files over 2 GB are a row of RIFF parts and are read the same way.
//!
//! Formats: Microsoft's AVI RIFF reference and the OpenDML AVI file format extensions 1.02.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::{DEFAULT_FPS, Frame, FrameSource, VideoError, VideoInfo, VideoLimits, jpeg, time_at};
use crate::geometry::Size;

/// Header chunks are short; a longer one is not read.
const MAX_HEADER_BYTES: u32 = 64 << 10;

/// Names under which cameras and programs write Motion JPEG.
const MOTION_JPEG: [&[u8; 4]; 7] = [b"MJPG", b"JPEG", b"AVRN", b"AVDJ", b"DMB1", b"ADJV", b"MJPA"];

/// A reader of Motion JPEG in AVI.
pub struct AviReader<R> {
    reader: R,
    name: String,
    limits: VideoLimits,
    info: VideoInfo,
    fps: f64,
    /// Bytes in the file.
    length: u64,
    /// Where the next chunk begins.
    position: u64,
    /// Where the present RIFF part says that it ends; 0 where it does not say.
    part_end: u64,
    /// `00` to `99`, the chunks of the video stream.
    stream: [u8; 2],
    index: u64,
    /// Offset and length of the last frame, shown again by a chunk of no bytes.
    last: Option<(u64, u32)>,
    buffer: Vec<u8>,
    done: bool,
}

/// What the header lists say of the video stream.
#[derive(Default)]
struct Header {
    frame_microseconds: u32,
    scale: u32,
    rate: u32,
    frames: u32,
    total_frames: Option<u32>,
    handler: [u8; 4],
    compression: [u8; 4],
    size: Size,
    video: Option<usize>,
    streams: usize,
}

impl AviReader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`VideoError`]: no AVI, no video stream in it, or one of another codec.
    pub fn open(path: &Path, limits: &VideoLimits) -> Result<Self, VideoError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|e| VideoError::io(&name, e))?;
        Self::new(BufReader::with_capacity(64 << 10, file), name, limits)
    }
}

impl<R: Read + Seek + Send> AviReader<R> {
    /// Reads the headers; `name` is what errors call the clip.
    ///
    /// # Errors
    /// As [`AviReader::open`].
    pub fn new(mut reader: R, name: String, limits: &VideoLimits) -> Result<Self, VideoError> {
        let length = reader.seek(SeekFrom::End(0)).map_err(|e| VideoError::io(&name, e))?;
        reader.rewind().map_err(|e| VideoError::io(&name, e))?;
        let mut avi = Self {
            reader,
            name,
            limits: *limits,
            info: VideoInfo {
                size: None,
                fps: None,
                frames: None,
                format: "AVI, Motion JPEG".to_owned(),
            },
            fps: DEFAULT_FPS,
            length,
            position: 0,
            part_end: 0,
            stream: *b"00",
            index: 0,
            last: None,
            buffer: Vec::new(),
            done: false,
        };
        let header = avi.read_headers()?;
        avi.take_header(&header)?;
        Ok(avi)
    }

    /// Walks the chunks up to the list of frames.
    fn read_headers(&mut self) -> Result<Header, VideoError> {
        let mut header = Header::default();
        let mut riff = false;
        while let Some((id, size)) = self.chunk()? {
            match &id {
                b"RIFF" | b"LIST" => {
                    let kind = self.list(&id, size)?;
                    riff |= &id == b"RIFF" && &kind == b"AVI ";
                    if !riff {
                        break;
                    }
                    match &kind {
                        b"movi" => return Ok(header),
                        b"AVI " | b"hdrl" | b"strl" | b"odml" => {}
                        _ => self.pass(size.saturating_sub(4))?,
                    }
                }
                b"avih" | b"strh" | b"strf" | b"dmlh" if size <= MAX_HEADER_BYTES => {
                    let bytes = self.bytes(size)?;
                    header.take(&id, &bytes);
                }
                _ => self.pass(size)?,
            }
        }
        let what = if riff { "no list of frames in the AVI" } else { "no AVI" };
        Err(VideoError::format(&self.name, what))
    }

    fn take_header(&mut self, header: &Header) -> Result<(), VideoError> {
        let Some(stream) = header.video.filter(|&n| n < 100) else {
            return Err(VideoError::format(&self.name, "an AVI without a video stream"));
        };
        self.stream = [b'0' + (stream / 10) as u8, b'0' + (stream % 10) as u8];
        let motion_jpeg =
            |code: &[u8; 4]| MOTION_JPEG.iter().any(|known| known.eq_ignore_ascii_case(code));
        if !motion_jpeg(&header.compression) && !motion_jpeg(&header.handler) {
            let code = header.compression.escape_ascii();
            return Err(VideoError::unsupported(
                &self.name,
                format!("AVI with the codec \"{code}\""),
            ));
        }
        if header.size.area() > 0 {
            self.limits.check_size(&self.name, header.size)?;
            self.info.size = Some(header.size);
        }
        let fps = if header.rate > 0 && header.scale > 0 {
            f64::from(header.rate) / f64::from(header.scale)
        } else {
            1e6 / f64::from(header.frame_microseconds)
        };
        if fps.is_finite() && (0.001..=100_000.0).contains(&fps) {
            self.fps = fps;
            self.info.fps = Some(fps);
        }
        self.info.frames =
            header.total_frames.or(Some(header.frames)).filter(|&n| n > 0).map(u64::from);
        Ok(())
    }

    /// The next chunk's name and length, with the position behind its head; `None` at the end.
    fn chunk(&mut self) -> Result<Option<([u8; 4], u32)>, VideoError> {
        if self.position.saturating_add(8) > self.length {
            return Ok(None);
        }
        let mut head = [0; 8];
        self.reader.read_exact(&mut head).map_err(|e| VideoError::io(&self.name, e))?;
        self.position += 8;
        let [a, b, c, d, size @ ..] = head;
        Ok(Some(([a, b, c, d], u32::from_le_bytes(size))))
    }

    /// Steps into a list: its kind.
    fn list(&mut self, id: &[u8; 4], size: u32) -> Result<[u8; 4], VideoError> {
        let mut kind = [0; 4];
        if self.position.saturating_add(4) <= self.length {
            self.reader.read_exact(&mut kind).map_err(|e| VideoError::io(&self.name, e))?;
            if id == b"RIFF" {
                self.part_end =
                    if size == 0 { 0 } else { self.position.saturating_add(u64::from(size)) };
            }
            self.position += 4;
        } else {
            self.position = self.length;
        }
        Ok(kind)
    }

    /// Bytes of a chunk and of its padding; fewer where the file ends.
    fn bytes(&mut self, size: u32) -> Result<Vec<u8>, VideoError> {
        let mut bytes = Vec::new();
        let count = self.reader.by_ref().take(u64::from(size)).read_to_end(&mut bytes);
        self.position += count.map_err(|e| VideoError::io(&self.name, e))? as u64;
        if size % 2 == 1 {
            self.pass_bytes(1)?;
        }
        Ok(bytes)
    }

    /// Passes over a chunk and its padding.
    fn pass(&mut self, size: u32) -> Result<(), VideoError> {
        self.pass_bytes(u64::from(size) + u64::from(size % 2))
    }

    fn pass_bytes(&mut self, count: u64) -> Result<(), VideoError> {
        self.position = self.position.saturating_add(count);
        // Of the ways to seek, only this one keeps what a buffered reader has read ahead.
        let step = i64::try_from(count).unwrap_or(i64::MAX);
        self.reader.seek_relative(step).map_err(|e| VideoError::io(&self.name, e))
    }

    /// Goes to the next frame's chunk: its offset and length, the reader at its first byte.
    fn next_chunk(&mut self) -> Result<Option<(u64, u32)>, VideoError> {
        if self.done {
            return Ok(None);
        }
        while let Some((id, size)) = self.chunk()? {
            match &id {
                b"RIFF" | b"LIST" => {
                    let kind = self.list(&id, size)?;
                    if !matches!(&kind, b"AVIX" | b"movi" | b"rec ") {
                        self.pass(size.saturating_sub(4))?;
                    }
                }
                [a, b, b'd', b'c' | b'b'] if [*a, *b] == self.stream => {
                    self.limits
                        .check_index(&self.name, self.index)
                        .inspect_err(|_| self.done = true)?;
                    return Ok(Some((self.position, size)));
                }
                _ => self.pass(size)?,
            }
        }
        self.done = true;
        let cut = if self.position < self.length {
            Some("a few bytes of the next chunk are there")
        } else if self.position > self.length {
            Some("the last chunk is longer than the file")
        } else if self.part_end > self.length {
            Some("the header tells of more bytes")
        } else {
            None
        };
        match cut {
            Some(what) => Err(VideoError::truncated(&self.name, self.index, what)),
            None => Ok(None),
        }
    }

    /// Reads a frame's bytes into the buffer; the position is then behind them.
    fn read_frame(&mut self, size: u32) -> Result<(), VideoError> {
        self.buffer.clear();
        let count = self
            .limits
            .check_bytes(&self.name, u64::from(size))
            .inspect_err(|_| self.done = true)?;
        let read = self.reader.by_ref().take(u64::from(size)).read_to_end(&mut self.buffer);
        let read = read.map_err(|e| VideoError::io(&self.name, e))?;
        self.position += read as u64;
        if read < count {
            self.done = true;
            let what = format!("{read} of the {count} bytes of the next are there");
            return Err(VideoError::truncated(&self.name, self.index, what));
        }
        if size % 2 == 1 {
            self.pass_bytes(1)?;
        }
        Ok(())
    }

    /// A chunk of no bytes means that the frame before is shown again.
    fn read_last(&mut self) -> Result<bool, VideoError> {
        let Some((offset, size)) = self.last else { return Ok(false) };
        let back = self.position;
        self.reader.seek(SeekFrom::Start(offset)).map_err(|e| VideoError::io(&self.name, e))?;
        self.read_frame(size)?;
        self.position = back;
        self.reader.seek(SeekFrom::Start(back)).map_err(|e| VideoError::io(&self.name, e))?;
        Ok(true)
    }
}

impl<R: Read + Seek + Send> FrameSource for AviReader<R> {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        while let Some((offset, size)) = self.next_chunk()? {
            if size > 0 {
                self.read_frame(size)?;
                self.last = Some((offset, size));
            } else if !self.read_last()? {
                continue;
            }
            let index = self.index;
            self.index += 1;
            let image = jpeg::decode_frame(&self.buffer, &self.limits)
                .map_err(|reason| VideoError::frame(&self.name, index, reason))?;
            return Ok(Some(Frame { image, index, time: time_at(index, self.fps) }));
        }
        Ok(None)
    }

    fn skip_frame(&mut self) -> Result<bool, VideoError> {
        while let Some((offset, size)) = self.next_chunk()? {
            if size > 0 {
                self.pass(size)?;
                if self.position > self.length.saturating_add(1) {
                    self.done = true;
                    return Err(VideoError::truncated(
                        &self.name,
                        self.index,
                        "the last chunk is longer than the file",
                    ));
                }
                self.last = Some((offset, size));
            } else if self.last.is_none() {
                continue;
            }
            self.index += 1;
            return Ok(true);
        }
        Ok(false)
    }
}

impl Header {
    fn take(&mut self, id: &[u8; 4], bytes: &[u8]) {
        let four = |at: usize| -> [u8; 4] {
            bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).unwrap_or_default()
        };
        let number = |at: usize| u32::from_le_bytes(four(at));
        match id {
            b"avih" => {
                self.frame_microseconds = number(0);
            }
            b"dmlh" => self.total_frames = Some(number(0)),
            b"strh" => {
                if &four(0) == b"vids" && self.video.is_none() {
                    self.video = Some(self.streams);
                    self.handler = four(4);
                    (self.scale, self.rate, self.frames) = (number(20), number(24), number(32));
                }
                self.streams += 1;
            }
            // The format of the stream whose header came just before.
            b"strf" if self.video.is_some_and(|n| n + 1 == self.streams) => {
                self.size = Size::new(number(4), number(8).cast_signed().unsigned_abs());
                self.compression = four(16);
            }
            _ => {}
        }
    }
}
