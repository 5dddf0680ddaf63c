//! Where large arrays live: in memory (huge pages where the system gives them) or in a mapped file.

use std::ops::Range;
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::{Mmap, MmapMut};

/// From this size on, memory is asked for as an anonymous map with huge pages: a query touches tens of columns
/// megabytes apart, and with 4 KB pages the address translation costs more than the sums.
const HUGE_FROM: usize = 4 << 20;

/// A read-only array of plain values.
#[derive(Clone, Debug)]
pub(crate) enum Storage<T> {
    /// On the heap.
    Owned(Vec<T>),
    /// Anonymous memory of exactly this many bytes.
    Huge(Arc<MmapMut>, usize),
    /// Byte range of a mapped file; size and alignment were checked when it was made.
    Mapped(Arc<Mmap>, Range<usize>),
}

impl<T: Pod> Storage<T> {
    /// `length` zeroed values, filled by `fill`.
    pub(crate) fn filled(length: usize, fill: impl FnOnce(&mut [T])) -> Storage<T> {
        let bytes = length * size_of::<T>();
        if bytes >= HUGE_FROM
            && let Ok(mut map) = MmapMut::map_anon(bytes)
        {
            #[cfg(target_os = "linux")]
            if let Err(error) = map.advise(memmap2::Advice::HugePage) {
                // Only speed is lost: kernels without huge pages answer so.
                let _ = error;
            }
            fill(bytemuck::cast_slice_mut(&mut map[..bytes]));
            return Storage::Huge(Arc::new(map), bytes);
        }
        let mut values = vec![T::zeroed(); length];
        fill(&mut values);
        Storage::Owned(values)
    }

    /// A part of a mapped file; `None` where it lies outside the file, is misaligned or holds no whole values.
    pub(crate) fn from_map(map: &Arc<Mmap>, range: Range<usize>) -> Option<Storage<T>> {
        let bytes = map.get(range.clone())?;
        bytemuck::try_cast_slice::<u8, T>(bytes).ok()?;
        Some(Storage::Mapped(Arc::clone(map), range))
    }

    /// The values.
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Storage::Owned(values) => values,
            Storage::Huge(map, bytes) => bytemuck::cast_slice(&map[..*bytes]),
            Storage::Mapped(map, range) => bytemuck::cast_slice(&map[range.clone()]),
        }
    }
}
