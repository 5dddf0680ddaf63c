//! What a molblock draws, and the molecule it means: handedness from wedges, geometries from coordinates, hydrogens from
//! valences and radicals.
use crate::error::{ChemError, Result};
use crate::mol::{
    Atom, Bond, BondOrder, BondStereo, Chirality, MAX_ATOMS, Mol, MolBuilder,
    hydrogens_beside_radicals,
};
use crate::sdf::bad;
use crate::wedge::handedness;

/// Most hydrogens that a block's valence can give an atom.
pub(crate) const MOST_HYDROGENS: i32 = 8;

/// What was read of a molblock before sanitising.
#[derive(Default)]
pub(crate) struct Drawing {
    pub(crate) builder: MolBuilder,
    points: Vec<[f64; 3]>,
    /// Bond stereo code by bond: 1 wedge, 6 hash, 3 either double bond.
    marks: Vec<u8>,
    /// Bonds and hydrogens together, for atoms of which the block says so.
    valences: Vec<Option<u8>>,
}

impl Drawing {
    pub(crate) fn atom(&mut self, atom: Atom, point: [f64; 3], valence: Option<u8>) {
        self.builder.add_atom(atom);
        self.points.push(point);
        self.valences.push(valence);
    }

    pub(crate) fn bond(
        &mut self,
        line: usize,
        ends: [usize; 2],
        order: &str,
        mark: u8,
    ) -> Result<()> {
        let count = self.builder.atoms.len();
        if ends.iter().any(|&e| e == 0 || e > count) || ends[0] == ends[1] {
            return bad(line, format!("bond between atoms {} and {} of {count}", ends[0], ends[1]));
        }
        let order = match order {
            "1" => BondOrder::Single,
            "2" => BondOrder::Double,
            "3" => BondOrder::Triple,
            "4" => BondOrder::Aromatic,
            "9" => BondOrder::Dative,
            "8" => BondOrder::Zero,
            other => return bad(line, format!("bond type `{other}` is not supported")),
        };
        let (begin, end) = (ends[0] as u32 - 1, ends[1] as u32 - 1);
        let twice =
            |b: &Bond| (b.begin == begin && b.end == end) || (b.begin == end && b.end == begin);
        let most = 4 * MAX_ATOMS;
        if self.builder.bonds.len() >= most || count > MAX_ATOMS {
            let size = self.builder.bonds.len().max(count);
            return Err(ChemError::TooLarge { what: "molecule", size, limit: MAX_ATOMS });
        }
        if self.builder.bonds.iter().any(twice) {
            return bad(line, "the same two atoms are bonded twice");
        }
        self.builder.add_bond(begin, end, order);
        if order == BondOrder::Aromatic {
            for a in [begin, end] {
                self.builder.atoms[a as usize].aromatic = true;
            }
        }
        self.marks.push(mark);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Mol> {
        if self.builder.atoms.len() > MAX_ATOMS {
            return self.builder.finish();
        }
        let mut around: Vec<Vec<(u32, u32)>> = vec![Vec::new(); self.builder.atoms.len()];
        for (i, bond) in self.builder.bonds.iter().enumerate() {
            around[bond.begin as usize].push((bond.end, i as u32));
            around[bond.end as usize].push((bond.begin, i as u32));
        }
        for (a, list) in around.iter().enumerate() {
            let chirality = self.wedge_chirality(a as u32, list);
            self.builder.atoms[a].chirality = chirality;
        }
        for b in 0..self.builder.bonds.len() {
            self.builder.bonds[b].stereo = self.geometry(b, &around);
        }
        self.settle_hydrogens(&around);
        self.builder.finish()
    }

    /// Hydrogens of atoms whose valence the block gives, and of radicals.
    fn settle_hydrogens(&mut self, around: &[Vec<(u32, u32)>]) {
        for (a, list) in around.iter().enumerate() {
            let bonds = list.iter().map(|&(_, b)| &self.builder.bonds[b as usize]);
            let sum: i32 = bonds.map(|bond| bond.twice_valence(a as u32)).sum();
            let atom = &mut self.builder.atoms[a];
            let hydrogens = match self.valences[a] {
                Some(valence) => i32::from(valence) - (sum + 1) / 2,
                None if atom.radicals == 0 => continue,
                None => hydrogens_beside_radicals(atom, sum),
            };
            atom.explicit_hs = hydrogens.clamp(0, MOST_HYDROGENS) as u8;
            atom.no_implicit = true;
            // Radicals are counted in brackets: the hydrogens are what the valence leaves.
            atom.radicals = 0;
        }
    }

    /// Handedness from a wedge that starts at `a`: neighbours by angle, the wedged one lifted.
    fn wedge_chirality(&self, a: u32, around: &[(u32, u32)]) -> Chirality {
        let wedge = around.iter().enumerate().find_map(|(i, &(_, b))| {
            let bond = &self.builder.bonds[b as usize];
            match self.marks[b as usize] {
                1 if bond.begin == a => Some((i, 1.0)),
                6 if bond.begin == a => Some((i, -1.0)),
                _ => None,
            }
        });
        let (Some((wedged, lift)), 3 | 4) = (wedge, around.len()) else {
            return Chirality::None;
        };
        let centre = self.points[a as usize];
        let directions: Vec<[f64; 2]> = around
            .iter()
            .map(|&(n, _)| {
                let p = self.points[n as usize];
                [p[0] - centre[0], p[1] - centre[1]]
            })
            .collect();
        handedness(&directions, wedged, lift)
    }

    /// Geometry of a double bond from the drawing.
    fn geometry(&self, b: usize, around: &[Vec<(u32, u32)>]) -> BondStereo {
        let bond = &self.builder.bonds[b];
        if bond.order != BondOrder::Double || self.marks[b] == 3 {
            return BondStereo::None;
        }
        let (p, q) = (self.points[bond.begin as usize], self.points[bond.end as usize]);
        let axis = [q[0] - p[0], q[1] - p[1]];
        let side = |from: u32, other: u32| -> Option<(u32, f64)> {
            let list = &around[from as usize];
            // As `stereo::has_direction`, before atoms are known to be aromatic.
            let says = |bond: u32| {
                let order = self.builder.bonds[bond as usize].order;
                matches!(order, BondOrder::Single | BondOrder::Aromatic)
            };
            if !(2..=3).contains(&list.len()) || !list.iter().any(|&(_, bond)| says(bond)) {
                return None;
            }
            let &(n, _) = list.iter().find(|n| n.0 != other)?;
            let (o, r) = (self.points[from as usize], self.points[n as usize]);
            let cross = axis[0] * (r[1] - o[1]) - axis[1] * (r[0] - o[0]);
            (cross.abs() > 1e-3).then_some((n, cross))
        };
        match (side(bond.begin, bond.end), side(bond.end, bond.begin)) {
            (Some((begin_ref, x)), Some((end_ref, y))) if x * y > 0.0 => {
                BondStereo::Cis { begin_ref, end_ref }
            }
            (Some((begin_ref, _)), Some((end_ref, _))) => BondStereo::Trans { begin_ref, end_ref },
            _ => BondStereo::None,
        }
    }
}
