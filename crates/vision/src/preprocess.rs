//! Pictures to a model's input: resizing, letterbox, normalisation and layout in one pass, straight
//! into the caller's memory, as the model's card asks.
//!
//! `bilinear` gives the bytes of OpenCV's `INTER_LINEAR` for 8-bit pictures, bit for bit, because
//! that is what most published detectors were trained and measured with.

mod axis;
mod card;
mod kernel;
mod place;

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use card::CardTableError;
pub use place::Placement;

use crate::geometry::{BBox, Size};
use crate::image::Image;

/// Version of the arithmetic. It is part of [`Preprocess::hash`]: a change that gives other numbers
/// for the same card must raise it, so that a memory bank built before is refused.
const ALGORITHM: u32 = 1;

/// How a picture is fitted to the model's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Scaled to fit, whole; what is left over at the right and below is padding. Sizes are cut to
    /// whole pixels, as YOLOX does.
    LetterboxTopLeft {
        /// The scaled sides are rounded to the nearest pixel instead of down.
        nearest: bool,
    },
    /// Scaled to fit, whole, in the middle of padding. Sizes are rounded, as ultralytics does.
    LetterboxCentre,
    /// Scaled to the input's size, whatever the shape.
    Stretch,
    /// The short side is scaled to `short_side` and the middle taken, as torchvision does.
    CentreCrop {
        /// Length of the short side after scaling, at least the input's width and height.
        short_side: u32,
    },
}

/// Order of the channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// Order of the input's dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Batch, channel, row, column.
    Nchw,
    /// Batch, row, column, channel.
    Nhwc,
}

/// Type of the input's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit float.
    Float32,
    /// Byte: the picture's values as they are.
    Uint8,
}

/// How values between pixels are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// From the four nearest pixels, half-pixel centres, no smoothing: OpenCV's `INTER_LINEAR`.
    Bilinear,
    /// The mean over the area that an output pixel covers, along each axis that shrinks: OpenCV's
    /// `INTER_AREA`. Along an axis that grows, as `Bilinear`.
    Area,
}

/// The `[preprocess]` table of a model's card, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocess {
    size: Size,
    fit: Fit,
    pad: u8,
    channels: Channels,
    layout: Layout,
    dtype: Dtype,
    interpolation: Interpolation,
    scale: f64,
    mean: [f64; 3],
    std: [f64; 3],
}

/// A picture to be prepared, or a part of it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The picture.
    pub image: &'a Image,
    /// The part: clipped to the picture and rounded to whole pixels. `None` for the whole.
    pub region: Option<BBox>,
}

impl<'a> From<&'a Image> for Source<'a> {
    fn from(image: &'a Image) -> Self {
        Self { image, region: None }
    }
}

/// Why a picture could not be prepared.
#[derive(Debug, Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum PrepareError {
    /// The caller's memory is not the input's size.
    #[error(
        "the model's input takes {expected} elements for {items} pictures, but the buffer has {found}"
    )]
    Length {
        /// Pictures to be written.
        items: usize,
        /// Elements needed.
        expected: usize,
        /// Elements there.
        found: usize,
    },
    /// The caller's memory has another type of element than the card says.
    #[error("the model's card says dtype = \"{card}\", but the buffer is of another type")]
    ElementType {
        /// The card's word.
        card: &'static str,
    },
    /// Nothing to be prepared.
    #[error("the region ({}, {}) to ({}, {}) has no pixel within the picture of {size} pixels", region.x1, region.y1, region.x2, region.y2)]
    EmptyRegion {
        /// The part asked for.
        region: BBox,
        /// Size of the picture.
        size: Size,
    },
}

mod sealed {
    /// Keeps [`super::Element`] to the two types that the kernels write.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for u8 {}
}

/// A type of the input's elements: `f32` or `u8`.
pub trait Element: sealed::Sealed + Copy + Send + Sync {
    /// The card's word for it.
    const DTYPE: Dtype;
    /// A value of the picture as an element, with the channel's factor and offset.
    #[doc(hidden)]
    fn from_value(value: u8, factor: f32, offset: f32) -> Self;
}

impl Element for f32 {
    const DTYPE: Dtype = Dtype::Float32;
    #[inline]
    fn from_value(value: u8, factor: f32, offset: f32) -> Self {
        Self::from(value) * factor + offset
    }
}

impl Element for u8 {
    const DTYPE: Dtype = Dtype::Uint8;
    #[inline]
    fn from_value(value: u8, _factor: f32, _offset: f32) -> Self {
        value
    }
}

impl Preprocess {
    /// Reads the `[preprocess]` table of a card.
    ///
    /// # Errors
    /// A key that is missing, unknown, of the wrong type or out of range; the message names it and
    /// what is allowed.
    pub fn from_table(table: &toml::Table) -> Result<Self, CardTableError> {
        card::read(table)
    }

    /// Width and height of the model's input.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// How pictures are fitted.
    #[must_use]
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// Order of the input's dimensions.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Type of the input's elements.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Elements that one picture takes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.size.width as usize * self.size.height as usize * 3
    }

    /// False: an input of no elements is refused by [`Self::from_table`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Dimensions of a batch of `items` pictures, in the card's order.
    #[must_use]
    pub fn shape(&self, items: usize) -> [usize; 4] {
        let (w, h) = (self.size.width as usize, self.size.height as usize);
        match self.layout {
            Layout::Nchw => [items, 3, h, w],
            Layout::Nhwc => [items, h, w, 3],
        }
    }

    /// Everything that decides the numbers, as text: the same for two cards that mean the same.
    #[must_use]
    pub fn canonical(&self) -> String {
        let Self { size, fit, pad, channels, layout, dtype, interpolation, scale, mean, std } =
            self;
        format!(
            "strata-vision preprocess {ALGORITHM}\nsize {} {}\nfit {fit:?}\npad {pad}\nchannels {channels:?}\n\
             layout {layout:?}\ndtype {dtype:?}\ninterpolation {interpolation:?}\nscale {scale:?}\nmean {mean:?}\n\
             std {std:?}\n",
            size.width, size.height
        )
    }

    /// Sha256 of [`Self::canonical`], in hexadecimal: the stamp of a memory bank.
    #[must_use]
    pub fn hash(&self) -> String {
        let digest = Sha256::digest(self.canonical().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Where a picture or a part of it comes to lie in the input, without preparing it.
    ///
    /// # Errors
    /// [`PrepareError::EmptyRegion`].
    pub fn placement(&self, source: Source<'_>) -> Result<Placement, PrepareError> {
        Placement::of(self, source)
    }

    /// Writes one picture into `out`, which has [`Self::len`] elements.
    ///
    /// # Errors
    /// A buffer of the wrong length or type; a region without pixels.
    pub fn prepare<T: Element>(
        &self,
        source: Source<'_>,
        out: &mut [T],
    ) -> Result<Placement, PrepareError> {
        self.check(1, out)?;
        let placement = Placement::of(self, source)?;
        kernel::fill(self, source.image, &placement, out);
        Ok(placement)
    }

    /// Writes a batch into `out`, one picture after the other, on rayon's threads.
    ///
    /// # Errors
    /// As [`Self::prepare`]; the first in order.
    pub fn prepare_batch<T: Element>(
        &self,
        sources: &[Source<'_>],
        out: &mut [T],
    ) -> Result<Vec<Placement>, PrepareError> {
        self.check(sources.len(), out)?;
        let items: Vec<_> = sources
            .par_iter()
            .zip(out.par_chunks_exact_mut(self.len()))
            .map(|(source, out)| self.prepare(*source, out))
            .collect();
        items.into_iter().collect()
    }

    fn check<T: Element>(&self, items: usize, out: &[T]) -> Result<(), PrepareError> {
        if T::DTYPE != self.dtype {
            return Err(PrepareError::ElementType { card: card::dtype_word(self.dtype) });
        }
        let expected = self.len().saturating_mul(items);
        if out.len() != expected {
            return Err(PrepareError::Length { items, expected, found: out.len() });
        }
        Ok(())
    }

    /// Factor and offset of each channel, in the card's order: `(v * scale - mean) / std` as one
    /// multiplication and one addition.
    fn normalisation(&self) -> [(f32, f32); 3] {
        std::array::from_fn(|c| {
            ((self.scale / self.std[c]) as f32, (-self.mean[c] / self.std[c]) as f32)
        })
    }
}
