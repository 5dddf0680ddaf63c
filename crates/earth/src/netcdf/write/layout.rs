//! Where everything of a file lies: all metadata first, at places that the plan alone decides, then the chunks.

use crate::cube::forecast::{Forecast, Named, Values};

use super::hdf5::{self, Chunk, Message, NOWHERE, Type};

/// The head of a file: its metadata, and room for the indexes of its chunks.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) forecast: Forecast,
    /// All that does not change as chunks come: after the superblock, before the indexes.
    fixed: Vec<u8>,
    root: u64,
    trees: Vec<Tree>,
    /// Bytes of the head; chunks come after.
    pub(super) size: u64,
}

/// The index of a variable's chunks.
#[derive(Debug)]
struct Tree {
    at: u64,
    rank: usize,
    /// Place of its first chunk among all.
    first: usize,
    count: usize,
    /// Sizes of the dimensions before the grid's.
    outer: Vec<usize>,
}

/// Where a chunk is and its size.
pub(super) type Place = (u64, u32);

/// What a data set is of.
#[derive(Clone, Copy)]
enum Content {
    Coordinate(usize),
    /// A dimension that has no coordinate.
    Bare(usize),
    Variable(usize),
}

impl Layout {
    /// Lays a file out.
    ///
    /// # Errors
    /// What does not fit the format.
    pub(super) fn new(forecast: Forecast, deflate: u32) -> Result<Self, String> {
        if forecast.points() as u64 * 4 >= 1 << 32 {
            return Err("a field is 4 GB or more, which a chunk of HDF5 cannot be".to_owned());
        }
        let mut contents: Vec<Content> = Vec::new();
        let own = |dim: usize| {
            let name = &forecast.dims[dim].0;
            forecast.coordinates.iter().position(|(one, _)| one.dims == [dim] && one.name == *name)
        };
        contents.extend(
            (0..forecast.dims.len())
                .map(|dim| own(dim).map_or(Content::Bare(dim), Content::Coordinate)),
        );
        let scales: Vec<usize> = (0..forecast.dims.len()).filter_map(own).collect();
        let others = (0..forecast.coordinates.len()).filter(|at| !scales.contains(at));
        contents.extend(others.map(Content::Coordinate));
        contents.extend((0..forecast.variables.len()).map(Content::Variable));
        let mut layout =
            Self { forecast, fixed: vec![], root: hdf5::SUPERBLOCK as u64, trees: vec![], size: 0 };
        // Sizes do not depend on addresses: once without, once with them.
        let draft =
            Addresses { objects: vec![0; contents.len()], data: vec![0; contents.len()], heap: 0 };
        let mut at = layout.root + layout.group(&contents, &draft)?.len() as u64;
        let mut addresses = Addresses { heap: at, ..draft };
        at += hdf5::heap_size(layout.forecast.dims.len()) as u64;
        for (place, content) in contents.iter().enumerate() {
            addresses.objects[place] = at;
            at += layout.dataset(*content, place, &addresses, deflate)?.len() as u64;
        }
        for (place, content) in contents.iter().enumerate() {
            if let Content::Coordinate(index) = content {
                addresses.data[place] = at;
                at += layout.values(*index).len() as u64;
            }
        }
        at = at.next_multiple_of(8);
        let until = at;
        let mut first = 0;
        for (place, content) in contents.iter().enumerate() {
            let Content::Variable(index) = content else { continue };
            addresses.data[place] = at;
            let count = layout.forecast.fields(*index);
            let shape = layout.forecast.shape(*index);
            let rank = shape.len();
            let outer = shape[..rank - layout.forecast.map_rank()].to_vec();
            layout.trees.push(Tree { at, rank, first, count, outer });
            first += count;
            at += (hdf5::nodes(count) * hdf5::node_size(rank)) as u64;
        }
        layout.size = at;
        let mut fixed = layout.group(&contents, &addresses)?;
        let scales = addresses.objects[..layout.forecast.dims.len()].to_vec();
        fixed.extend(hdf5::heap(&scales));
        for (place, content) in contents.iter().enumerate() {
            fixed.extend(layout.dataset(*content, place, &addresses, deflate)?);
        }
        for content in &contents {
            if let Content::Coordinate(index) = content {
                fixed.extend(layout.values(*index));
            }
        }
        fixed.resize((until - layout.root) as usize, 0);
        layout.fixed = fixed;
        Ok(layout)
    }

    /// Number of chunks.
    pub(super) fn chunks(&self) -> usize {
        self.trees.iter().map(|tree| tree.count).sum()
    }

    /// Place among all chunks of a variable's chunk.
    pub(super) fn chunk(&self, variable: usize, at: usize) -> usize {
        self.trees[variable].first + at
    }

    /// The head of a file that ends at `end` and has these chunks.
    pub(super) fn head(&self, end: u64, index: &[Option<Place>]) -> Vec<u8> {
        let mut bytes = hdf5::superblock(end, self.root);
        bytes.extend(&self.fixed);
        for tree in &self.trees {
            let own = index.get(tree.first..tree.first + tree.count).unwrap_or(&[]);
            let chunk = |(at, place): (usize, &Option<Place>)| {
                let (address, size) = (*place)?;
                Some(Chunk { offset: tree.offset(at), address, size })
            };
            let chunks: Vec<Chunk> = own.iter().enumerate().filter_map(chunk).collect();
            bytes.extend(hdf5::tree(tree.at, &chunks, (tree.rank, tree.count)));
        }
        bytes
    }

    /// Whether a head is one of this layout, whatever chunks it has.
    pub(super) fn is_of(&self, head: &[u8]) -> bool {
        head.get(hdf5::SUPERBLOCK..hdf5::SUPERBLOCK + self.fixed.len()) == Some(&self.fixed)
    }

    fn group(&self, contents: &[Content], addresses: &Addresses) -> Result<Vec<u8>, String> {
        let mut messages = vec![hdf5::link_info(contents.len() as u64), hdf5::group_info()];
        for (place, content) in contents.iter().enumerate() {
            let name = self.name(*content);
            messages.push(hdf5::link(name, place as u64, addresses.objects[place]));
        }
        for (key, value) in &self.forecast.attributes {
            messages.push(text(key, value)?);
        }
        Ok(hdf5::object(&messages))
    }

    fn name(&self, content: Content) -> &str {
        match content {
            Content::Coordinate(index) => &self.forecast.coordinates[index].0.name,
            Content::Bare(dim) => &self.forecast.dims[dim].0,
            Content::Variable(index) => &self.forecast.variables[index].name,
        }
    }

    fn values(&self, coordinate: usize) -> Vec<u8> {
        match &self.forecast.coordinates[coordinate].1 {
            Values::Whole(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::Real(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    fn dataset(
        &self,
        content: Content,
        place: usize,
        addresses: &Addresses,
        deflate: u32,
    ) -> Result<Vec<u8>, String> {
        let forecast = &self.forecast;
        let sides = |named: &Named| -> Vec<u64> {
            named.dims.iter().map(|dim| forecast.dims[*dim].1 as u64).collect()
        };
        let data = addresses.data[place];
        let mut messages: Vec<Message>;
        match content {
            Content::Bare(dim) => {
                let size = forecast.dims[dim].1 as u64;
                messages =
                    vec![hdf5::dataspace(&[size]), hdf5::datatype(Type::F32), hdf5::fill(None)];
                messages.push(hdf5::contiguous(NOWHERE, size * 4));
                let label =
                    format!("This is a netCDF dimension but not a netCDF variable{size:10}");
                scale(&mut messages, &label, dim);
            }
            Content::Coordinate(index) => {
                let (named, values) = &forecast.coordinates[index];
                let kind = if matches!(values, Values::Whole(_)) { Type::I64 } else { Type::F64 };
                messages =
                    vec![hdf5::dataspace(&sides(named)), hdf5::datatype(kind), hdf5::fill(None)];
                messages.push(hdf5::contiguous(data, self.values(index).len() as u64));
                match named.dims[..] {
                    [dim] if forecast.dims[dim].0 == named.name => {
                        scale(&mut messages, &named.name, dim);
                    }
                    _ => messages.push(dimensions(named, addresses.heap)),
                }
                for (key, value) in &named.attributes {
                    messages.push(text(key, value)?);
                }
            }
            Content::Variable(index) => {
                let named = &forecast.variables[index];
                let sides = sides(named);
                let outer = sides.len() - forecast.map_rank();
                let chunk: Vec<u64> = sides
                    .iter()
                    .enumerate()
                    .map(|(at, side)| if at < outer { 1 } else { *side })
                    .collect();
                messages = vec![
                    hdf5::dataspace(&sides),
                    hdf5::datatype(Type::F32),
                    hdf5::fill(Some(f32::NAN)),
                ];
                messages.push(hdf5::chunked(data, &chunk, 4));
                messages.push(hdf5::filters(4, deflate));
                messages.push(dimensions(named, addresses.heap));
                messages.push(hdf5::attribute(
                    "_FillValue",
                    Type::F32,
                    &[1],
                    &f32::NAN.to_le_bytes(),
                ));
                for (key, value) in &named.attributes {
                    messages.push(text(key, value)?);
                }
            }
        }
        Ok(hdf5::object(&messages))
    }
}

/// Where the parts of a file are.
struct Addresses {
    objects: Vec<u64>,
    data: Vec<u64>,
    heap: u64,
}

impl Tree {
    fn offset(&self, at: usize) -> Vec<u64> {
        let mut offset = vec![0; self.rank];
        let mut at = at;
        for (dim, size) in self.outer.iter().enumerate().rev() {
            offset[dim] = (at % size) as u64;
            at /= size;
        }
        offset
    }
}

fn scale(messages: &mut Vec<Message>, label: &str, dim: usize) {
    messages.push(hdf5::ended_text("CLASS", "DIMENSION_SCALE"));
    messages.push(hdf5::ended_text("NAME", label));
    messages.push(hdf5::attribute("_Netcdf4Dimid", Type::I32, &[], &(dim as i32).to_le_bytes()));
}

fn dimensions(named: &Named, heap: u64) -> Message {
    let lists: Vec<u8> = named.dims.iter().flat_map(|dim| hdf5::in_heap(heap, *dim)).collect();
    hdf5::attribute("DIMENSION_LIST", Type::References, &[named.dims.len() as u64], &lists)
}

/// Longest text of an attribute: a message of an object header has fewer than 65536 bytes.
const TEXT: usize = 65_000;

fn text(key: &str, value: &str) -> Result<Message, String> {
    if key.is_empty() || key.len() > 250 || key.contains('\0') {
        return Err(format!("{key:?} is no name of an attribute"));
    }
    match value.len() <= TEXT {
        true => Ok(hdf5::text(key, value)),
        false => Err(format!("attribute {key} has {} bytes; at most {TEXT} fit", value.len())),
    }
}
