//! YUV4MPEG2: undecoded frames behind a line of text. What ffmpeg writes into a pipe.

use std::io::{BufRead, Read};

use super::yuv::{YuvColor, YuvPlanes, to_rgb};
use super::{DEFAULT_FPS, Frame, FrameSource, VideoError, VideoInfo, VideoLimits, time_at};
use crate::geometry::Size;

/// The first word of the header.
pub(crate) const MAGIC: &[u8] = b"YUV4MPEG2";

/// A header or frame line is short.
const MAX_LINE: u64 = 1024;

/// A reader of YUV4MPEG2 with 8 bits a sample.
pub struct Y4mReader<R> {
    reader: R,
    name: String,
    limits: VideoLimits,
    info: VideoInfo,
    size: Size,
    fps: f64,
    color: YuvColor,
    /// Columns and rows of luma to one of chroma; `None` for grey.
    subsampling: Option<(u32, u32)>,
    index: u64,
    buffer: Vec<u8>,
    done: bool,
}

impl<R: BufRead + Send> Y4mReader<R> {
    /// Reads the header; `name` is what errors call the clip. The format has no word for the colour
    /// matrix: `color` says it, or what the size suggests is taken.
    ///
    /// # Errors
    /// [`VideoError`]: no such header, a size over the limits, more than 8 bits a sample.
    pub fn new(
        mut reader: R,
        name: String,
        limits: &VideoLimits,
        color: Option<YuvColor>,
    ) -> Result<Self, VideoError> {
        let line = read_line(&mut reader).map_err(|e| VideoError::io(&name, e))?;
        let mut words = line.split(|b| *b == b' ');
        if words.next() != Some(MAGIC) {
            return Err(VideoError::format(&name, "no YUV4MPEG2 header"));
        }
        let (mut size, mut fps, mut full_range, mut chroma) =
            (Size::default(), None, None, "420jpeg".to_owned());
        for word in words {
            let text = String::from_utf8_lossy(word);
            let (Some(key), rest) = (text.chars().next(), text.get(1..).unwrap_or_default()) else {
                continue;
            };
            match key {
                'W' => size.width = rest.parse().unwrap_or(0),
                'H' => size.height = rest.parse().unwrap_or(0),
                'F' => fps = ratio(rest),
                'C' => rest.clone_into(&mut chroma),
                'X' if rest == "COLORRANGE=FULL" => full_range = Some(true),
                'X' if rest == "COLORRANGE=LIMITED" => full_range = Some(false),
                _ => {}
            }
        }
        limits.check_size(&name, size)?;
        let subsampling = match chroma.as_str() {
            "mono" => None,
            "420" | "420jpeg" | "420mpeg2" | "420paldv" => Some((2, 2)),
            "422" => Some((2, 1)),
            "444" => Some((1, 1)),
            other => {
                return Err(VideoError::unsupported(
                    &name,
                    format!("YUV4MPEG2 with samples \"{other}\""),
                ));
            }
        };
        let mut color = color.unwrap_or_else(|| YuvColor::assumed(size));
        color.full_range = full_range.unwrap_or(color.full_range);
        let info =
            VideoInfo { size: Some(size), fps, frames: None, format: "YUV4MPEG2".to_owned() };
        Ok(Self {
            reader,
            name,
            limits: *limits,
            info,
            size,
            fps: fps.unwrap_or(DEFAULT_FPS),
            color,
            subsampling,
            index: 0,
            buffer: Vec::new(),
            done: false,
        })
    }

    /// Says in [`VideoInfo::format`] where the frames come from.
    pub(crate) fn set_format(&mut self, format: String) {
        self.info.format = format;
    }

    /// Samples of the luma plane and of one chroma plane.
    fn plane_bytes(&self) -> (usize, usize) {
        let chroma = self.subsampling.map_or(0, |(sx, sy)| {
            self.size.width.div_ceil(sx) as usize * self.size.height.div_ceil(sy) as usize
        });
        (self.size.area() as usize, chroma)
    }

    /// Reads the next frame's bytes into the buffer; false at the end.
    fn fill(&mut self) -> Result<bool, VideoError> {
        if self.done {
            return Ok(false);
        }
        self.done = true;
        let line = read_line(&mut self.reader).map_err(|e| VideoError::io(&self.name, e))?;
        if line.is_empty() {
            return Ok(false);
        }
        if !line.starts_with(b"FRAME") {
            return Err(VideoError::format(
                &self.name,
                format!("no frame header behind frame {}", self.index),
            ));
        }
        self.limits.check_index(&self.name, self.index)?;
        let (luma, chroma) = self.plane_bytes();
        let bytes = luma + 2 * chroma;
        self.buffer.clear();
        let read = self.reader.by_ref().take(bytes as u64).read_to_end(&mut self.buffer);
        let read = read.map_err(|e| VideoError::io(&self.name, e))?;
        if read < bytes {
            let what = format!("{read} of the {bytes} bytes of the next are there");
            return Err(VideoError::truncated(&self.name, self.index, what));
        }
        self.done = false;
        self.index += 1;
        Ok(true)
    }
}

impl<R: BufRead + Send> FrameSource for Y4mReader<R> {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        if !self.fill()? {
            return Ok(None);
        }
        let (luma, chroma) = self.plane_bytes();
        let (y, rest) = self.buffer.split_at(luma);
        let (u, v) = rest.split_at(chroma);
        let subsampling = self.subsampling.unwrap_or((1, 1));
        let chroma_stride = self.size.width.div_ceil(subsampling.0) as usize;
        let planes = YuvPlanes {
            size: self.size,
            planes: [y, u, v],
            strides: [self.size.width as usize, chroma_stride, chroma_stride],
            subsampling,
        };
        let index = self.index - 1;
        let image = to_rgb(&planes, self.color)
            .ok_or_else(|| VideoError::frame(&self.name, index, "planes of the wrong size"))?;
        Ok(Some(Frame { image, index, time: time_at(index, self.fps) }))
    }

    fn skip_frame(&mut self) -> Result<bool, VideoError> {
        self.fill()
    }
}

/// A line without its end; empty at the end of the file.
fn read_line(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.take(MAX_LINE).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(line)
}

/// `25:1` as a number.
fn ratio(text: &str) -> Option<f64> {
    let (a, b) = text.split_once(':')?;
    let value = a.parse::<f64>().ok()? / b.parse::<f64>().ok()?;
    (value.is_finite() && (0.001..=100_000.0).contains(&value)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Frame>, VideoError> {
        let mut reader = Y4mReader::new(bytes, "clip".to_owned(), &VideoLimits::default(), None)?;
        let mut frames = Vec::new();
        while let Some(frame) = reader.next_frame()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn frames_and_damage() {
        let mut clip = b"YUV4MPEG2 W3 H2 F30000:1001 Ip C420jpeg XCOLORRANGE=FULL\n".to_vec();
        for shade in [10, 200] {
            clip.extend_from_slice(b"FRAME\n");
            clip.extend_from_slice(&[shade; 6]);
            clip.extend_from_slice(&[128; 4]);
        }
        let frames = read(&clip).expect("whole");
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[1].image.pixel(2, 1), Some([200; 3]));
        assert_eq!(frames[1].time.as_micros(), 33_366);
        assert!(matches!(
            read(&clip[..clip.len() - 1]),
            Err(VideoError::Truncated { frames: 1, .. })
        ));
        assert!(matches!(read(b"YUV4MPEG2 W3 H2 C420p10\n"), Err(VideoError::Unsupported { .. })));
        assert!(matches!(read(b"YUV4MPEG2 W90000 H90000\n"), Err(VideoError::Limit { .. })));
        assert!(matches!(read(b"YUV4MPEG2 W-1 H2\n"), Err(VideoError::Format { .. })));
        assert!(matches!(read(&[0xFF; 3000]), Err(VideoError::Format { .. })));
    }
}
