//! Graphs that are too deep, too large, that call themselves or call what isn't there, and tensors
//! that claim what they don't hold.

use strata_core::verify::{Limits, WalkKind, walk};
use strata_testkit::onnx::{Attr, Function, Graph, Model, Node, SparseTensor, Tensor};
use strata_testkit::wire::Message;
use strata_testkit::{CardSpec, models};

use crate::{refused, verify_model, verify_spec};

#[test]
fn every_ready_made_model_is_accepted() {
    for model in [
        models::identity(3),
        models::add(3),
        models::two_in_two_out(),
        models::linear(&[1.0, 2.0], &[0.5, 0.5]),
        models::slow(10, 4),
        models::sparse_initializer(),
        models::tensor_attribute(),
        models::sparse_attribute(),
        models::local_function(),
        models::nested_if(8),
    ] {
        verify_model(&model).unwrap();
    }
}

#[test]
fn nested_ifs_are_refused_from_the_ninth_level() {
    assert_eq!(verify_model(&models::nested_if(8)).unwrap().signature.graph_depth, 8);
    for depth in [9, 16, 500] {
        let kind = refused(verify_model(&models::nested_if(depth)));
        assert_eq!(kind, WalkKind::TooDeep { what: "graphs", limit: 8 }, "{depth}");
    }
}

/// `count` functions, each of which calls the next one `times` times, the last one `last`.
fn chain(count: usize, times: usize, last: &str, wrap: impl Fn(Vec<Node>) -> Vec<Node>) -> Model {
    let mut model = models::identity(2);
    let call = |name: &str| Node::new(name, &["a"], &["b"]).domain("strata.test");
    for i in 0..count {
        let next = if i + 1 < count { format!("F{}", i + 1) } else { last.to_owned() };
        model.functions.push(Function {
            name: format!("F{i}"),
            domain: "strata.test".to_owned(),
            inputs: vec!["a".to_owned()],
            outputs: vec!["b".to_owned()],
            nodes: wrap(vec![if next.is_empty() {
                Node::new("Identity", &["a"], &["b"])
            } else {
                call(&next)
            }])
            .into_iter()
            .cycle()
            .take(times)
            .collect(),
            defaults: Vec::new(),
        });
    }
    model.graph.nodes = vec![call("F0")];
    model
}

#[test]
fn functions_that_multiply_are_refused() {
    verify_model(&chain(10, 2, "", |nodes| nodes)).unwrap();
    let kind = refused(verify_model(&chain(40, 2, "", |nodes| nodes)));
    assert!(matches!(kind, WalkKind::TooMany { limit: 500_000, .. }), "{kind}");
}

#[test]
fn functions_that_call_themselves_are_refused() {
    for (count, last) in [(1, "F0"), (5, "F0"), (5, "F3")] {
        let kind = refused(verify_model(&chain(count, 1, last, |nodes| nodes)));
        assert!(matches!(kind, WalkKind::FunctionCycle(_)), "{kind}");
    }
}

#[test]
fn long_chains_of_functions_are_refused_without_a_stack_overflow() {
    let too_deep = WalkKind::TooDeep { what: "local functions", limit: 64 };
    verify_model(&chain(64, 1, "", |nodes| nodes)).unwrap();
    assert_eq!(refused(verify_model(&chain(65, 1, "", |nodes| nodes))), too_deep);
    assert_eq!(refused(verify_model(&chain(20_000, 1, "", |nodes| nodes))), too_deep);
    // Names in the other order, so that callees are looked at before their callers.
    let mut model = chain(100, 1, "", |nodes| nodes);
    let reversed = |name: &str| match name.strip_prefix('F').map(str::parse::<usize>) {
        Some(Ok(i)) => format!("F{:04}", 9999 - i),
        _ => name.to_owned(),
    };
    let functions = model.functions.iter_mut();
    functions.for_each(|f| {
        f.name = reversed(&f.name);
        f.nodes.iter_mut().for_each(|n| n.op = reversed(&n.op));
    });
    model.graph.nodes.iter_mut().for_each(|n| n.op = reversed(&n.op));
    assert_eq!(refused(verify_model(&model)), too_deep);
}

#[test]
fn levels_hidden_in_functions_add_up() {
    let in_a_subgraph = |nodes: Vec<Node>| {
        let body = Graph { nodes, ..Graph::default() };
        vec![Node::new("If", &["a"], &["b"]).attr("then_branch", Attr::Graph(Box::new(body)))]
    };
    let signature = verify_model(&chain(8, 1, "", in_a_subgraph)).unwrap().signature;
    assert_eq!(signature.graph_depth, 8);
    let kind = refused(verify_model(&chain(9, 1, "", in_a_subgraph)));
    assert!(matches!(kind, WalkKind::TooDeep { limit: 8, .. }), "{kind}");
}

#[test]
fn operators_of_unknown_domains_need_the_cards_leave() {
    let mut model = models::identity(2);
    model.graph.nodes = vec![Node::new("Evil", &["x"], &["y"]).domain("com.example")];
    let kind = refused(verify_model(&model));
    let (domain, operator) = ("com.example".to_owned(), "Evil".to_owned());
    assert_eq!(kind, WalkKind::Operator { domain, operator });
    let mut spec = CardSpec::new("m");
    spec.keys = "operator_domains = [\"com.example\"]\n".to_owned();
    let signature = verify_spec(&spec, &model).unwrap().signature;
    assert_eq!(signature.operators["com.example::Evil"], 1);
    model.graph.nodes = vec![Node::new("Gelu", &["x"], &["y"]).domain("com.microsoft")];
    verify_model(&model).unwrap();
}

/// A model with this tensor as an initialiser.
fn holding(tensor: Tensor) -> Model {
    let mut model = models::identity(2);
    model.graph.initializers.push(tensor);
    model
}

#[test]
fn impossible_dimensions_are_refused() {
    let long = vec![1; 100_000];
    let cases: [(&[i64], &str); 6] = [
        (&[-1, 2], "a dimension is negative"),
        (&[i64::MIN], "a dimension is negative"),
        (&[1 << 32, 1 << 32], "their product exceeds 64 bits"),
        (&[i64::MAX, 3, 0], "their product exceeds 64 bits"),
        (&[1 << 40], "more elements than allowed"),
        (&long, "more dimensions than allowed"),
    ];
    for (dims, expected) in cases {
        match refused(verify_model(&holding(Tensor::f32("t", dims, &[1.0])))) {
            WalkKind::Dims { why, .. } => assert_eq!(why, expected),
            other => panic!("{expected}: {other}"),
        }
    }
}

#[test]
fn data_of_another_size_are_refused() {
    for dims in [&[3][..], &[1], &[0], &[1 << 30]] {
        let kind = refused(verify_model(&holding(Tensor::f32("t", dims, &[1.0, 2.0]))));
        assert!(matches!(kind, WalkKind::TensorSize { .. }), "{dims:?}: {kind}");
    }
    verify_model(&holding(Tensor::f32("t", &[2], &[1.0, 2.0]))).unwrap();
    verify_model(&holding(Tensor::f32("t", &[0, 7], &[]))).unwrap();
}

#[test]
fn sparse_tensors_cannot_claim_the_whole_memory() {
    let sparse = |dims: &[i64], indices: &[i64]| {
        let mut model = models::identity(2);
        model.graph.sparse.push(SparseTensor {
            values: Tensor::f32("s", &[1], &[1.0]),
            indices: Tensor::i64("i", &[indices.len() as i64], indices),
            dims: dims.to_vec(),
        });
        refused(verify_model(&model))
    };
    let kind = sparse(&[1 << 35], &[0]);
    assert!(matches!(kind, WalkKind::Dims { why, .. } if why.contains("once dense")), "{kind}");
    let kind = sparse(&[1 << 62, 1 << 62], &[0]);
    assert!(matches!(kind, WalkKind::Dims { why, .. } if why.contains("64 bits")), "{kind}");
    assert!(matches!(sparse(&[4], &[0, 1]), WalkKind::Invalid(_)));
}

#[test]
fn two_inputs_of_one_name_are_refused() {
    let mut model = models::identity(2);
    model.graph.inputs.push(model.graph.inputs[0].clone());
    let bytes = model.encode();
    let kind = walk(&bytes, &Limits::default(), &[]).unwrap_err().kind;
    assert_eq!(kind, WalkKind::DuplicateName("x".to_owned()));
}

#[test]
fn types_nested_in_types_are_refused_from_the_cap() {
    let nested = |depth: usize| {
        let mut inner = Message::new();
        for _ in 0..depth {
            let mut sequence = Message::new();
            sequence.message(1, &inner);
            inner = Message::new();
            inner.message(4, &sequence);
        }
        let mut value = Message::new();
        value.string(1, "deep");
        value.message(2, &inner);
        let mut graph = models::identity(2).graph.encode();
        graph.message(13, &value);
        let mut opset = Message::new();
        opset.int(2, 17);
        let mut model = Message::new();
        model.message(7, &graph);
        model.message(8, &opset);
        walk(&model.into_bytes(), &Limits::default(), &[]).map_err(|error| error.kind)
    };
    nested(8).unwrap();
    let too_deep = WalkKind::TooDeep { what: "types", limit: 8 };
    for depth in [9, 2000] {
        assert_eq!(nested(depth).unwrap_err(), too_deep, "{depth}");
    }
}

#[test]
fn many_tiny_things_are_refused_at_their_caps() {
    let limits = Limits { nodes: 50, tensors: 50, entries: 50, ..Limits::default() };
    let refused = |change: &dyn Fn(&mut Model)| {
        let mut model = models::identity(2);
        change(&mut model);
        match walk(&model.encode(), &limits, &[]).unwrap_err().kind {
            WalkKind::TooMany { what, limit: 50 } => what,
            other => panic!("{other}"),
        }
    };
    let node = Node::new("Identity", &["x"], &["z"]);
    assert_eq!(refused(&|m| m.graph.nodes = vec![node.clone(); 51]), "nodes");
    let tensor = Tensor::f32("t", &[0], &[]);
    assert_eq!(refused(&|m| m.graph.initializers = vec![tensor.clone(); 51]), "tensors");
    assert_eq!(refused(&|m| m.graph.inputs = vec![m.graph.inputs[0].clone(); 51]), "inputs");
    let entry = |i: i32| (format!("k{i}"), String::new());
    assert_eq!(refused(&|m| m.metadata = (0..51).map(entry).collect()), "metadata entries");
    let opset = |i: i64| (format!("d{i}"), i);
    assert_eq!(refused(&|m| m.opsets = (0..51).map(opset).collect()), "operator sets");
    let limits = Limits { metadata_bytes: 50, ..Limits::default() };
    let mut model = models::identity(2);
    model.metadata = vec![("k".to_owned(), "v".repeat(49))];
    walk(&model.encode(), &limits, &[]).unwrap();
    model.metadata.push(("k".to_owned(), String::new()));
    let kind = walk(&model.encode(), &limits, &[]).unwrap_err().kind;
    assert_eq!(kind, WalkKind::TooMany { what: "bytes of metadata", limit: 50 });
}
