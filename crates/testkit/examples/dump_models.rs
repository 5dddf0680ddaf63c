//! Writes every ready-made model into a folder, so that other tools (onnx.checker, the Python ONNX
//! Runtime) can be run over them: `cargo run -p strata-testkit --example dump_models -- DIR`.

use std::path::PathBuf;

use strata_testkit::onnx::Model;
use strata_testkit::{CardSpec, models, write_card};

fn main() -> std::io::Result<()> {
    let dir = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "models".into()));
    let all: [(&str, Model); 11] = [
        ("identity", models::identity(3)),
        ("add", models::add(3)),
        ("two", models::two_in_two_out()),
        ("linear", models::linear(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0.5, -0.5])),
        ("external", models::linear_external(&[1.0, 2.0], &[0.25], "weights.bin")),
        ("slow", models::slow(1000, 8)),
        ("nested", models::nested_if(6)),
        ("sparse", models::sparse_initializer()),
        ("attribute", models::tensor_attribute()),
        ("sparse-attribute", models::sparse_attribute()),
        ("function", models::local_function()),
    ];
    for (name, model) in all {
        write_card(&dir, &CardSpec::new(name), &model)?;
    }
    Ok(())
}
