//! Zarr stores in a folder: versions 2 and 3 are read, version 3 is written.
//!
//! Our own reader: what weather stores use of Zarr is a few codecs and a grid of chunks, for which `zarrs` would bring 75 more
//! crates and the C library of Blosc. Blosc's container is read by us, its LZ4 in pure Rust; Zstandard is the C library that
//! Parquet already brings.

mod chunks;
pub(crate) mod codec;
mod meta;
mod read;
mod write;

pub use read::open;
pub use write::{Chunking, Options, Writer};
