//! The inner loop: adds up the columns of a query for 512 rows at once.
//!
//! Sums are kept bit-sliced: plane `p` holds bit `p` of 512 sums. Eight columns at a time go through a tree of
//! carry-save adders (on AVX-512 each adder is two `vpternlog`), then one carry ripples into the upper planes.
//! A last pass compares all 512 sums with a constant. The body is one macro, expanded for each instruction set
//! with that set's register type; which one runs is chosen at run time.

use super::matrix::{Block, Line};

/// Most planes a sum may need: sums up to 65,535.
pub(crate) const MAX_PLANES: usize = 16;

/// The instruction set the kernel runs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// 64-bit words and nothing but what every processor has.
    Portable,
    /// 256-bit integer instructions.
    Avx2,
    /// 512-bit instructions with three-input logic.
    Avx512,
}

impl Kernel {
    /// The fastest one this processor has.
    #[must_use]
    pub fn detect() -> Kernel {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Kernel::Avx512;
            }
            if is_x86_feature_detected!("avx2") {
                return Kernel::Avx2;
            }
        }
        Kernel::Portable
    }

    /// Whether this processor can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Kernel::Portable => true,
            Kernel::Avx2 => matches!(Kernel::detect(), Kernel::Avx2 | Kernel::Avx512),
            Kernel::Avx512 => Kernel::detect() == Kernel::Avx512,
        }
    }
}

/// The sums of 512 rows, bit-sliced, with the rows whose sum reaches what was asked for.
#[derive(Clone, Debug)]
pub(crate) struct LineSums {
    /// Plane `p` holds bit `p` of each row's sum.
    pub(crate) planes: [Line; MAX_PLANES],
    /// Rows with sum ≥ `need`.
    pub(crate) reached: Line,
}

impl LineSums {
    pub(crate) fn new() -> LineSums {
        LineSums { planes: [Line::ZERO; MAX_PLANES], reached: Line::ZERO }
    }

    /// The sum of one row of the line.
    #[inline]
    pub(crate) fn sum(&self, row: usize, planes: usize) -> u32 {
        let (word, bit) = (row / 64, row % 64);
        let mut sum = 0;
        for (plane, line) in self.planes[..planes].iter().enumerate() {
            sum |= ((line.0[word] >> bit & 1) as u32) << plane;
        }
        sum
    }
}

impl LineSums {
    /// The `k`-th largest sum among the rows that reached what was asked for; `None` where they are fewer.
    pub(crate) fn kth_largest(&self, k: usize, planes: usize) -> Option<u32> {
        if k == 0 || count(&self.reached) < k {
            return None;
        }
        // Plane by plane from the top: rows still equal to the sum so far, and how many are above it.
        let (mut equal, mut above, mut sum) = (self.reached, 0, 0);
        for number in (0..planes).rev() {
            let plane = &self.planes[number];
            let mut higher = equal;
            for (higher, plane) in higher.0.iter_mut().zip(&plane.0) {
                *higher &= plane;
            }
            let rows = count(&higher);
            if above + rows >= k {
                equal = higher;
                sum |= 1 << number;
            } else {
                above += rows;
                for (equal, plane) in equal.0.iter_mut().zip(&plane.0) {
                    *equal &= !plane;
                }
            }
        }
        Some(sum)
    }

    /// Asks for more: rows with a smaller sum have not reached it.
    pub(crate) fn restrict(&mut self, need: u32, planes: usize) {
        if need >> planes != 0 {
            self.reached = Line::ZERO;
            return;
        }
        for word in 0..8 {
            let mut reached = u64::MAX;
            for (number, plane) in self.planes[..planes].iter().enumerate() {
                let plane = plane.0[word];
                reached = if need >> number & 1 == 0 { plane | reached } else { plane & reached };
            }
            self.reached.0[word] &= reached;
        }
    }

    /// All sums at once, eight rows a step: eight planes' bytes are an 8 × 8 bit square to transpose.
    pub(crate) fn unpack(&self, planes: usize, out: &mut [u16; 512]) {
        out.fill(0);
        for (eight, planes) in self.planes[..planes].chunks(8).enumerate() {
            for word in 0..8 {
                for byte in 0..8 {
                    let mut square = 0u64;
                    for (number, plane) in planes.iter().enumerate() {
                        square |= (plane.0[word] >> (8 * byte) & 0xFF) << (8 * number);
                    }
                    let sums = transpose8(square).to_le_bytes();
                    let at = word * 64 + byte * 8;
                    for (sum, low) in out[at..at + 8].iter_mut().zip(sums) {
                        *sum |= u16::from(low) << (8 * eight);
                    }
                }
            }
        }
    }
}

fn count(line: &Line) -> usize {
    line.0.iter().map(|word| word.count_ones() as usize).sum()
}

/// Transposes an 8 × 8 bit square: bit `j` of byte `i` becomes bit `i` of byte `j`.
fn transpose8(mut square: u64) -> u64 {
    for (shift, mask) in
        [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)]
    {
        let swap = (square ^ (square >> shift)) & mask;
        square ^= swap ^ (swap << shift);
    }
    square
}

/// What is summed: columns of a block, and the sum that counts as reached.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) block: Block<'a>,
    /// Where each of the query's columns starts in the block ([`column_starts`]).
    pub(crate) starts: &'a [usize],
    pub(crate) need: u32,
}

/// Where the columns of a query start in a block.
pub(crate) fn column_starts(block: &Block<'_>, columns: &[u32], starts: &mut Vec<usize>) {
    starts.clear();
    starts.extend(columns.iter().map(|&column| column as usize * block.lines));
}

/// Planes needed for sums of up to `columns` ones.
pub(crate) fn planes_for(columns: usize) -> usize {
    (usize::BITS - columns.leading_zeros()).max(4) as usize
}

/// Sums one line; true where any row reaches `job.need`.
#[inline]
pub(crate) fn sum_line(kernel: Kernel, job: &Job<'_>, line: usize, out: &mut LineSums) -> bool {
    match planes_for(job.starts.len()) {
        ..=5 => dispatch::<5>(kernel, job, line, out),
        6 => dispatch::<6>(kernel, job, line, out),
        7 => dispatch::<7>(kernel, job, line, out),
        8 => dispatch::<8>(kernel, job, line, out),
        9..=10 => dispatch::<10>(kernel, job, line, out),
        11..=12 => dispatch::<12>(kernel, job, line, out),
        _ => dispatch::<MAX_PLANES>(kernel, job, line, out),
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
// Calling a function compiled for more than the target guarantees is unsafe by definition.
#[allow(unsafe_code)]
fn dispatch<const P: usize>(
    kernel: Kernel,
    job: &Job<'_>,
    line: usize,
    out: &mut LineSums,
) -> bool {
    match kernel {
        // SAFETY: `Kernel::Avx512` and `Kernel::Avx2` are only ever passed in after `is_available` said that this
        // processor has the instructions (`FingerprintArena::set_kernel`); the functions ask for nothing else.
        Kernel::Avx512 => unsafe { avx512::sum::<P>(job, line, out) },
        Kernel::Avx2 => unsafe { avx2::sum::<P>(job, line, out) },
        Kernel::Portable => portable::sum::<P>(job, line, out),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn dispatch<const P: usize>(_: Kernel, job: &Job<'_>, line: usize, out: &mut LineSums) -> bool {
    portable::sum::<P>(job, line, out)
}

/// Writes the kernel for one register type. `$load(line, part)` reads a part of a line, `$xor3` and `$majority`
/// are the two outputs of a carry-save adder; `$words` 64-bit words make one register.
macro_rules! kernel {
    ($name:ident, $words:literal, $register:ty, [$($feature:meta)?]) => {
        mod $name {
            use super::super::ops::$name::{and, broadcast, load, majority, store, xor, xor3, zero};
            use super::{Job, LineSums};

            $(#[$feature])?
            #[inline]
            fn add3(a: $register, b: $register, c: $register) -> ($register, $register) {
                (xor3(a, b, c), majority(a, b, c))
            }

            $(#[$feature])?
            pub(super) fn sum<const P: usize>(
                job: &Job<'_>,
                line: usize,
                out: &mut LineSums,
            ) -> bool {
                let data = job.block.data;
                let mut any = false;
                for part in 0..8 / $words {
                    let mut planes = [zero(); P];
                    let mut groups = job.starts.chunks_exact(8);
                    for group in &mut groups {
                        let column = |at: usize| load(&data[group[at] + line], part);
                        let (ones, two_a) = add3(planes[0], column(0), column(1));
                        let (ones, two_b) = add3(ones, column(2), column(3));
                        let (twos, four_a) = add3(planes[1], two_a, two_b);
                        let (ones, two_c) = add3(ones, column(4), column(5));
                        let (ones, two_d) = add3(ones, column(6), column(7));
                        let (twos, four_b) = add3(twos, two_c, two_d);
                        let (fours, mut carry) = add3(planes[2], four_a, four_b);
                        planes[0] = ones;
                        planes[1] = twos;
                        planes[2] = fours;
                        for plane in &mut planes[3..] {
                            (*plane, carry) = (xor(*plane, carry), and(*plane, carry));
                        }
                    }
                    for &start in groups.remainder() {
                        let mut carry = load(&data[start + line], part);
                        for plane in &mut planes {
                            (*plane, carry) = (xor(*plane, carry), and(*plane, carry));
                        }
                    }
                    // From the lowest plane up: a sum reaches `need` if its higher bits do, or are equal and the
                    // lower ones do. `majority` with all ones is "or", with all zeros "and".
                    let mut reached = broadcast(if job.need >> P == 0 { u64::MAX } else { 0 });
                    for (number, plane) in planes.iter().enumerate() {
                        let free = if job.need >> number & 1 == 0 { u64::MAX } else { 0 };
                        reached = majority(*plane, reached, broadcast(free));
                    }
                    if job.need >> P != 0 {
                        reached = zero();
                    }
                    any |= store(reached, &mut out.reached, part);
                    for (plane, line) in planes.iter().zip(&mut out.planes) {
                        store(*plane, line, part);
                    }
                }
                any
            }
        }
    };
}

kernel!(portable, 1, u64, []);
#[cfg(target_arch = "x86_64")]
kernel!(avx2, 4, std::arch::x86_64::__m256i, [target_feature(enable = "avx2")]);
#[cfg(target_arch = "x86_64")]
kernel!(avx512, 8, std::arch::x86_64::__m512i, [target_feature(enable = "avx512f")]);
