//! Second-order packing of GRIB 1: groups of values that share a first-order value, in five layouts, with spatial differencing.

use super::octets::{Bits, Octets, Scale, Why, unpack};

/// Flags of octet 14 of the binary data section.
const MATRIX: u8 = 0x40;
const SECONDARY_BITMAP: u8 = 0x20;
const OWN_WIDTHS: u8 = 0x10;
const EXTENDED: u8 = 0x08;
const BOUSTROPHEDON: u8 = 0x04;
const DIFFERENCES: u8 = 0x03;

/// Groups: how wide the second-order values of each are, how many it has, what is added to them.
struct Groups {
    widths: Vec<usize>,
    lengths: Vec<usize>,
    firsts: Vec<i64>,
}

/// Whole numbers become values; whether odd lines run backwards.
pub(super) struct Unpacked {
    pub(super) values: Vec<f32>,
    pub(super) boustrophedon: bool,
}

/// Decodes a binary data section of second order: `count` values; `lines` are the values of each line, which some layouts take as
/// their groups.
pub(super) fn decode(
    section: Octets<'_>,
    count: usize,
    lines: &[usize],
    scale: Scale,
) -> Result<Unpacked, Why> {
    let flags = section.u1(14)?;
    if flags & MATRIX != 0 {
        return Err("a matrix of values at each point is not read".into());
    }
    let groups = usize::from(section.u2(17)?) + 65_536 * usize::from(section.u1(21)?);
    if groups > count.min(8 * section.0.len()) {
        return Err(format!("{groups} groups for {count} values"));
    }
    let numbers = if flags & EXTENDED != 0 {
        extended(section, groups, count, usize::from(flags & DIFFERENCES))?
    } else {
        let (groups, at) = plain(section, groups, count, lines, flags)?;
        second_order(section.rest(at)?, &groups, count, 0)?
    };
    let of = scale.of();
    let values = numbers.into_iter().map(|number| of(number as f64)).collect();
    Ok(Unpacked { values, boustrophedon: flags & BOUSTROPHEDON != 0 })
}

/// The four layouts of the WMO manual: groups are lines or told by a secondary bitmap, of one width or of their own.
fn plain(
    section: Octets<'_>,
    groups: usize,
    count: usize,
    lines: &[usize],
    flags: u8,
) -> Result<(Groups, usize), Why> {
    let own = flags & OWN_WIDTHS != 0;
    let told = if own { groups } else { 1 };
    let widths: Vec<usize> = section.slice(22, told)?.iter().map(|width| (*width).into()).collect();
    let widths = if own { widths } else { vec![widths.first().copied().unwrap_or(0); groups] };
    let lengths = if flags & SECONDARY_BITMAP != 0 {
        let mut lengths: Vec<usize> = Vec::with_capacity(groups);
        unpack(section.rest(22 + told)?, 0, 1, count, |begins| match lengths.last_mut() {
            Some(last) if begins == 0 => *last += 1,
            _ => lengths.push(1),
        })?;
        lengths
    } else {
        lines.to_vec()
    };
    if lengths.len() != groups {
        return Err(format!("{groups} groups are told, {} are there", lengths.len()));
    }
    let width = usize::from(section.u1(11)?);
    let mut firsts = Vec::with_capacity(groups);
    unpack(section.rest(usize::from(section.u2(12)?))?, 0, width, groups, |first| {
        firsts.push(whole(first));
    })?;
    Ok((Groups { widths, lengths, firsts }, usize::from(section.u2(15)?)))
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn of_width(bits: &mut Bits<'_>, width: u8, count: usize) -> Result<Vec<usize>, Why> {
    let mut numbers = Vec::with_capacity(count);
    bits.take(width.into(), count, |number| {
        numbers.push(usize::try_from(number).unwrap_or(usize::MAX));
    })?;
    bits.align();
    Ok(numbers)
}

/// ECMWF's general extended layout: widths, lengths and first-order values of groups each packed, one after another (the octet
/// numbers that are told overflow in long sections).
fn extended(
    section: Octets<'_>,
    groups: usize,
    count: usize,
    order: usize,
) -> Result<Vec<i64>, Why> {
    let (of_widths, of_lengths) = (section.u1(22)?, section.u1(23)?);
    let mut at = 26;
    let mut starts = Vec::with_capacity(order);
    let mut bias = 0;
    if order > 0 {
        let width = usize::from(section.u1(26)?);
        let mut bits = Bits::new(section.rest(27)?);
        for _ in 0..order {
            starts.push(whole(bits.one(width)?));
        }
        bias = bits.one_signed(width)?;
        at = 27 + (width * (order + 1)).div_ceil(8);
    }
    let mut bits = Bits::new(section.rest(at)?);
    let widths = of_width(&mut bits, of_widths, groups)?;
    let lengths = of_width(&mut bits, of_lengths, groups)?;
    let mut firsts = Vec::with_capacity(groups);
    bits.take(section.u1(11)?.into(), groups, |first| firsts.push(whole(first)))?;
    bits.align();
    let groups = Groups { widths, lengths, firsts };
    let mut numbers = second_order_from(bits, &groups, count, order)?;
    for (number, start) in numbers.iter_mut().zip(&starts) {
        *number = *start;
    }
    integrate(&mut numbers, order, bias);
    Ok(numbers)
}

fn second_order(bytes: &[u8], groups: &Groups, count: usize, skip: usize) -> Result<Vec<i64>, Why> {
    second_order_from(Bits::new(bytes), groups, count, skip)
}

/// The numbers of all groups after `skip` that are set otherwise.
fn second_order_from(
    mut bits: Bits<'_>,
    groups: &Groups,
    count: usize,
    skip: usize,
) -> Result<Vec<i64>, Why> {
    let mut numbers = vec![0; skip.min(count)];
    numbers.reserve(count - numbers.len());
    let each = groups.widths.iter().zip(&groups.lengths).zip(&groups.firsts);
    for ((width, length), first) in each {
        if *length > count - numbers.len() {
            return Err(format!("groups hold more than {count} values"));
        }
        bits.take(*width, *length, |number| numbers.push(first.wrapping_add(whole(number))))?;
    }
    if numbers.len() == count {
        Ok(numbers)
    } else {
        Err(format!("groups hold {} of {count} values", numbers.len()))
    }
}

/// Undoes differences of an order: the first `order` numbers are themselves, the others are differences less a bias.
pub(super) fn integrate(numbers: &mut [i64], order: usize, bias: i64) {
    for at in order..numbers.len() {
        let back = |steps: usize| numbers[at - steps];
        let next = numbers[at].wrapping_add(bias);
        let next = match order {
            0 => numbers[at],
            1 => next.wrapping_add(back(1)),
            2 => next.wrapping_add(back(1).wrapping_mul(2)).wrapping_sub(back(2)),
            _ => next
                .wrapping_add(back(1).wrapping_mul(3))
                .wrapping_sub(back(2).wrapping_mul(3))
                .wrapping_add(back(3)),
        };
        numbers[at] = next;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn differences_of_all_orders_are_undone() {
        let numbers: Vec<i64> = vec![5, 9, 4, 4, 17, 3, 0, 8];
        let at = |numbers: &[i64], i: usize, order: usize| -> i64 {
            let n = |back: usize| numbers[i - back];
            match order {
                1 => n(0) - n(1),
                2 => n(0) - 2 * n(1) + n(2),
                _ => n(0) - 3 * n(1) + 3 * n(2) - n(3),
            }
        };
        for order in 1..=3 {
            let mut coded = numbers.clone();
            for (i, number) in coded.iter_mut().enumerate().skip(order) {
                *number = at(&numbers, i, order) + 7;
            }
            integrate(&mut coded, order, -7);
            assert_eq!(coded, numbers, "{order}");
        }
    }

    #[test]
    fn rows_are_groups_of_their_own_width() {
        // Two rows of three: first-order 10 and 20 (8 bits), widths 2 and 0, second-order 1 2 3.
        let mut section = vec![0_u8; 24];
        section[10] = 8;
        section[11..13].copy_from_slice(&[0, 24]);
        section[13] = OWN_WIDTHS;
        section[14..16].copy_from_slice(&[0, 26]);
        section[16..18].copy_from_slice(&[0, 2]);
        section[21..23].copy_from_slice(&[2, 0]);
        section[23] = 10;
        section.extend([20, 0b0110_1100]);
        let scale = Scale { reference: 0.5, binary: 1, decimal: 0 };
        let decoded = decode(Octets(&section), 6, &[3, 3], scale).unwrap();
        assert_eq!(decoded.values, [22.5, 24.5, 26.5, 40.5, 40.5, 40.5]);
        assert!(decode(Octets(&section), 7, &[3, 4, 0], scale).is_err());
        assert!(decode(Octets(&section[..25]), 6, &[3, 3], scale).is_err());
    }
}
