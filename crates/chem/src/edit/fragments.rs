//! A library's BRICS fragments, counted, and the moves that use them: exchange a substituent for one whose
//! label fits, or put one in the place of a hydrogen.
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::brics::{self, LABELS, fits};
use super::{EditMol, refused};
use crate::error::Result;
use crate::mol::Mol;
use crate::split::Random;

/// What is kept of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Heavy atoms of a fragment, attachment points not counted.
    pub max_atoms: usize,
    /// Fragments, the most frequent ones.
    pub max_fragments: usize,
}

impl Default for FragmentLimits {
    fn default() -> Self {
        Self { max_atoms: 14, max_fragments: 20_000 }
    }
}

/// A fragment of a library.
#[derive(Debug, Clone)]
pub struct Fragment {
    /// Canonical SMILES with labelled ends.
    pub smiles: String,
    /// In how many places of the library it was found.
    pub count: u32,
    graph: EditMol,
    /// Its ends: atom number and label.
    ends: SmallVec<[(u32, u8); 3]>,
}

impl Fragment {
    /// Its graph, attachment points included.
    #[must_use]
    pub fn graph(&self) -> &EditMol {
        &self.graph
    }

    /// The labels of its ends.
    pub fn labels(&self) -> impl Iterator<Item = u8> + '_ {
        self.ends.iter().map(|(_, label)| *label)
    }
}

/// The fragments of a library.
#[derive(Debug, Clone, Default)]
pub struct Fragments {
    all: Vec<Fragment>,
    /// By label of the open end: fragment, its end, and the sum of the counts so far.
    open: Vec<Vec<(u32, u32, u64)>>,
    /// The same for fragments with a single end.
    closed: Vec<Vec<(u32, u32, u64)>>,
    /// Fragments with a single end that a single bond holds.
    substituents: Vec<(u32, u32, u64)>,
}

impl Fragments {
    /// Breaks up a library. Molecules that cannot be edited give no fragments.
    #[must_use]
    pub fn mine(library: &[Mol], limits: &FragmentLimits) -> Self {
        let broken: Vec<Vec<String>> =
            library.par_iter().map(|mol| brics::fragments(mol).unwrap_or_default()).collect();
        let mut counts: FxHashMap<String, u32> = FxHashMap::default();
        for smiles in broken.into_iter().flatten().filter(|smiles| smiles.contains('*')) {
            *counts.entry(smiles).or_default() += 1;
        }
        let mut counted: Vec<(String, u32)> = counts.into_iter().collect();
        counted.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let read = counted.into_iter().filter_map(|(smiles, count)| {
            let graph = EditMol::from_mol(&Mol::from_smiles(&smiles).ok()?).ok()?.foreign();
            let ends: SmallVec<[(u32, u8); 3]> = graph
                .points()
                .iter()
                .map(|&point| (point, graph.atoms()[point as usize].isotope as u8))
                .collect();
            let fine = graph.len() - ends.len() <= limits.max_atoms && ends.len() < graph.len();
            fine.then_some(Fragment { smiles, count, graph, ends })
        });
        Self::indexed(read.take(limits.max_fragments).collect())
    }

    fn indexed(all: Vec<Fragment>) -> Self {
        let mut open = vec![Vec::new(); LABELS];
        let mut closed = vec![Vec::new(); LABELS];
        let mut substituents = Vec::new();
        let add = |list: &mut Vec<(u32, u32, u64)>, fragment: usize, end: u32, count: u32| {
            let before = list.last().map_or(0, |entry| entry.2);
            list.push((fragment as u32, end, before + u64::from(count)));
        };
        for (number, fragment) in all.iter().enumerate() {
            for &(end, label) in &fragment.ends {
                for other in (0..LABELS).filter(|&other| fits(other as u8, label)) {
                    add(&mut open[other], number, end, fragment.count);
                    if fragment.ends.len() == 1 {
                        add(&mut closed[other], number, end, fragment.count);
                    }
                }
                if fragment.ends.len() == 1 && label != 7 {
                    add(&mut substituents, number, end, fragment.count);
                }
            }
        }
        Self { all, open, closed, substituents }
    }

    /// All fragments, the most frequent first.
    #[must_use]
    pub fn all(&self) -> &[Fragment] {
        &self.all
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Any fragment.
    #[must_use]
    pub fn any(&self, random: &mut Random) -> Option<&Fragment> {
        self.all.get(random.below(self.all.len()))
    }

    /// A fragment and its end that fits an end of this label, frequent ones more often; `closing` asks
    /// for one with no further end.
    #[must_use]
    pub fn fitting(
        &self,
        label: u8,
        closing: bool,
        random: &mut Random,
    ) -> Option<(&Fragment, u32)> {
        let lists = if closing { &self.closed } else { &self.open };
        self.draw(lists.get(usize::from(label))?, random)
    }

    fn draw(&self, list: &[(u32, u32, u64)], random: &mut Random) -> Option<(&Fragment, u32)> {
        // Half by frequency, half evenly: rare fragments are worth a look too.
        let at = if random.below(2) == 0 {
            random.below(list.len())
        } else {
            let ticket = random.below(list.last()?.2 as usize) as u64;
            list.partition_point(|entry| entry.2 <= ticket)
        };
        let &(fragment, end, _) = list.get(at)?;
        Some((&self.all[fragment as usize], end))
    }

    /// Exchanges the part of a molecule behind a BRICS bond, the smaller one three times of four, for a
    /// fragment whose label fits. Gives the graph and what was done.
    ///
    /// # Errors
    /// A molecule without such a bond, or no fragment that fits.
    pub fn swap(&self, mol: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
        let cuts = brics::bonds(mol);
        let cut = cuts
            .get(random.below(cuts.len()))
            .ok_or_else(|| refused("the molecule has no BRICS bond"))?;
        let mut edit = EditMol::from_mol(mol)?;
        let points = edit.cut(cut.bond, cut.labels.map(|label| (u16::from(label), 0)))?;
        let sides = points.map(|point| edit.component(point));
        let size = |side: &[bool]| side.iter().filter(|in_side| **in_side).count();
        let smaller = usize::from(size(&sides[1]) < size(&sides[0]));
        let gone = if random.below(4) == 0 { 1 - smaller } else { smaller };
        let kept = 1 - gone;
        let label = cut.labels[kept];
        let (fragment, end) =
            self.fitting(label, true, random).ok_or_else(|| refused("no fragment fits"))?;
        let old = edit.part(&sides[gone]).smiles()?;
        let mut made = edit.part(&sides[kept]);
        let offset = made.absorb(fragment.graph());
        made.join(points[kept], offset + end)?;
        Ok((made, format!("{old} for {}", fragment.smiles)))
    }

    /// Puts a fragment with a single end in the place of a hydrogen.
    ///
    /// # Errors
    /// A molecule without hydrogens, or no such fragment.
    pub fn decorate(&self, mol: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
        let mut edit = EditMol::from_mol(mol)?;
        let sites: Vec<u32> = edit.alive().filter(|&a| edit.atoms()[a as usize].hs > 0).collect();
        let site = *sites
            .get(random.below(sites.len()))
            .ok_or_else(|| refused("the molecule has no hydrogen to replace"))?;
        let (fragment, end) = self
            .draw(&self.substituents, random)
            .ok_or_else(|| refused("there is no fragment with a single end"))?;
        let point = edit.add_atom(0)?;
        edit.connect(site, point, 1)?;
        let offset = edit.absorb(fragment.graph());
        edit.join(point, offset + end)?;
        Ok((edit, format!("H for {}", fragment.smiles)))
    }
}
