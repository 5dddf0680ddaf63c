//! Patch vectors from a model's feature maps, PatchCore's way: local average pooling, later layers brought to the first
//! layer's grid, channels concatenated.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::BankError;
use crate::tensor::TensorView;

/// The largest grid side, channel count and vector length that are taken from a model.
const MOST_SIDE: usize = 4096;
const MOST_DIM: usize = 1 << 16;
/// The largest magnitude of a feature: squares of as many as there can be still add up in 32 bits.
const MOST_VALUE: f32 = 1e15;

/// What a card's `[postprocess]` table with `head = "features"` says about feature maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureSpec {
    /// Names of the model's outputs, in the order in which their channels are concatenated. The first gives the grid.
    pub layers: Vec<String>,
    /// Side of the average pooling window before concatenation, odd; 1 pools nothing. PatchCore uses 3.
    pub neighbourhood: usize,
}

impl FeatureSpec {
    /// Reads `head`, `layers` and `neighbourhood` (3 when absent) from a card's `[postprocess]` table.
    ///
    /// # Errors
    /// [`BankError::Card`] when the head is another one, no layer is named, or the neighbourhood is not odd and below 32.
    pub fn from_table(table: &toml::Table) -> Result<Self, BankError> {
        let bad = |what: String| Err(BankError::Card(what));
        match table.get("head").and_then(toml::Value::as_str) {
            Some("features") => {}
            other => {
                return bad(format!(
                    "[postprocess] head is {other:?}, a memory bank needs \"features\""
                ));
            }
        }
        let Some(layers) = table.get("layers").and_then(toml::Value::as_array) else {
            return bad(
                "[postprocess] has no `layers`: name the outputs with feature maps".to_owned()
            );
        };
        let mut names = Vec::with_capacity(layers.len());
        for layer in layers {
            match layer.as_str() {
                Some(name) if !names.iter().any(|known| known == name) => {
                    names.push(name.to_owned());
                }
                _ => {
                    return bad(format!(
                        "[postprocess] layers: {layer:?} is not a name of its own"
                    ));
                }
            }
        }
        if names.is_empty() || names.len() > 16 {
            return bad(format!(
                "[postprocess] layers has {} names: name one to sixteen",
                names.len()
            ));
        }
        let neighbourhood = match table.get("neighbourhood") {
            None => 3,
            Some(value) => match value.as_integer() {
                Some(side @ 1..=31) if side % 2 == 1 => side as usize,
                _ => {
                    return bad(format!(
                        "[postprocess] neighbourhood = {value:?}: give an odd number below 32"
                    ));
                }
            },
        };
        Ok(Self { layers: names, neighbourhood })
    }

    /// The patch vectors of one picture from its feature maps, in the order of `layers`: each `(C, H, W)` or
    /// `(1, C, H, W)`.
    ///
    /// Pooling is torch's `AvgPool2d(n, 1, n / 2)` (zeros beside the map count), upsampling torch's bilinear
    /// `interpolate` with `align_corners=False`: what PatchCore and anomalib do.
    ///
    /// # Errors
    /// [`BankError::Features`] when maps are missing, have another rank, are empty or absurdly large, or hold a number
    /// that is not finite.
    pub fn patches(&self, maps: &[TensorView<'_>]) -> Result<Patches, BankError> {
        let bad = |what: String| Err(BankError::Features(what));
        if maps.len() != self.layers.len() {
            return bad(format!("{} feature maps for {} layers", maps.len(), self.layers.len()));
        }
        let mut shapes = Vec::with_capacity(maps.len());
        for (map, name) in maps.iter().zip(&self.layers) {
            let (channels, height, width) = match *map.shape() {
                [c, h, w] | [1, c, h, w] => (c, h, w),
                ref shape => {
                    return bad(format!(
                        "`{name}` has shape {shape:?}, not (C, H, W) or (1, C, H, W)"
                    ));
                }
            };
            let sides = 1..=MOST_SIDE;
            if !sides.contains(&height)
                || !sides.contains(&width)
                || !(1..=MOST_DIM).contains(&channels)
            {
                return bad(format!("`{name}` has shape {:?}: empty or too large", map.shape()));
            }
            if !usable(map.data()) {
                return bad(format!("`{name}` holds a number that is not finite, or beyond 1e15"));
            }
            shapes.push((channels, height, width));
        }
        let (_, height, width) = shapes[0];
        let dim: usize = shapes.iter().map(|shape| shape.0).sum();
        if dim > MOST_DIM {
            return bad(format!("patch vectors of {dim} numbers, at most {MOST_DIM} are taken"));
        }
        let mut data = vec![0.0_f32; height * width * dim];
        let mut offset = 0;
        for (map, &(channels, h, w)) in maps.iter().zip(&shapes) {
            let resize =
                ((h, w) != (height, width)).then(|| (Taps::new(h, height), Taps::new(w, width)));
            let mut pooled = Pooling::new(h, w, self.neighbourhood);
            let mut plane = vec![0.0; height * width];
            for channel in 0..channels {
                let source = pooled.run(&map.data()[channel * h * w..(channel + 1) * h * w]);
                let values = match &resize {
                    None => source,
                    Some((rows, columns)) => {
                        upsample(source, w, rows, columns, &mut plane);
                        &plane
                    }
                };
                for (row, &value) in data.chunks_exact_mut(dim).zip(values) {
                    row[offset + channel] = value;
                }
            }
            offset += channels;
        }
        Ok(Patches { grid: (height, width), dim, data })
    }

    /// The patch vectors of each picture of a batch, from maps `(N, C, H, W)`, in parallel.
    ///
    /// # Errors
    /// As [`FeatureSpec::patches`]; also when the maps disagree about `N`.
    pub fn patches_of_batch(&self, maps: &[TensorView<'_>]) -> Result<Vec<Patches>, BankError> {
        let count = maps.first().and_then(|map| map.shape().first().copied()).unwrap_or(0);
        if maps.iter().any(|map| map.shape().len() != 4 || map.shape()[0] != count) {
            return Err(BankError::Features(
                "feature maps of a batch must all be (N, C, H, W) with one N".to_owned(),
            ));
        }
        (0..count)
            .into_par_iter()
            .map(|index| {
                let items: Vec<_> = maps.iter().filter_map(|map| map.item(index)).collect();
                self.patches(&items)
            })
            .collect()
    }
}

/// The patch vectors of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Patches {
    grid: (usize, usize),
    dim: usize,
    data: Vec<f32>,
}

impl Patches {
    /// Patch vectors from their numbers, row by row of a `(rows, columns)` grid.
    ///
    /// # Errors
    /// [`BankError::Features`] when the count of numbers is not `rows * columns * dim`, is zero, or one is not finite.
    pub fn new(grid: (usize, usize), dim: usize, data: Vec<f32>) -> Result<Self, BankError> {
        let expected = grid.0.checked_mul(grid.1).and_then(|count| count.checked_mul(dim));
        if expected != Some(data.len()) || data.is_empty() || dim > MOST_DIM {
            return Err(BankError::Features(format!(
                "{} numbers for a {grid:?} grid of {dim}",
                data.len()
            )));
        }
        if !usable(&data) {
            return Err(BankError::Features(
                "patch vectors hold a number that is not finite, or beyond 1e15".to_owned(),
            ));
        }
        Ok(Self { grid, dim, data })
    }

    /// Rows and columns of the grid.
    #[must_use]
    pub fn grid(&self) -> (usize, usize) {
        self.grid
    }

    /// Patches: rows times columns.
    #[must_use]
    pub fn count(&self) -> usize {
        self.grid.0 * self.grid.1
    }

    /// Numbers in a patch vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The vectors one after another, grid row by grid row.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The vector of each patch.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.data.chunks_exact(self.dim)
    }

    /// Scales each vector to length 1 (a zero vector stays zero): Euclidean distances then order as cosine distances,
    /// `1 - cos = d² / 2`.
    pub fn normalise(&mut self) {
        normalise_rows(&mut self.data, self.dim);
    }
}

/// Whether all numbers are finite and of a sane size (not so for NaN).
pub(super) fn usable(values: &[f32]) -> bool {
    values.iter().all(|value| value.abs() <= MOST_VALUE)
}

/// Scales each row to length 1; zero rows stay.
pub(super) fn normalise_rows(data: &mut [f32], dim: usize) {
    for row in data.chunks_exact_mut(dim) {
        let length = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        if length > 0.0 {
            let factor = (1.0 / length) as f32;
            row.iter_mut().for_each(|x| *x *= factor);
        }
    }
}

/// Average pooling with stride 1 and zeros beside the map, as two passes of one dimension.
struct Pooling {
    height: usize,
    width: usize,
    side: usize,
    rows: Vec<f32>,
    out: Vec<f32>,
}

impl Pooling {
    fn new(height: usize, width: usize, side: usize) -> Self {
        Self {
            height,
            width,
            side,
            rows: vec![0.0; height * width],
            out: vec![0.0; height * width],
        }
    }

    fn run<'a>(&'a mut self, plane: &'a [f32]) -> &'a [f32] {
        let reach = self.side / 2;
        if reach == 0 {
            return plane;
        }
        let (height, width) = (self.height, self.width);
        for (source, target) in plane.chunks_exact(width).zip(self.rows.chunks_exact_mut(width)) {
            for (x, out) in target.iter_mut().enumerate() {
                *out = source[x.saturating_sub(reach)..(x + reach + 1).min(width)].iter().sum();
            }
        }
        let divisor = (self.side * self.side) as f32;
        for (y, target) in self.out.chunks_exact_mut(width).enumerate() {
            target.fill(0.0);
            for from in y.saturating_sub(reach)..(y + reach + 1).min(height) {
                for (out, &value) in
                    target.iter_mut().zip(&self.rows[from * width..(from + 1) * width])
                {
                    *out += value;
                }
            }
            target.iter_mut().for_each(|out| *out /= divisor);
        }
        &self.out
    }
}

/// Where each output sample of one dimension is interpolated from: half-pixel centres, clamped at the ends.
pub(super) struct Taps(Vec<(usize, usize, f32)>);

impl Taps {
    pub(super) fn new(from: usize, to: usize) -> Self {
        let scale = from as f32 / to as f32;
        let tap = |at: usize| {
            let position = ((at as f32 + 0.5) * scale - 0.5).max(0.0);
            let low = (position as usize).min(from - 1);
            (low, (low + 1).min(from - 1), position - low as f32)
        };
        Self((0..to).map(tap).collect())
    }
}

/// Bilinear resampling of a plane of `width` columns.
pub(super) fn upsample(plane: &[f32], width: usize, rows: &Taps, columns: &Taps, out: &mut [f32]) {
    for (target, &(top, bottom, down)) in out.chunks_exact_mut(columns.0.len()).zip(&rows.0) {
        let (above, below) = (&plane[top * width..][..width], &plane[bottom * width..][..width]);
        for (out, &(left, right, across)) in target.iter_mut().zip(&columns.0) {
            let upper = above[left] + (above[right] - above[left]) * across;
            let lower = below[left] + (below[right] - below[left]) * across;
            *out = upper + (lower - upper) * down;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Result<FeatureSpec, BankError> {
        FeatureSpec::from_table(&text.parse::<toml::Table>().expect("TOML"))
    }

    #[test]
    fn card_tables() {
        let good = spec("head = \"features\"\nlayers = [\"a\", \"b\"]").expect("good");
        assert_eq!(good, FeatureSpec { layers: vec!["a".into(), "b".into()], neighbourhood: 3 });
        for bad in [
            "head = \"yolox\"\nlayers = [\"a\"]",
            "head = \"features\"",
            "head = \"features\"\nlayers = []",
            "head = \"features\"\nlayers = [\"a\", \"a\"]",
            "head = \"features\"\nlayers = [\"a\"]\nneighbourhood = 2",
            "head = \"features\"\nlayers = [\"a\"]\nneighbourhood = -1",
        ] {
            assert!(matches!(spec(bad), Err(BankError::Card(_))), "{bad}");
        }
    }

    /// Values from torch 2.9: `cat(AvgPool2d(3,1,1)(a), interpolate(AvgPool2d(3,1,1)(b), (4,4), mode="bilinear"))` with
    /// `a = arange(16)` as (1,4,4) and `b = [1, 2, 4, 8]` as (1,2,2).
    #[test]
    fn equal_to_torch() {
        let a: Vec<f32> = (0..16_u8).map(f32::from).collect();
        let b = [1.0, 2.0, 4.0, 8.0];
        let maps = [
            TensorView::new(&[1, 1, 4, 4], &a).expect("a"),
            TensorView::new(&[1, 2, 2], &b).expect("b"),
        ];
        let spec = FeatureSpec { layers: vec!["a".into(), "b".into()], neighbourhood: 3 };
        let patches = spec.patches(&maps).expect("patches");
        assert_eq!((patches.grid(), patches.dim()), ((4, 4), 2));
        let first: Vec<f32> = patches.rows().map(|row| row[0]).collect();
        let expected = [10, 18, 24, 18, 27, 45, 54, 39, 51, 81, 90, 63, 42, 66, 72, 50];
        for (got, want) in first.iter().zip(expected) {
            assert!((got - want as f32 / 9.0).abs() < 1e-5, "{first:?}");
        }
        // Pooling of 2x2 sums everything everywhere: 15 / 9.
        assert!(patches.rows().all(|row| (row[1] - 15.0 / 9.0).abs() < 1e-6));
        let plain = FeatureSpec { neighbourhood: 1, ..spec }.patches(&maps).expect("patches");
        let second: Vec<f32> = plain.rows().map(|row| row[1]).collect();
        let expected = [
            1.0, 1.25, 1.75, 2.0, 1.75, 2.1875, 3.0625, 3.5, 3.25, 4.0625, 5.6875, 6.5, 4.0, 5.0,
            7.0, 8.0,
        ];
        assert_eq!(second, expected);
    }

    #[test]
    fn batches_and_bad_maps() {
        let spec = FeatureSpec { layers: vec!["a".into()], neighbourhood: 3 };
        let data: Vec<f32> = (0..24_u8).map(f32::from).collect();
        let batch = TensorView::new(&[2, 3, 2, 2], &data).expect("view");
        let both = spec.patches_of_batch(&[batch]).expect("batch");
        let second = spec.patches(&[batch.item(1).expect("item")]).expect("second");
        assert_eq!((both.len(), &both[1]), (2, &second));
        assert!(spec.patches(&[]).is_err());
        assert!(spec.patches(&[TensorView::new(&[24], &data).expect("view")]).is_err());
        assert!(spec.patches(&[TensorView::new(&[3, 0, 2], &[]).expect("view")]).is_err());
        let infinite = [f32::INFINITY; 4];
        assert!(spec.patches(&[TensorView::new(&[1, 2, 2], &infinite).expect("view")]).is_err());
    }

    #[test]
    fn normalised_rows_have_length_one() {
        let mut patches = Patches::new((1, 2), 2, vec![3.0, 4.0, 0.0, 0.0]).expect("patches");
        patches.normalise();
        assert_eq!(patches.data(), [0.6, 0.8, 0.0, 0.0]);
    }
}
