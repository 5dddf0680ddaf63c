//! Values of GRIB 2: the data representation templates (section 5) and the data section (7).
//!
//! Simple, complex and run-length packing are unpacked here; JPEG 2000, PNG and CCSDS streams are by other crates (`codec`).

use super::codec;
use super::octets::{Bits, Octets, Scale, Why, present, simple, spread};
use super::second_order::integrate;

/// Name of a data representation template, as ecCodes has it.
pub(super) fn name(template: u16) -> String {
    match template {
        0 => "grid_simple",
        1 => "grid_simple_matrix",
        2 => "grid_complex",
        3 => "grid_complex_spatial_differencing",
        4 => "grid_ieee",
        40 | 40_000 => "grid_jpeg",
        41 | 40_010 => "grid_png",
        42 => "grid_ccsds",
        50 => "spectral_simple",
        51 => "spectral_complex",
        53 => "bifourier_complex",
        61 => "grid_simple_log_preprocessing",
        200 => "grid_run_length",
        other => return format!("template 5.{other}"),
    }
    .to_owned()
}

/// The values of a field, in the file's order: section 5, the bits of section 6 where there are some, and the content of section 7.
pub(super) fn values(
    representation: Octets<'_>,
    bitmap: Option<&[u8]>,
    data: &[u8],
    points: usize,
) -> Result<Vec<f32>, Why> {
    let count = match bitmap {
        Some(bitmap) => present(bitmap, points)?,
        None => points,
    };
    let told = representation.u4(6)? as usize;
    let template = representation.u2(10)?;
    // Some producers count all points here, where a bitmap leaves some out.
    if told != count && told != points {
        return Err(format!("{told} values are told, {count} are there"));
    }
    let given = unpacked(representation, template, data, count)?;
    if given.len() != count {
        return Err(format!("{} values are decoded of {count}", given.len()));
    }
    match bitmap {
        Some(bitmap) => spread(&given, bitmap, points),
        None => Ok(given),
    }
}

fn unpacked(
    section: Octets<'_>,
    template: u16,
    data: &[u8],
    count: usize,
) -> Result<Vec<f32>, Why> {
    match template {
        4 => return ieee(section, data, count),
        200 => return run_length(section, data, count),
        1 | 50 | 51 | 53 => {
            return Err(format!("{} is not made into values at points", name(template)));
        }
        _ => {}
    }
    let scale = Scale {
        reference: section.ieee(12)?,
        binary: i32::try_from(section.s2(16)?).unwrap_or(0),
        decimal: i32::try_from(section.s2(18)?).unwrap_or(0),
    };
    let width = usize::from(section.u1(20)?);
    let streamed = |numbers: Vec<u32>| {
        let of = scale.of();
        numbers.into_iter().map(|number| of(f64::from(number))).collect()
    };
    match template {
        0 => simple(data, width, count, scale),
        2 | 3 => complex(section, data, count, scale),
        40 | 40_000 | 41 | 40_010 | 42 if width == 0 || count == 0 => {
            Ok(vec![scale.constant(); count])
        }
        40 | 40_000 => codec::jpeg2000(data, count).map(streamed),
        41 | 40_010 => codec::png(data, width, count).map(streamed),
        42 => codec::ccsds(section, data, width, count).map(streamed),
        61 => {
            // The logarithm of the value and a constant is packed.
            let shift = section.ieee(21)?;
            let logs = simple(data, width, count, scale)?;
            Ok(logs.into_iter().map(|log| (f64::from(log).exp() - shift) as f32).collect())
        }
        other => Err(format!("data representation template 5.{other} is not read")),
    }
}

fn ieee(section: Octets<'_>, data: &[u8], count: usize) -> Result<Vec<f32>, Why> {
    let size = match section.u1(12)? {
        1 => 4,
        2 => 8,
        precision => return Err(format!("IEEE floats of precision {precision} are not read")),
    };
    let bytes = count.checked_mul(size).and_then(|bytes| data.get(..bytes));
    let bytes = bytes.ok_or_else(|| format!("{} octets do not hold {count} floats", data.len()))?;
    Ok(bytes
        .chunks_exact(size)
        .map(|bytes| match (bytes.first_chunk::<4>(), bytes.first_chunk::<8>()) {
            (_, Some(eight)) => f64::from_be_bytes(*eight) as f32,
            (Some(four), None) => f32::from_be_bytes(*four),
            _ => f32::NAN,
        })
        .collect())
}

/// Levels in runs (Japan's): a level, then how often it is repeated in a number of the base that is left above the levels.
fn run_length(section: Octets<'_>, data: &[u8], count: usize) -> Result<Vec<f32>, Why> {
    let width = usize::from(section.u1(12)?);
    let most = u64::from(section.u2(13)?);
    let levels = section.u2(15)?;
    let factor = 10_f64.powi(-i32::try_from(section.s1(17)?).unwrap_or(0));
    let base = (1_u64 << width.min(57)).saturating_sub(most + 1);
    if width == 0 || width > 16 || base == 0 {
        return Err(format!("runs of {most} levels in {width} bits"));
    }
    let mut values = vec![f32::NAN];
    for level in 0..usize::from(levels) {
        values.push((f64::from(section.u2(18 + 2 * level)?) * factor) as f32);
    }
    let mut all: Vec<f32> = Vec::with_capacity(count);
    let mut bits = Bits::new(data);
    let mut digit = 1_usize;
    for _ in 0..data.len() * 8 / width {
        let number = bits.one(width)?;
        if number <= most {
            if all.len() == count {
                break;
            }
            let level = usize::try_from(number).unwrap_or(usize::MAX);
            all.push(*values.get(level).ok_or_else(|| format!("level {level} has no value"))?);
            digit = 1;
        } else {
            let last = *all.last().ok_or("a run before any level")?;
            let more = usize::try_from(number - most - 1).unwrap_or(usize::MAX);
            let more = more.saturating_mul(digit);
            if more > count - all.len() {
                return Err(format!("runs hold more than {count} values"));
            }
            all.extend(std::iter::repeat_n(last, more));
            digit = digit.saturating_mul(usize::try_from(base).unwrap_or(usize::MAX));
        }
    }
    Ok(all)
}

/// What section 5 says of groups.
struct Groups {
    count: usize,
    missing: u8,
    widths: (usize, usize),
    lengths: (usize, usize, usize, usize),
}

/// Complex packing: groups of values with a reference and a width each; of differences in template 5.3.
fn complex(section: Octets<'_>, data: &[u8], count: usize, scale: Scale) -> Result<Vec<f32>, Why> {
    let (differenced, width) = (section.u2(10)? == 3, usize::from(section.u1(20)?));
    let number = |at: usize| section.u4(at).map(|number| number as usize);
    let small = |at: usize| section.u1(at).map(usize::from);
    let groups = Groups {
        count: number(32)?,
        missing: section.u1(23)?,
        widths: (small(36)?, small(37)?),
        lengths: (number(38)?, small(42)?, number(43)?, small(47)?),
    };
    // Groups of no bits at all have no reason to be many: their number is bounded by what is there.
    if groups.count > count.min(8 * data.len()) {
        return Err(format!("{} groups for {count} values", groups.count));
    }
    let mut bits = Bits::new(data);
    let (mut order, mut starts, mut bias) = (0, [0_i64; 2], 0);
    if differenced {
        order = small(48)?;
        let octets = small(49)?;
        if !(1..=2).contains(&order) || octets > 7 {
            return Err(format!("differences of order {order} in {octets} octets"));
        }
        for start in starts.iter_mut().take(order) {
            *start = bits.one_signed(8 * octets)?;
        }
        bias = bits.one_signed(8 * octets)?;
    }
    let (numbers, holes) = grouped(bits, &groups, width, count)?;
    let mut numbers = numbers;
    if differenced {
        for (number, start) in numbers.iter_mut().zip(&starts[..order]) {
            *number = *start;
        }
        integrate(&mut numbers, order, bias);
    }
    let of = scale.of();
    if holes.is_empty() {
        return Ok(numbers.into_iter().map(|number| of(number as f64)).collect());
    }
    let mut there = numbers.into_iter();
    let one =
        |hole: bool| if hole { f32::NAN } else { there.next().map_or(f32::NAN, |n| of(n as f64)) };
    Ok(holes.into_iter().map(one).collect())
}

/// Numbers that are there, and which of all values are missing (empty where none can be).
fn grouped(
    mut bits: Bits<'_>,
    groups: &Groups,
    width: usize,
    count: usize,
) -> Result<(Vec<i64>, Vec<bool>), Why> {
    let mut list = |width: usize, take: &mut dyn FnMut(u64)| -> Result<(), Why> {
        bits.take(width, groups.count, take)?;
        bits.align();
        Ok(())
    };
    let mut references = Vec::with_capacity(groups.count);
    list(width, &mut |number| references.push(number))?;
    let mut widths = Vec::with_capacity(groups.count);
    let (first, step) = groups.widths;
    list(step, &mut |number| widths.push(first.saturating_add(number as usize)))?;
    let mut lengths = Vec::with_capacity(groups.count);
    let (first, step, last, width_of) = groups.lengths;
    list(width_of, &mut |number| {
        lengths.push(first.saturating_add(step.saturating_mul(number as usize)));
    })?;
    if let Some(length) = lengths.last_mut() {
        *length = last;
    }
    let ones = |width: usize| if width == 0 { u64::MAX } else { u64::MAX >> (64 - width.min(64)) };
    let mut numbers = Vec::with_capacity(count);
    let mut holes = Vec::with_capacity(if groups.missing == 0 { 0 } else { count });
    let mut left = count;
    for ((reference, group), length) in references.into_iter().zip(widths).zip(lengths) {
        left = left.checked_sub(length).ok_or_else(|| format!("more than {count} values"))?;
        let base = i64::try_from(reference).unwrap_or(i64::MAX);
        let value = |number: u64| base.wrapping_add(i64::try_from(number).unwrap_or(i64::MAX));
        if groups.missing == 0 {
            bits.take(group, length, |number| numbers.push(value(number)))?;
            continue;
        }
        // All ones is missing, of the primary kind; one less is of the secondary kind, where there is one.
        let hole = |number: u64, width: usize| {
            width > 0 && (number == ones(width) || groups.missing == 2 && number == ones(width) - 1)
        };
        if group == 0 && hole(reference, width) {
            holes.extend(std::iter::repeat_n(true, length));
            continue;
        }
        bits.take(group, length, |number| {
            let missing = hole(number, group);
            holes.push(missing);
            if !missing {
                numbers.push(value(number));
            }
        })?;
    }
    if left == 0 { Ok((numbers, holes)) } else { Err(format!("groups leave {left} values out")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn runs_are_the_ones_of_japan_s_description() {
        // 4 bits: levels 0..=10 of base 5; JMBSC's example.
        let numbers = [3_u8, 9, 12, 6, 4, 15, 2, 1, 0, 13, 12, 2, 3];
        let mut data: Vec<u8> =
            numbers.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)).collect();
        data.push(0);
        let mut section = vec![0_u8; 17];
        section[11] = 4;
        section[12..14].copy_from_slice(&[0, 10]);
        section[14..16].copy_from_slice(&[0, 10]);
        for level in 1..=10_u16 {
            section.extend((level * 10).to_be_bytes());
        }
        section[16] = 1;
        let values = run_length(Octets(&section), &data, 21).unwrap();
        let levels = [3, 9, 9, 6, 4, 4, 4, 4, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3];
        for (value, level) in values.iter().zip(levels) {
            assert!(if level == 0 { value.is_nan() } else { *value == level as f32 });
        }
        assert!(run_length(Octets(&section), &data, 2).is_err());
    }

    #[test]
    fn missing_values_of_groups_are_nan() {
        // One group of width 2 (1, missing, secondary missing, 0) and one of width 0 that is missing.
        let mut section = vec![0_u8; 47];
        section[19] = 3;
        section[22] = 2;
        section[31..35].copy_from_slice(&2_u32.to_be_bytes());
        section[36] = 2;
        section[41] = 1;
        section[42..46].copy_from_slice(&2_u32.to_be_bytes());
        section[46] = 3;
        // References 5 and 7, widths 2 and 0, lengths 4 and 2.
        let data = [0b1011_1100, 0b1000_0000, 0b1000_0000, 0b0111_1000];
        let scale = Scale { reference: 0.0, binary: 0, decimal: 0 };
        let values = complex(Octets(&section), &data, 6, scale).unwrap();
        assert_eq!((values[0], values[3]), (6.0, 5.0));
        assert!([1, 2, 4, 5].iter().all(|at| values[*at].is_nan()));
        assert!(complex(Octets(&section), &data, 7, scale).is_err());
    }
}
