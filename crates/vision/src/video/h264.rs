//! H.264 to pictures, with Cisco's openh264: 8 bits, 4:2:0, progressive; baseline, main and high
//! profile. A stream it cannot read, or one over the limits, is refused before the decoder sees it.

use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use super::VideoLimits;
use super::sps::{Sps, parse_sps};
use super::yuv::{YuvColor, YuvPlanes, to_rgb};
use crate::geometry::Size;
use crate::image::Image;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Why a stream gives no picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum H264Error {
    /// The stream is of a kind that is not decoded here.
    Unsupported(String),
    /// The pictures are larger than allowed.
    TooLarge(Size),
    /// This access unit is damaged, or one that it needs is missing.
    Damaged(String),
}

impl std::fmt::Display for H264Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unsupported(what) => write!(f, "{what} is not decoded here"),
            Self::TooLarge(size) => write!(f, "pictures of {size} are larger than allowed"),
            Self::Damaged(what) => write!(f, "damaged H.264: {what}"),
        }
    }
}

/// What decoding one access unit gave.
#[derive(Debug)]
pub enum Decoded {
    /// Nothing yet: pictures are shown in another order than they are sent.
    Nothing,
    /// A picture that was not asked for.
    Passed,
    /// A picture.
    Image(Image),
}

/// A decoder of one stream.
pub struct H264Decoder {
    decoder: Decoder,
    limits: VideoLimits,
    sps: Option<Sps>,
    /// The container's word on colours goes before the stream's.
    color: Option<YuvColor>,
    unit: Vec<u8>,
    refused: Option<H264Error>,
}

impl H264Decoder {
    /// A decoder; `color` overrides what the stream says.
    ///
    /// # Errors
    /// [`H264Error::Damaged`] when the library cannot be set up.
    pub fn new(limits: &VideoLimits, color: Option<YuvColor>) -> Result<Self, H264Error> {
        // Pictures leave the decoder in the order in which they are shown, not as soon as decoded.
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let decoder =
            Decoder::with_api_config(OpenH264API::from_source(), config).map_err(damaged)?;
        Ok(Self { decoder, limits: *limits, sps: None, color, unit: Vec::new(), refused: None })
    }

    /// The last sequence parameter set.
    #[must_use]
    pub fn sps(&self) -> Option<&Sps> {
        self.sps.as_ref()
    }

    /// Adds a NAL unit, without start code, to the next access unit.
    pub fn push_nal(&mut self, nal: &[u8]) {
        if nal.first().is_some_and(|head| head & 0x1F == 7) {
            self.take_sps(nal);
        }
        self.unit.extend_from_slice(&START_CODE);
        self.unit.extend_from_slice(nal);
    }

    /// Adds NAL units that each have their length before them, in `length_bytes` bytes.
    ///
    /// # Errors
    /// [`H264Error::Damaged`] when a length is longer than what follows.
    pub fn push_lengths(&mut self, mut bytes: &[u8], length_bytes: usize) -> Result<(), H264Error> {
        while !bytes.is_empty() {
            let cut = || H264Error::Damaged("a unit is longer than its frame".to_owned());
            let (length, rest) = bytes.split_at_checked(length_bytes).ok_or_else(cut)?;
            let length = length.iter().fold(0_usize, |n, &b| n << 8 | usize::from(b));
            let (nal, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
            self.push_nal(nal);
            bytes = rest;
        }
        Ok(())
    }

    fn take_sps(&mut self, nal: &[u8]) {
        let Some(sps) = parse_sps(nal) else {
            self.refused = Some(H264Error::Damaged("an unreadable parameter set".to_owned()));
            return;
        };
        self.refused = match sps.obstacle() {
            Some(what) => Some(H264Error::Unsupported(what)),
            None if sps.coded.area() > self.limits.max_pixels => {
                Some(H264Error::TooLarge(sps.size))
            }
            None => None,
        };
        self.sps = Some(sps);
    }

    /// Decodes the access unit that was pushed; the picture is converted only if `wanted`.
    ///
    /// # Errors
    /// [`H264Error`]. After [`H264Error::Damaged`] the next access units can be tried.
    pub fn decode(&mut self, wanted: bool) -> Result<Decoded, H264Error> {
        let unit = std::mem::take(&mut self.unit);
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        if unit.is_empty() {
            return Ok(Decoded::Nothing);
        }
        let color = self.color();
        let result = match self.decoder.decode(&unit) {
            Ok(Some(picture)) if wanted => {
                convert(&picture, color, &self.limits).map(Decoded::Image)
            }
            Ok(Some(_)) => Ok(Decoded::Passed),
            Ok(None) => Ok(Decoded::Nothing),
            Err(error) => Err(damaged(error)),
        };
        self.unit = unit;
        self.unit.clear();
        result
    }

    /// The pictures that the decoder still holds, at the end of a stream.
    ///
    /// # Errors
    /// [`H264Error::Damaged`].
    pub fn flush(&mut self) -> Result<Vec<Image>, H264Error> {
        let (color, limits) = (self.color(), self.limits);
        let pictures = self.decoder.flush_remaining().map_err(damaged)?;
        pictures.iter().map(|picture| convert(picture, color, &limits)).collect()
    }

    fn color(&self) -> YuvColor {
        let said = self.sps.as_ref().map(Sps::color);
        self.color.or(said).unwrap_or_else(|| YuvColor::assumed(Size::default()))
    }
}

fn convert(
    picture: &DecodedYUV<'_>,
    color: YuvColor,
    limits: &VideoLimits,
) -> Result<Image, H264Error> {
    let (width, height) = picture.dimensions();
    let size = Size::new(width as u32, height as u32);
    if size.area() > limits.max_pixels {
        return Err(H264Error::TooLarge(size));
    }
    let strides = picture.strides();
    let planes = YuvPlanes {
        size,
        planes: [picture.y(), picture.u(), picture.v()],
        strides: [strides.0, strides.1, strides.2],
        subsampling: (2, 2),
    };
    to_rgb(&planes, color).ok_or_else(|| H264Error::Damaged("a picture without a size".to_owned()))
}

fn damaged(error: impl std::fmt::Display) -> H264Error {
    H264Error::Damaged(error.to_string())
}

/// The NAL units of a byte stream with start codes (Annex B).
pub fn split_annex_b(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) =
        bytes.get(at..).and_then(|rest| rest.windows(3).position(|w| w == [0, 0, 1]))
    {
        starts.push(at + found);
        at += found + 3;
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([bytes.len()]).collect();
    starts.into_iter().zip(ends).filter_map(move |(start, end)| {
        let unit = bytes.get(start + 3..end)?;
        let length = unit.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        unit.get(..length).filter(|u| !u.is_empty())
    })
}
