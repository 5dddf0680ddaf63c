//! Filters of HDF5 that its own list leaves to plug-ins, and two of that list where reading takes its time: deflate and the
//! order of bytes.

use std::sync::atomic::{AtomicUsize, Ordering};

use hdf5_reader::FilterRegistry;
use hdf5_reader::error::Error;
use libdeflater::{DecompressionError, Decompressor};

use crate::zarr::codec;

/// Filters that every HDF5 library has.
const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
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
    // Chunks of a file are mostly of one size, which the stream does not tell.
    let last = AtomicUsize::new(0);
    registry.register(DEFLATE, Box::new(move |_, data, _| inflate(data, most, &last)));
    registry.register(SHUFFLE, Box::new(|_, data, size| Ok(unshuffle(data, size))));
    registry
}

/// A zlib stream's bytes, at most `most`; `last` is how many the stream before had.
fn inflate(data: &[u8], most: usize, last: &AtomicUsize) -> Result<Vec<u8>, Error> {
    let broken = |why: String| Error::DecompressionError(format!("deflate: {why}"));
    // Deflate makes at most 1,032 bytes of one.
    let most = most.min(data.len().saturating_mul(1032)).max(1);
    let mut size = match last.load(Ordering::Relaxed) {
        0 => data.len().saturating_mul(4),
        size => size,
    }
    .clamp(1, most);
    let mut decompressor = Decompressor::new();
    loop {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| broken(format!("no memory for {size} bytes")))?;
        bytes.resize(size, 0);
        match decompressor.zlib_decompress(data, &mut bytes) {
            Ok(len) => {
                last.store(len, Ordering::Relaxed);
                bytes.truncate(len);
                return Ok(bytes);
            }
            Err(DecompressionError::InsufficientSpace) if size < most => {
                size = size.saturating_mul(4).min(most);
            }
            Err(DecompressionError::InsufficientSpace) => {
                return Err(broken(format!("a chunk is of more than {most} bytes")));
            }
            Err(DecompressionError::BadData) => return Err(broken("the stream is broken".into())),
        }
    }
}

/// Bytes of elements together again: they lie as all first bytes, then all second bytes, and so on. What is no whole element stays
/// at the end.
fn unshuffle(data: &[u8], size: usize) -> Vec<u8> {
    match size {
        2 => together::<2>(data),
        4 => together::<4>(data),
        8 => together::<8>(data),
        _ => by_parts(data, size),
    }
}

/// For sizes known when compiled, which the compiler makes vector code of.
fn together<const SIZE: usize>(data: &[u8]) -> Vec<u8> {
    let count = data.len() / SIZE;
    let planes: [&[u8]; SIZE] = std::array::from_fn(|byte| &data[byte * count..(byte + 1) * count]);
    let mut bytes = Vec::with_capacity(data.len());
    // In pieces that stay in the processor's nearest cache.
    for from in (0..count).step_by(PIECE) {
        let to = (from + PIECE).min(count);
        let mut piece = [[0_u8; SIZE]; PIECE];
        for (byte, plane) in planes.iter().enumerate() {
            for (element, value) in piece.iter_mut().zip(&plane[from..to]) {
                element[byte] = *value;
            }
        }
        bytes.extend_from_slice(piece[..to - from].as_flattened());
    }
    bytes.extend_from_slice(&data[count * SIZE..]);
    bytes
}

/// Elements that are put together at a time.
const PIECE: usize = 256;

/// For any size.
fn by_parts(data: &[u8], size: usize) -> Vec<u8> {
    if size <= 1 {
        return data.to_vec();
    }
    let count = data.len() / size;
    let element = |at: usize| (0..size).map(move |byte| data[byte * count + at]);
    (0..count).flat_map(element).chain(data[count * size..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_come_together_for_every_size_and_every_rest() {
        for size in [1, 2, 3, 4, 8, 16] {
            for len in [0, 1, 7, 8, 255 * size, 1000 * size + size / 2] {
                let plain: Vec<u8> = (0..len).map(|at| (at * 31 % 251) as u8).collect();
                let count = len / size;
                let mut shuffled: Vec<u8> = (0..size)
                    .flat_map(|byte| (0..count).map(move |at| (at, byte)))
                    .map(|(at, byte)| plain[at * size + byte])
                    .collect();
                shuffled.extend_from_slice(&plain[count * size..]);
                assert_eq!(unshuffle(&shuffled, size), plain, "size {size}, {len} bytes");
            }
        }
    }

    #[test]
    fn streams_are_bounded_and_broken_ones_told() {
        let plain: Vec<u8> = (0..100_000_u32).map(|at| (at % 7) as u8).collect();
        let mut encoder = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::new(4));
        encoder.write_all(&plain).unwrap();
        let stream = encoder.finish().unwrap();
        let last = AtomicUsize::new(0);
        for _ in 0..2 {
            assert_eq!(inflate(&stream, 1 << 20, &last).unwrap(), plain);
        }
        assert!(inflate(&stream, 99_999, &last).unwrap_err().to_string().contains("more than"));
        assert!(inflate(&stream[..stream.len() / 2], 1 << 20, &last).is_err());
        assert!(inflate(&[], 1 << 20, &last).is_err());
        for at in 0..stream.len() {
            let mut flipped = stream.clone();
            flipped[at] ^= 4;
            let _ = inflate(&flipped, 1 << 20, &last);
        }
    }
}
