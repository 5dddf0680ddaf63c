//! A scenario's desirabilities as goals of a search.

use strata_chem::optimize::{Goal, Shape as Curve, Wanted};

use crate::scenario::{Loaded, Shape, Side};

/// The scenario's score is what the search raises; each of its desirabilities whose column is there is an axis
/// of the Pareto front.
pub(super) fn of_scenario(scenario: &Loaded, columns: &[String]) -> Vec<Goal> {
    let parts = scenario.scenario.desirabilities.iter();
    let parts = parts.filter(|part| columns.contains(part.property.get_ref()));
    let mut goals: Vec<Goal> = parts
        .map(|part| Goal {
            name: part.property.get_ref().clone(),
            wanted: Wanted::Shaped(curve(*part.shape.get_ref())),
            weight: 0.0,
            on_front: true,
        })
        .collect();
    let score = Wanted::Shaped(Curve::Ramp { worst: 0.0, best: 1.0 });
    goals.push(Goal { name: "score".to_owned(), wanted: score, weight: 1.0, on_front: false });
    goals
}

fn curve(shape: Shape) -> Curve {
    match shape {
        Shape::Ramp { worst, best } => Curve::Ramp { worst, best },
        Shape::Hump { low, best, high } => Curve::Hump { low, best, high },
        // A step is a ramp too steep for any two numbers of a result to lie on it.
        Shape::Step { at, good } => {
            let width = at.abs().max(1.0) * 1e-9;
            let worst = match good {
                Side::Above => at - width,
                Side::Below => at + width,
            };
            Curve::Ramp { worst, best: at }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_give_the_scenarios_desirabilities() {
        let shapes = [
            Shape::Ramp { worst: 500.0, best: 360.0 },
            Shape::Hump { low: 20.0, best: [40.0, 90.0], high: 120.0 },
            Shape::Step { at: 0.5, good: Side::Below },
            Shape::Step { at: 0.5, good: Side::Above },
        ];
        for shape in shapes {
            for value in [-10.0, 0.0, 0.4, 0.5, 0.6, 25.0, 100.0, 400.0, 600.0] {
                assert!(
                    (curve(shape).of(value) - shape.of(value)).abs() < 1e-12,
                    "{shape} {value}"
                );
            }
        }
    }

    #[test]
    fn a_scenario_is_raised_by_its_score() {
        let scenario = Loaded::find("oral-drug-screen").unwrap();
        let columns = ["QED", "TPSA"].map(str::to_owned);
        let goals = of_scenario(&scenario, &columns);
        let names: Vec<&str> = goals.iter().map(|goal| goal.name.as_str()).collect();
        assert_eq!(names, ["QED", "TPSA", "score"]);
        assert_eq!(goals.iter().map(|goal| goal.weight).sum::<f64>(), 1.0);
    }
}
