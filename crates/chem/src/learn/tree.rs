//! One regression tree, grown leaf by leaf on histograms of gradients: the leaf with the largest gain is cut next.

use super::bins::Bins;
use super::{Table, draw};
use crate::split::Random;

/// A node: a question, or (where `left` is 0) a leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Node {
    /// Column asked about.
    pub column: u32,
    /// Rows with a value up to this go left.
    pub threshold: f32,
    /// Where rows go that answer yes; 0 in a leaf.
    pub left: u32,
    /// Where the others go.
    pub right: u32,
    /// What a leaf adds.
    pub value: f32,
}

/// A tree; its root is node 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// Nodes.
    pub nodes: Vec<Node>,
}

impl Tree {
    /// What the tree adds for a row.
    #[must_use]
    pub fn predict(&self, row: &[f32]) -> f32 {
        let mut node = &self.nodes[0];
        while node.left != 0 {
            let yes = row[node.column as usize] <= node.threshold;
            node = &self.nodes[if yes { node.left } else { node.right } as usize];
        }
        node.value
    }
}

/// How a tree is grown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) leaves: usize,
    pub(super) least: usize,
    pub(super) l2: f64,
    pub(super) rate: f64,
    /// Share of the features that a tree may ask about.
    pub(super) features: f64,
    /// One random cut a feature instead of the best.
    pub(super) random_cuts: bool,
}

/// Sums over rows of a bin.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    gradient: f64,
    curvature: f64,
    rows: f64,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.gradient += other.gradient;
        self.curvature += other.curvature;
        self.rows += other.rows;
    }

    fn less(self, other: Sum) -> Sum {
        Sum {
            gradient: self.gradient - other.gradient,
            curvature: self.curvature - other.curvature,
            rows: self.rows - other.rows,
        }
    }

    fn gain(self, l2: f64) -> f64 {
        self.gradient * self.gradient / (self.curvature + l2)
    }
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    gain: f64,
    feature: usize,
    cut: usize,
}

struct Leaf {
    node: usize,
    rows: Vec<u32>,
    histogram: Vec<Sum>,
    total: Sum,
    best: Option<Cut>,
}

/// What a tree is grown from: rows by position, with their derivatives.
pub(super) struct Ground<'a> {
    pub(super) table: Table<'a>,
    /// Row of the table of each position.
    pub(super) rows: &'a [usize],
    pub(super) bins: &'a Bins,
    /// First and second derivative of the loss, by position.
    pub(super) slopes: &'a [(f64, f64)],
}

impl Ground<'_> {
    fn histogram(&self, positions: &[u32]) -> Vec<Sum> {
        let mut histogram = vec![Sum::default(); self.bins.total];
        for &position in positions {
            let (gradient, curvature) = self.slopes[position as usize];
            let sum = Sum { gradient, curvature, rows: 1.0 };
            for &bin in self.bins.of(position as usize) {
                histogram[bin as usize].add(sum);
            }
        }
        histogram
    }

    fn leaf(&self, node: usize, rows: Vec<u32>, histogram: Vec<Sum>) -> Leaf {
        let mut total = Sum::default();
        for &position in &rows {
            let (gradient, curvature) = self.slopes[position as usize];
            total.add(Sum { gradient, curvature, rows: 1.0 });
        }
        Leaf { node, rows, histogram, total, best: None }
    }

    /// The best cut of a leaf among the features listed.
    fn best(
        &self,
        leaf: &Leaf,
        listed: &[usize],
        growth: &Growth,
        random: &mut Random,
    ) -> Option<Cut> {
        let least = growth.least as f64;
        if leaf.total.rows < 2.0 * least {
            return None;
        }
        let whole = leaf.total.gain(growth.l2);
        let mut best: Option<Cut> = None;
        for &number in listed {
            let feature = &self.bins.features[number];
            let bins = &leaf.histogram[feature.first..=feature.first + feature.cuts.len()];
            let mut others = Sum::default();
            bins.iter().for_each(|&bin| others.add(bin));
            let usual = leaf.total.less(others);
            let chosen = growth.random_cuts.then(|| random.below(feature.cuts.len()));
            let mut left = Sum::default();
            for (cut, &bin) in bins[..feature.cuts.len()].iter().enumerate() {
                left.add(if cut == feature.usual { usual } else { bin });
                let right = leaf.total.less(left);
                if left.rows < least || chosen.is_some_and(|chosen| chosen != cut) {
                    continue;
                }
                if right.rows < least {
                    break;
                }
                let gain = left.gain(growth.l2) + right.gain(growth.l2) - whole;
                if gain > best.map_or(1e-9, |best| best.gain) {
                    best = Some(Cut { gain, feature: number, cut });
                }
            }
        }
        best
    }
}

/// Grows a tree on these positions.
pub(super) fn grow(
    ground: &Ground<'_>,
    positions: Vec<u32>,
    growth: &Growth,
    random: &mut Random,
) -> Tree {
    let features = ground.bins.features.len();
    let take = ((features as f64 * growth.features).ceil() as usize).max(1);
    let listed = draw(features, take, random);
    let mut nodes = vec![Node::default()];
    let histogram = ground.histogram(&positions);
    let mut root = ground.leaf(0, positions, histogram);
    root.best = ground.best(&root, &listed, growth, random);
    let mut leaves = vec![root];
    while leaves.len() < growth.leaves {
        let gain = |leaf: &Leaf| leaf.best.map_or(0.0, |cut| cut.gain);
        let next = (0..leaves.len())
            .max_by(|&a, &b| gain(&leaves[a]).total_cmp(&gain(&leaves[b])).then(b.cmp(&a)));
        let Some(at) = next.filter(|&at| leaves[at].best.is_some()) else { break };
        let leaf = leaves.swap_remove(at);
        let Some(cut) = leaf.best else { break };
        for mut child in divide(ground, leaf, cut, &mut nodes) {
            child.best = ground.best(&child, &listed, growth, random);
            leaves.push(child);
        }
    }
    for leaf in &leaves {
        let step = -growth.rate * leaf.total.gradient / (leaf.total.curvature + growth.l2);
        nodes[leaf.node].value = step as f32;
    }
    Tree { nodes }
}

/// Cuts a leaf in two; the larger half's histogram is the whole's less the smaller one's.
fn divide(ground: &Ground<'_>, leaf: Leaf, cut: Cut, nodes: &mut Vec<Node>) -> [Leaf; 2] {
    let feature = &ground.bins.features[cut.feature];
    let (column, threshold) = (feature.column, feature.cuts[cut.cut]);
    let goes_left = |&position: &u32| {
        ground.table.row(ground.rows[position as usize])[column as usize] <= threshold
    };
    let (left, right): (Vec<u32>, Vec<u32>) = leaf.rows.iter().copied().partition(goes_left);
    let first = nodes.len();
    nodes[leaf.node] =
        Node { column, threshold, left: first as u32, right: first as u32 + 1, value: 0.0 };
    nodes.extend([Node::default(); 2]);
    let smaller = ground.histogram(if left.len() <= right.len() { &left } else { &right });
    let mut larger = leaf.histogram;
    larger.iter_mut().zip(&smaller).for_each(|(whole, part)| *whole = whole.less(*part));
    let (of_left, of_right) = match left.len() <= right.len() {
        true => (smaller, larger),
        false => (larger, smaller),
    };
    [ground.leaf(first, left, of_left), ground.leaf(first + 1, right, of_right)]
}
