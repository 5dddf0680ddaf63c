//! Which pixels of a row or a column make which pixel of the result, and with what weight.

/// Weights are whole numbers of 2^-11, as in OpenCV's resizing of 8-bit pictures.
pub(super) const ONE: i16 = 1 << 11;

/// Two neighbours and their weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    /// The first neighbour.
    pub(super) first: u32,
    /// The second neighbour.
    pub(super) second: u32,
    /// Weights of both, together [`ONE`].
    pub(super) weights: [i16; 2],
}

/// Where along an axis the results are: `shown` of the `scaled` positions, from `skip` on, of an
/// axis of `length` pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    /// Pixels of the source.
    pub(super) length: usize,
    /// Pixels of the whole result.
    pub(super) scaled: usize,
    /// First result that is wanted.
    pub(super) skip: usize,
    /// Results that are wanted.
    pub(super) shown: usize,
}

impl Axis {
    /// Source pixels for a pixel of the result. OpenCV inverts twice, and so rounds twice.
    fn step(self) -> f64 {
        1.0 / (self.scaled as f64 / self.length as f64)
    }

    /// Neighbour before a result's centre, and how far beyond that neighbour's centre it is.
    fn centre(self, result: usize) -> (i64, f32) {
        let at = ((result as f64 + 0.5) * self.step() - 0.5) as f32;
        let before = at.floor();
        (before as i64, at - before)
    }

    /// Neighbours of each result along a row. Beyond the outermost centres the outermost pixel
    /// counts alone. `first` always has a right neighbour in rows of at least two pixels, so that
    /// both can be read at once.
    pub(super) fn columns(self) -> Vec<Pair> {
        let last = self.length as i64 - 1;
        let pair = |result| {
            let (before, beyond) = self.centre(result);
            if before < 0 {
                return Pair { first: 0, second: last.min(1) as u32, weights: [ONE, 0] };
            }
            if before >= last {
                let first = (last - 1).max(0) as u32;
                return Pair { first, second: last as u32, weights: [0, ONE] };
            }
            let (first, second) = (before as u32, before as u32 + 1);
            Pair { first, second, weights: weights(beyond) }
        };
        (self.skip..self.skip + self.shown).map(pair).collect()
    }

    /// Neighbours of each result down a column. Beyond the outermost centres the outermost row is
    /// both neighbours and keeps both weights: summed from two cut products it can come out one
    /// lower, and OpenCV's does.
    pub(super) fn rows(self) -> Vec<Pair> {
        let last = self.length as i64 - 1;
        let pair = |result| {
            let (before, beyond) = self.centre(result);
            Pair {
                first: before.clamp(0, last) as u32,
                second: (before + 1).clamp(0, last) as u32,
                weights: weights(beyond),
            }
        };
        (self.skip..self.skip + self.shown).map(pair).collect()
    }

    /// For each result the first source pixel and the weights from there on, which sum to 1: the
    /// share of the covered stretch on an axis that shrinks, two neighbours on one that grows.
    pub(super) fn areas(self) -> Vec<(usize, Vec<f32>)> {
        if self.scaled >= self.length {
            let two = |pair: &Pair| {
                let weight = |w: i16| f32::from(w) / f32::from(ONE);
                let (a, b) = (weight(pair.weights[0]), weight(pair.weights[1]));
                let first = pair.first as usize;
                if pair.second > pair.first { (first, vec![a, b]) } else { (first, vec![a + b]) }
            };
            return self.columns().iter().map(two).collect();
        }
        let step = self.length as f64 / self.scaled as f64;
        let area = |result: usize| {
            let start = result as f64 * step;
            let end = (start + step).min(self.length as f64);
            let first = start.floor() as usize;
            // Slivers are rounding errors of an end that is a whole number.
            let last = ((end - 1e-6).ceil() as usize).clamp(first + 1, self.length);
            let covered = |at: usize| {
                let from = start.max(at as f64);
                let to = end.min(at as f64 + 1.0);
                ((to - from).max(0.0) / (end - start)) as f32
            };
            (first, (first..last).map(covered).collect())
        };
        (self.skip..self.skip + self.shown).map(area).collect()
    }
}

/// Weights of two neighbours when the centre is `beyond` the first, from 0 to 1.
fn weights(beyond: f32) -> [i16; 2] {
    let one = f32::from(ONE);
    let whole = |part: f32| (part * one).round_ties_even() as i16;
    [whole(1.0 - beyond), whole(beyond)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(length: usize, scaled: usize) -> Axis {
        Axis { length, scaled, skip: 0, shown: scaled }
    }

    #[test]
    fn weights_sum_to_one_and_neighbours_exist() {
        for (length, scaled) in [(1, 1), (1, 7), (2, 1), (5, 5), (1920, 640), (37, 416), (1001, 3)]
        {
            let axis = whole(length, scaled);
            for pair in axis.columns().iter().chain(&axis.rows()) {
                assert!((pair.second as usize) < length && pair.first <= pair.second, "{pair:?}");
                assert_eq!(
                    pair.weights[0] + pair.weights[1],
                    ONE,
                    "{length} to {scaled}: {pair:?}"
                );
            }
            for (first, weights) in axis.areas() {
                assert!(first + weights.len() <= length, "{length} to {scaled}");
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{length} to {scaled}");
            }
        }
    }

    #[test]
    fn an_area_covers_every_pixel_once() {
        let mut seen = vec![0.0_f32; 1000];
        for (first, weights) in whole(1000, 37).areas() {
            for (i, weight) in weights.iter().enumerate() {
                seen[first + i] += weight * (1000.0 / 37.0);
            }
        }
        assert!(seen.iter().all(|share| (share - 1.0).abs() < 1e-3), "{seen:?}");
    }
}
