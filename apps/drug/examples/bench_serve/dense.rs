//! A model whose weights are worth more than a request's rows: three layers of 2048 × 2048, so that a run of many rows
//! reads as much memory as a run of one.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;
use strata_chem::features::Featuriser;
use strata_testkit::kill::Dice;
use strata_testkit::onnx::{Dim, Dtype, Graph, Model, Node, Tensor, Value as Port};
use strata_testkit::{CardSpec, write_card};

use crate::bodies::Rows;

/// Its name.
pub(crate) const NAME: &str = "dense";
const WIDTH: usize = 2048;
const OUTPUTS: usize = 16;
/// Different rows that are sent.
const ROWS: usize = 16;

/// Writes the model and its card; the folder of models.
pub(crate) fn write(folder: &Path) -> Result<PathBuf> {
    let models = folder.join("dense-models");
    let id = "ecfp4c-2048/1";
    let hash = Featuriser::from_id(id).map_err(|e| anyhow::anyhow!("{e}"))?.hash();
    let spec = CardSpec::new(NAME).extra(&format!(
        "[[endpoints]]\nname = \"Dense\"\ntitle = \"Made by a benchmark\"\ntask = \"regression\"\noutput = \"y\"\n\
         columns = [0, 1]\n[endpoints.conformal]\nq90 = 2.0\nfloor = 0.1\n\
         [preprocess]\nfeaturiser = \"{id}\"\nfeaturiser_hash = \"{hash}\"\n"
    ));
    write_card(&models, &spec, &model())?;
    Ok(models)
}

/// Rows for it.
pub(crate) fn rows() -> Rows {
    let mut dice = Dice::new(7);
    let mut number = || (uniform(&mut dice) * 100.0).round() / 100.0;
    let numbers = (0..ROWS * WIDTH).map(|_| Value::from(f64::from(number()))).collect();
    Rows::plain(NAME, WIDTH, numbers)
}

/// From -1 to 1.
fn uniform(dice: &mut Dice) -> f32 {
    ((dice.roll() >> 40) as f32 / (1u32 << 23) as f32) - 1.0
}

fn model() -> Model {
    let mut dice = Dice::new(11);
    let (mut nodes, mut initializers) = (Vec::new(), Vec::new());
    let mut input = "x".to_owned();
    let widths = [WIDTH, WIDTH, WIDTH, WIDTH, OUTPUTS];
    for (layer, pair) in widths.windows(2).enumerate() {
        // Keeps the values' size from layer to layer.
        let scale = (6.0 / pair[0] as f32).sqrt();
        let weights: Vec<f32> =
            (0..pair[0] * pair[1]).map(|_| uniform(&mut dice) * scale).collect();
        let weight = format!("W{layer}");
        initializers.push(Tensor::f32(&weight, &[pair[0] as i64, pair[1] as i64], &weights));
        let last = layer + 2 == widths.len();
        let product = if last { "y".to_owned() } else { format!("p{layer}") };
        nodes.push(Node::new("MatMul", &[&input, &weight], &[&product]));
        input = format!("h{layer}");
        if !last {
            nodes.push(Node::new("Relu", &[&product], &[&input]));
        }
    }
    let port = |name: &str, width: usize| {
        Port::new(name, Dtype::F32, &[Dim::from("N"), Dim::from(width as i64)])
    };
    Model::new(Graph {
        nodes,
        initializers,
        inputs: vec![port("x", WIDTH)],
        outputs: vec![port("y", OUTPUTS)],
        ..Graph::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_every_time_and_within_bounds() {
        let mut dice = Dice::new(3);
        let values: Vec<f32> = (0..10_000).map(|_| uniform(&mut dice)).collect();
        assert!(values.iter().all(|v| (-1.0..=1.0).contains(v)));
        let mean = values.iter().sum::<f32>() / 10_000.0;
        assert!(mean.abs() < 0.05, "{mean}");
        assert_eq!(format!("{:?}", rows()), format!("{:?}", rows()));
    }
}
