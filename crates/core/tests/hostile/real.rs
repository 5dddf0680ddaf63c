//! Real models: the walk accepts them all and reads what the Python package `onnx` 1.23 reads. The
//! expectations were written down from there.

use strata_core::verify::{Limits, Signature, ValueInfo, ValueKind, walk};
use strata_testkit::{shared_dir, skip};

/// What `onnx` says of a model.
struct Expected {
    path: &'static str,
    /// IR version and version of the standard operator set.
    versions: (i64, i64),
    /// Inputs and outputs.
    ports: (usize, usize),
    nodes: u64,
    parameters: u64,
    /// Number of operators, and the most frequent one with its count.
    operators: (usize, &'static str, u64),
    /// First input and last output as `name type shape`, the type by number.
    ends: (&'static str, &'static str),
}

const MODELS: [Expected; 9] = [
    Expected {
        path: "drug/admet_ai/admet_ai_classification_ensemble5.onnx",
        versions: (9, 18),
        ports: (7, 1),
        nodes: 156,
        parameters: 2_119_661,
        operators: (14, "Relu", 25),
        ends: ("f_atoms 1 atoms,133", "predictions 1 mols,31"),
    },
    Expected {
        path: "drug/admet_ai/admet_ai_regression_ensemble5.onnx",
        versions: (9, 18),
        ports: (7, 1),
        nodes: 161,
        parameters: 2_088_156,
        operators: (14, "Relu", 25),
        ends: ("f_atoms 1 atoms,133", "predictions 1 mols,10"),
    },
    Expected {
        path: "drug/chembl_multitask_q8/chembl_37_multitask_q8.onnx",
        versions: (8, 18),
        ports: (1, 798),
        nodes: 4803,
        parameters: 2_332_298,
        operators: (7, "Mul", 1600),
        ends: ("input 1 1024", "CHEMBL6184 1 1"),
    },
    Expected {
        path: "drug/molclr_gcn/molclr_gcn.onnx",
        versions: (9, 18),
        ports: (5, 2),
        nodes: 79,
        parameters: 643_764,
        operators: (14, "Add", 22),
        ends: ("atom_type 7 nodes", "node_embedding 1 nodes,300"),
    },
    Expected {
        path: "drug/soltrannet/soltrannet.onnx",
        versions: (9, 18),
        ports: (2, 1),
        nodes: 424,
        parameters: 3409,
        operators: (17, "Add", 109),
        ends: ("node_features 1 batch,nodes,28", "logS 1 batch,1"),
    },
    Expected {
        path: "mining/mobilenet_v2/mobilenet_v2_features_fp32.onnx",
        versions: (7, 13),
        ports: (1, 4),
        nodes: 106,
        parameters: 3_489_107,
        operators: (10, "Conv", 53),
        ends: ("image 2 N,224,224,3", "probabilities 1 N,1001"),
    },
    Expected {
        path: "mining/shufflenet_v2_int8/shufflenet-v2-12-int8.onnx",
        versions: (7, 12),
        ports: (1, 1),
        nodes: 189,
        parameters: 2_286_994,
        operators: (11, "QLinearConv", 56),
        ends: ("input 1 1,3,224,224", "output 1 1,1000"),
    },
    Expected {
        path: "mining/yolox_nano/yolox_nano.onnx",
        versions: (7, 11),
        ports: (1, 1),
        nodes: 369,
        parameters: 904_481,
        operators: (10, "Conv", 113),
        ends: ("images 1 1,3,416,416", "output 1 1,3549,85"),
    },
    Expected {
        path: "text/stories260k/stories260k_kv.onnx",
        versions: (9, 18),
        ports: (12, 11),
        nodes: 385,
        parameters: 296_944,
        operators: (20, "Mul", 88),
        ends: ("input_ids 7 batch,seq", "present.4.value 1 batch,4,total,8"),
    },
];

fn describe(value: &ValueInfo) -> String {
    let ValueKind::Tensor { data_type, shape } = &value.kind else { return value.name.clone() };
    let dims: Vec<String> = shape.iter().flatten().map(ToString::to_string).collect();
    format!("{} {data_type} {}", value.name, dims.join(","))
}

fn check(expected: &Expected, signature: &Signature) {
    let path = expected.path;
    assert_eq!(signature.ir_version, expected.versions.0, "{path}");
    assert_eq!(signature.opsets[""], expected.versions.1, "{path}");
    assert_eq!((signature.inputs.len(), signature.outputs.len()), expected.ports, "{path}");
    assert_eq!(signature.nodes, expected.nodes, "{path}");
    assert_eq!(signature.parameters, expected.parameters, "{path}");
    assert_eq!(signature.graph_depth, 0, "{path}");
    let (operators, name, count) = expected.operators;
    assert_eq!(signature.operators.len(), operators, "{path}");
    assert_eq!(signature.operators[name], count, "{path}");
    assert_eq!(describe(&signature.inputs[0]), expected.ends.0, "{path}");
    assert_eq!(describe(signature.outputs.last().unwrap()), expected.ends.1, "{path}");
}

#[test]
fn real_models_are_accepted_and_read_as_onnx_reads_them() {
    let Some(shared) = shared_dir() else {
        return skip("no shared models: set STRATA_SHARED");
    };
    let mut found = 0;
    for expected in &MODELS {
        let Ok(bytes) = std::fs::read(shared.join("models").join(expected.path)) else {
            skip(&format!("{} is absent", expected.path));
            continue;
        };
        found += 1;
        let walked = walk(&bytes, &Limits::default(), &[])
            .unwrap_or_else(|error| panic!("{}: {error}", expected.path));
        assert!(walked.external.is_empty());
        check(expected, &walked.signature);
    }
    assert!(found > 0, "there is a shared folder, but none of the models is in it");
}
