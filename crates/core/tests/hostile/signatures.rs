//! Files that are sound but aren't what their card describes.

use strata_core::verify::{SignatureKind, VerifyError};
use strata_testkit::onnx::{Dim, Dtype, Model, Value};
use strata_testkit::{CardSpec, models};

use crate::verify_spec;

/// Verifies `file` under a card that describes `described`.
#[track_caller]
fn difference(described: &Model, file: &Model) -> SignatureKind {
    let spec = CardSpec { model_bytes: Some(file.encode()), ..CardSpec::new("m") };
    match verify_spec(&spec, described) {
        Err(VerifyError::Signature { source, .. }) => source.kind,
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("accepted"),
    }
}

/// [`models::identity`] with its input and output changed.
fn identity(shape: &[Dim], dtype: Dtype) -> Model {
    let mut model = models::identity(1);
    model.graph.inputs = vec![Value::new("x", dtype, shape)];
    model.graph.outputs = vec![Value::new("y", dtype, shape)];
    model
}

fn shape(dims: &[&str]) -> Vec<Dim> {
    dims.iter().map(|d| d.parse::<i64>().map_or_else(|_| Dim::from(*d), Dim::from)).collect()
}

#[test]
fn missing_and_additional_ports() {
    let (one, two) = (models::identity(2), models::add(2));
    assert!(matches!(difference(&two, &one), SignatureKind::NotInFile { .. }));
    let mut more = one.clone();
    more.graph.inputs.push(Value::new("extra", Dtype::F32, &[]));
    assert_eq!(difference(&one, &more), SignatureKind::NotOnCard);
}

#[test]
fn another_type() {
    let (f, i) = (identity(&shape(&["N"]), Dtype::F32), identity(&shape(&["N"]), Dtype::I64));
    let kind = difference(&f, &i);
    assert!(matches!(kind, SignatureKind::Dtype { ref found, .. } if found == "int64"), "{kind}");
}

#[test]
fn another_shape() {
    for (card, file) in [
        (&["N", "3"][..], &["N", "4"][..]),
        (&["N", "3"], &["N", "3", "1"]),
        (&["N"], &["N", "3"]),
        // A card must not promise a length that the file fixes.
        (&["N", "3"], &["1", "3"]),
    ] {
        let [described, file] = [card, file].map(|s| identity(&shape(s), Dtype::F32));
        let kind = difference(&described, &file);
        assert!(matches!(kind, SignatureKind::Shape { .. }), "{kind}");
    }
}

#[test]
fn symbols_may_have_other_names_but_one_meaning() {
    let file = identity(&shape(&["batch", "3"]), Dtype::F32);
    let card = identity(&shape(&["N", "3"]), Dtype::F32);
    let spec = CardSpec { model_bytes: Some(file.encode()), ..CardSpec::new("m") };
    verify_spec(&spec, &card).unwrap();
    let file = identity(&shape(&["a", "a"]), Dtype::F32);
    let card = identity(&shape(&["N", "M"]), Dtype::F32);
    let kind = difference(&card, &file);
    assert!(matches!(kind, SignatureKind::Symbol { ref symbol, .. } if symbol == "a"), "{kind}");
}

#[test]
fn a_card_may_know_a_length_that_the_file_leaves_open() {
    let file = identity(&shape(&["batch", "width"]), Dtype::F32);
    let card = identity(&shape(&["N", "3"]), Dtype::F32);
    let spec = CardSpec { model_bytes: Some(file.encode()), ..CardSpec::new("m") };
    verify_spec(&spec, &card).unwrap();
}

#[test]
fn initialisers_listed_as_inputs_are_no_inputs() {
    let mut file = models::linear(&[1.0, 2.0], &[0.5]);
    file.graph.inputs.push(Value::new("W", Dtype::F32, &shape(&["2", "1"])));
    let spec = CardSpec { model_bytes: Some(file.encode()), ..CardSpec::new("m") };
    let verified = verify_spec(&spec, &models::linear(&[1.0, 2.0], &[0.5])).unwrap();
    assert_eq!(verified.signature.inputs.len(), 1);
    assert_eq!(verified.signature.parameters, 3);
}

#[test]
fn the_signature_says_what_is_in_the_file() {
    let verified = verify_spec(&CardSpec::new("m"), &models::two_in_two_out()).unwrap();
    let signature = verified.signature;
    assert_eq!(signature.ir_version, 8);
    assert_eq!(signature.opsets.get(""), Some(&17));
    assert_eq!(signature.metadata["origin"], "testkit");
    assert_eq!(signature.operators["Add"], 2);
    let names: Vec<&str> = signature.outputs.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["twice", "next"]);
}
