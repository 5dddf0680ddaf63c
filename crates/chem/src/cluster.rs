//! Clusters of fingerprints (Butina) and diverse subsets (MaxMin, sphere exclusion), exact and deterministic.
//!
//! Memory stays at a few bytes a molecule: neighbour lists are searched again when they are needed instead of being
//! kept, which at a typical cut-off costs less than a millisecond a cluster.

use rayon::prelude::*;

use crate::arena::{ArenaError, FingerprintArena, Metric, Search};
use crate::split::Random;

/// Queries searched at once while neighbours are counted.
const CHUNK: usize = 2048;

/// Molecules of one cluster, row numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The centroid, then the others by row number.
    pub members: Vec<u32>,
}

impl Cluster {
    /// The molecule the cluster formed around.
    #[must_use]
    pub fn centroid(&self) -> u32 {
        self.members[0]
    }
}

/// Why there are no clusters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A distance is between 0 and 1.
    #[error("a cut-off of {0}: give a Tanimoto distance between 0 and 1, such as 0.35")]
    Cutoff(f64),
    /// A row that is not there.
    #[error("row {row} to start from: there are {rows} molecules")]
    Row {
        /// Row asked for.
        row: u32,
        /// Molecules there are.
        rows: usize,
    },
    /// The fingerprints.
    #[error(transparent)]
    Arena(#[from] ArenaError),
}

/// Access to fingerprints by row number.
struct Rows<'a> {
    arena: &'a FingerprintArena,
    position: Vec<u32>,
}

impl<'a> Rows<'a> {
    fn new(arena: &'a FingerprintArena) -> Rows<'a> {
        let mut position = vec![0u32; arena.len()];
        for (at, &row) in arena.row_numbers().iter().enumerate() {
            if let Some(cell) = position.get_mut(row as usize) {
                *cell = at as u32;
            }
        }
        Rows { arena, position }
    }

    fn fingerprint(&self, row: u32) -> Vec<u64> {
        self.arena.at_position(self.position[row as usize] as usize)
    }

    /// Rows within a distance, ascending, the row itself among them.
    fn neighbours(&self, row: u32, cutoff: f64) -> Result<Vec<u32>, ArenaError> {
        let hits = self.arena.search(&self.fingerprint(row), &reach(cutoff))?;
        let mut rows: Vec<u32> =
            hits.iter().filter(|hit| 1.0 - hit.score <= cutoff).map(|hit| hit.row).collect();
        rows.sort_unstable();
        // An empty fingerprint is not even similar to itself.
        if let Err(place) = rows.binary_search(&row) {
            rows.insert(place, row);
        }
        Ok(rows)
    }
}

/// A search that surely finds all within a distance; `1 - score <= cutoff` then decides exactly as written.
fn reach(cutoff: f64) -> Search {
    Search { threshold: (1.0 - cutoff - 1e-9).max(0.0), ..Search::default() }
}

fn check_cutoff(cutoff: f64) -> Result<(), ClusterError> {
    if (0.0..=1.0).contains(&cutoff) { Ok(()) } else { Err(ClusterError::Cutoff(cutoff)) }
}

/// Butina's clusters at a Tanimoto distance: molecules by falling number of neighbours (ties: the later row first,
/// as RDKit's `Butina.ClusterData` without reordering), each taking its neighbours that are still free.
///
/// # Errors
/// [`ClusterError::Cutoff`] where the distance is not between 0 and 1.
pub fn butina(arena: &FingerprintArena, cutoff: f64) -> Result<Vec<Cluster>, ClusterError> {
    check_cutoff(cutoff)?;
    let rows = Rows::new(arena);
    let counts = neighbour_counts(arena, cutoff)?;
    let mut order: Vec<u32> = (0..arena.len() as u32).collect();
    order.sort_unstable_by_key(|&row| std::cmp::Reverse((counts[row as usize], row)));
    let mut taken = vec![false; arena.len()];
    let mut clusters = Vec::new();
    for row in order {
        if taken[row as usize] {
            continue;
        }
        taken[row as usize] = true;
        let mut members = vec![row];
        if counts[row as usize] > 1 {
            for other in rows.neighbours(row, cutoff)? {
                if !taken[other as usize] {
                    taken[other as usize] = true;
                    members.push(other);
                }
            }
        }
        clusters.push(Cluster { members });
    }
    Ok(clusters)
}

/// Number of molecules within a distance of each, itself included.
fn neighbour_counts(arena: &FingerprintArena, cutoff: f64) -> Result<Vec<u32>, ClusterError> {
    let words = arena.bits() / 64;
    let mut counts = vec![1u32; arena.len()];
    let mut queries: Vec<u64> = Vec::with_capacity(CHUNK * words);
    let mut numbers: Vec<u32> = Vec::with_capacity(CHUNK);
    let mut result = Ok(());
    let mut count = |queries: &mut Vec<u64>, numbers: &mut Vec<u32>| {
        let rows: Vec<&[u64]> = queries.chunks_exact(words).collect();
        let hits = arena.search_batch(&rows, &reach(cutoff))?;
        let found = hits.par_iter().zip(numbers.par_iter()).map(|(hits, &row)| {
            let near = hits.iter().filter(|hit| 1.0 - hit.score <= cutoff && hit.row != row);
            (row, near.count() as u32 + 1)
        });
        for (row, number) in found.collect::<Vec<_>>() {
            counts[row as usize] = number;
        }
        queries.clear();
        numbers.clear();
        Ok::<(), ArenaError>(())
    };
    arena.for_each(|row, fingerprint| {
        queries.extend_from_slice(fingerprint);
        numbers.push(row);
        if numbers.len() == CHUNK && result.is_ok() {
            result = count(&mut queries, &mut numbers);
        }
    });
    result?;
    count(&mut queries, &mut numbers)?;
    Ok(counts)
}

/// Where a MaxMin selection starts and ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MaxMin {
    /// Most picks.
    pub limit: usize,
    /// Ends before a pick would be nearer than this distance to an earlier one; 0 picks up to the limit.
    pub cutoff: f64,
    /// Picks made already; where there are none, the seed draws the first.
    pub first: Vec<u32>,
    /// Seed of the first pick.
    pub seed: u64,
}

/// Diverse molecules, in the order picked: each is the one farthest (Tanimoto distance) from all picked before it;
/// ties go to the lower row.
///
/// # Errors
/// [`ClusterError`] where the cut-off or a first pick is out of range.
pub fn maxmin(arena: &FingerprintArena, options: &MaxMin) -> Result<Vec<u32>, ClusterError> {
    check_cutoff(options.cutoff)?;
    let count = arena.len();
    let mut picks = options.first.clone();
    if let Some(&row) = picks.iter().find(|&&row| row as usize >= count) {
        return Err(ClusterError::Row { row, rows: count });
    }
    if picks.is_empty() && count > 0 && options.limit > 0 {
        picks.push(Random::new(options.seed).below(count) as u32);
    }
    let rows = Rows::new(arena);
    // Similarity to the nearest pick; picks themselves are marked with infinity.
    let mut nearest = vec![0f32; count];
    let mut scores = vec![0f32; count];
    let mut measured = 0;
    loop {
        for &pick in &picks[measured..] {
            arena.scores(&rows.fingerprint(pick), Metric::Tanimoto, &mut scores)?;
            for (near, &score) in nearest.iter_mut().zip(&scores) {
                *near = near.max(score);
            }
            nearest[pick as usize] = f32::INFINITY;
        }
        measured = picks.len();
        if picks.len() >= options.limit.min(count) {
            return Ok(picks);
        }
        let farthest = nearest.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        match farthest {
            Some((row, &near)) if near.is_finite() && f64::from(1.0 - near) >= options.cutoff => {
                picks.push(row as u32);
            }
            _ => return Ok(picks),
        }
    }
}

/// Sphere exclusion (RDKit's `LeaderPicker`): rows in order, each kept that is farther than the cut-off from all
/// kept before it.
///
/// # Errors
/// [`ClusterError::Cutoff`] where the distance is not between 0 and 1.
pub fn leaders(
    arena: &FingerprintArena,
    cutoff: f64,
    limit: usize,
) -> Result<Vec<u32>, ClusterError> {
    check_cutoff(cutoff)?;
    let rows = Rows::new(arena);
    let mut covered = vec![false; arena.len()];
    let mut picks = Vec::new();
    for row in 0..arena.len() as u32 {
        if picks.len() == limit {
            break;
        }
        if covered[row as usize] {
            continue;
        }
        picks.push(row);
        for other in rows.neighbours(row, cutoff)? {
            covered[other as usize] = true;
        }
    }
    Ok(picks)
}

/// Clusters around given centres: each molecule joins the most similar centre, ties the earlier one.
///
/// # Errors
/// [`ClusterError::Row`] where a centre is not there.
pub fn assign(arena: &FingerprintArena, centres: &[u32]) -> Result<Vec<Cluster>, ClusterError> {
    let count = arena.len();
    if let Some(&row) = centres.iter().find(|&&row| row as usize >= count) {
        return Err(ClusterError::Row { row, rows: count });
    }
    let rows = Rows::new(arena);
    let mut best = vec![(-1f32, 0usize); count];
    let mut scores = vec![0f32; count];
    for (number, &centre) in centres.iter().enumerate() {
        arena.scores(&rows.fingerprint(centre), Metric::Tanimoto, &mut scores)?;
        for (best, &score) in best.iter_mut().zip(&scores) {
            if score > best.0 {
                *best = (score, number);
            }
        }
    }
    for (number, &centre) in centres.iter().enumerate() {
        best[centre as usize].1 = number;
    }
    let mut clusters: Vec<Cluster> =
        centres.iter().map(|&centre| Cluster { members: vec![centre] }).collect();
    for (row, &(_, number)) in best.iter().enumerate() {
        if let Some(cluster) = clusters.get_mut(number)
            && cluster.centroid() != row as u32
        {
            cluster.members.push(row as u32);
        }
    }
    Ok(clusters)
}
