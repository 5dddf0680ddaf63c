//! The inner loop of the search: approximate distances of eight queries to forty-eight bank vectors at a time, once for
//! each instruction set.
//!
//! Bank vectors lie in groups of sixteen, one 32-bit lane each: a [`Line`] holds one number of each (f32) or four (int8,
//! stored as `value + 128`). Kernels work on values and arrays; nothing here touches memory through pointers. Only the
//! call of a function compiled for an instruction set is unsafe, and it is made after that set was detected.

#![allow(clippy::needless_range_loop, reason = "one index runs over the lanes of several arrays")]

/// Queries of a block, bank vectors of a group, groups of a tile.
pub(super) const QUERIES: usize = 8;
pub(super) const LANES: usize = 16;
pub(super) const GROUPS: usize = 3;
/// Bank vectors of a tile.
pub(super) const TILE: usize = LANES * GROUPS;

/// Sixteen lanes of a group at one step: 64 bytes, aligned to a cache line.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u32; LANES]);

/// What belongs to a group beside its lines.
#[derive(Clone, Copy)]
pub(super) struct Group {
    /// Squared lengths; infinite for the lanes that pad the last group.
    pub(super) norms: [f32; LANES],
    /// What a unit of the stored numbers is worth.
    pub(super) scales: [f32; LANES],
    /// Bank vector of each lane.
    pub(super) rows: [u32; LANES],
    /// The largest length and the largest quantisation error of the group.
    pub(super) length: f32,
    pub(super) error: f32,
}

/// What a kernel is given: a tile of the bank and up to eight queries, wherever they lie.
pub(super) struct Input<'a> {
    /// `GROUPS` times as many lines as a query has numbers, group after group.
    pub(super) lines: &'a [Line],
    pub(super) groups: &'a [Group; GROUPS],
    /// Numbers of each query at each step: f32 bits, or four int8.
    pub(super) queries: [&'a [u32]; QUERIES],
    /// int8: what the stored `+128` adds to each query's products, subtracted.
    pub(super) start: [i32; QUERIES],
    /// Twice what a unit of each query's numbers is worth.
    pub(super) scales: [f32; QUERIES],
    /// Estimates above these are of no interest, for each group and query.
    pub(super) limits: [[f32; QUERIES]; GROUPS],
}

impl Input<'_> {
    /// Sets the limits of the queries in `part`; nothing is within those of places that are left over.
    pub(super) fn limit(&mut self, part: &[u32], limit: impl Fn(usize, &Group) -> f32) {
        self.limits = [[f32::NEG_INFINITY; QUERIES]; GROUPS];
        for (limits, group) in self.limits.iter_mut().zip(self.groups) {
            for (to, &query) in limits.iter_mut().zip(part) {
                *to = limit(query as usize, group);
            }
        }
    }

    /// Lines of each group.
    #[inline(always)]
    fn by_group(&self) -> impl Iterator<Item = (usize, &[Line])> {
        self.lines.chunks_exact(self.lines.len() / GROUPS).take(GROUPS).enumerate()
    }
}

/// `|b|² - 2 a·b`: squared distances less the query's own squared length.
pub(super) type Estimates = [[[f32; LANES]; QUERIES]; GROUPS];

/// Fills the estimates; bit `group * QUERIES + query` is set where one is within its limit.
pub(super) type Kernel = fn(&Input<'_>, &mut Estimates) -> u32;

/// A kernel and the number format it takes.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub(super) kernel: Kernel,
    pub(super) name: &'static str,
    /// Largest magnitude of a query's int8 numbers: 63 where products of 8 bits are summed in 16.
    pub(super) query_range: f32,
}

/// The int8 kernels that run on this machine, fastest first; the last is portable.
pub(super) fn int8() -> Vec<Choice> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512_vnni() {
            found.push(Choice {
                kernel: x86::int8_avx512_vnni,
                name: "int8 avx512-vnni",
                query_range: 127.0,
            });
        }
        if x86::has_avx_vnni() {
            found.push(Choice {
                kernel: x86::int8_avx_vnni,
                name: "int8 avx-vnni",
                query_range: 127.0,
            });
        }
        if x86::has_avx2() {
            found.push(Choice { kernel: x86::int8_avx2, name: "int8 avx2", query_range: 63.0 });
        }
    }
    found.push(Choice { kernel: int8_portable, name: "int8 portable", query_range: 127.0 });
    found
}

/// The f32 kernels that run on this machine, fastest first; the last is portable.
pub(super) fn float() -> Vec<Choice> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512f() {
            found.push(Choice { kernel: x86::float_avx512, name: "f32 avx512", query_range: 0.0 });
        }
        if x86::has_avx2() {
            found.push(Choice { kernel: x86::float_avx2, name: "f32 avx2", query_range: 0.0 });
        }
    }
    found.push(Choice { kernel: float_portable, name: "f32 portable", query_range: 0.0 });
    found
}

/// Dot products to estimates, and whether one of the sixteen is within the limit.
#[inline(always)]
fn finish(
    dots: &[f32; LANES],
    group: &Group,
    scale: f32,
    limit: f32,
    out: &mut [f32; LANES],
) -> bool {
    let mut within = 0_u32;
    for lane in 0..LANES {
        let estimate = group.norms[lane] - scale * group.scales[lane] * dots[lane];
        out[lane] = estimate;
        within |= u32::from(estimate <= limit);
    }
    within != 0
}

/// The estimates of all queries for one group from its dot products.
#[inline(always)]
fn finish_group(
    input: &Input<'_>,
    at: usize,
    dots: &[[f32; LANES]; QUERIES],
    out: &mut Estimates,
) -> u32 {
    let mut hits = 0;
    for query in 0..QUERIES {
        let hit = finish(
            &dots[query],
            &input.groups[at],
            input.scales[query],
            input.limits[at][query],
            &mut out[at][query],
        );
        hits |= u32::from(hit) << (at * QUERIES + query);
    }
    hits
}

fn int8_portable(input: &Input<'_>, out: &mut Estimates) -> u32 {
    let mut hits = 0;
    for (at, lines) in input.by_group() {
        let mut dots = [[0.0_f32; LANES]; QUERIES];
        for query in 0..QUERIES {
            let mut sums = [input.start[query]; LANES];
            for (line, number) in lines.iter().zip(input.queries[query]) {
                let numbers = number.to_le_bytes().map(|byte| i32::from(byte as i8));
                for (sum, lane) in sums.iter_mut().zip(line.0) {
                    let bank = lane.to_le_bytes().map(i32::from);
                    *sum += bank[0] * numbers[0]
                        + bank[1] * numbers[1]
                        + bank[2] * numbers[2]
                        + bank[3] * numbers[3];
                }
            }
            dots[query] = sums.map(|sum| sum as f32);
        }
        hits |= finish_group(input, at, &dots, out);
    }
    hits
}

fn float_portable(input: &Input<'_>, out: &mut Estimates) -> u32 {
    let mut hits = 0;
    for (at, lines) in input.by_group() {
        let mut dots = [[0.0_f32; LANES]; QUERIES];
        for (sums, query) in dots.iter_mut().zip(input.queries) {
            for (line, number) in lines.iter().zip(query) {
                for (sum, lane) in sums.iter_mut().zip(line.0) {
                    *sum += f32::from_bits(lane) * f32::from_bits(*number);
                }
            }
        }
        hits |= finish_group(input, at, &dots, out);
    }
    hits
}

#[cfg(target_arch = "x86_64")]
#[allow(
    unsafe_code,
    reason = "calls of functions compiled for an instruction set, after it was detected"
)]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m256i, __m512, __m512i, _CMP_LE_OQ, _mm256_add_epi32, _mm256_cvtepi32_ps,
        _mm256_dpbusd_avx_epi32, _mm256_fmadd_ps, _mm256_madd_epi16, _mm256_maddubs_epi16,
        _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps, _mm512_cmp_ps_mask,
        _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_mul_ps, _mm512_set1_epi32,
        _mm512_set1_ps, _mm512_sub_ps,
    };

    use super::{Estimates, GROUPS, Input, LANES, Line, QUERIES, finish_group};

    pub(super) fn has_avx512f() -> bool {
        is_x86_feature_detected!("avx512f")
    }

    pub(super) fn has_avx512_vnni() -> bool {
        has_avx512f() && is_x86_feature_detected!("avx512vnni")
    }

    pub(super) fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }

    pub(super) fn has_avx_vnni() -> bool {
        has_avx2() && is_x86_feature_detected!("avxvnni")
    }

    pub(super) fn int8_avx512_vnni(input: &Input<'_>, out: &mut Estimates) -> u32 {
        // SAFETY: `int8` offers this function only where `has_avx512_vnni`.
        unsafe { int8_512(input, out) }
    }

    pub(super) fn float_avx512(input: &Input<'_>, out: &mut Estimates) -> u32 {
        // SAFETY: `float` offers this function only where `has_avx512f`.
        unsafe { float_512(input, out) }
    }

    pub(super) fn int8_avx_vnni(input: &Input<'_>, out: &mut Estimates) -> u32 {
        // SAFETY: `int8` offers this function only where `has_avx_vnni`.
        unsafe { int8_256_vnni(input, out) }
    }

    pub(super) fn int8_avx2(input: &Input<'_>, out: &mut Estimates) -> u32 {
        // SAFETY: `int8` offers this function only where `has_avx2`.
        unsafe { int8_256(input, out) }
    }

    pub(super) fn float_avx2(input: &Input<'_>, out: &mut Estimates) -> u32 {
        // SAFETY: `float` offers this function only where `has_avx2`.
        unsafe { float_256(input, out) }
    }

    /// The loop over steps with 24 accumulators of 512 bits: three loads and eight broadcasts feed 24 products.
    macro_rules! loop_512 {
        ($input:ident, $first:expr, $load:expr, $product:expr) => {{
            let steps = $input.lines.len() / GROUPS;
            let (first, rest) = $input.lines.split_at(steps);
            let (second, third) = rest.split_at(steps);
            let (second, third) = (&second[..steps], &third[..steps]);
            let queries = $input.queries.map(|query| &query[..steps]);
            let mut sums = [$first; GROUPS];
            for (at, line) in first.iter().enumerate() {
                let (a, b, c) = ($load(line), $load(&second[at]), $load(&third[at]));
                for query in 0..QUERIES {
                    let number = queries[query][at];
                    sums[0][query] = $product(sums[0][query], a, number);
                    sums[1][query] = $product(sums[1][query], b, number);
                    sums[2][query] = $product(sums[2][query], c, number);
                }
            }
            sums
        }};
    }

    /// What `finish_group` does for all groups, in registers: with few numbers to a vector it would be most of the work.
    macro_rules! finish_512 {
        ($input:ident, $sums:ident, $out:ident, $float:expr) => {{
            let mut hits = 0;
            for at in 0..GROUPS {
                let norms: __m512 = bytemuck::must_cast($input.groups[at].norms);
                let scales: __m512 = bytemuck::must_cast($input.groups[at].scales);
                for query in 0..QUERIES {
                    let scale = _mm512_mul_ps(_mm512_set1_ps($input.scales[query]), scales);
                    let product = _mm512_mul_ps(scale, $float($sums[at][query]));
                    let estimates = _mm512_sub_ps(norms, product);
                    $out[at][query] = bytemuck::must_cast(estimates);
                    let limit = _mm512_set1_ps($input.limits[at][query]);
                    let within = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(estimates, limit) != 0;
                    hits |= u32::from(within) << (at * QUERIES + query);
                }
            }
            hits
        }};
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    fn int8_512(input: &Input<'_>, out: &mut Estimates) -> u32 {
        let first = input.start.map(|start| _mm512_set1_epi32(start));
        let sums = loop_512!(
            input,
            first,
            |line: &Line| -> __m512i { bytemuck::must_cast(*line) },
            |sum, bank, number: u32| _mm512_dpbusd_epi32(
                sum,
                bank,
                _mm512_set1_epi32(number as i32)
            )
        );
        finish_512!(input, sums, out, |sum| _mm512_cvtepi32_ps(sum))
    }

    #[target_feature(enable = "avx512f")]
    fn float_512(input: &Input<'_>, out: &mut Estimates) -> u32 {
        let sums = loop_512!(
            input,
            [_mm512_set1_ps(0.0); QUERIES],
            |line: &Line| -> __m512 { bytemuck::must_cast(*line) },
            |sum, bank, number: u32| _mm512_fmadd_ps(
                bank,
                _mm512_set1_ps(f32::from_bits(number)),
                sum
            )
        );
        finish_512!(input, sums, out, |sum| sum)
    }

    /// The loop over steps with eight accumulators of 256 bits: one group against four queries at a time.
    macro_rules! loop_256 {
        ($input:ident, $out:ident, $zero:expr, $type:ty, $product:expr, $float:expr) => {{
            let mut hits = 0;
            for (at, lines) in $input.by_group() {
                let queries = $input.queries.map(|query| &query[..lines.len()]);
                let mut dots = [[0.0_f32; LANES]; QUERIES];
                for half in 0..2 {
                    let mut sums = [[$zero; 2]; QUERIES / 2];
                    for (step, line) in lines.iter().enumerate() {
                        let bank: [$type; 2] = bytemuck::must_cast(*line);
                        for query in 0..QUERIES / 2 {
                            let number = queries[half * (QUERIES / 2) + query][step];
                            sums[query][0] = $product(sums[query][0], bank[0], number);
                            sums[query][1] = $product(sums[query][1], bank[1], number);
                        }
                    }
                    for query in 0..QUERIES / 2 {
                        let place = half * (QUERIES / 2) + query;
                        let start = $input.start[place];
                        dots[place] =
                            bytemuck::must_cast(sums[query].map(|sum| $float(sum, start)));
                    }
                }
                hits |= finish_group($input, at, &dots, $out);
            }
            hits
        }};
    }

    #[target_feature(enable = "avx2,fma,avxvnni")]
    fn int8_256_vnni(input: &Input<'_>, out: &mut Estimates) -> u32 {
        loop_256!(
            input,
            out,
            _mm256_set1_epi32(0),
            __m256i,
            |sum, bank, number: u32| _mm256_dpbusd_avx_epi32(
                sum,
                bank,
                _mm256_set1_epi32(number as i32)
            ),
            |sum, start| _mm256_cvtepi32_ps(_mm256_add_epi32(sum, _mm256_set1_epi32(start)))
        )
    }

    /// Bank numbers are 0..=255 and query numbers within ±63, so that two products fit 16 bits: 2 · 255 · 63 < 32,768.
    #[target_feature(enable = "avx2,fma")]
    fn int8_256(input: &Input<'_>, out: &mut Estimates) -> u32 {
        let ones = _mm256_set1_epi16(1);
        loop_256!(
            input,
            out,
            _mm256_set1_epi32(0),
            __m256i,
            |sum, bank, number: u32| {
                let pairs = _mm256_maddubs_epi16(bank, _mm256_set1_epi32(number as i32));
                _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones))
            },
            |sum, start| _mm256_cvtepi32_ps(_mm256_add_epi32(sum, _mm256_set1_epi32(start)))
        )
    }

    #[target_feature(enable = "avx2,fma")]
    fn float_256(input: &Input<'_>, out: &mut Estimates) -> u32 {
        loop_256!(
            input,
            out,
            _mm256_set1_ps(0.0),
            __m256,
            |sum, bank, number: u32| _mm256_fmadd_ps(
                bank,
                _mm256_set1_ps(f32::from_bits(number)),
                sum
            ),
            |sum: __m256, _start: i32| sum
        )
    }
}
