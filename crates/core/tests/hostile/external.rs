//! External data: only under plain names, only in files the card lists, only within them.

use strata_core::verify::{VerifyError, WalkKind};
use strata_testkit::onnx::{Attr, Function, Graph, Model, Node, SparseTensor, Tensor};
use strata_testkit::{CardSpec, models};

use crate::{refused, verify_model, verify_spec};

const ESCAPES: [&str; 14] = [
    "../w.bin",
    "/etc/passwd",
    "a/../../w.bin",
    "sub/w.bin",
    "./w.bin",
    "..\\w.bin",
    "C:\\w.bin",
    "C:w.bin",
    "..",
    ".",
    "",
    "w.bin\0",
    "NUL",
    // ONNX Runtime takes this name to mean an address in its own memory.
    "*/_ORT_MEM_ADDR_/*",
];

fn outside(location: &str) -> Tensor {
    Tensor::external("t", &[2], location, (0, 8))
}

/// Every place in a model that can hold a tensor, each holding `t`.
fn hiding_places(t: &Tensor) -> Vec<(&'static str, Model)> {
    let sparse_of =
        |values: Tensor, indices: Tensor| SparseTensor { values, indices, dims: vec![4] };
    let values = || Tensor::f32("v", &[2], &[1.0, 2.0]);
    let indices = || Tensor::i64("i", &[2], &[0, 1]);
    let in_values = || sparse_of(t.clone(), indices());
    let in_indices = || {
        let mut t = t.clone();
        t.dtype = strata_testkit::onnx::Dtype::I64;
        t.external[2].1 = "16".to_owned();
        sparse_of(values(), t)
    };
    let constant = |attr| models::constant(attr, "value");
    let with = |change: &dyn Fn(&mut Model)| {
        let mut model = models::identity(2);
        change(&mut model);
        model
    };
    let hidden = |graph: &mut Graph| graph.initializers.push(t.clone());
    let one_node = |attr: Attr| Graph {
        nodes: vec![Node::new("Constant", &[], &["c"]).attr("value", attr)],
        ..Graph::default()
    };
    vec![
        ("initializer", with(&|m| m.graph.initializers.push(t.clone()))),
        ("sparse initializer, values", with(&|m| m.graph.sparse.push(in_values()))),
        ("sparse initializer, indices", with(&|m| m.graph.sparse.push(in_indices()))),
        ("attribute", constant(Attr::Tensor(t.clone()))),
        ("attribute, list", constant(Attr::Tensors(vec![values(), t.clone()]))),
        ("sparse attribute, values", constant(Attr::Sparse(in_values()))),
        ("sparse attribute, indices", constant(Attr::Sparse(in_indices()))),
        ("sparse attribute, list", constant(Attr::Sparses(vec![in_values()]))),
        ("subgraph", models::nested_if_with(1, hidden)),
        ("subgraph of a subgraph", models::nested_if_with(5, hidden)),
        (
            "list of subgraphs",
            constant(Attr::Graphs(vec![Graph::default(), one_node(Attr::Tensor(t.clone()))])),
        ),
        (
            "function",
            with(&|m| {
                m.functions.push(Function {
                    name: "F".to_owned(),
                    domain: "strata.test".to_owned(),
                    nodes: one_node(Attr::Tensor(t.clone())).nodes,
                    ..Function::default()
                });
            }),
        ),
        (
            "function, default of an attribute",
            with(&|m| {
                m.functions.push(Function {
                    name: "F".to_owned(),
                    domain: "strata.test".to_owned(),
                    defaults: vec![("value".to_owned(), Attr::Tensor(t.clone()))],
                    ..Function::default()
                });
            }),
        ),
        (
            "training, initialisation",
            with(&|m| m.training.push((one_node(Attr::Tensor(t.clone())), Graph::default()))),
        ),
        (
            "training, algorithm",
            with(&|m| m.training.push((Graph::default(), one_node(Attr::Tensor(t.clone()))))),
        ),
    ]
}

#[test]
fn a_name_that_leads_elsewhere_is_refused_wherever_it_hides() {
    for location in ESCAPES {
        for (place, model) in hiding_places(&outside(location)) {
            match refused(verify_model(&model)) {
                WalkKind::ExternalPath { location: found, .. } => assert_eq!(found, location),
                other => panic!("{place}, {location:?}: {other}"),
            }
        }
    }
}

#[test]
fn an_undeclared_file_is_refused_wherever_it_hides() {
    for (place, model) in hiding_places(&outside("w.bin")) {
        match verify_model(&model) {
            Err(VerifyError::Undeclared { file, .. }) => assert_eq!(file, "w.bin", "{place}"),
            other => panic!("{place}: {:?}", other.map(drop)),
        }
    }
}

#[test]
fn a_file_of_another_role_is_not_external_data() {
    let mut model = models::linear_external(&[1.0, 2.0], &[0.5], "w.bin");
    let (name, data) = model.files.remove(0);
    let mut spec = CardSpec::new("m");
    spec.files.push((name, "labels".to_owned(), data));
    let error = verify_spec(&spec, &model).unwrap_err();
    assert!(matches!(error, VerifyError::Undeclared { .. }), "{error}");
}

/// The good external model with the entries of its first tensor changed.
fn with_entries(change: impl Fn(&mut Tensor)) -> Model {
    let mut model = models::linear_external(&[1.0, 2.0], &[0.5], "w.bin");
    change(&mut model.graph.initializers[0]);
    model
}

#[test]
fn data_beyond_the_end_of_the_file_are_refused() {
    verify_model(&with_entries(|_| ())).unwrap();
    for offset in ["8", "12", "4294967296", "18446744073709551615"] {
        let model = with_entries(|t| offset.clone_into(&mut t.external[1].1));
        let error = verify_model(&model).unwrap_err();
        assert!(matches!(error, VerifyError::Span { bytes: 12, .. }), "{offset}: {error}");
    }
}

#[test]
fn a_length_other_than_the_tensors_is_refused() {
    for length in ["4", "9", "0", "18446744073709551615"] {
        let model = with_entries(|t| length.clone_into(&mut t.external[2].1));
        let kind = refused(verify_model(&model));
        assert!(matches!(kind, WalkKind::TensorSize { .. }), "{length}: {kind}");
    }
}

#[test]
fn odd_entries_are_refused() {
    let entry = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    let cases: [(&str, Model); 7] = [
        ("offset", with_entries(|t| "-1".clone_into(&mut t.external[1].1))),
        ("offset", with_entries(|t| "+1".clone_into(&mut t.external[1].1))),
        ("length", with_entries(|t| "0x8".clone_into(&mut t.external[2].1))),
        ("length", with_entries(|t| "99999999999999999999".clone_into(&mut t.external[2].1))),
        ("location", with_entries(|t| t.external.push(entry("location", "other.bin")))),
        ("basepath", with_entries(|t| t.external.push(entry("basepath", "/etc")))),
        ("location", with_entries(|t| drop(t.external.remove(0)))),
    ];
    for (expected, model) in cases {
        match refused(verify_model(&model)) {
            WalkKind::ExternalEntry { key, .. } => assert_eq!(key, expected),
            other => panic!("{expected}: {other}"),
        }
    }
}
