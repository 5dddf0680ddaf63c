//! Filters of HDF5 that its own list leaves to plug-ins.

use hdf5_reader::FilterRegistry;
use hdf5_reader::error::Error;

use crate::zarr::codec;

/// Numbers that the HDF Group registered.
const BLOSC: u16 = 32_001;
const ZSTD: u16 = 32_015;

/// The reader's filters with ours; no chunk may become more than `most` bytes.
pub(super) fn registry(most: usize) -> FilterRegistry {
    let mut registry = FilterRegistry::new();
    let blosc = move |data: &[u8]| codec::blosc(data, most).map_err(Error::DecompressionError);
    let zstd = move |data: &[u8]| codec::zstd(data, most).map_err(Error::DecompressionError);
    registry.register(BLOSC, Box::new(move |_, data, _| blosc(data)));
    registry.register(ZSTD, Box::new(move |_, data, _| zstd(data)));
    registry
}
