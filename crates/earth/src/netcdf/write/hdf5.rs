//! Bytes of HDF5, as its file format specification (version 3) lays them out: what a NetCDF-4 file of fixed shape needs.
//!
//! Superblock 2, object headers 2, links in the group's header, chunks by a version 1 B-tree: readable from HDF5 1.8 on.

/// No address.
pub(super) const NOWHERE: u64 = u64::MAX;
/// Bytes of the superblock.
pub(super) const SUPERBLOCK: usize = 48;
/// Children of a node of a B-tree: twice the rank that the library takes where none is told.
pub(super) const CHILDREN: usize = 64;

/// Bob Jenkins' lookup3, which guards metadata.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    let word = |bytes: &[u8], at: usize| {
        (0..4)
            .fold(0, |word, i| word | u32::from(bytes.get(at + i).copied().unwrap_or(0)) << (8 * i))
    };
    let mut rest = bytes;
    while rest.len() > 12 {
        a = a.wrapping_add(word(rest, 0));
        b = b.wrapping_add(word(rest, 4));
        c = c.wrapping_add(word(rest, 8));
        for (x, y, z, turn) in
            [(0, 1, 2, 4), (1, 2, 0, 6), (2, 0, 1, 8), (0, 1, 2, 16), (1, 2, 0, 19), (2, 0, 1, 4)]
        {
            let mut v = [a, b, c];
            v[x] = v[x].wrapping_sub(v[z]) ^ v[z].rotate_left(turn);
            v[z] = v[z].wrapping_add(v[y]);
            [a, b, c] = v;
        }
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return c;
    }
    a = a.wrapping_add(word(rest, 0));
    b = b.wrapping_add(word(rest, 4));
    c = c.wrapping_add(word(rest, 8));
    for (x, y, turn) in
        [(2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24)]
    {
        let mut v = [a, b, c];
        v[x] = (v[x] ^ v[y]).wrapping_sub(v[y].rotate_left(turn));
        [a, b, c] = v;
    }
    c
}

/// The superblock of a file that ends at `end`.
pub(super) fn superblock(end: u64, root: u64) -> Vec<u8> {
    let mut bytes = b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00".to_vec();
    for address in [0, NOWHERE, end, root] {
        bytes.extend(address.to_le_bytes());
    }
    sealed(bytes)
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// A message of an object header: its type and its bytes.
pub(super) type Message = (u8, Vec<u8>);

/// An object header of messages.
pub(super) fn object(messages: &[Message]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, bytes) in messages {
        body.push(*kind);
        body.extend((bytes.len() as u16).to_le_bytes());
        body.push(0);
        body.extend(bytes);
    }
    let mut all = b"OHDR\x02\x02".to_vec();
    all.extend((body.len() as u32).to_le_bytes());
    all.extend(body);
    sealed(all)
}

/// Types of elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Type {
    F32,
    F64,
    I32,
    I64,
    /// A text of this many bytes, with or without a zero at its end.
    Text(u32),
    /// A list of references to objects.
    References,
}

impl Type {
    pub(super) fn bytes(self) -> Vec<u8> {
        let head = |class: u8, bits: [u8; 3], size: u32| {
            let mut bytes = vec![0x10 | class];
            bytes.extend(bits);
            bytes.extend(size.to_le_bytes());
            bytes
        };
        let mut bytes;
        match self {
            Self::F32 => {
                bytes = head(1, [0x20, 31, 0], 4);
                bytes.extend([0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0]);
            }
            Self::F64 => {
                bytes = head(1, [0x20, 63, 0], 8);
                bytes.extend([0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0]);
            }
            Self::I32 => {
                bytes = head(0, [8, 0, 0], 4);
                bytes.extend([0, 0, 32, 0]);
            }
            Self::I64 => {
                bytes = head(0, [8, 0, 0], 8);
                bytes.extend([0, 0, 64, 0]);
            }
            Self::Text(size) => bytes = head(3, [0x10, 0, 0], size),
            Self::References => {
                bytes = head(9, [0, 0, 0], 16);
                bytes.extend(head(7, [0, 0, 0], 8));
            }
        }
        bytes
    }
}

/// The type of elements.
pub(super) fn datatype(kind: Type) -> Message {
    (3, kind.bytes())
}

fn space(sides: &[u64]) -> Vec<u8> {
    let mut bytes = vec![2, sides.len() as u8, 0, u8::from(!sides.is_empty())];
    sides.iter().for_each(|side| bytes.extend(side.to_le_bytes()));
    bytes
}

/// The sides of a data set; none for a scalar.
pub(super) fn dataspace(sides: &[u64]) -> Message {
    (1, space(sides))
}

/// An attribute: one value, or a row of them.
pub(super) fn attribute(name: &str, kind: Type, sides: &[u64], data: &[u8]) -> Message {
    let (datatype, space) = (kind.bytes(), space(sides));
    let mut bytes = vec![3, 0];
    for size in [name.len() + 1, datatype.len(), space.len()] {
        bytes.extend((size as u16).to_le_bytes());
    }
    bytes.push(0);
    bytes.extend(name.as_bytes());
    bytes.push(0);
    bytes.extend(datatype);
    bytes.extend(space);
    bytes.extend(data);
    (0x0c, bytes)
}

/// An attribute of text, as NetCDF's library writes it.
pub(super) fn text(name: &str, text: &str) -> Message {
    let data = if text.is_empty() { b"\0" } else { text.as_bytes() };
    attribute(name, Type::Text(data.len() as u32), &[], data)
}

/// An attribute of text that ends with a zero, as dimension scales need it.
pub(super) fn ended_text(name: &str, text: &str) -> Message {
    let data = [text.as_bytes(), b"\0"].concat();
    attribute(name, Type::Text(data.len() as u32), &[], &data)
}

/// A layout in one piece; nowhere where nothing is stored.
pub(super) fn contiguous(address: u64, size: u64) -> Message {
    let mut bytes = vec![3, 1];
    bytes.extend(address.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    (8, bytes)
}

/// A layout in chunks found by a B-tree.
pub(super) fn chunked(tree: u64, sides: &[u64], element: u32) -> Message {
    let mut bytes = vec![3, 2, sides.len() as u8 + 1];
    bytes.extend(tree.to_le_bytes());
    sides.iter().for_each(|side| bytes.extend((*side as u32).to_le_bytes()));
    bytes.extend(element.to_le_bytes());
    (8, bytes)
}

/// Shuffle, then deflate.
pub(super) fn filters(element: u32, level: u32) -> Message {
    let mut bytes = vec![2, 2];
    for (filter, value) in [(2_u16, element), (1, level)] {
        // Number, optional, one value.
        [filter, 1, 1].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        bytes.extend(value.to_le_bytes());
    }
    (0x0b, bytes)
}

/// What stands where no chunk was written; nothing of a layout in one piece.
pub(super) fn fill(value: Option<f32>) -> Message {
    let Some(value) = value else { return (5, vec![3, 0x0a]) };
    let mut bytes = vec![3, 0x2b, 4, 0, 0, 0];
    bytes.extend(value.to_le_bytes());
    (5, bytes)
}

/// Links are in the header, and in the order of their making.
pub(super) fn link_info(links: u64) -> Message {
    let mut bytes = vec![0, 3];
    [links, NOWHERE, NOWHERE, NOWHERE].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
    (2, bytes)
}

/// A group with the usual limits.
pub(super) fn group_info() -> Message {
    (0x0a, vec![0, 0])
}

/// A link to an object of the file. Names have fewer than 256 bytes.
pub(super) fn link(name: &str, order: u64, address: u64) -> Message {
    let mut bytes = vec![1, 4];
    bytes.extend(order.to_le_bytes());
    bytes.push(name.len() as u8);
    bytes.extend(name.as_bytes());
    bytes.extend(address.to_le_bytes());
    (6, bytes)
}

/// Bytes of a heap of this many references.
pub(super) fn heap_size(count: usize) -> usize {
    (16 + 24 * count + 16).max(4096)
}

/// A heap of references to objects, numbered from 1.
pub(super) fn heap(addresses: &[u64]) -> Vec<u8> {
    let size = heap_size(addresses.len());
    let mut bytes = b"GCOL\x01\0\0\0".to_vec();
    bytes.extend((size as u64).to_le_bytes());
    for (at, address) in addresses.iter().enumerate() {
        bytes.extend((at as u16 + 1).to_le_bytes());
        bytes.extend([1, 0, 0, 0, 0, 0]);
        bytes.extend(8_u64.to_le_bytes());
        bytes.extend(address.to_le_bytes());
    }
    // What is left over is object 0.
    let left = (size - bytes.len()) as u64;
    bytes.extend([0; 8]);
    bytes.extend(left.to_le_bytes());
    bytes.resize(size, 0);
    bytes
}

/// A list of one reference of a heap, as an element of an attribute.
pub(super) fn in_heap(heap: u64, at: usize) -> Vec<u8> {
    let mut bytes = 1_u32.to_le_bytes().to_vec();
    bytes.extend(heap.to_le_bytes());
    bytes.extend((at as u32 + 1).to_le_bytes());
    bytes
}

/// A chunk: where in the data set, where in the file, how many bytes.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) offset: Vec<u64>,
    pub(super) address: u64,
    pub(super) size: u32,
}

/// Bytes of a node of the B-tree of a data set.
pub(super) fn node_size(rank: usize) -> usize {
    24 + CHILDREN * 8 + (CHILDREN + 1) * (8 + 8 * (rank + 1))
}

/// Nodes that a B-tree of so many chunks has at most.
pub(super) fn nodes(chunks: usize) -> usize {
    let (mut nodes, mut level) = (0, chunks.max(1));
    loop {
        level = level.div_ceil(CHILDREN);
        nodes += level;
        if level == 1 {
            return nodes;
        }
    }
}

/// The B-tree of chunks that are in order, its root first; as many bytes as `most` chunks would need.
pub(super) fn tree(at: u64, chunks: &[Chunk], (rank, most): (usize, usize)) -> Vec<u8> {
    let size = node_size(rank);
    let mut bytes = vec![0; nodes(most) * size];
    // Levels from the leaves up: each child is its first key and its address.
    let mut children: Vec<(Chunk, u64)> =
        chunks.iter().map(|chunk| (chunk.clone(), chunk.address)).collect();
    let mut free = nodes(most);
    let mut level = 0;
    loop {
        let root = children.len() <= CHILDREN;
        let count = children.len().div_ceil(CHILDREN).max(1);
        let first = if root { 0 } else { free - count };
        free = first;
        let address = |node: usize| at + ((first + node) * size) as u64;
        let mut parents = Vec::with_capacity(count);
        for node in 0..count {
            let own = &children[node * CHILDREN..children.len().min((node + 1) * CHILDREN)];
            let left = if node == 0 { NOWHERE } else { address(node - 1) };
            let right = if node + 1 == count { NOWHERE } else { address(node + 1) };
            // The key after the last child: where the next node begins, or past the end.
            let next = match children.get((node + 1) * CHILDREN) {
                Some((chunk, _)) => chunk.clone(),
                None => past(children.last().map(|(chunk, _)| chunk), chunks.last(), rank),
            };
            let filled = filled(level, [left, right], own, &next);
            let from = (first + node) * size;
            bytes[from..from + filled.len()].copy_from_slice(&filled);
            if let Some((chunk, _)) = own.first() {
                parents.push((chunk.clone(), address(node)));
            }
        }
        if root {
            return bytes;
        }
        children = parents;
        level += 1;
    }
}

fn past(last_child: Option<&Chunk>, last: Option<&Chunk>, rank: usize) -> Chunk {
    let mut offset = vec![0; rank];
    // Chunks are one long in the first dimension.
    if let (Some(first), Some(last)) = (offset.first_mut(), last.or(last_child)) {
        *first = last.offset.first().map_or(0, |at| at + 1);
    }
    Chunk { offset, address: NOWHERE, size: 0 }
}

fn filled(level: u8, siblings: [u64; 2], children: &[(Chunk, u64)], next: &Chunk) -> Vec<u8> {
    let mut bytes = b"TREE\x01".to_vec();
    bytes.push(level);
    bytes.extend((children.len() as u16).to_le_bytes());
    siblings.iter().for_each(|address| bytes.extend(address.to_le_bytes()));
    let key = |bytes: &mut Vec<u8>, chunk: &Chunk| {
        bytes.extend(chunk.size.to_le_bytes());
        bytes.extend([0; 4]);
        chunk.offset.iter().chain([&0]).for_each(|at| bytes.extend(at.to_le_bytes()));
    };
    for (chunk, address) in children {
        key(&mut bytes, chunk);
        bytes.extend(address.to_le_bytes());
    }
    key(&mut bytes, next);
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_lookup3_s() {
        // Values of the author's own self test (hashlittle with no seed).
        assert_eq!(checksum(b""), 0xdead_beef);
        assert_eq!(checksum(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn trees_hold_all_chunks_in_order() {
        for count in [0, 1, 64, 65, 4096, 4097] {
            let chunk = |at: u64| Chunk { offset: vec![at, 0], address: 10_000_000 + at, size: 5 };
            let chunks: Vec<Chunk> = (0..count).map(chunk).collect();
            let bytes = tree(1000, &chunks, (2, 5000));
            let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
            let mut found = Vec::new();
            let mut open = vec![0_usize];
            while let Some(node) = open.pop() {
                assert_eq!(&bytes[node..node + 4], b"TREE");
                let used = usize::from(bytes[node + 6]) + usize::from(bytes[node + 7]) * 256;
                for child in (0..used).rev() {
                    let key = node + 24 + child * (8 + 8 * 3 + 8);
                    match bytes[node + 5] {
                        0 => found.push((word(key + 8), word(key + 32))),
                        _ => open.push((word(key + 32) - 1000) as usize),
                    }
                }
            }
            found.sort_unstable();
            assert_eq!(found, (0..count).map(|at| (at, 10_000_000 + at)).collect::<Vec<_>>());
        }
    }
}
