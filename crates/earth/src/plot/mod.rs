//! Pictures: maps, meteograms, charts and animations, as PNG, SVG and GIF.
//!
//! Every picture is a [`Scene`], a list of what is drawn in pixels from the top left, which both [`png()`] and [`svg()`] render:
//! one layout, two files. We lay maps out ourselves, since no plotting crate has projections, wind barbs or labelled contours;
//! paths are filled by `tiny-skia`, glyphs are outlined by `ab_glyph`.

pub mod animation;
mod axis;
pub mod barb;
pub mod chart;
pub mod coast;
pub mod colour;
pub mod contour;
mod decor;
mod font;
mod frame;
mod layers;
pub mod map;
pub mod meteogram;
mod panels;
pub mod projection;
mod raster;
pub mod sample;
pub mod scene;
pub mod style;
mod svg;
pub mod tracks;
mod words;

pub use animation::gif;
pub use font::Font;
pub use frame::View;
pub use map::Map;
pub use panels::panels;
pub use raster::{Picture, png, raster};
pub use scene::Scene;
pub use svg::svg;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The picture's size is none, or too large.
    #[error(
        "a picture of {width} x {height} pixels: 64 to 16384 each way are drawn, 100 million at most"
    )]
    Size {
        /// Width, in pixels.
        width: f64,
        /// Height.
        height: f64,
    },
    /// An area cannot be shown in a projection.
    #[error("{projection}: {why}")]
    Projection {
        /// The projection's name.
        projection: &'static str,
        /// What is wrong, and what would do.
        why: String,
    },
    /// A grid's points cannot be interpolated between.
    #[error(transparent)]
    Grid(#[from] crate::regrid::RegridError),
    /// The data cannot be drawn.
    #[error("{0}")]
    Unfit(String),
    /// A font file is none.
    #[error("{0}: no TrueType or OpenType font")]
    Font(String),
    /// A file's encoder refused.
    #[error("encoding: {0}")]
    Encode(String),
}
