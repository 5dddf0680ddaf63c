//! Cumulative distributions as tables: what fraction of a reference population lies below a value.

/// One curve.
#[derive(Debug, Clone)]
pub(super) enum Curve {
    /// Values at the whole numbers from `first` on.
    Counts { first: f64, values: Vec<f32> },
    /// Cubics in the position within each piece; outside, the ends' values.
    Pieces { starts: Vec<f64>, cubics: Vec<[f32; 4]>, end: f64, below: f32, above: f32 },
}

impl Curve {
    /// The curve at a value; not a number gives 0, as the field's featuriser has it.
    pub(super) fn at(&self, value: f64) -> f32 {
        if value.is_nan() {
            return 0.0;
        }
        match self {
            Self::Counts { first, values } => {
                // Casting saturates.
                let at = (value - first).round().max(0.0) as usize;
                values.get(at).or(values.last()).copied().unwrap_or(0.0)
            }
            Self::Pieces { starts, cubics, end, below, above } => {
                if value >= *end {
                    return *above;
                }
                // Some curves leap at their lower end, so that its own value is another than just above it.
                if starts.first().is_none_or(|first| value <= *first) {
                    return *below;
                }
                let next = starts.partition_point(|start| *start <= value);
                let at = next - 1;
                let stop = starts.get(next).copied().unwrap_or(*end);
                let t = (value - starts[at]) / (stop - starts[at]);
                let [a, b, c, d] = cubics[at].map(f64::from);
                (a + t * (b + t * (c + t * d))).clamp(0.0, 1.0) as f32
            }
        }
    }
}

/// Reads the file that `tests/oracle/make_normalized.py` writes: "CDF1", the number of curves, then each curve:
/// a kind, a number of entries, and its numbers, all little-endian. `None` where it is not whole.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<Curve>> {
    let mut from = Reader(bytes.strip_prefix(b"CDF1")?);
    let curves = from.u32()?;
    let read = (0..curves).map(|_| curve(&mut from)).collect::<Option<Vec<_>>>()?;
    from.0.is_empty().then_some(read)
}

fn curve(from: &mut Reader<'_>) -> Option<Curve> {
    let [kind] = from.take::<1>()?;
    let entries = from.u32()? as usize;
    if kind == 0 {
        let first = from.f64()?;
        let values = (0..entries).map(|_| from.f64().map(|value| value as f32));
        return Some(Curve::Counts { first, values: values.collect::<Option<_>>()? });
    }
    let [_low, below, end, above] = [from.f64()?, from.f64()?, from.f64()?, from.f64()?];
    let (mut starts, mut cubics) = (Vec::new(), Vec::new());
    for _ in 0..entries {
        starts.push(from.f64()?);
        cubics.push([from.f32()?, from.f32()?, from.f32()?, from.f32()?]);
    }
    Some(Curve::Pieces { starts, cubics, end, below: below as f32, above: above as f32 })
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn f32(&mut self) -> Option<f32> {
        self.take().map(f32::from_le_bytes)
    }

    fn f64(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_pieces_end_where_they_end() {
        let counts = Curve::Counts { first: 1.0, values: vec![0.25, 0.5] };
        assert_eq!(
            [0.0, 1.0, 2.0, 9.0, f64::NAN].map(|v| counts.at(v)),
            [0.25, 0.25, 0.5, 0.5, 0.0]
        );
        let line = Curve::Pieces {
            starts: vec![0.0, 1.0],
            cubics: vec![[0.0, 0.5, 0.0, 0.0], [0.5, 0.25, 0.0, 0.0]],
            end: 2.0,
            below: 0.0,
            above: 0.75,
        };
        let at = [-1.0, 0.0, 0.5, 1.5, 2.0, f64::INFINITY].map(|v| line.at(v));
        assert_eq!(at, [0.0, 0.0, 0.25, 0.625, 0.75, 0.75]);
    }

    #[test]
    fn a_cut_file_is_refused() {
        let whole = include_bytes!("../../data/rdkit2d_cdf.bin");
        assert_eq!(read(whole).unwrap().len(), 200);
        assert!(read(&whole[..whole.len() - 1]).is_none());
        assert!(read(b"CDF2").is_none());
    }
}
