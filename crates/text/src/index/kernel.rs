//! Dot products of a question's 8-bit vector with rows of 8-bit vectors, once for each instruction set.
//!
//! Codes are stored as `value + 128` (unsigned), the question's are signed: VNNI multiplies these. Sums of whole numbers
//! are exact, so every kernel gives the same. Kernels work on arrays; only the call of a function compiled for an
//! instruction set is unsafe, and it is made after that set was detected.

use super::quantise::STEP;

/// Fills `out` with the dot products of `query` and as many rows of codes, each as long as `query`, which is a multiple of
/// [`STEP`]. What the stored `+128` adds is in them.
pub(super) type Kernel = fn(rows: &[u8], query: &[i8], out: &mut [i32]);

/// The kernels that run on this machine, fastest first; the last is portable.
pub(super) fn kernels() -> Vec<(&'static str, Kernel)> {
    let mut found: Vec<(&'static str, Kernel)> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512_vnni() {
            found.push(("avx512-vnni", x86::avx512_vnni));
        }
        if x86::has_avx2() {
            found.push(("avx2", x86::avx2));
        }
    }
    found.push(("portable", portable));
    found
}

/// The fastest kernel of this machine.
pub(super) fn fastest() -> Kernel {
    static FASTEST: std::sync::OnceLock<Kernel> = std::sync::OnceLock::new();
    *FASTEST.get_or_init(|| kernels().first().map_or(portable, |(_, kernel)| *kernel))
}

fn portable(rows: &[u8], query: &[i8], out: &mut [i32]) {
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        *out = row.iter().zip(query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(
    unsafe_code,
    reason = "calls of functions compiled for an instruction set, after it was detected"
)]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, __m512i, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16,
        _mm256_madd_epi16, _mm256_setzero_si256, _mm512_add_epi32, _mm512_dpbusd_epi32,
        _mm512_reduce_add_epi32, _mm512_setzero_si512,
    };

    use super::STEP;

    pub(super) fn has_avx512_vnni() -> bool {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")
    }

    pub(super) fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2")
    }

    pub(super) fn avx512_vnni(rows: &[u8], query: &[i8], out: &mut [i32]) {
        // SAFETY: `kernels` offers this function only where `has_avx512_vnni`.
        unsafe { with_vnni(rows, query, out) }
    }

    pub(super) fn avx2(rows: &[u8], query: &[i8], out: &mut [i32]) {
        // SAFETY: `kernels` offers this function only where `has_avx2`.
        unsafe { with_avx2(rows, query, out) }
    }

    /// Two sums a row: one would wait for itself.
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn with_vnni(rows: &[u8], query: &[i8], out: &mut [i32]) {
        let (steps, _) = query.as_chunks::<STEP>();
        let load = |bytes: &[u8; STEP]| -> __m512i { bytemuck::must_cast(*bytes) };
        let number = |bytes: &[i8; STEP]| -> __m512i { bytemuck::must_cast(*bytes) };
        for (row, out) in rows.chunks_exact(query.len()).zip(out) {
            let (codes, _) = row.as_chunks::<STEP>();
            let mut sums = [_mm512_setzero_si512(); 2];
            let (code_pairs, code_last) = codes.as_chunks::<2>();
            let (step_pairs, step_last) = steps.as_chunks::<2>();
            for ([a, b], [x, y]) in code_pairs.iter().zip(step_pairs) {
                sums[0] = _mm512_dpbusd_epi32(sums[0], load(a), number(x));
                sums[1] = _mm512_dpbusd_epi32(sums[1], load(b), number(y));
            }
            for (a, x) in code_last.iter().zip(step_last) {
                sums[0] = _mm512_dpbusd_epi32(sums[0], load(a), number(x));
            }
            *out = _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]));
        }
    }

    /// Widened to 16 bits: products of 8 bits would be cut off where two are added in 16.
    #[target_feature(enable = "avx2")]
    fn with_avx2(rows: &[u8], query: &[i8], out: &mut [i32]) {
        let (steps, _) = query.as_chunks::<16>();
        for (row, out) in rows.chunks_exact(query.len()).zip(out) {
            let (codes, _) = row.as_chunks::<16>();
            let mut sums: [__m256i; 2] = [_mm256_setzero_si256(); 2];
            for (at, (code, step)) in codes.iter().zip(steps).enumerate() {
                let code: __m128i = bytemuck::must_cast(*code);
                let step: __m128i = bytemuck::must_cast(*step);
                let product =
                    _mm256_madd_epi16(_mm256_cvtepu8_epi16(code), _mm256_cvtepi8_epi16(step));
                sums[at & 1] = _mm256_add_epi32(sums[at & 1], product);
            }
            let lanes: [i32; 8] = bytemuck::must_cast(_mm256_add_epi32(sums[0], sums[1]));
            *out = lanes.iter().sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_gives_the_same() {
        let mut dice = strata_testkit::kill::Dice::new(11);
        for steps in 1..=9 {
            let length = steps * STEP;
            // The largest products first, then anything.
            for round in 0..20 {
                let rows: Vec<u8> = (0..7 * length)
                    .map(|_| if round == 0 { 255 } else { dice.roll() as u8 })
                    .collect();
                let query: Vec<i8> = (0..length)
                    .map(|_| match round {
                        0 => 127,
                        1 => -127,
                        _ => (dice.roll() as i8).max(-127),
                    })
                    .collect();
                let mut wanted = [0; 7];
                portable(&rows, &query, &mut wanted);
                for (name, kernel) in kernels() {
                    let mut out = [1; 7];
                    kernel(&rows, &query, &mut out);
                    assert_eq!(out, wanted, "{name}, {length} numbers, round {round}");
                }
            }
        }
    }
}
