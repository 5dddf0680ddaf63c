//! A head as an ONNX graph: `features [N, width]` to `predictions [N, members]`, values or probabilities. Where the head sees
//! an encoder's vectors, the encoder's graph with its inputs stands before it.
//!
//! Each part gives a matrix of members' scores; weights, slopes and offsets of the blend are folded into leaves and
//! weights, so that the parts are added and nothing else. Trees are one TreeEnsembleRegressor a member: deadlines are
//! honoured between nodes.

use strata_chem::learn::{
    Boost, COUNT_LIMIT, DESCRIPTOR_LIMIT, Head, KernelMachine, Linear, Part, Scaling, Task,
};

use super::Features;
use super::join::Base;
use super::proto::{Attribute, DOUBLE, FLOAT, Graph, ML};
use crate::tools::ToolError;

/// Name of the graph's input.
pub(super) const INPUT: &str = "features";
/// Name of its output.
pub(super) const OUTPUT: &str = "predictions";

/// Beginning of the names of what stands behind an encoder.
const HEAD: &str = "head.";

/// The file of a head over such features.
///
/// # Errors
/// Where the encoder's file does not let a head be joined.
pub(super) fn to_onnx(head: &Head, name: &str, features: &Features) -> Result<Vec<u8>, ToolError> {
    let encoder = features.encoder_of(head);
    let base = match encoder {
        None => None,
        Some(encoder) => {
            let base = Base::read(&encoder.file, encoder.output(), (HEAD, &[INPUT, OUTPUT]));
            Some(base.map_err(|why| {
                let label = encoder.label();
                ToolError::Request(format!("no head can stand behind encoder {label}: {why}"))
            })?)
        }
    };
    let scope = if base.is_some() { HEAD } else { "" };
    let mut graph = Graph::behind(base);
    graph.within(scope.to_owned());
    let row = match encoder {
        None => INPUT.to_owned(),
        Some(encoder) => {
            let axis = [("axis", Attribute::Int(1))];
            graph.node_with(("", "Concat"), &[INPUT, encoder.output()], "row", &axis)
        }
    };
    let counts = features.table().counts();
    let mut biases = vec![0.0f64; head.members];
    let mut sum: Option<String> = None;
    for (at, part) in head.parts.iter().enumerate() {
        let (slope, offset) = head.recipe.folded(at);
        let own: Vec<f64> = match part {
            Part::Trees(boosts) => boosts.iter().map(|boost| boost.base).collect(),
            Part::Kernel(machine) => machine.biases.iter().map(|&bias| f64::from(bias)).collect(),
            Part::Linear(linear) => linear.biases.iter().map(|&bias| f64::from(bias)).collect(),
        };
        biases.iter_mut().zip(own).for_each(|(bias, own)| *bias += slope * own + offset);
        // A head may have two machines, of which one sees the encoder's vector.
        let sees = head.recipe.parts[at].settings.sees_encoder();
        graph.within(if sees { format!("{scope}encoder_") } else { scope.to_owned() });
        let input = if sees { row.as_str() } else { INPUT };
        let scores = match part {
            Part::Trees(boosts) => trees(&mut graph, boosts, slope),
            Part::Kernel(machine) => kernel(&mut graph, (machine, input), slope, counts),
            Part::Linear(model) => linear(&mut graph, (model, input), slope),
        };
        graph.within(scope.to_owned());
        sum = Some(match sum {
            Some(before) => graph.node("Add", &[&before, &scores], &format!("sum_{at}")),
            None => scores,
        });
    }
    let biases: Vec<f32> = biases.into_iter().map(|bias| bias as f32).collect();
    let bias = graph.floats("bias", &[biases.len()], &biases);
    let sum = sum.unwrap_or_default();
    let odds = match head.recipe.task {
        Task::Regression => None,
        Task::Classification => Some(graph.node("Add", &[&sum, &bias], "log_odds")),
    };
    graph.within(String::new());
    match odds {
        None => graph.node("Add", &[&sum, &bias], OUTPUT),
        Some(odds) => graph.node("Sigmoid", &[&odds], OUTPUT),
    };
    Ok(graph.file(name, (INPUT, features.width()), (OUTPUT, head.members)))
}

fn trees(graph: &mut Graph, boosts: &[Boost], slope: f64) -> String {
    let mut members = Vec::new();
    for (member, boost) in boosts.iter().enumerate() {
        let attributes = ensemble(boost, slope);
        let name = format!("trees_{member}");
        members.push(graph.node_with((ML, "TreeEnsembleRegressor"), &[INPUT], &name, &attributes));
    }
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    graph.node_with(("", "Concat"), &members, "trees", &[("axis", Attribute::Int(1))])
}

/// The attributes of `slope · boost`, without its base.
fn ensemble(boost: &Boost, slope: f64) -> Vec<(&'static str, Attribute)> {
    let (mut tree_ids, mut node_ids, mut columns, mut yes, mut no) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut thresholds, mut modes) = (Vec::new(), Vec::new());
    let (mut leaf_trees, mut leaf_nodes, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for (tree, number) in boost.trees.iter().zip(0i64..) {
        for (node, at) in tree.nodes.iter().zip(0i64..) {
            let leaf = node.left == 0;
            tree_ids.push(number);
            node_ids.push(at);
            columns.push(i64::from(node.column));
            thresholds.push(node.threshold);
            yes.push(i64::from(node.left));
            no.push(i64::from(node.right));
            modes.push(if leaf { "LEAF" } else { "BRANCH_LEQ" });
            if leaf {
                leaf_trees.push(number);
                leaf_nodes.push(at);
                weights.push((slope * f64::from(node.value)) as f32);
            }
        }
    }
    let targets = vec![0; weights.len()];
    vec![
        ("n_targets", Attribute::Int(1)),
        ("aggregate_function", Attribute::Text("SUM".to_owned())),
        ("post_transform", Attribute::Text("NONE".to_owned())),
        ("nodes_treeids", Attribute::Ints(tree_ids)),
        ("nodes_nodeids", Attribute::Ints(node_ids)),
        ("nodes_featureids", Attribute::Ints(columns)),
        ("nodes_values", Attribute::Floats(thresholds)),
        ("nodes_modes", Attribute::Texts(modes)),
        ("nodes_truenodeids", Attribute::Ints(yes)),
        ("nodes_falsenodeids", Attribute::Ints(no)),
        ("target_treeids", Attribute::Ints(leaf_trees)),
        ("target_nodeids", Attribute::Ints(leaf_nodes)),
        ("target_ids", Attribute::Ints(targets)),
        ("target_weights", Attribute::Floats(weights)),
    ]
}

/// Columns of the input; `of` begins the names.
fn gathered(graph: &mut Graph, input: &str, columns: &[usize], of: &str) -> String {
    let columns: Vec<i64> = columns.iter().map(|&column| column as i64).collect();
    let columns = graph.ints(&format!("{of}_columns"), &columns);
    let axis = [("axis", Attribute::Int(1))];
    graph.node_with(("", "Gather"), &[input, &columns], &format!("{of}_gathered"), &axis)
}

/// Values kept between two limits.
fn clipped(graph: &mut Graph, input: &str, (low, high): (f32, f32), of: &str) -> String {
    let low = graph.floats(&format!("{of}_low"), &[], &[low]);
    let high = graph.floats(&format!("{of}_high"), &[], &[high]);
    graph.node("Clip", &[input, &low, &high], &format!("{of}_clipped"))
}

fn scaled(graph: &mut Graph, (scaling, input): (&Scaling, &str), of: &str) -> String {
    let width = scaling.columns.len();
    let values = gathered(graph, input, &scaling.columns, of);
    let mean = graph.floats(&format!("{of}_mean"), &[width], &scaling.mean);
    let scale = graph.floats(&format!("{of}_scale"), &[width], &scaling.scale);
    let centred = graph.node("Sub", &[&values, &mean], &format!("{of}_centred"));
    let values = graph.node("Mul", &[&centred, &scale], &format!("{of}_scaled"));
    clipped(graph, &values, (-DESCRIPTOR_LIMIT, DESCRIPTOR_LIMIT), of)
}

fn linear(graph: &mut Graph, (model, input): (&Linear, &str), slope: f64) -> String {
    let members = model.biases.len();
    let by_column = |of: &[Vec<f32>], columns: usize| -> Vec<f32> {
        let weight = |column: usize, member: usize| (slope * f64::from(of[member][column])) as f32;
        (0..columns).flat_map(|c| (0..members).map(move |m| weight(c, m))).collect()
    };
    let descriptors = model.scaling.columns.len();
    let weights = by_column(&model.of_descriptors, descriptors);
    let weights = graph.floats("linear_weights", &[descriptors, members], &weights);
    let values = scaled(graph, (&model.scaling, input), "linear");
    let of_descriptors = graph.node("MatMul", &[&values, &weights], "linear_descriptors");
    if model.counts.is_empty() {
        return of_descriptors;
    }
    let weights = by_column(&model.of_counts, model.counts.len());
    let weights = graph.floats("linear_count_weights", &[model.counts.len(), members], &weights);
    let counts = gathered(graph, INPUT, &model.counts, "linear_counts");
    let counts = clipped(graph, &counts, (0.0, COUNT_LIMIT), "linear_counts");
    let of_counts = graph.node("MatMul", &[&counts, &weights], "linear_fingerprint");
    graph.node("Add", &[&of_descriptors, &of_counts], "linear")
}

/// Values of another type.
fn cast(graph: &mut Graph, input: &str, to: i64) -> String {
    let to = [("to", Attribute::Int(to))];
    let name = format!("{}_cast", graph.bare(input));
    graph.node_with(("", "Cast"), &[input], &name, &to)
}

/// In double precision, as the machine itself: weights are large and of both signs where the ridge is small.
fn kernel(
    graph: &mut Graph,
    (machine, input): (&KernelMachine, &str),
    slope: f64,
    counts: usize,
) -> String {
    let share = machine.settings.tanimoto;
    let axis = graph.ints("kernel_axis", &[1]);
    let tanimoto = tanimoto(graph, machine, (counts, &axis));
    let share_of = graph.doubles("kernel_share", &[], &[share]);
    let tanimoto = graph.node("Mul", &[&tanimoto, &share_of], "kernel_tanimoto");
    let gauss = gauss(graph, (machine, input), &axis);
    let share_of = graph.doubles("kernel_rest", &[], &[1.0 - share]);
    let gauss = graph.node("Mul", &[&gauss, &share_of], "kernel_gauss");
    let values = graph.node("Add", &[&tanimoto, &gauss], "kernel_values");
    let members = machine.biases.len();
    let weights: Vec<f64> = machine.weights.iter().map(|&w| slope * f64::from(w)).collect();
    let weights = graph.doubles("kernel_weights", &[machine.support(), members], &weights);
    let scores = graph.node("MatMul", &[&values, &weights], "kernel_scores");
    cast(graph, &scores, FLOAT)
}

/// |x ∧ y| ÷ |x ∨ y| with each molecule of the support. Bits that none of them has count for the union alone.
fn tanimoto(graph: &mut Graph, machine: &KernelMachine, (counts, axis): (usize, &str)) -> String {
    let support = machine.support();
    let has = |bit: &usize| (0..support).any(|molecule| machine.has_bit(molecule, *bit));
    let seen: Vec<usize> = (0..counts).filter(has).collect();
    let all: Vec<usize> = (0..counts).collect();
    let bits = gathered(graph, INPUT, &all, "kernel_counts");
    let bits = clipped(graph, &bits, (0.0, 1.0), "kernel_counts");
    let on = graph.node("ReduceSum", &[&bits, axis], "kernel_on");
    let bits = gathered(graph, &bits, &seen, "kernel_bits");
    let of_support: Vec<u8> = seen
        .iter()
        .flat_map(|&bit| (0..support).map(move |molecule| u8::from(machine.has_bit(molecule, bit))))
        .collect();
    // A byte a bit in the file; the cast is done once, when the session is made.
    let of_support = graph.small("kernel_support", &[seen.len(), support], &of_support);
    let of_support = cast(graph, &of_support, FLOAT);
    // Counts up to 2048 are exact in single precision.
    let both = graph.node("MatMul", &[&bits, &of_support], "kernel_both");
    let sizes: Vec<f32> = (0..support).map(|molecule| machine.bits_on(molecule) as f32).collect();
    let sizes = graph.floats("kernel_sizes", &[support], &sizes);
    let sum = graph.node("Add", &[&on, &sizes], "kernel_sum");
    let either = graph.node("Sub", &[&sum, &both], "kernel_either_raw");
    let one = graph.floats("kernel_one", &[], &[1.0]);
    let either = graph.node("Max", &[&either, &one], "kernel_either");
    let (both, either) = (cast(graph, &both, DOUBLE), cast(graph, &either, DOUBLE));
    graph.node("Div", &[&both, &either], "kernel_tanimoto_raw")
}

/// exp(−γ |x − y|²) with each molecule of the support.
fn gauss(graph: &mut Graph, (machine, input): (&KernelMachine, &str), axis: &str) -> String {
    let (support, width) = (machine.support(), machine.scaling.columns.len());
    let values = scaled(graph, (&machine.scaling, input), "kernel");
    let values = cast(graph, &values, DOUBLE);
    let squares = graph.node("Mul", &[&values, &values], "kernel_squares");
    let square = graph.node("ReduceSum", &[&squares, axis], "kernel_square");
    let by_column: Vec<f32> =
        (0..width).flat_map(|c| (0..support).map(move |m| machine.scaled(m)[c])).collect();
    let by_column = graph.floats("kernel_points", &[width, support], &by_column);
    let by_column = cast(graph, &by_column, DOUBLE);
    let inner = graph.node("MatMul", &[&values, &by_column], "kernel_inner");
    let two = graph.doubles("kernel_two", &[], &[2.0]);
    let inner = graph.node("Mul", &[&inner, &two], "kernel_twice");
    let length = |m: usize| machine.scaled(m).iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    let lengths: Vec<f64> = (0..support).map(length).collect();
    let lengths = graph.doubles("kernel_lengths", &[support], &lengths);
    let sum = graph.node("Add", &[&square, &lengths], "kernel_lengths_sum");
    let apart = graph.node("Sub", &[&sum, &inner], "kernel_apart_raw");
    let zero = graph.doubles("kernel_zero", &[], &[0.0]);
    let apart = graph.node("Max", &[&apart, &zero], "kernel_apart");
    let sharpness = graph.doubles("kernel_sharpness", &[], &[-machine.sharpness()]);
    let exponent = graph.node("Mul", &[&apart, &sharpness], "kernel_exponent");
    graph.node("Exp", &[&exponent], "kernel_gauss_raw")
}
