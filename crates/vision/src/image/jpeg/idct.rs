//! The inverse cosine transform of 8 by 8 coefficients in integers, by the factorisation of C. Loeffler,
//! A. Ligtenberg and G. Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications" (ICASSP
//! 1989): constants of 13 bits, and two more bits than samples have between the two passes.
//!
//! Another order of roundings gives other samples, so this is the arithmetic of libjpeg's accurate
//! transform to the bit, with its width of 16 bits in vector code where coefficients are beyond any
//! that an encoder writes.

use super::frame::Quantisation;
use super::scan::Block;

/// Eight by eight samples.
pub(super) type Samples = [[u8; 8]; 8];

/// Bits of the constants.
const CONST_BITS: i32 = 13;

/// Bits more after the first pass.
const PASS_BITS: i32 = 2;

// The constants, in units of 2^-13: cosines of multiples of pi/16 and their sums.
const C0_298631336: i16 = 2446;
const C0_390180644: i16 = 3196;
const C0_541196100: i16 = 4433;
const C0_765366865: i16 = 6270;
const C0_899976223: i16 = 7373;
const C1_175875602: i16 = 9633;
const C1_501321110: i16 = 12299;
const C1_847759065: i16 = 15137;
const C1_961570560: i16 = 16069;
const C2_053119869: i16 = 16819;
const C2_562915447: i16 = 20995;
const C3_072711026: i16 = 25172;

/// The samples of a block.
pub(super) fn inverse(block: &Block, quantisation: &Quantisation) -> Samples {
    // SAFETY: SSE2 is part of x86-64: there is no such processor without it.
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "a call of a function compiled for an instruction set")]
    return unsafe { vector::inverse(block, quantisation) };
    #[cfg(not(target_arch = "x86_64"))]
    return portable(block, quantisation);
}

/// The sample that all of a block are that has no coefficient but `dc`.
pub(super) fn flat(dc: i16, quantisation: &Quantisation) -> u8 {
    let raised = i32::from(dc.wrapping_mul(quantisation[0] as i16)) << PASS_BITS;
    let level = (raised.clamp(i16::MIN.into(), i16::MAX.into()) + 16) >> (PASS_BITS + 3);
    (level + 128).clamp(0, 255) as u8
}

/// In plain arithmetic, eight numbers at a time.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) fn portable(block: &Block, quantisation: &Quantisation) -> Samples {
    let mut rows = [[0_i16; 8]; 8];
    for (y, row) in rows.iter_mut().enumerate() {
        for (x, value) in row.iter_mut().enumerate() {
            *value = block[y * 8 + x].wrapping_mul(quantisation[y * 8 + x] as i16);
        }
    }
    let columns = transposed(&pass::<{ CONST_BITS - PASS_BITS }>(&rows));
    let levels = transposed(&pass::<{ CONST_BITS + PASS_BITS + 3 }>(&columns));
    levels.map(|row| row.map(|level| (i32::from(level) + 128).clamp(0, 255) as u8))
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn transposed(rows: &[[i16; 8]; 8]) -> [[i16; 8]; 8] {
    std::array::from_fn(|x| std::array::from_fn(|y| rows[y][x]))
}

/// Eight transforms of eight numbers each, divided by two to the `SHIFT`.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn pass<const SHIFT: i32>(input: &[[i16; 8]; 8]) -> [[i16; 8]; 8] {
    let mut output = [[0; 8]; 8];
    for lane in 0..8 {
        let [i0, i1, i2, i3, i4, i5, i6, i7] = input.map(|row| row[lane]);
        let mul = |a: i16, b: i16, ka: i16, kb: i16| {
            i32::from(a) * i32::from(ka) + i32::from(b) * i32::from(kb)
        };
        let t3 = mul(i2, i6, C0_541196100 + C0_765366865, C0_541196100);
        let t2 = mul(i2, i6, C0_541196100, C0_541196100 - C1_847759065);
        let round = 1 << (SHIFT - 1);
        let t0 = (i32::from(i0.wrapping_add(i4)) << CONST_BITS) + round;
        let t1 = (i32::from(i0.wrapping_sub(i4)) << CONST_BITS) + round;
        let even = [t0 + t3, t1 + t2, t1 - t2, t0 - t3];
        let (z3, z4) = (i7.wrapping_add(i3), i5.wrapping_add(i1));
        let s3 = mul(z3, z4, C1_175875602 - C1_961570560, C1_175875602);
        let s4 = mul(z3, z4, C1_175875602, C1_175875602 - C0_390180644);
        let odd = [
            mul(i7, i1, -C0_899976223, C1_501321110 - C0_899976223) + s4,
            mul(i5, i3, -C2_562915447, C3_072711026 - C2_562915447) + s3,
            mul(i5, i3, C2_053119869 - C2_562915447, -C2_562915447) + s4,
            mul(i7, i1, C0_298631336 - C0_899976223, -C0_899976223) + s3,
        ];
        for (k, (even, odd)) in even.into_iter().zip(odd).enumerate() {
            let saturated = |v: i32| (v >> SHIFT).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
            output[k][lane] = saturated(even.wrapping_add(odd));
            output[7 - k][lane] = saturated(even.wrapping_sub(odd));
        }
    }
    output
}

/// With SSE2, which every x86-64 processor has: products of pairs of 16-bit numbers are summed in one
/// instruction.
#[cfg(target_arch = "x86_64")]
mod vector {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi16, _mm_add_epi32, _mm_madd_epi16, _mm_mullo_epi16, _mm_packs_epi16,
        _mm_packs_epi32, _mm_set1_epi8, _mm_set1_epi32, _mm_setzero_si128, _mm_srai_epi32,
        _mm_sub_epi16, _mm_sub_epi32, _mm_unpackhi_epi8, _mm_unpackhi_epi16, _mm_unpackhi_epi32,
        _mm_unpackhi_epi64, _mm_unpacklo_epi8, _mm_unpacklo_epi16, _mm_unpacklo_epi32,
        _mm_unpacklo_epi64, _mm_xor_si128,
    };

    use bytemuck::must_cast;

    use super::*;

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn inverse(block: &Block, quantisation: &Quantisation) -> Samples {
        let coefficients: &[[i16; 8]; 8] = bytemuck::must_cast_ref(block);
        let steps: &[[u16; 8]; 8] = bytemuck::must_cast_ref(quantisation);
        let rows = std::array::from_fn(|y| {
            _mm_mullo_epi16(
                must_cast::<_, __m128i>(coefficients[y]),
                must_cast::<_, __m128i>(steps[y]),
            )
        });
        let columns = transposed(pass::<{ CONST_BITS - PASS_BITS }>(rows));
        samples(pass::<{ CONST_BITS + PASS_BITS + 3 }>(columns))
    }

    /// Sums of 32 bits, of the lower and the upper four of eight numbers.
    type Wide = [__m128i; 2];

    #[inline]
    #[target_feature(enable = "sse2")]
    fn add(a: Wide, b: Wide) -> Wide {
        [_mm_add_epi32(a[0], b[0]), _mm_add_epi32(a[1], b[1])]
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn sub(a: Wide, b: Wide) -> Wide {
        [_mm_sub_epi32(a[0], b[0]), _mm_sub_epi32(a[1], b[1])]
    }

    /// `a` and `b` alternating, for [`mul`].
    #[inline]
    #[target_feature(enable = "sse2")]
    fn pairs(a: __m128i, b: __m128i) -> Wide {
        [_mm_unpacklo_epi16(a, b), _mm_unpackhi_epi16(a, b)]
    }

    /// `a * ka + b * kb`.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn mul(pairs: Wide, ka: i16, kb: i16) -> Wide {
        let constants = _mm_set1_epi32((i32::from(kb) << 16) | i32::from(ka as u16));
        pairs.map(|pair| _mm_madd_epi16(pair, constants))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn pass<const SHIFT: i32>(i: [__m128i; 8]) -> [__m128i; 8] {
        let round = _mm_set1_epi32(1 << (SHIFT - 1));
        // Times 2^13: the number in the upper half of 32 bits, shifted down.
        let raised = |v: __m128i| {
            pairs(_mm_setzero_si128(), v)
                .map(|half| _mm_add_epi32(_mm_srai_epi32::<{ 16 - CONST_BITS }>(half), round))
        };
        let even = pairs(i[2], i[6]);
        let t3 = mul(even, C0_541196100 + C0_765366865, C0_541196100);
        let t2 = mul(even, C0_541196100, C0_541196100 - C1_847759065);
        let t0 = raised(_mm_add_epi16(i[0], i[4]));
        let t1 = raised(_mm_sub_epi16(i[0], i[4]));
        let even = [add(t0, t3), add(t1, t2), sub(t1, t2), sub(t0, t3)];
        let sums = pairs(_mm_add_epi16(i[7], i[3]), _mm_add_epi16(i[5], i[1]));
        let s3 = mul(sums, C1_175875602 - C1_961570560, C1_175875602);
        let s4 = mul(sums, C1_175875602, C1_175875602 - C0_390180644);
        let (outer, inner) = (pairs(i[7], i[1]), pairs(i[5], i[3]));
        let odd = [
            add(mul(outer, -C0_899976223, C1_501321110 - C0_899976223), s4),
            add(mul(inner, -C2_562915447, C3_072711026 - C2_562915447), s3),
            add(mul(inner, C2_053119869 - C2_562915447, -C2_562915447), s4),
            add(mul(outer, C0_298631336 - C0_899976223, -C0_899976223), s3),
        ];
        let saturated = |v: Wide| {
            let [low, high] = v.map(|half| _mm_srai_epi32::<SHIFT>(half));
            _mm_packs_epi32(low, high)
        };
        std::array::from_fn(|k| {
            if k < 4 {
                saturated(add(even[k], odd[k]))
            } else {
                saturated(sub(even[7 - k], odd[7 - k]))
            }
        })
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn transposed(r: [__m128i; 8]) -> [__m128i; 8] {
        let by_two =
            |a: usize| [_mm_unpacklo_epi16(r[a], r[a + 1]), _mm_unpackhi_epi16(r[a], r[a + 1])];
        let (p, q, s, t) = (by_two(0), by_two(2), by_two(4), by_two(6));
        let by_four = |a: __m128i, b: __m128i| [_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b)];
        let above = [by_four(p[0], q[0]), by_four(p[1], q[1])];
        let below = [by_four(s[0], t[0]), by_four(s[1], t[1])];
        std::array::from_fn(|k| {
            let (a, b) = (above[k / 4][k / 2 % 2], below[k / 4][k / 2 % 2]);
            if k.is_multiple_of(2) { _mm_unpacklo_epi64(a, b) } else { _mm_unpackhi_epi64(a, b) }
        })
    }

    /// Eight columns of levels about zero to rows of samples.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn samples(c: [__m128i; 8]) -> Samples {
        // Two columns' bytes each, so that they interleave.
        let (a, b) = (_mm_packs_epi16(c[0], c[2]), _mm_packs_epi16(c[1], c[3]));
        let (d, e) = (_mm_packs_epi16(c[4], c[6]), _mm_packs_epi16(c[5], c[7]));
        let (c01, c23) = (_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b));
        let (c45, c67) = (_mm_unpacklo_epi8(d, e), _mm_unpackhi_epi8(d, e));
        let left = [_mm_unpacklo_epi16(c01, c23), _mm_unpackhi_epi16(c01, c23)];
        let right = [_mm_unpacklo_epi16(c45, c67), _mm_unpackhi_epi16(c45, c67)];
        let middle = _mm_set1_epi8(-128);
        let rows: [[[u8; 8]; 2]; 4] = std::array::from_fn(|k| {
            let (l, r) = (left[k / 2], right[k / 2]);
            let two = if k.is_multiple_of(2) {
                _mm_unpacklo_epi32(l, r)
            } else {
                _mm_unpackhi_epi32(l, r)
            };
            must_cast(_mm_xor_si128(two, middle))
        });
        must_cast(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transform by its definition (ITU-T T.81, A.3.3), in double precision.
    fn exact(block: &Block) -> [[f64; 8]; 8] {
        let basis = |k: usize, n: usize| {
            let scale = if k == 0 { 0.125_f64.sqrt() } else { 0.5 };
            scale * (std::f64::consts::PI * (2 * n + 1) as f64 * k as f64 / 16.0).cos()
        };
        std::array::from_fn(|y| {
            std::array::from_fn(|x| {
                let term = |k: usize| f64::from(block[k]) * basis(k / 8, y) * basis(k % 8, x);
                (0..64).map(term).sum::<f64>() + 128.0
            })
        })
    }

    fn numbers(seed: u32) -> impl Iterator<Item = i32> {
        std::iter::successors(Some(seed), |s| {
            Some(s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
        })
        .skip(1)
        .map(|s| (s >> 16) as i32 - 32768)
    }

    #[test]
    fn near_the_exact_transform_and_the_same_in_both_ways() {
        let ones = [1; 64];
        for seed in 0..2000 {
            let mut block = [0_i16; 64];
            let sparse = seed % 7 + 1;
            for (k, (value, number)) in block.iter_mut().zip(numbers(seed)).enumerate() {
                if number.unsigned_abs().is_multiple_of(sparse) {
                    *value = (number >> 6) as i16 / (1 + k as i16 / 4);
                }
            }
            let found = inverse(&block, &ones);
            assert_eq!(found, portable(&block, &ones), "{block:?}");
            for (found, exact) in found.iter().flatten().zip(exact(&block).iter().flatten()) {
                assert!((f64::from(*found) - exact.clamp(0.0, 255.0)).abs() < 0.7, "{block:?}");
            }
        }
    }

    #[test]
    fn extremes_are_the_same_in_both_ways() {
        for seed in 0..2000 {
            let values: Vec<i32> = numbers(seed).take(128).collect();
            let block: Block = std::array::from_fn(|k| values[k] as i16);
            let steps: Quantisation = std::array::from_fn(|k| values[64 + k] as u16);
            assert_eq!(inverse(&block, &steps), portable(&block, &steps));
        }
    }

    #[test]
    fn a_flat_block_has_its_shortcut() {
        for dc in -2048..2048 {
            let mut block = [0; 64];
            block[0] = dc;
            let steps = [3; 64];
            assert_eq!(inverse(&block, &steps), [[flat(dc, &steps); 8]; 8], "{dc}");
        }
    }
}
