//! Best class of an anchor, over contiguous scores.

/// Numbers looked at together, so that the compiler uses vector instructions.
const LANES: usize = 8;

/// The place and value of the greatest number, the first of equals. `None` for no numbers, and when one
/// of them is not finite.
pub(super) fn best(scores: &[f32]) -> Option<(usize, f32)> {
    let mut greatest = [f32::NEG_INFINITY; LANES];
    let mut sum = [0.0_f32; LANES];
    let (chunks, rest) = scores.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            let value = chunk[lane];
            greatest[lane] = if value > greatest[lane] { value } else { greatest[lane] };
            // 0 for a finite number, NaN for all others: cheaper than asking each.
            sum[lane] += value * 0.0;
        }
    }
    for (lane, &value) in rest.iter().enumerate() {
        greatest[lane] = if value > greatest[lane] { value } else { greatest[lane] };
        sum[lane] += value * 0.0;
    }
    if sum.iter().sum::<f32>().is_nan() || scores.is_empty() {
        return None;
    }
    let top = greatest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let place = scores.iter().position(|&score| score == top)?;
    Some((place, top))
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn first_of_equals_and_nothing_from_bad_numbers() {
        let mut scores: Vec<f32> = (0..21_u8).map(f32::from).collect();
        assert_eq!(best(&scores), Some((20, 20.0)));
        scores[3] = 20.0;
        assert_eq!(best(&scores), Some((3, 20.0)));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 7, 20] {
                let mut scores = scores.clone();
                scores[at] = bad;
                assert_eq!(best(&scores), None);
            }
        }
        assert_eq!(best(&[]), None);
        assert_eq!(best(&[-1.0, -2.0]), Some((0, -1.0)));
    }
}
