//! Clusters of an input's molecules, by ECFP4 and Tanimoto distance.

use strata_chem::arena::FingerprintArena;
use strata_chem::cluster::{MaxMin, assign, butina, maxmin};
use strata_chem::db::FingerprintSpec;
use strata_core::stream::{Progress, RecordError};

use super::ToolError;
use super::rows::{Counts, for_each_chunk};
use crate::input::{Layout, Record, RecordReader};

/// How clusters form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Method {
    /// Around the molecules with most neighbours (Taylor-Butina).
    #[default]
    Butina,
    /// Around diverse picks, each the farthest from those before.
    Maxmin,
}

/// What to do.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// How clusters form.
    pub method: Method,
    /// Tanimoto distance: Butina's radius, MaxMin's least distance between picks.
    pub cutoff: f64,
    /// Most picks of MaxMin.
    pub picks: usize,
    /// Seed of MaxMin's first pick.
    pub seed: u64,
    /// The fingerprint.
    pub spec: FingerprintSpec,
}

/// A row and its cluster.
#[derive(Clone, Debug)]
pub struct ClusteredRow {
    /// The given columns.
    pub record: Record,
    /// SMILES for inputs without a SMILES column.
    pub smiles: Option<String>,
    /// Number of its cluster from 1 and whether it is the centre, or what was wrong with its molecule.
    pub cluster: Result<(usize, bool), RecordError>,
}

/// All rows in order, with the sizes of the clusters.
#[derive(Clone, Debug)]
pub struct Clusters {
    /// The columns.
    pub layout: Layout,
    /// Every row of the input.
    pub rows: Vec<ClusteredRow>,
    /// Members of each cluster.
    pub sizes: Vec<usize>,
    /// Row of each cluster's centre, from 0.
    pub centres: Vec<usize>,
    /// Rows read, and those without a molecule.
    pub counts: Counts,
}

/// Reads all rows and clusters them.
///
/// # Errors
/// [`ToolError`] where the input cannot be read or the cut-off is out of range.
pub fn cluster(
    reader: &mut dyn RecordReader,
    options: &ClusterOptions,
    progress: &mut dyn Progress,
) -> Result<Clusters, ToolError> {
    let layout = reader.layout().clone();
    let mut words: Vec<u64> = Vec::new();
    let mut row_of: Vec<usize> = Vec::new();
    let mut rows: Vec<ClusteredRow> = Vec::new();
    let counts = for_each_chunk(
        reader,
        progress,
        |layout, _, _, mol| {
            let smiles = layout.smiles.is_none().then(|| mol.canonical_smiles());
            Ok((options.spec.compute(&mol), smiles))
        },
        |_, chunk| {
            for row in chunk {
                let (smiles, cluster) = match row.made {
                    Ok((fingerprint, smiles)) => {
                        words.extend(fingerprint);
                        row_of.push(rows.len());
                        (smiles, Ok((0, false)))
                    }
                    Err(error) => (None, Err(error)),
                };
                rows.push(ClusteredRow { record: row.record, smiles, cluster });
            }
            Ok(())
        },
    )?;
    let arena = FingerprintArena::new(options.spec.bits, &words)?;
    drop(words);
    let clusters = match options.method {
        Method::Butina => butina(&arena, options.cutoff)?,
        Method::Maxmin => {
            let pick = MaxMin {
                limit: options.picks,
                cutoff: options.cutoff,
                seed: options.seed,
                ..MaxMin::default()
            };
            assign(&arena, &maxmin(&arena, &pick)?)?
        }
    };
    for (number, cluster) in clusters.iter().enumerate() {
        for &member in &cluster.members {
            rows[row_of[member as usize]].cluster = Ok((number + 1, member == cluster.centroid()));
        }
    }
    let sizes = clusters.iter().map(|cluster| cluster.members.len()).collect();
    let centres = clusters.iter().map(|cluster| row_of[cluster.centroid() as usize]).collect();
    Ok(Clusters { layout, rows, sizes, centres, counts })
}
