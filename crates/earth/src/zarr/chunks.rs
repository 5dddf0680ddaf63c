//! Blocks of an array and the chunks that they are made of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::meta::Meta;

/// An element as a chunk stores it.
pub(super) trait Element: Copy + Send + Sync {
    const SIZE: usize;

    /// From bytes, least significant first.
    fn little(bytes: &[u8]) -> Self;

    /// From bytes, most significant first.
    fn big(bytes: &[u8]) -> Self;

    /// Of a fill value.
    fn of(value: f64) -> Self;
}

macro_rules! element {
    ($($type:ty)*) => {$(
        impl Element for $type {
            const SIZE: usize = size_of::<$type>();

            fn little(bytes: &[u8]) -> Self {
                bytes.try_into().map_or(Self::of(0.0), <$type>::from_le_bytes)
            }

            fn big(bytes: &[u8]) -> Self {
                bytes.try_into().map_or(Self::of(0.0), <$type>::from_be_bytes)
            }

            #[allow(clippy::cast_lossless, reason = "the same for all types")]
            fn of(value: f64) -> Self {
                value as $type
            }
        }
    )*};
}

element!(i8 u8 i16 u16 i32 u32 i64 u64 f32 f64);

/// A block of an array.
pub(super) struct Block {
    pub(super) start: Vec<usize>,
    pub(super) count: Vec<usize>,
}

impl Block {
    /// Number of its values.
    pub(super) fn size(&self) -> Option<usize> {
        self.count.iter().try_fold(1_usize, |size, side| size.checked_mul(*side))
    }

    /// Places in the grid of chunks of those that it overlaps.
    pub(super) fn chunks(&self, meta: &Meta) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new()];
        for (dim, side) in meta.chunk.iter().enumerate() {
            let (start, count) = (self.start[dim], self.count[dim]);
            let range = match count {
                0 => 0..0,
                count => start / side..(start + count - 1) / side + 1,
            };
            let longer = |one: &Vec<usize>| {
                let one = one.clone();
                range.clone().map(move |at| one.iter().copied().chain([at]).collect::<Vec<_>>())
            };
            all = all.iter().flat_map(longer).collect();
        }
        all
    }

    /// Where it overlaps a chunk in one dimension: from where in the chunk, from where in the block, how many.
    fn overlap(&self, meta: &Meta, at: &[usize], dim: usize) -> (usize, usize, usize) {
        let first = at[dim] * meta.chunk[dim];
        let from = first.max(self.start[dim]);
        let to = (first + meta.chunk[dim]).min(self.start[dim] + self.count[dim]);
        (from - first, from - self.start[dim], to.saturating_sub(from))
    }

    /// Whether a chunk has elements in the array that the block does not ask for.
    pub(super) fn leaves_some_of(&self, meta: &Meta, at: &[usize]) -> bool {
        (0..at.len()).any(|dim| {
            let whole =
                meta.chunk[dim].min(meta.shape[dim].saturating_sub(at[dim] * meta.chunk[dim]));
            self.overlap(meta, at, dim).2 < whole
        })
    }

    /// Puts what a chunk has of the block in its place. `bytes` are all of the chunk.
    pub(super) fn place<T: Element>(
        &self,
        meta: &Meta,
        at: &[usize],
        bytes: &[u8],
        values: &mut [T],
    ) {
        let rank = at.len();
        let overlaps: Vec<_> = (0..rank).map(|dim| self.overlap(meta, at, dim)).collect();
        // Elements between neighbours of each dimension, in the chunk and in the block.
        let (mut inside, mut outside) = (vec![1; rank], vec![1; rank]);
        let mut stride = 1;
        for dim in meta.order.iter().rev() {
            inside[*dim] = stride;
            stride *= meta.chunk[*dim];
        }
        for dim in (0..rank.saturating_sub(1)).rev() {
            outside[dim] = outside[dim + 1] * self.count[dim + 1];
        }
        let read = if meta.big_endian { T::big } else { T::little };
        let base = |strides: &[usize], part: fn(&(usize, usize, usize)) -> usize| {
            overlaps
                .iter()
                .zip(strides)
                .map(|(overlap, stride)| part(overlap) * stride)
                .sum::<usize>()
        };
        let (from, to) = (base(&inside, |one| one.0), base(&outside, |one| one.1));
        let counts: Vec<usize> = overlaps.iter().map(|one| one.2).collect();
        let runs = counts.iter().take(rank.saturating_sub(1)).product::<usize>();
        let (length, step) = match rank {
            0 => (1, 1),
            _ => (counts[rank - 1], inside[rank - 1]),
        };
        for run in 0..runs {
            let (mut from, mut to, mut left) = (from, to, run);
            for dim in (0..rank.saturating_sub(1)).rev() {
                from += left % counts[dim] * inside[dim];
                to += left % counts[dim] * outside[dim];
                left /= counts[dim];
            }
            let Some(row) = values.get_mut(to..to + length) else { return };
            let source = bytes.get(from * T::SIZE..).unwrap_or(&[]);
            if step == 1 && !meta.big_endian {
                for (value, bytes) in row.iter_mut().zip(source.chunks_exact(T::SIZE)) {
                    *value = T::little(bytes);
                }
            } else {
                for (value, bytes) in row.iter_mut().zip(source.chunks(T::SIZE * step)) {
                    *value = bytes.get(..T::SIZE).map_or(*value, read);
                }
            }
        }
    }
}

/// Bytes of decoded chunks that stay.
const CACHE: usize = 256 << 20;

/// Chunks that were decoded, the least recently used dropped first.
#[derive(Default)]
pub(super) struct Cache {
    inner: Mutex<Kept>,
}

type Used = (u64, Arc<Vec<u8>>);

#[derive(Default)]
struct Kept {
    /// By variable and place: when it was last used, and its bytes.
    chunks: HashMap<(usize, Vec<usize>), Used>,
    bytes: usize,
    clock: u64,
}

impl Cache {
    pub(super) fn get(&self, variable: usize, at: &[usize]) -> Option<Arc<Vec<u8>>> {
        let mut kept = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let clock = kept.clock;
        let (used, bytes) = kept.chunks.get_mut(&(variable, at.to_vec()))?;
        *used = clock;
        Some(Arc::clone(bytes))
    }

    pub(super) fn put(&self, variable: usize, at: &[usize], bytes: &Arc<Vec<u8>>) {
        if bytes.len() > CACHE {
            return;
        }
        let mut kept = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let clock = kept.clock;
        let before = kept.chunks.insert((variable, at.to_vec()), (clock, Arc::clone(bytes)));
        kept.bytes += bytes.len();
        kept.bytes -= before.map_or(0, |(_, bytes)| bytes.len());
        while kept.bytes > CACHE {
            let oldest =
                kept.chunks.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            let Some((_, dropped)) = oldest.and_then(|key| kept.chunks.remove(&key)) else {
                return;
            };
            kept.bytes -= dropped.len();
        }
    }
}
