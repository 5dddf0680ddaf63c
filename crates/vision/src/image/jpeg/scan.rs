//! Entropy-coded blocks: sequential scans, and the four kinds of a progressive file's scans.

use super::bits::BitReader;
use super::frame::ZIGZAG;
use super::huffman::{BadCode, HuffmanTable};

/// The coefficients of 8 by 8 samples, row by row, from the lowest frequency.
pub(super) type Block = [i16; 64];

/// A whole block of a sequential scan, which was zero. `predicted` is the DC value of the block before.
/// Gives how many coefficients were gone through; with one there is nothing but DC.
#[inline(always)]
pub(super) fn sequential(
    reader: &mut BitReader<'_>,
    tables: (&HuffmanTable, &HuffmanTable),
    predicted: &mut i32,
    block: &mut Block,
) -> Result<usize, BadCode> {
    let mut bits = *reader;
    let (_, difference) = tables.0.coefficient(&mut bits)?;
    *predicted = predicted.wrapping_add(difference);
    block[0] = *predicted as i16;
    let mut k = 1;
    while k < 64 {
        let (zeros, value) = tables.1.coefficient(&mut bits)?;
        if value == 0 && zeros != 15 {
            break;
        }
        k += zeros;
        // A zero is put down as one: nothing was there.
        block[usize::from(ZIGZAG[k]) & 63] = value as i16;
        k += 1;
    }
    *reader = bits;
    Ok(k)
}

/// DC of a progressive file, its bits from `low` up.
#[inline(always)]
pub(super) fn dc_first(
    reader: &mut BitReader<'_>,
    table: &HuffmanTable,
    predicted: &mut i32,
    low: u32,
    block: &mut Block,
) -> Result<(), BadCode> {
    let (_, difference) = table.coefficient(reader)?;
    *predicted = predicted.wrapping_add(difference);
    block[0] = (*predicted << low) as i16;
    Ok(())
}

/// One more bit of DC.
#[inline(always)]
pub(super) fn dc_refine(reader: &mut BitReader<'_>, low: u32, block: &mut Block) {
    block[0] |= i16::from(reader.bit()) << low;
}

/// A band of a progressive file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) low: u32,
}

/// A band's coefficients, their bits from `low` up. `ended` counts blocks that have nothing more in
/// this band.
#[inline(always)]
pub(super) fn ac_first(
    reader: &mut BitReader<'_>,
    table: &HuffmanTable,
    band: Band,
    ended: &mut u32,
    block: &mut Block,
) -> Result<(), BadCode> {
    if *ended > 0 {
        *ended -= 1;
        return Ok(());
    }
    let mut bits = *reader;
    let mut k = band.first;
    while k <= band.last {
        let (zeros, value) = table.coefficient(&mut bits)?;
        if value == 0 && zeros != 15 {
            *ended = run(&mut bits, zeros) - 1;
            break;
        }
        k += zeros;
        if value != 0 {
            block[usize::from(ZIGZAG[k]) & 63] = (value << band.low) as i16;
        }
        k += 1;
    }
    *reader = bits;
    Ok(())
}

/// How many blocks end, this one included.
#[inline(always)]
fn run(bits: &mut BitReader<'_>, size: usize) -> u32 {
    bits.refill();
    (1 << size) + bits.number(size as u32)
}

/// One more bit of a band: of the coefficients that are not zero, and those that were zero up to here.
#[inline(always)]
pub(super) fn ac_refine(
    reader: &mut BitReader<'_>,
    table: &HuffmanTable,
    band: Band,
    ended: &mut u32,
    block: &mut Block,
) -> Result<(), BadCode> {
    let mut bits = *reader;
    let one = 1_i16 << band.low;
    let mut k = band.first;
    if *ended == 0 {
        while k <= band.last {
            let (mut zeros, value) = table.coefficient(&mut bits)?;
            if value == 0 && zeros != 15 {
                *ended = run(&mut bits, zeros);
                break;
            }
            if !(-1..=1).contains(&value) {
                return Err(BadCode);
            }
            // Over that many zeros, and all that is not zero; to the next zero.
            while k <= band.last {
                let place = &mut block[usize::from(ZIGZAG[k]) & 63];
                if *place != 0 {
                    correct(&mut bits, one, place);
                } else if zeros == 0 {
                    *place = value as i16 * one;
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            k += 1;
        }
    }
    if *ended > 0 {
        for &at in ZIGZAG.get(k..=band.last).unwrap_or_default() {
            let place = &mut block[usize::from(at) & 63];
            if *place != 0 {
                correct(&mut bits, one, place);
            }
        }
        *ended -= 1;
    }
    *reader = bits;
    Ok(())
}

/// One more bit of a coefficient that is not zero.
#[inline(always)]
fn correct(bits: &mut BitReader<'_>, one: i16, place: &mut i16) {
    // A bit that is set already is no correction: the file repeats a scan.
    if bits.bit() && *place & one == 0 {
        *place = place.wrapping_add(if *place < 0 { -one } else { one });
    }
}
