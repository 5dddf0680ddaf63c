//! What is certain is repaired: the state is that of the file as it should have been, and the repair is told.

use strata_earth::gate::{Options, Repair};
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::regrid::Method;

use crate::atmosphere::{COLUMNS, LEVELS, ROWS, changed, contract, fields, fields_on, source};
use crate::passes;

fn most_apart(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f32::max)
}

#[test]
fn a_state_in_order_passes_untouched() {
    let (state, repairs) = passes(&source(fields()), &contract(), &Options::default());
    assert!(repairs.is_empty(), "{repairs:?}");
    assert_eq!(state.reference.to_string(), "2024-05-01T00:00:00Z");
    let expected: Vec<f32> =
        fields().iter().take(30).flat_map(|field| field.values.clone()).collect();
    assert_eq!(state.ports[0], expected);
    assert_eq!(state.ports[1].len(), 4 * ROWS * COLUMNS);
}

#[test]
fn rows_columns_and_levels_in_another_order_are_put_in_order() {
    let (expected, _) = passes(&source(fields()), &contract(), &Options::default());
    let regular = Grid::regular(ROWS, COLUMNS);
    let lats = regular.lats.iter().rev().copied().collect();
    let lons = regular.lons.iter().map(|lon| lon - 180.0).collect();
    let turned = Grid::rectilinear(lats, lons).unwrap();
    let mut other = fields_on(&turned);
    other.reverse();
    let (state, repairs) = passes(&source(other), &contract(), &Options::default());
    assert!(most_apart(&expected.ports, &state.ports) < 1e-5);
    assert!(repairs.contains(&Repair::LatitudesFlipped { fields: 34 }), "{repairs:?}");
    assert!(
        repairs.contains(&Repair::LongitudesRolled { from: -180.0, fields: 34 }),
        "{repairs:?}"
    );
    let reordered = |name: &str| Repair::LevelsReordered { variable: name.to_owned() };
    assert!(["z", "q", "t", "u", "v"].iter().all(|name| repairs.contains(&reordered(name))));

    let mut pascals = fields();
    for field in &mut pascals {
        if LEVELS.contains(&field.header.level.value) {
            field.header.level.value *= 100.0;
        }
    }
    let (state, repairs) = passes(&source(pascals), &contract(), &Options::default());
    assert_eq!(state, expected);
    assert_eq!(repairs, [Repair::LevelsInPascals { fields: 30 }]);
}

#[test]
fn units_are_converted_where_unit_and_range_are_certain() {
    let (expected, _) = passes(&source(fields()), &contract(), &Options::default());
    let same = |source, told: &str| {
        let (state, repairs) = passes(&source, &contract(), &Options::default());
        assert!(most_apart(&expected.ports, &state.ports) < 1e-5, "{told}");
        assert_eq!(repairs.len(), 1, "{repairs:?}");
        assert!(repairs[0].to_string().contains(told), "{} / {told}", repairs[0]);
    };
    let scaled = |variable: &str, by: f32, plus: f32, unit: &str| {
        changed(variable, 0.0, |field| {
            field.values.iter_mut().for_each(|value| *value = *value * by + plus);
            field.header.unit = unit.to_owned();
        })
    };
    let gravity = 1.0 / 9.806_65;
    same(scaled("z", gravity, 0.0, "gpm"), "z in gpm became z in m2 s-2");
    same(scaled("z", gravity / 10.0, 0.0, "dam"), "z in dam");
    let heights = changed("z", 0.0, |field| {
        field.values.iter_mut().for_each(|value| *value *= gravity);
        field.header.variable = "gh".to_owned();
        field.header.unit = "m".to_owned();
    });
    same(heights, "gh in m became z in m2 s-2");
    same(scaled("t", 1.0, -273.15, "degC"), "t: degC became K (6 fields)");
    same(scaled("2t", 1.0, -273.15, "K"), "2t: degrees Celsius by its values became K");
    same(scaled("msl", 0.01, 0.0, "hPa"), "msl: hPa became Pa");
    same(scaled("msl", 0.01, 0.0, "Pa"), "msl: hPa by its values");
    same(scaled("q", 1000.0, 0.0, "g/kg"), "q: g/kg became kg kg-1");
    same(scaled("10u", 3600.0 / 1852.0, 0.0, "knots"), "10u: knots");
}

#[test]
fn the_control_or_the_member_and_the_time_asked_for_are_taken() {
    let mut several = Vec::new();
    for member in [0_u32, 3] {
        for mut field in fields() {
            field.header.member = Some(member);
            if member == 3 && field.header.variable == "10u" {
                field.values.iter_mut().for_each(|value| *value += 2.0);
            }
            several.push(field);
        }
    }
    let (control, repairs) = passes(&source(several.clone()), &contract(), &Options::default());
    assert_eq!(repairs, [Repair::MemberChosen { member: 0, of: 2 }]);
    let third = Options { member: Some(3), ..Options::default() };
    let (other, _) = passes(&source(several), &contract(), &third);
    let at = ROWS * COLUMNS;
    assert!((other.ports[1][at] - control.ports[1][at] - 2.0).abs() < 1e-4);

    let mut two = fields();
    for mut field in fields() {
        field.header.step = 6 * 3600;
        two.push(field);
    }
    let time = two[0].header.reference.plus_hours(6);
    let options = Options { time: Some(time), ..Options::default() };
    let (state, repairs) = passes(&source(two), &contract(), &options);
    assert_eq!(state.reference, time);
    assert_eq!(repairs, [Repair::TimeChosen { time, of: 2 }]);
}

#[test]
fn another_grid_is_regridded_where_it_is_asked_for() {
    let (expected, _) = passes(&source(fields()), &contract(), &Options::default());
    let options = Options { regrid: Some(Method::Bilinear), ..Options::default() };
    let (state, repairs) =
        passes(&source(fields_on(&Grid::gaussian(64, 128))), &contract(), &options);
    assert!(matches!(&repairs[..], [Repair::Regridded { fields: 34, .. }]), "{repairs:?}");
    // Geopotentials, in m2 s-2; not the poles, where this atmosphere has a cusp.
    let inner = |ports: &[Vec<f32>]| -> Vec<f32> {
        let levels = ports[0].chunks(ROWS * COLUMNS).take(6);
        levels.flat_map(|level| level[COLUMNS..(ROWS - 1) * COLUMNS].to_vec()).collect()
    };
    let (a, b) = (inner(&expected.ports), inner(&state.ports));
    let apart = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart > 0.0 && apart < 60.0, "{apart}");
}

#[test]
fn names_and_levels_of_other_centres_are_known() {
    let mut other = fields();
    for field in &mut other {
        let header = &mut field.header;
        match header.variable.as_str() {
            "2t" => header.variable = "t".to_owned(),
            "10u" => header.variable = "u".to_owned(),
            "10v" => {
                header.variable = "v".to_owned();
                header.unit = "m s**-1".to_owned();
            }
            "msl" => header.level = Level::SURFACE,
            _ => {}
        }
    }
    let (state, _) = passes(&source(other), &contract(), &Options::default());
    assert_eq!(state, passes(&source(fields()), &contract(), &Options::default()).0);
}
