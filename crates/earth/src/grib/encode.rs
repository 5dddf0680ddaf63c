//! A field as a message of GRIB 2: its sections, and simple packing.

use crate::grid::{Grid, GridKind};
use crate::time::{Civil, HOUR, Time};

use super::levels::Surface;
use super::octets::Why;

/// Bits of a packed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bits {
    /// 16, or 24 where a step of 16 bits over the field's range is more than a two-thousandth of its standard deviation (fields
    /// with a long tail, such as precipitation).
    #[default]
    ByRange,
    /// 16.
    Sixteen,
    /// 24.
    TwentyFour,
}

/// What a message says beside its values.
pub(super) struct About<'a> {
    pub(super) centre: u16,
    /// Discipline, category and number.
    pub(super) codes: (u8, u8, u8),
    pub(super) surfaces: (Surface, Surface),
    pub(super) reference: Time,
    pub(super) step: i64,
    /// Member, and the number of members.
    pub(super) member: Option<(u8, u8)>,
    pub(super) grid: &'a Grid,
}

/// Octets of a section being written.
struct Section(Vec<u8>);

impl Section {
    fn new(number: u8) -> Self {
        Self(vec![0, 0, 0, 0, number])
    }

    fn u1(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    fn u2(mut self, value: u16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn u4(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    /// A sign and a magnitude in one octet.
    fn s1(self, value: i64) -> Self {
        let magnitude = u8::try_from(value.unsigned_abs().min(127)).unwrap_or(127);
        self.u1(if value < 0 { magnitude | 0x80 } else { magnitude })
    }

    fn s2(self, value: i32) -> Self {
        let magnitude = u16::try_from(value.unsigned_abs().min(0x7fff)).unwrap_or(0x7fff);
        self.u2(if value < 0 { magnitude | 0x8000 } else { magnitude })
    }

    fn s4(self, value: i64) -> Self {
        let magnitude = u32::try_from(value.unsigned_abs()).unwrap_or(u32::MAX).min(0x7fff_ffff);
        self.u4(if value < 0 { magnitude | 0x8000_0000 } else { magnitude })
    }

    fn octets(mut self, octets: &[u8]) -> Self {
        self.0.extend(octets);
        self
    }

    /// Its length, at its start.
    fn ended(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0
    }
}

/// A whole message.
pub(super) fn message(about: &About<'_>, values: &[f32], bits: Bits) -> Result<Vec<u8>, Why> {
    let [representation, bitmap, data] = packed(values, bits)?;
    let sections =
        [identification(about)?, grid(about.grid)?, product(about)?, representation, bitmap, data];
    let length = 16 + sections.iter().map(Vec::len).sum::<usize>() + 4;
    let mut message = Vec::with_capacity(length);
    message.extend(b"GRIB\xff\xff");
    message.extend([about.codes.0, 2]);
    message.extend((length as u64).to_be_bytes());
    for section in &sections {
        message.extend(section);
    }
    message.extend(b"7777");
    Ok(message)
}

fn identification(about: &About<'_>) -> Result<Vec<u8>, Why> {
    let Civil { year, month, day, hour, minute, second } = about.reference.civil();
    let year = u16::try_from(year).map_err(|_| format!("{year} is no year of GRIB"))?;
    let small = |value: u32| u8::try_from(value).unwrap_or(0);
    // Tables 28 of WMO, no local ones; the reference is the forecast's start; a research product; a forecast or a member of one.
    Ok(Section::new(1)
        .u2(about.centre)
        .u2(0)
        .u1(28)
        .u1(0)
        .u1(1)
        .u2(year)
        .octets(&[small(month), small(day), small(hour), small(minute), small(second)])
        .u1(2)
        .u1(if about.member.is_some() { 4 } else { 1 })
        .ended())
}

/// Millionths of a degree.
fn micro(degrees: f64) -> i64 {
    (degrees * 1e6).round() as i64
}

/// A step in millionths of a degree, where it is a whole number of them.
fn step(values: &[f64]) -> Option<u32> {
    let span = values.last()? - values.first()?;
    let step =
        (span / (values.len().checked_sub(1).filter(|steps| *steps > 0)? as f64)).abs() * 1e6;
    ((step - step.round()).abs() < 1e-3).then_some(step.round() as u32)
}

fn grid(grid: &Grid) -> Result<Vec<u8>, Why> {
    let (rows, columns) = grid.shape;
    let parallels = match grid.kind {
        GridKind::Regular => None,
        GridKind::Gaussian if rows % 2 == 0 => Some(rows / 2),
        _ => {
            return Err(format!(
                "GRIB is written of regular and whole Gaussian grids, not of {grid}"
            ));
        }
    };
    let count = |count: usize| u32::try_from(count).map_err(|_| format!("{count} points"));
    let lons = crate::grid::unwrapped(&grid.lons);
    let ends = |values: &[f64]| (values[0], values[values.len() - 1]);
    let ((first_lat, last_lat), (first_lon, last_lon)) = (ends(&grid.lats), ends(&lons));
    let (east, north) = (step(&lons), step(&grid.lats));
    // A step that is given is told so; one that millionths do not hold is left out.
    let told =
        u8::from(east.is_some()) << 5 | u8::from(north.is_some() && parallels.is_none()) << 4;
    let scan = u8::from(last_lon < first_lon) << 7 | u8::from(last_lat > first_lat) << 6;
    let section = Section::new(3)
        .u1(0)
        .u4(count(grid.len())?)
        .u2(0)
        .u2(if parallels.is_some() { 40 } else { 0 })
        // A sphere of 6 371 229 m; no other sizes.
        .u1(6)
        .octets(&[255; 15])
        .u4(count(columns)?)
        .u4(count(rows)?)
        .u4(0)
        .u4(u32::MAX)
        .s4(micro(first_lat))
        .s4(micro(first_lon.rem_euclid(360.0)))
        .u1(told)
        .s4(micro(last_lat))
        .s4(micro(last_lon.rem_euclid(360.0)))
        .u4(east.unwrap_or(u32::MAX));
    let section = match parallels {
        Some(parallels) => section.u4(count(parallels)?),
        None => section.u4(north.unwrap_or(u32::MAX)),
    };
    Ok(section.u1(scan).ended())
}

fn surface(section: Section, surface: Surface) -> Section {
    let section = section.u1(surface.code);
    match (surface.scale, surface.scaled) {
        (Some(scale), Some(scaled)) => section.s1(scale).s4(scaled),
        _ => section.u1(u8::MAX).u4(u32::MAX),
    }
}

fn product(about: &About<'_>) -> Result<Vec<u8>, Why> {
    // The largest unit that holds the step.
    let (unit, time) = match about.step {
        step if step % HOUR == 0 => (1, step / HOUR),
        step if step % 60 == 0 => (0, step / 60),
        step => (13, step),
    };
    if time.unsigned_abs() > 0x7fff_ffff {
        return Err(format!("a step of {} s", about.step));
    }
    let section = Section::new(4)
        .u2(0)
        .u2(u16::from(about.member.is_some()))
        .octets(&[about.codes.1, about.codes.2])
        // A forecast, or an ensemble's; of no named model.
        .u1(if about.member.is_some() { 4 } else { 2 })
        .octets(&[255, 255])
        .u2(u16::MAX)
        .u1(u8::MAX)
        .u1(unit)
        .s4(time);
    let section = surface(surface(section, about.surfaces.0), about.surfaces.1);
    Ok(match about.member {
        // The control, or a perturbed member.
        Some((member, members)) => {
            section.octets(&[if member == 0 { 1 } else { 3 }, member, members]).ended()
        }
        None => section.ended(),
    })
}

/// Sections 5, 6 and 7: simple packing; a bitmap where values are missing.
fn packed(values: &[f32], bits: Bits) -> Result<[Vec<u8>; 3], Why> {
    if values.iter().any(|value| value.is_infinite()) {
        return Err("a value is infinite".into());
    }
    let holes = values.iter().any(|value| value.is_nan());
    let there = || values.iter().copied().filter(|value| !value.is_nan());
    let (low, high) = there().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(v), h.max(v)));
    let count = there().count();
    let (low, range) = match count {
        0 => (0.0, 0.0),
        _ => (low, f64::from(high) - f64::from(low)),
    };
    let width = if range == 0.0 { 0 } else { width(bits, range, there(), count) };
    let binary = binary(range, width);
    let representation = Section::new(5)
        .u4(u32::try_from(count).map_err(|_| format!("{count} values"))?)
        .u2(0)
        .octets(&low.to_be_bytes())
        .s2(binary)
        .s2(0)
        .u1(u8::try_from(width).unwrap_or(0))
        .u1(0)
        .ended();
    let factor = 2_f64.powi(-binary);
    let most = (1_u64 << width) - 1;
    let number = |value: f32| {
        let scaled = ((f64::from(value) - f64::from(low)) * factor).round();
        (scaled as u64).min(most) as u32
    };
    let mut data = Section::new(7);
    data.0.reserve(count * width / 8);
    match width {
        16 => there().for_each(|value| data.0.extend(&number(value).to_be_bytes()[2..])),
        24 => there().for_each(|value| data.0.extend(&number(value).to_be_bytes()[1..])),
        _ => {}
    }
    Ok([representation, bitmap(values, holes), data.ended()])
}

fn bitmap(values: &[f32], holes: bool) -> Vec<u8> {
    if !holes {
        return Section::new(6).u1(255).ended();
    }
    let bits: Vec<u8> = values
        .chunks(8)
        .map(|eight| {
            let set =
                |octet, (at, value): (usize, &f32)| octet | u8::from(!value.is_nan()) << (7 - at);
            eight.iter().enumerate().fold(0, set)
        })
        .collect();
    Section::new(6).u1(0).octets(&bits).ended()
}

fn width(bits: Bits, range: f64, there: impl Iterator<Item = f32>, count: usize) -> usize {
    match bits {
        Bits::Sixteen => 16,
        Bits::TwentyFour => 24,
        Bits::ByRange => {
            let (sum, squares) = there.fold((0.0, 0.0), |(sum, squares), value| {
                let value = f64::from(value);
                (sum + value, squares + value * value)
            });
            let mean = sum / count as f64;
            let deviation = (squares / count as f64 - mean * mean).max(0.0).sqrt();
            if range / 65_535.0 > deviation / 2000.0 { 24 } else { 16 }
        }
    }
}

/// The smallest power of two whose multiples reach over the range.
fn binary(range: f64, width: usize) -> i32 {
    if range == 0.0 || width == 0 {
        return 0;
    }
    let most = ((1_u64 << width) - 1) as f64;
    let mut binary = (range / most).log2().ceil() as i32;
    // A rounded logarithm may be one off.
    while range * 2_f64.powi(-binary) > most + 0.5 {
        binary += 1;
    }
    binary
}
