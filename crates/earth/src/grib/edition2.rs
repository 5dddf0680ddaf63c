//! Messages of GRIB edition 2: their sections, which may hold several fields, and the fields' values.

use super::edition1::About;
use super::layout::Layout;
use super::octets::{Octets, Why};
use super::scan::{Extent, Window};
use super::{grid2, packing, product2};

/// Most octets of a section of a header: more than any list of row lengths or groups has.
const MOST: u32 = 1 << 22;

/// Where the values of a field lie in the file.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    representation: Vec<u8>,
    bitmap: Option<Extent>,
    data: Extent,
}

/// A field, understood.
pub(super) struct Field {
    pub(super) about: About,
    pub(super) layout: Layout,
    /// The grid section: fields with the same one share a grid.
    pub(super) grid_section: Vec<u8>,
    pub(super) packed: Packed,
}

/// Sections that hold until they are given again.
#[derive(Default)]
struct State {
    identification: Vec<u8>,
    grid: Vec<u8>,
    product: Vec<u8>,
    representation: Vec<u8>,
    bitmap: Option<Bitmap>,
}

/// What section 6 says.
#[derive(Clone, Copy)]
enum Bitmap {
    None,
    At(Extent),
    Catalogued(u8),
}

/// Octets of a message at `at`.
pub(super) fn length(window: &mut Window<'_>, at: u64) -> Result<u64, Why> {
    let head = Octets(window.get(at, 16)?);
    let (high, low) = (u64::from(head.u4(9)?), u64::from(head.u4(13)?));
    let length = high << 32 | low;
    if length < 16 + 4 { Err(format!("a message of {length} octets")) } else { Ok(length) }
}

/// Reads everything but the values of the fields of a message, whose length is known to lie within the file.
pub(super) fn read(
    window: &mut Window<'_>,
    at: u64,
    length: u64,
    mut take: impl FnMut(Result<Field, Why>),
) -> Result<(), Why> {
    let discipline = Octets(window.get(at, 16)?).u1(7)?;
    let (mut next, end) = (at + 16, at + length - 4);
    let mut state = State::default();
    while next < end {
        let head = Octets(window.get(next, 5)?);
        let (size, number) = (head.u4(1)?, head.u1(5)?);
        if size < 5 || u64::from(size) > end - next {
            return Err(format!("section {number} of {size} octets does not fit into the message"));
        }
        let mut whole = || -> Result<Vec<u8>, Why> {
            if size > MOST {
                return Err(format!("section {number} of {size} octets"));
            }
            Ok(window.get(next, size as usize)?.to_vec())
        };
        match number {
            1 => state.identification = whole()?,
            2 => {}
            3 => state.grid = whole()?,
            4 => state.product = whole()?,
            5 => state.representation = whole()?,
            6 => {
                let indicator = Octets(window.get(next, 6)?).u1(6)?;
                match indicator {
                    0 => {
                        let length = size.checked_sub(6).ok_or("a bitmap section without bits")?;
                        let at = Extent { at: next + 6, length: length as usize };
                        state.bitmap = Some(Bitmap::At(at));
                    }
                    // The bitmap that was given before in this message.
                    254 if state.bitmap.is_some() => {}
                    255 => state.bitmap = Some(Bitmap::None),
                    other => state.bitmap = Some(Bitmap::Catalogued(other)),
                }
            }
            7 => {
                let data = Extent { at: next + 5, length: (size - 5) as usize };
                take(field(&state, discipline, data));
            }
            other => return Err(format!("there is no section {other}")),
        }
        next += u64::from(size);
    }
    Ok(())
}

fn field(state: &State, discipline: u8, data: Extent) -> Result<Field, Why> {
    let sections = [&state.identification, &state.grid, &state.product, &state.representation];
    if sections.iter().any(|section| section.is_empty()) {
        return Err("a data section before the sections that describe it".into());
    }
    let bitmap = match state.bitmap {
        None | Some(Bitmap::None) => None,
        Some(Bitmap::At(at)) => Some(at),
        Some(Bitmap::Catalogued(number)) => {
            return Err(format!("the catalogued bitmap {number} is not read"));
        }
    };
    let template = Octets(&state.representation).u2(10)?;
    let about = product2::about(
        discipline,
        Octets(&state.identification),
        Octets(&state.product),
        packing::name(template),
    )?;
    let layout = grid2::layout(Octets(&state.grid))?;
    let packed = Packed { representation: state.representation.clone(), bitmap, data };
    Ok(Field { about, layout, grid_section: state.grid.clone(), packed })
}

impl Packed {
    /// The values, in the file's order.
    pub(super) fn values(
        &self,
        read: impl Fn(Extent) -> Result<Vec<u8>, Why>,
        points: usize,
    ) -> Result<Vec<f32>, Why> {
        let data = read(self.data)?;
        let bitmap = self.bitmap.map(&read).transpose()?;
        packing::values(Octets(&self.representation), bitmap.as_deref(), &data, points)
    }
}
