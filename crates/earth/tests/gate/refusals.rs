//! What is not certain is refused, by name.

use std::path::PathBuf;

use proptest::prelude::*;
use strata_earth::field::{Field, Header};
use strata_earth::gate::bounds::bounds;
use strata_earth::gate::{Options, Refusal, check, prepare};
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::source::{ReadError, Source};
use strata_earth::time::Time;

use crate::atmosphere::{changed, contract, field, fields, fields_on, source};
use crate::{refusal, refused};

fn each(field: &mut Field, of: impl Fn(f32) -> f32) {
    field.values.iter_mut().for_each(|value| *value = of(*value));
}

#[test]
fn missing_variables_and_levels_are_named_with_what_is_there() {
    let mut some = fields();
    some.retain(|field| {
        field.header.variable != "10v"
            && !(field.header.variable == "q" && field.header.level.is_pressure(250.0))
    });
    let Refusal::Missing { fields, has, .. } = refusal(&source(some)) else { panic!() };
    assert_eq!(fields, ["q at 250 hPa", "10v at 10 m"]);
    assert!(has.contains("q at 1000, 850, 700, 500, 100 hPa"), "{has}");
    let Refusal::Missing { fields, has, .. } = refusal(&source(Vec::new())) else { panic!() };
    assert_eq!((fields.len(), has.as_str()), (34, "no fields"));
    let error = check(&source(Vec::new()), &contract(), &Options::default()).to_string();
    assert!(error.contains("z at 1000 hPa"), "{error}");
}

/// A file that ends early: the last fields cannot be read, or were not even found.
struct Truncated {
    headers: Vec<Header>,
    whole: Vec<Field>,
    notes: Vec<String>,
}

impl Source for Truncated {
    fn format(&self) -> &'static str {
        "grib"
    }

    fn headers(&self) -> &[Header] {
        &self.headers
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn values(&self, index: usize) -> Result<Vec<f32>, ReadError> {
        match self.whole.get(index) {
            Some(field) => Ok(field.values.clone()),
            None => Err(ReadError::Part {
                path: PathBuf::from("cut.grib"),
                place: format!("message {}", index + 1),
                why: "the file ends within it".to_owned(),
            }),
        }
    }
}

#[test]
fn a_truncated_file_is_refused_by_its_message() {
    let all = fields();
    let headers: Vec<Header> = all.iter().map(|field| field.header.clone()).collect();
    let cut = Truncated { headers: headers.clone(), whole: all[..33].to_vec(), notes: Vec::new() };
    let Refusal::Unreadable { why } = refusal(&cut) else { panic!() };
    assert_eq!(why, "cut.grib: message 34: the file ends within it");
    let notes = vec!["message 34: the file ends within it".to_owned()];
    let cut = Truncated { headers: headers[..33].to_vec(), whole: all[..33].to_vec(), notes };
    let text = refusal(&cut).to_string();
    assert!(text.starts_with("missing: 2t at 2 m") && text.contains("message 34"), "{text}");
}

#[test]
fn a_patch_of_missing_points_is_told_with_its_place() {
    let holed = changed("t", 850.0, |field| {
        for row in 4..7 {
            for column in 10..15 {
                field.values[row * 36 + column] = f32::NAN;
            }
        }
    });
    let expected = Refusal::MissingValues {
        field: "t at 850 hPa".to_owned(),
        count: 15,
        of: 684,
        within: [30.0, 50.0, 100.0, 140.0],
    };
    assert_eq!(refusal(&holed), expected);
    let infinite = changed("msl", 0.0, |field| field.values[0] = f32::INFINITY);
    assert!(matches!(refusal(&infinite), Refusal::MissingValues { count: 1, .. }));
}

#[test]
fn heights_under_the_name_and_unit_of_geopotentials_are_refused() {
    let lying = changed("z", 0.0, |field| each(field, |value| value / 9.806_65));
    let report = refused(&lying, &contract(), &Options::default());
    // At 1000 hPa both ranges hold 0; every other level tells.
    assert_eq!(report.refusals.len(), 5, "{report}");
    assert!(report.to_string().contains("they look like geopotential heights in gpm"), "{report}");
    let geopotentials = changed("z", 0.0, |field| field.header.unit = "gpm".to_owned());
    let report = refused(&geopotentials, &contract(), &Options::default());
    assert!(report.refusals.iter().all(|one| matches!(one, Refusal::Unit { .. })), "{report}");
}

#[test]
fn values_that_the_atmosphere_does_not_have_are_refused() {
    let hot = changed("t", 500.0, |field| field.values[100] = 350.0);
    let Refusal::Range { field, found, at, .. } = refusal(&hot) else { panic!() };
    assert_eq!((field.as_str(), found[1], at), ("t at 500 hPa", 350.0, [70.0, 280.0]));
    let wet = changed("q", 850.0, |field| each(field, |value| value * 1000.0));
    assert!(refusal(&wet).to_string().contains("g/kg"));
    let dry = changed("q", 850.0, |field| field.values[7] = -0.002);
    assert!(matches!(refusal(&dry), Refusal::NegativeHumidity { .. }));
    let flat = changed("10u", 0.0, |field| each(field, |_| 3.0));
    assert_eq!(refusal(&flat), Refusal::Constant { field: "10u at 10 m".to_owned(), value: 3.0 });
    let odd = changed("v", 100.0, |field| field.header.unit = "furlongs".to_owned());
    assert!(refusal(&odd).to_string().contains("furlongs"));
    let fahrenheit = changed("2t", 0.0, |field| {
        each(field, |value| value * 1.8 - 459.67);
        field.header.unit = "degF".to_owned();
    });
    assert!(refusal(&fahrenheit).to_string().contains("degF"));
}

#[test]
fn swapped_levels_and_variables_are_found_by_their_balance() {
    let swap = |variable: &str, a: f64, b: f64| {
        let mut fields = fields();
        for field in fields.iter_mut().filter(|field| field.header.variable == variable) {
            let level = &mut field.header.level;
            if level.is_pressure(a) {
                *level = Level::pressure(b);
            } else if level.is_pressure(b) {
                *level = Level::pressure(a);
            }
        }
        refused(&source(fields), &contract(), &Options::default())
    };
    for (variable, a, b) in [("t", 850.0, 700.0), ("t", 700.0, 500.0)] {
        let report = swap(variable, a, b);
        let balance = |one: &Refusal| matches!(one, Refusal::Hydrostatic { .. });
        assert!(report.refusals.iter().any(balance), "{variable} {a} {b}: {report}");
    }
    // These are out of bounds already.
    assert!(swap("t", 500.0, 250.0).to_string().contains("t at 250 hPa: values"));
    assert!(swap("z", 850.0, 700.0).to_string().contains("z at"));
    // Temperatures of another time: layers 6 K warmer do not fit the heights.
    let other = changed("t", 0.0, |field| each(field, |value| value + 6.0));
    assert!(matches!(refusal_of_first(&other), Refusal::Hydrostatic { .. }));
    let mut swapped = fields();
    for field in &mut swapped {
        field.header.variable = match field.header.variable.as_str() {
            "t" => "u".to_owned(),
            "u" => "t".to_owned(),
            other => other.to_owned(),
        };
    }
    assert!(!check(&source(swapped), &contract(), &Options::default()).passes());
}

fn refusal_of_first(source: &dyn Source) -> Refusal {
    refused(source, &contract(), &Options::default()).refusals[0].clone()
}

#[test]
fn other_grids_planets_times_and_members_are_refused() {
    let text = refusal(&source(fields_on(&Grid::regular(37, 72)))).to_string();
    assert!(text.contains("37 x 72 regular") && text.contains("--regrid"), "{text}");

    let mut dry = fields();
    dry[0].header.attributes.insert("planet".to_owned(), "held-suarez".to_owned());
    let text = refusal(&source(dry)).to_string();
    assert!(text.contains("of held-suarez, the model of earth"), "{text}");
    let mut model = contract();
    model.planet = "held-suarez".to_owned();
    let report = refused(&source(fields()), &model, &Options::default());
    assert!(report.to_string().contains("of earth, the model of held-suarez"), "{report}");

    let mut mixed = fields();
    mixed[33].header.step = 6 * 3600;
    let report = refused(&source(mixed.clone()), &contract(), &Options::default());
    assert!(
        report.to_string().contains("several times: 2024-05-01T00:00:00Z, 2024-05-01T06:00:00Z")
    );
    let options = Options { time: Some(Time(0)), ..Options::default() };
    let report = refused(&source(mixed.clone()), &contract(), &options);
    assert!(report.to_string().contains("no fields of 1970-01-01T00:00:00Z"), "{report}");
    let options = Options { time: Some(mixed[0].header.valid()), ..Options::default() };
    let report = refused(&source(mixed), &contract(), &options);
    assert!(report.to_string().contains("missing: 2t at 2 m"), "{report}");

    let mut members = Vec::new();
    for member in [1_u32, 2] {
        for mut field in fields() {
            field.header.member = Some(member);
            members.push(field);
        }
    }
    let text = refusal(&source(members.clone())).to_string();
    assert!(text.contains("none the control: 1, 2"), "{text}");
    let options = Options { member: Some(7), ..Options::default() };
    let report = refused(&source(members), &contract(), &options);
    assert!(report.to_string().contains("no member 7"), "{report}");

    let mut twice = fields();
    let grid = twice[0].header.grid.clone();
    let mut again = field("10u", Level::height(10.0), &grid);
    twice.push(again.clone());
    assert!(prepare(&source(twice.clone()), &contract(), &Options::default()).is_ok());
    again.values[3] += 1.0;
    twice.push(again);
    assert!(matches!(refusal(&source(twice)), Refusal::Ambiguous { count: 3, .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Bits flipped in any value, unit, level or name: refused, or a state whose every value is one that the atmosphere has.
    #[test]
    fn flipped_bits_never_make_a_state_out_of_bounds(
        flips in prop::collection::vec((0_usize..34, 0_usize..684, 0_u32..32), 1..6),
        header in (0_usize..34, 0_usize..4, 0_u8..7),
        broken in any::<bool>(),
    ) {
        let mut fields = fields();
        for (field, at, bit) in flips {
            let value = &mut fields[field].values[at];
            *value = f32::from_bits(value.to_bits() ^ (1 << bit));
        }
        if broken {
            let (at, part, bit) = header;
            let flip = |text: &str| text.bytes().enumerate().map(|(k, b)| char::from(if k == 0 { b ^ (1 << bit) } else { b })).collect::<String>();
            let one = &mut fields[at].header;
            match part {
                0 => one.variable = flip(&one.variable),
                1 => one.unit = flip(&one.unit),
                2 => one.level.value = f64::from_bits(one.level.value.to_bits() ^ (1 << (45 + bit))),
                _ => one.step ^= 1 << bit,
            }
        }
        if let Ok((state, _)) = prepare(&source(fields), &contract(), &Options::default()) {
            for place in contract().fields() {
                let limits = bounds(&place.variable, place.at()).unwrap();
                for value in &state.ports[place.port][place.range.clone()] {
                    prop_assert!(limits.hold(f64::from(*value), f64::from(*value)));
                }
            }
        }
    }
}
