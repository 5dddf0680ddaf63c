//! Medians with their ends, paired ratios, exponents of growth.

use super::record::Spread;

/// Median and ends; none of nothing. What is not finite does not count.
pub(crate) fn spread(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    Some(Spread { median: rounded(median), min: rounded(min), max: rounded(max) })
}

/// Of `theirs / ours` by pairs: both measured in the same round, so that a slow minute of the machine meets both.
pub(crate) fn ratios(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Spread> {
    spread(pairs.into_iter().filter(|(_, ours)| *ours > 0.0).map(|(theirs, ours)| theirs / ours))
}

/// The exponent `b` of `cost = a * size^b` by least squares over the logarithms; none where fewer than two sizes have a
/// cost above zero.
pub(crate) fn exponent(sizes: &[f64], costs: &[f64]) -> Option<f64> {
    let points: Vec<(f64, f64)> = sizes
        .iter()
        .zip(costs)
        .filter(|(size, cost)| **size > 0.0 && **cost > 0.0)
        .map(|(size, cost)| (size.ln(), cost.ln()))
        .collect();
    let count = points.len() as f64;
    let (mean_x, mean_y) = (
        points.iter().map(|point| point.0).sum::<f64>() / count,
        points.iter().map(|point| point.1).sum::<f64>() / count,
    );
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in &points {
        above += (x - mean_x) * (y - mean_y);
        below += (x - mean_x).powi(2);
    }
    (below > 0.0).then(|| (above / below * 1000.0).round() / 1000.0)
}

/// Six digits that count: more would be noise in a file that people compare.
pub(crate) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 5 - value.abs().log10().floor() as i32;
    // Beyond what a power of ten can shift, the number stays as it is.
    if !(-300..=300).contains(&digits) {
        return value;
    }
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_odd_and_even_counts() {
        let odd = spread([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.median, odd.min, odd.max), (2.0, 1.0, 3.0));
        assert_eq!(spread([4.0, 1.0, 2.0, f64::NAN, 3.0]).unwrap().median, 2.5);
        assert_eq!(spread([f64::NAN]), None);
        assert_eq!(spread([]), None);
    }

    #[test]
    fn ratios_are_paired_not_of_medians() {
        // Both slow in the second round: the ratio is 2 in each.
        let found = ratios([(2.0, 1.0), (20.0, 10.0), (4.0, 2.0), (1.0, 0.0)]).unwrap();
        assert_eq!((found.median, found.min, found.max), (2.0, 2.0, 2.0));
    }

    #[test]
    fn exponents_of_known_laws() {
        let sizes = [1e3, 4e3, 16e3];
        let law = |power: f64| sizes.map(|size: f64| 7e-6 * size.powf(power));
        assert_eq!(exponent(&sizes, &law(1.0)), Some(1.0));
        assert_eq!(exponent(&sizes, &law(2.0)), Some(2.0));
        assert_eq!(exponent(&sizes, &law(0.0)), Some(0.0));
        assert_eq!(exponent(&sizes[..1], &law(1.0)[..1]), None);
        assert_eq!(exponent(&[5.0, 5.0], &[1.0, 2.0]), None, "one size, twice");
        assert_eq!(
            exponent(&sizes, &[0.0, 1.0, 4.0]),
            Some(1.0),
            "a cost of nothing has no logarithm"
        );
    }

    #[test]
    fn figures_keep_six_digits() {
        assert_eq!(rounded(1_234.567_89), 1_234.57);
        assert_eq!(rounded(0.000_012_345_678), 0.000_012_345_7);
        assert_eq!(rounded(-2.0), -2.0);
        assert_eq!(rounded(0.0), 0.0);
        assert!(rounded(f64::NAN).is_nan());
        assert_eq!(rounded(1e-310), 1e-310);
    }
}
