//! The few register operations the kernel is made of, once for each instruction set.
//!
//! All of them work on values; loads and stores go through `bytemuck` casts, so nothing here is unsafe.

use super::matrix::Line;

/// 64-bit words.
pub(super) mod portable {
    use super::Line;

    #[inline(always)]
    pub(crate) fn zero() -> u64 {
        0
    }

    #[inline(always)]
    pub(crate) fn broadcast(word: u64) -> u64 {
        word
    }

    #[inline(always)]
    pub(crate) fn load(line: &Line, part: usize) -> u64 {
        line.0[part]
    }

    /// Writes a part of a line; true where any bit is set.
    #[inline(always)]
    pub(crate) fn store(value: u64, line: &mut Line, part: usize) -> bool {
        line.0[part] = value;
        value != 0
    }

    #[inline(always)]
    pub(crate) fn and(a: u64, b: u64) -> u64 {
        a & b
    }

    #[inline(always)]
    pub(crate) fn xor(a: u64, b: u64) -> u64 {
        a ^ b
    }

    #[inline(always)]
    pub(crate) fn xor3(a: u64, b: u64, c: u64) -> u64 {
        a ^ b ^ c
    }

    #[inline(always)]
    pub(crate) fn majority(a: u64, b: u64, c: u64) -> u64 {
        (a & b) | (c & (a | b))
    }
}

/// 256-bit registers.
#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm256_and_si256, _mm256_or_si256, _mm256_set1_epi64x, _mm256_setzero_si256,
        _mm256_testz_si256, _mm256_xor_si256,
    };

    use super::Line;

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn zero() -> __m256i {
        _mm256_setzero_si256()
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn broadcast(word: u64) -> __m256i {
        _mm256_set1_epi64x(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn load(line: &Line, part: usize) -> __m256i {
        bytemuck::must_cast_ref::<Line, [__m256i; 2]>(line)[part]
    }

    /// Writes a part of a line; true where any bit is set.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn store(value: __m256i, line: &mut Line, part: usize) -> bool {
        bytemuck::must_cast_mut::<Line, [__m256i; 2]>(line)[part] = value;
        _mm256_testz_si256(value, value) == 0
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn and(a: __m256i, b: __m256i) -> __m256i {
        _mm256_and_si256(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn xor(a: __m256i, b: __m256i) -> __m256i {
        _mm256_xor_si256(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn xor3(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        _mm256_xor_si256(_mm256_xor_si256(a, b), c)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn majority(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        let either = _mm256_and_si256(c, _mm256_or_si256(a, b));
        _mm256_or_si256(_mm256_and_si256(a, b), either)
    }
}

/// 512-bit registers with three-input logic.
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512 {
    use std::arch::x86_64::{
        __m512i, _mm512_and_si512, _mm512_set1_epi64, _mm512_setzero_si512,
        _mm512_ternarylogic_epi64, _mm512_test_epi64_mask, _mm512_xor_si512,
    };

    use super::Line;

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn zero() -> __m512i {
        _mm512_setzero_si512()
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn broadcast(word: u64) -> __m512i {
        _mm512_set1_epi64(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn load(line: &Line, _part: usize) -> __m512i {
        *bytemuck::must_cast_ref::<Line, __m512i>(line)
    }

    /// Writes a line; true where any bit is set.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn store(value: __m512i, line: &mut Line, _part: usize) -> bool {
        *bytemuck::must_cast_mut::<Line, __m512i>(line) = value;
        _mm512_test_epi64_mask(value, value) != 0
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn and(a: __m512i, b: __m512i) -> __m512i {
        _mm512_and_si512(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn xor(a: __m512i, b: __m512i) -> __m512i {
        _mm512_xor_si512(a, b)
    }

    // The last number of a ternary operation is its truth table, with a, b, c worth 0xF0, 0xCC, 0xAA.

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        _mm512_ternarylogic_epi64::<{ 0xF0 ^ 0xCC ^ 0xAA }>(a, b, c)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(crate) fn majority(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        _mm512_ternarylogic_epi64::<{ (0xF0 & 0xCC) | (0xAA & (0xF0 | 0xCC)) }>(a, b, c)
    }
}
