//! What holds of the metrics for all fields.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use strata_earth::grid::Grid;
use strata_earth::metrics::area::{Area, Weighting, weights};
use strata_earth::metrics::deterministic::{Pair, scores};
use strata_earth::metrics::ensemble::{self, Ensemble};
use strata_earth::metrics::region::Region;
use strata_earth::metrics::spectrum::{Spectra, SpectrumSum, WEATHERBENCH_RADIUS};
use strata_earth::metrics::{Missing, deterministic};

fn any_grid() -> impl Strategy<Value = Grid> {
    (2_usize..20, 2_usize..24, any::<bool>(), any::<bool>()).prop_map(
        |(rows, columns, gaussian, turned)| {
            let grid =
                if gaussian { Grid::gaussian(rows, columns) } else { Grid::regular(rows, columns) };
            let lats = match turned {
                true => grid.lats.iter().rev().copied().collect(),
                false => grid.lats.clone(),
            };
            Grid::rectilinear(lats, grid.lons).unwrap()
        },
    )
}

/// A grid and fields on it, some points missing.
fn fields(count: usize) -> impl Strategy<Value = (Grid, Vec<Vec<f32>>)> {
    any_grid().prop_flat_map(move |grid| {
        let value = prop_oneof![12 => -50.0_f32..50.0, 1 => Just(f32::NAN)];
        let field = proptest::collection::vec(value, grid.len());
        (Just(grid), proptest::collection::vec(field, count))
    })
}

fn global(grid: &Grid) -> Area {
    Area::new(grid, &Region::global(), Weighting::default()).unwrap()
}

fn scored(
    grid: &Grid,
    forecast: &[f32],
    truth: &[f32],
    climatology: Option<&[f32]>,
) -> deterministic::Scores {
    scores(&global(grid), &Pair { forecast, truth, climatology }, Missing::Skip).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

/// Columns moved around the globe.
fn rolled(grid: &Grid, field: &[f32], by: usize) -> Vec<f32> {
    let columns = grid.shape.1;
    field
        .chunks_exact(columns)
        .flat_map(|row| (0..columns).map(move |at| row[(at + by) % columns]))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn weights_have_mean_one_and_are_positive(grid in any_grid()) {
        let weights = weights(&grid, Weighting::SinDifference).unwrap();
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        prop_assert!((mean - 1.0).abs() < 1e-12 && weights.iter().all(|weight| *weight > 0.0));
    }

    #[test]
    fn errors_are_symmetric_and_none_against_itself((grid, fields) in fields(2)) {
        let (a, b) = (&fields[0], &fields[1]);
        let (there, back) = (scored(&grid, a, b, None), scored(&grid, b, a, None));
        prop_assert!(near(there.mse, back.mse) && near(there.mae, back.mae) && near(there.bias, -back.bias));
        prop_assert!(there.mse.is_nan() || there.mse + 1e-9 >= there.mae.powi(2));
        prop_assert!(there.mae.is_nan() || there.mae + 1e-9 >= there.bias.abs());
        let itself = scored(&grid, a, a, None);
        prop_assert!(itself.coverage == 0.0 || (itself.mse == 0.0 && itself.mae == 0.0));
    }

    #[test]
    fn correlations_lie_between_one_and_minus_one((grid, fields) in fields(3)) {
        let [a, b, c] = [&fields[0], &fields[1], &fields[2]];
        let anomaly = scored(&grid, a, b, Some(c)).anomaly.unwrap();
        for acc in [anomaly.acc, anomaly.acc_centred] {
            prop_assert!(acc.is_nan() || acc.abs() <= 1.0 + 1e-9);
        }
        let back = scored(&grid, b, a, Some(c)).anomaly.unwrap();
        prop_assert!(near(anomaly.acc, back.acc) && near(anomaly.acc_centred, back.acc_centred));
        prop_assert!(near(anomaly.forecast_variance, back.truth_variance));
    }

    #[test]
    fn the_place_of_greenwich_does_not_matter((grid, fields) in fields(3), by in 0_usize..24) {
        let turned: Vec<Vec<f32>> = fields.iter().map(|field| rolled(&grid, field, by)).collect();
        let before = scored(&grid, &fields[0], &fields[1], Some(&fields[2]));
        let after = scored(&grid, &turned[0], &turned[1], Some(&turned[2]));
        prop_assert!(near(before.mse, after.mse) && near(before.bias, after.bias));
        prop_assert!(near(before.anomaly.unwrap().acc, after.anomaly.unwrap().acc));
        if grid.is_periodic() {
            let spectra = Spectra::new(&grid, WEATHERBENCH_RADIUS).unwrap();
            let of = |field: &[f32]| {
                let mut sum = SpectrumSum::new(&spectra, Missing::Skip);
                sum.add(field).unwrap();
                (0..grid.shape.0).flat_map(|row| sum.row(row)).collect::<Vec<f64>>()
            };
            let (before, after) = (of(&fields[0]), of(&turned[0]));
            let most = before.iter().copied().filter(|s| s.is_finite()).fold(1.0, f64::max);
            prop_assert!(before.iter().zip(&after).all(|(a, b)| near(a / most, b / most)));
        }
    }

    #[test]
    fn one_member_s_crps_is_its_absolute_error((grid, fields) in fields(2)) {
        let ensemble = Ensemble { members: &[&fields[0]], truth: &fields[1], seed: 1 };
        let found = ensemble::scores(&global(&grid), &ensemble, Missing::Skip).unwrap();
        let alone = scored(&grid, &fields[0], &fields[1], None);
        // Errors of one forecast are taken in 32 bits, those of an ensemble in 64.
        let near = |a: f64, b: f64| near(a, b) || (a - b).abs() < 1e-6 * b.abs();
        prop_assert!(near(found.crps, alone.mae) && near(found.crps_plain, alone.mae));
        prop_assert!(near(found.mean_mse, alone.mse) && (found.variance == 0.0 || found.variance.is_nan()));
    }

    #[test]
    fn ensembles_do_not_know_the_order_of_their_members((grid, fields) in fields(8), seed in any::<u64>()) {
        let area = global(&grid);
        let mut members: Vec<&[f32]> = fields[1..].iter().map(Vec::as_slice).collect();
        let of = |members: &[&[f32]]| {
            ensemble::scores(&area, &Ensemble { members, truth: &fields[0], seed }, Missing::Skip).unwrap()
        };
        let one = of(&members);
        members.reverse();
        members.swap(1, 4);
        let other = of(&members);
        prop_assert!(near(one.crps, other.crps) && near(one.variance, other.variance));
        prop_assert!(one.ranks.iter().zip(&other.ranks).all(|(a, b)| near(*a, *b)));
        let sum: f64 = one.ranks.iter().sum();
        prop_assert!(sum.is_nan() || (sum - 1.0).abs() < 1e-9);
        prop_assert!(sum.is_nan() || (one.crps_plain >= -1e-9 && one.crps_plain + 1e-9 >= one.crps));
        let double: Vec<&[f32]> = members.iter().chain(&members).copied().collect();
        prop_assert!(near(of(&double).crps_plain, one.crps_plain));
    }
}
