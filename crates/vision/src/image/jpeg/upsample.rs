//! Chroma brought to the picture's width and height: by libjpeg's triangle filters where it has one, so
//! three parts of the nearest sample and one of the next, else by repetition.

use super::frame::{Component, Frame};

/// How a component's rows become rows of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upsampling {
    /// One sample a pixel.
    Full,
    /// Twice as wide, filtered.
    Across,
    /// Twice as high, filtered.
    Down,
    /// Both.
    Both,
    /// Each sample so many times, and each row.
    Repeat { across: usize, down: usize },
}

impl Upsampling {
    /// The way of a component, as libjpeg chooses it: its filters across need three columns.
    pub(super) fn of(component: &Component, frame: &Frame) -> Self {
        let (across, down) = (frame.h_max / component.h, frame.v_max / component.v);
        match (across, down) {
            (1, 1) => Self::Full,
            (2, 1) if component.width > 2 => Self::Across,
            (1, 2) => Self::Down,
            (2, 2) if component.width > 2 => Self::Both,
            _ => Self::Repeat { across, down },
        }
    }

    /// Which of `height` rows make the picture's row `y`: the nearest, and the one behind or before it.
    pub(super) fn rows(self, y: usize, height: usize) -> (usize, usize) {
        let last = height.saturating_sub(1);
        match self {
            Self::Full | Self::Across => (y, y),
            Self::Down | Self::Both => {
                let near = y / 2;
                let far = if y.is_multiple_of(2) { near.saturating_sub(1) } else { near + 1 };
                (near, far.min(last))
            }
            Self::Repeat { down, .. } => (y / down, y / down),
        }
    }
}

/// Memory for one row at work.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Sums of two rows, with one more at either end.
    sums: Vec<u16>,
    /// Pairs of samples.
    pairs: Vec<u16>,
    row: Vec<u8>,
}

impl Scratch {
    /// Makes row `y` of the picture, from a component's `near` and `far` rows of [`Upsampling::rows`].
    pub(super) fn upsample(&mut self, how: Upsampling, y: usize, near: &[u8], far: &[u8]) {
        match how {
            Upsampling::Full => {}
            Upsampling::Across => {
                self.sum(near, |i| u16::from(near[i]));
                self.spread::<2>();
            }
            Upsampling::Both => {
                let far = &far[..near.len()];
                self.sum(near, |i| 3 * u16::from(near[i]) + u16::from(far[i]));
                self.spread::<4>();
            }
            Upsampling::Down => {
                // Halves are rounded up and down in turns.
                let bias = 1 + (y % 2) as u16;
                let filtered = |(&n, &f)| ((3 * u16::from(n) + u16::from(f) + bias) >> 2) as u8;
                self.row.clear();
                self.row.extend(near.iter().zip(far).map(filtered));
            }
            Upsampling::Repeat { across: 2, .. } => {
                self.pairs.clear();
                self.pairs.extend(near.iter().map(|&v| u16::from(v) * 0x0101));
            }
            Upsampling::Repeat { across, .. } => {
                self.row.clear();
                self.row.extend(near.iter().flat_map(|&v| std::iter::repeat_n(v, across)));
            }
        }
    }

    /// The row made last, in that way; it may be longer than the picture is wide. `None` where the
    /// component's own row is that of the picture.
    pub(super) fn row(&self, how: Upsampling) -> Option<&[u8]> {
        match how {
            Upsampling::Full => None,
            Upsampling::Across | Upsampling::Both | Upsampling::Repeat { across: 2, .. } => {
                Some(bytemuck::must_cast_slice(&self.pairs))
            }
            Upsampling::Down | Upsampling::Repeat { .. } => Some(&self.row),
        }
    }

    /// Fills in the sums; the outermost are repeated.
    #[inline(always)]
    fn sum(&mut self, near: &[u8], sum: impl Fn(usize) -> u16) {
        self.sums.resize(near.len() + 2, 0);
        for (i, out) in self.sums[1..=near.len()].iter_mut().enumerate() {
            *out = sum(i);
        }
        self.sums[0] = self.sums[1];
        self.sums[near.len() + 1] = self.sums[near.len()];
    }

    /// Two samples of each sum, which is `2 ^ BITS / 4` times a sample: a quarter to its left and right.
    #[inline(always)]
    fn spread<const BITS: u32>(&mut self) {
        // Halves are rounded up on the left, down on the right: of two rows' sums; of one's the other
        // way round.
        let half = 1_u16 << (BITS - 1);
        let (left, right) = if BITS == 2 { (half - 1, half) } else { (half, half - 1) };
        let count = self.sums.len() - 2;
        self.pairs.resize(count, 0);
        let (before, rest) = (&self.sums[..count], &self.sums[1..]);
        let (here, after) = (&rest[..count], &rest[1..][..count]);
        for (i, out) in self.pairs[..count].iter_mut().enumerate() {
            let three = 3 * here[i];
            let (first, second) =
                ((three + before[i] + left) >> BITS, (three + after[i] + right) >> BITS);
            *out = (first | second << 8).to_le();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_by_hand() {
        let (near, far) = ([10, 20, 40], [0, 100, 41]);
        let made = |how, y, near: &[u8]| {
            let mut scratch = Scratch::default();
            scratch.upsample(how, y, near, &far);
            scratch.row(how).map(<[u8]>::to_vec).unwrap_or_default()
        };
        assert_eq!(made(Upsampling::Across, 0, &near), [10, 13, 17, 25, 35, 40]);
        assert_eq!(made(Upsampling::Down, 0, &near), [7, 40, 40]);
        assert_eq!(made(Upsampling::Down, 1, &near), [8, 40, 40]);
        // Sums 30, 160, 161: (4 * 30 + 8) / 16, (3 * 30 + 160 + 7) / 16, (3 * 160 + 30 + 8) / 16, ...
        assert_eq!(made(Upsampling::Both, 0, &near), [8, 16, 32, 40, 40, 40]);
        let repeat = |across| Upsampling::Repeat { across, down: 1 };
        assert_eq!(made(repeat(2), 0, &near), [10, 10, 20, 20, 40, 40]);
        assert_eq!(made(repeat(4), 0, &near[..2]), [10, 10, 10, 10, 20, 20, 20, 20]);
    }

    #[test]
    fn rows_at_the_edges() {
        let rows = |y| Upsampling::Both.rows(y, 3);
        assert_eq!([rows(0), rows(1), rows(2), rows(5)], [(0, 0), (0, 1), (1, 0), (2, 2)]);
        assert_eq!(Upsampling::Repeat { across: 1, down: 4 }.rows(7, 2), (1, 1));
        assert_eq!(Upsampling::Across.rows(7, 9), (7, 7));
    }
}
