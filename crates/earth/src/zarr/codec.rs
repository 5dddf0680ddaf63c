//! Codecs of chunks: Blosc, Zstandard, gzip, zlib, LZ4, shuffle, CRC-32C. Nothing is decoded to more than it may be.

use std::io::Read;

/// A codec that turns bytes into bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Blosc,
    Gzip,
    Lz4,
    /// Bytes of elements of this size were put together by place.
    Shuffle(usize),
    Zlib,
    Zstd,
    Crc32c,
}

impl Codec {
    /// Undoes the codec; the result is at most `most` bytes.
    pub(crate) fn decode(self, data: &[u8], most: usize) -> Result<Vec<u8>, String> {
        match self {
            Self::Blosc => blosc(data, most),
            Self::Gzip => all(flate2::read::MultiGzDecoder::new(data), data.len(), most),
            Self::Zlib => all(flate2::read::ZlibDecoder::new(data), data.len(), most),
            Self::Zstd => zstd(data, most),
            Self::Lz4 => lz4(data, most),
            Self::Shuffle(size) => Ok(unshuffled(data, size)),
            Self::Crc32c => crc32c_checked(data).map(<[u8]>::to_vec),
        }
    }
}

fn all(reader: impl Read, packed: usize, most: usize) -> Result<Vec<u8>, String> {
    let mut plain = Vec::with_capacity(packed.saturating_mul(3).min(most));
    // One byte more than allowed tells what is too large.
    let bound = (most as u64).saturating_add(1);
    reader
        .take(bound)
        .read_to_end(&mut plain)
        .map_err(|error| format!("a chunk is broken: {error}"))?;
    match plain.len() <= most {
        true => Ok(plain),
        false => Err(format!("a chunk is more than {most} bytes")),
    }
}

/// Zstandard frames.
pub(crate) fn zstd(data: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let reader = zstd::stream::read::Decoder::with_buffer(data);
    all(reader.map_err(|error| error.to_string())?, data.len(), most)
}

/// numcodecs' LZ4: the size, then a block.
fn lz4(data: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let (size, block) = data.split_at_checked(4).ok_or("an LZ4 chunk is cut short")?;
    let size = little(size) as usize;
    bounded(size, block.len().saturating_mul(255), most)?;
    let mut plain = vec![0; size];
    let got = lz4_flex::block::decompress_into(block, &mut plain);
    match got.map_err(|error| format!("LZ4: {error}"))? == size {
        true => Ok(plain),
        false => Err("an LZ4 chunk is shorter than it says".to_owned()),
    }
}

/// Whether a size that a file claims may be believed: it is within the bound, and its bytes can have come to it.
fn bounded(size: usize, reach: usize, most: usize) -> Result<(), String> {
    match size <= most && size <= reach.saturating_add(64) {
        true => Ok(()),
        false => Err(format!("a chunk claims {size} bytes (at most {most})")),
    }
}

fn little(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// Undoes a shuffle of bytes; what is left over stays as it is.
pub(crate) fn unshuffled(data: &[u8], size: usize) -> Vec<u8> {
    let mut plain = data.to_vec();
    if size > 1 {
        let count = data.len() / size;
        for (place, column) in data[..count * size].chunks_exact(count.max(1)).enumerate() {
            for (element, byte) in plain.chunks_exact_mut(size).zip(column) {
                element[place] = *byte;
            }
        }
    }
    plain
}

/// Bytes of elements put together by place; what is left over stays as it is.
pub(crate) fn shuffled(data: &[u8], size: usize) -> Vec<u8> {
    let mut packed = data.to_vec();
    if size > 1 {
        let count = data.len() / size;
        for (place, column) in packed[..count * size].chunks_exact_mut(count.max(1)).enumerate() {
            for (byte, element) in column.iter_mut().zip(data.chunks_exact(size)) {
                *byte = element[place];
            }
        }
    }
    packed
}

/// Undoes Blosc's shuffle of bits: planes of bits, each over all elements (a multiple of eight; the rest stays).
fn unbitshuffled(data: &[u8], size: usize) -> Vec<u8> {
    let count = data.len() / size / 8 * 8;
    let mut plain = data.to_vec();
    let plane = count / 8;
    if plane == 0 {
        return plain;
    }
    plain[..count * size].fill(0);
    for (bit, bytes) in data[..count * size].chunks_exact(plane).enumerate() {
        let (place, bit) = (bit / 8, bit % 8);
        for (eight, byte) in bytes.iter().enumerate() {
            for element in 0..8 {
                plain[(eight * 8 + element) * size + place] |= (byte >> element & 1) << bit;
            }
        }
    }
    plain
}

/// Blosc 1's container.
pub(crate) fn blosc(data: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let cut = || "a Blosc chunk is cut short".to_owned();
    let header: &[u8; 16] = data.first_chunk().ok_or_else(cut)?;
    let (flags, element) = (header[2], usize::from(header[3]).max(1));
    let size = little(&header[4..8]) as usize;
    let block = little(&header[8..12]) as usize;
    bounded(size, usize::MAX, most)?;
    if flags & 2 != 0 {
        return data.get(16..16 + size).map(<[u8]>::to_vec).ok_or_else(cut);
    }
    if size == 0 {
        return Ok(Vec::new());
    }
    if block == 0 {
        return Err("a Blosc chunk has blocks of no bytes".to_owned());
    }
    let block = block.min(size);
    let blocks = size.div_ceil(block);
    // Each block takes its start and a length at least: a count beyond the bytes is a lie.
    bounded(blocks, data.len() / 8, most)?;
    let splits = flags & 0x10 == 0 && element <= 16 && block / element >= 128;
    let mut plain = Vec::new();
    for at in 0..blocks {
        let start = data.get(16 + 4 * at..20 + 4 * at).map(little).ok_or_else(cut)? as usize;
        let whole = block.min(size - at * block);
        let streams = if splits && whole == block { element } else { 1 };
        let mut packed = data.get(start..).ok_or_else(cut)?;
        let mut unpacked = Vec::with_capacity(whole);
        for stream in 0..streams {
            let each = whole / streams;
            let each = if stream + 1 == streams { whole - each * (streams - 1) } else { each };
            let (length, rest) = packed.split_at_checked(4).ok_or_else(cut)?;
            let (bytes, rest) = rest.split_at_checked(little(length) as usize).ok_or_else(cut)?;
            packed = rest;
            blosc_stream(flags >> 5, bytes, each, &mut unpacked)?;
        }
        match (flags & 1 != 0 && element > 1, flags & 4 != 0) {
            (true, _) => plain.extend(unshuffled(&unpacked, element)),
            (_, true) => plain.extend(unbitshuffled(&unpacked, element)),
            _ => plain.append(&mut unpacked),
        }
    }
    Ok(plain)
}

/// One stream of a block, which comes to `size` bytes.
fn blosc_stream(format: u8, bytes: &[u8], size: usize, to: &mut Vec<u8>) -> Result<(), String> {
    if bytes.len() == size {
        to.extend_from_slice(bytes);
        return Ok(());
    }
    let from = to.len();
    match format {
        1 => {
            bounded(size, bytes.len().saturating_mul(255), size)?;
            to.resize(from + size, 0);
            let got = lz4_flex::block::decompress_into(bytes, &mut to[from..]);
            if got.map_err(|error| format!("Blosc, LZ4: {error}"))? != size {
                return Err("a block of Blosc is shorter than it says".to_owned());
            }
        }
        3 => to.extend(all(flate2::read::ZlibDecoder::new(bytes), bytes.len(), size)?),
        4 => to.extend(zstd(bytes, size)?),
        other => {
            let name = ["blosclz", "", "snappy"].get(usize::from(other)).unwrap_or(&"unknown");
            return Err(format!("Blosc with {name} is not read; lz4, lz4hc, zlib and zstd are"));
        }
    }
    match to.len() - from == size {
        true => Ok(()),
        false => Err("a block of Blosc is shorter than it says".to_owned()),
    }
}

/// The bytes before a CRC-32C that is right.
pub(crate) fn crc32c_checked(data: &[u8]) -> Result<&[u8], String> {
    let at = data.len().checked_sub(4).ok_or("a checksum is cut short")?;
    let (bytes, sum) = data.split_at(at);
    match crc32c(bytes) == little(sum) {
        true => Ok(bytes),
        false => Err("a checksum is wrong".to_owned()),
    }
}

/// CRC-32 of Castagnoli, by a table.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0_u32; 256];
        let mut at = 0;
        while at < 256 {
            let mut value = at as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0x82f6_3b78 } else { value >> 1 };
                bit += 1;
            }
            table[at] = value;
            at += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |sum, byte| TABLE[usize::from(sum as u8 ^ byte)] ^ sum >> 8)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn checksums_are_castagnoli_s() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        let mut data = b"123456789".to_vec();
        data.extend(0xe306_9283_u32.to_le_bytes());
        assert_eq!(crc32c_checked(&data).unwrap(), b"123456789");
        data[0] ^= 1;
        assert!(crc32c_checked(&data).is_err());
    }

    #[test]
    fn a_bomb_is_stopped() {
        let packed = zstd::bulk::compress(&vec![0; 1 << 20], 1).unwrap();
        assert_eq!(zstd(&packed, 1 << 20).unwrap().len(), 1 << 20);
        assert!(zstd(&packed, 1000).unwrap_err().contains("1000"));
    }

    proptest! {
        #[test]
        fn shuffling_is_undone(data in prop::collection::vec(any::<u8>(), 0..200), size in 1_usize..9) {
            prop_assert_eq!(unshuffled(&shuffled(&data, size), size), data);
        }

        #[test]
        fn broken_chunks_are_errors_or_bytes(data in prop::collection::vec(any::<u8>(), 0..300)) {
            for codec in [Codec::Blosc, Codec::Gzip, Codec::Lz4, Codec::Zlib, Codec::Zstd, Codec::Crc32c] {
                if let Ok(plain) = codec.decode(&data, 10_000) {
                    prop_assert!(plain.len() <= 10_000);
                }
            }
        }
    }
}
