//! Choosing where to cut: between two nodes where the least is alive, near equal shares of weights and of what nodes make.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Cuts;
use super::graph::Graph;
use super::shapes::Shapes;

/// What one part is made of.
#[derive(Debug, Default)]
pub(super) struct PartPlan {
    /// Numbers of its nodes, constant ones that it needs included, ascending.
    pub(super) nodes: Vec<usize>,
    /// Names of its initialisers, in order.
    pub(super) initialisers: BTreeSet<String>,
    /// Inputs of the whole and tensors of earlier parts.
    pub(super) inputs: Vec<String>,
    /// Outputs of the whole and tensors for later parts.
    pub(super) outputs: Vec<String>,
    /// Of the outputs, those for later parts.
    pub(super) passed: Vec<String>,
}

/// Numbers of the nodes that begin a new part.
pub(super) fn choose(
    graph: &Graph<'_>,
    shapes: &Shapes,
    cuts: &Cuts,
) -> Result<Vec<usize>, String> {
    let count = graph.nodes.len();
    if let Cuts::At(names) = cuts {
        let after = |name: &String| {
            let maker = graph.nodes.iter().position(|node| node.outputs.contains(&name.as_str()));
            let maker = maker.ok_or_else(|| format!("no node makes a tensor named {name:?}"))?;
            if maker + 1 < count {
                Ok(maker + 1)
            } else {
                Err(format!("{name:?} is made by the last node: nothing is left for another part"))
            }
        };
        let places: Result<BTreeSet<usize>, String> = names.iter().map(after).collect();
        return Ok(places?.into_iter().collect());
    }
    let Cuts::Parts(parts) = cuts else { return Ok(Vec::new()) };
    if !(2..=1000).contains(parts) || *parts > count {
        return Err(format!(
            "{parts} parts of {count} nodes: ask for 2 or more, and no more than there are nodes"
        ));
    }
    let alive = alive(graph, shapes);
    let shares = shares(graph, shapes);
    let total = shares.last().copied().unwrap_or(0).max(1) as f64;
    let mut places: Vec<usize> = Vec::new();
    for part in 1..*parts {
        let first = places.last().map_or(1, |place| place + 1);
        // Room for the parts that follow.
        let last = count - (parts - part);
        let wanted = part as f64 / *parts as f64;
        let slack = 0.35 / *parts as f64;
        let share = |place: usize| shares[place - 1] as f64 / total;
        let near = |place: &usize| (share(*place) - wanted).abs() <= slack;
        let candidates: Vec<usize> = (first..=last).filter(near).collect();
        let apart = |place: &usize| (share(*place) - wanted).abs();
        let best = if candidates.is_empty() {
            // One node is larger than a share.
            (first..=last).min_by(|a, b| apart(a).total_cmp(&apart(b)))
        } else {
            candidates
                .into_iter()
                .min_by(|a, b| alive[*a].cmp(&alive[*b]).then(apart(a).total_cmp(&apart(b))))
        };
        places.push(best.ok_or("there is no place to cut")?);
    }
    Ok(places)
}

/// Bytes of tensors that are alive before each node: made before it, read by it or after it.
fn alive(graph: &Graph<'_>, shapes: &Shapes) -> Vec<u64> {
    let mut last_use: HashMap<&str, usize> = HashMap::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|name| _ = last_use.insert(name, at));
    }
    // Changes of the sum before each node; inputs of the whole are there anyway.
    let mut change = vec![0_i128; graph.nodes.len() + 2];
    for (at, node) in graph.nodes.iter().enumerate().filter(|(_, node)| !node.constant) {
        for name in node.outputs.iter().filter(|name| !name.is_empty()) {
            if let Some(last) = last_use.get(name) {
                let bytes = i128::from(shapes.bytes(name));
                change[at + 1] += bytes;
                change[last + 1] -= bytes;
            }
        }
    }
    let mut sum = 0;
    change
        .into_iter()
        .map(|more| {
            sum += more;
            u64::try_from(sum).unwrap_or(0)
        })
        .collect()
}

/// Weights read for the first time and tensors made, up to and with each node.
fn shares(graph: &Graph<'_>, shapes: &Shapes) -> Vec<u64> {
    let mut seen = HashSet::new();
    let mut sum = 0_u64;
    let mut shares = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        for name in node.inputs.iter().filter(|name| seen.insert(**name)) {
            sum = sum.saturating_add(
                graph.initialisers.get(name).map_or(0, |initialiser| initialiser.size),
            );
        }
        let made: u64 = node.outputs.iter().map(|name| shapes.bytes(name)).sum();
        sum = sum.saturating_add(made);
        shares.push(sum);
    }
    shares
}

/// The parts between the places.
pub(super) fn plan(graph: &Graph<'_>, places: &[usize]) -> Vec<PartPlan> {
    let count = graph.nodes.len();
    let makers: HashMap<&str, usize> = graph
        .nodes
        .iter()
        .enumerate()
        .flat_map(|(at, node)| node.outputs.iter().map(move |name| (*name, at)))
        .collect();
    let starts: Vec<usize> = std::iter::once(0).chain(places.iter().copied()).collect();
    let part_of = |at: usize| starts.partition_point(|start| *start <= at) - 1;
    let mut parts: Vec<PartPlan> = starts.iter().map(|_| PartPlan::default()).collect();
    // Tensors that other parts than their own read.
    let mut passed: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    let whole_inputs: Vec<&str> = graph.inputs.iter().map(|(name, _)| *name).collect();
    let whole_outputs: Vec<&str> = graph.outputs.iter().map(|(name, _)| *name).collect();
    for (index, part) in parts.iter_mut().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(count);
        let own = (starts[index]..end).filter(|at| {
            let node = &graph.nodes[*at];
            // A constant node goes where it is read, and an output of the whole is made where it stands.
            !node.constant || node.outputs.iter().any(|name| whole_outputs.contains(name))
        });
        let mut nodes: BTreeSet<usize> = own.collect();
        let mut open: Vec<usize> = nodes.iter().copied().collect();
        let mut inputs = BTreeSet::new();
        while let Some(at) = open.pop() {
            for name in graph.nodes[at].inputs.iter().filter(|name| !name.is_empty()) {
                if graph.initialisers.contains_key(name) {
                    part.initialisers.insert((*name).to_owned());
                } else if let Some(maker) = makers.get(name) {
                    if graph.nodes[*maker].constant {
                        if nodes.insert(*maker) {
                            open.push(*maker);
                        }
                    } else if part_of(*maker) != index {
                        inputs.insert(*name);
                        passed.entry(part_of(*maker)).or_default().insert(name);
                    }
                } else if whole_inputs.contains(name) {
                    inputs.insert(*name);
                }
            }
        }
        part.nodes = nodes.into_iter().collect();
        part.inputs = inputs.into_iter().map(str::to_owned).collect();
    }
    for (index, part) in parts.iter_mut().enumerate() {
        let for_later = passed.remove(&index).unwrap_or_default();
        let made_here = |name: &&&str| {
            part.nodes
                .iter()
                .any(|at| graph.nodes[*at].outputs.contains(name) && part_of(*at) == index)
        };
        let of_whole: Vec<String> =
            whole_outputs.iter().filter(made_here).map(|name| (*name).to_owned()).collect();
        part.passed = for_later.iter().map(|name| (*name).to_owned()).collect();
        let more =
            for_later.into_iter().filter(|name| !whole_outputs.contains(name)).map(str::to_owned);
        part.outputs = of_whole.into_iter().chain(more).collect();
    }
    // A part of constants alone reads and gives nothing.
    parts.retain(|part| !part.outputs.is_empty());
    parts
}
