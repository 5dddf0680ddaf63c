//! The list of descriptors and their values in that order.
//!
//! The order is part of every featuriser that uses the list: new descriptors go to a new list.

use super::MolProfile;
use super::surface::{ESTATE_BINS, PEOE_BINS, SLOGP_BINS, SMR_BINS, VSA_BINS, binned};

/// RDKit's names of the descriptors, in the order [`MolProfile::descriptors`] writes them.
pub const NAMES: &[&str] = &[
    "MaxAbsEStateIndex",
    "MaxEStateIndex",
    "MinAbsEStateIndex",
    "MinEStateIndex",
    "qed",
    "MolWt",
    "HeavyAtomMolWt",
    "ExactMolWt",
    "NumValenceElectrons",
    "BalabanJ",
    "BertzCT",
    "Chi0",
    "Chi0n",
    "Chi0v",
    "Chi1",
    "Chi1n",
    "Chi1v",
    "Chi2n",
    "Chi2v",
    "Chi3n",
    "Chi3v",
    "Chi4n",
    "Chi4v",
    "HallKierAlpha",
    "Kappa1",
    "Kappa2",
    "Kappa3",
    "LabuteASA",
    "PEOE_VSA1",
    "PEOE_VSA2",
    "PEOE_VSA3",
    "PEOE_VSA4",
    "PEOE_VSA5",
    "PEOE_VSA6",
    "PEOE_VSA7",
    "PEOE_VSA8",
    "PEOE_VSA9",
    "PEOE_VSA10",
    "PEOE_VSA11",
    "PEOE_VSA12",
    "PEOE_VSA13",
    "PEOE_VSA14",
    "SMR_VSA1",
    "SMR_VSA2",
    "SMR_VSA3",
    "SMR_VSA4",
    "SMR_VSA5",
    "SMR_VSA6",
    "SMR_VSA7",
    "SMR_VSA8",
    "SMR_VSA9",
    "SMR_VSA10",
    "SlogP_VSA1",
    "SlogP_VSA2",
    "SlogP_VSA3",
    "SlogP_VSA4",
    "SlogP_VSA5",
    "SlogP_VSA6",
    "SlogP_VSA7",
    "SlogP_VSA8",
    "SlogP_VSA9",
    "SlogP_VSA10",
    "SlogP_VSA11",
    "SlogP_VSA12",
    "TPSA",
    "EState_VSA1",
    "EState_VSA2",
    "EState_VSA3",
    "EState_VSA4",
    "EState_VSA5",
    "EState_VSA6",
    "EState_VSA7",
    "EState_VSA8",
    "EState_VSA9",
    "EState_VSA10",
    "EState_VSA11",
    "VSA_EState1",
    "VSA_EState2",
    "VSA_EState3",
    "VSA_EState4",
    "VSA_EState5",
    "VSA_EState6",
    "VSA_EState7",
    "VSA_EState8",
    "VSA_EState9",
    "VSA_EState10",
    "FractionCSP3",
    "HeavyAtomCount",
    "NHOHCount",
    "NOCount",
    "NumAliphaticCarbocycles",
    "NumAliphaticHeterocycles",
    "NumAliphaticRings",
    "NumAmideBonds",
    "NumAromaticCarbocycles",
    "NumAromaticHeterocycles",
    "NumAromaticRings",
    "NumBridgeheadAtoms",
    "NumHAcceptors",
    "NumHDonors",
    "NumHeteroatoms",
    "NumHeterocycles",
    "NumRotatableBonds",
    "NumSaturatedCarbocycles",
    "NumSaturatedHeterocycles",
    "NumSaturatedRings",
    "NumSpiroAtoms",
    "RingCount",
    "MolLogP",
    "MolMR",
];

impl MolProfile<'_> {
    /// Writes every descriptor of [`NAMES`].
    ///
    /// # Panics
    /// If `out` is not as long as [`NAMES`].
    pub fn descriptors(&self, out: &mut [f64]) {
        assert_eq!(out.len(), NAMES.len(), "one place for each descriptor");
        let mut writer = Writer { out, at: 0 };
        self.write_electronic(&mut writer);
        self.write_surface_bins(&mut writer);
        self.write_counts(&mut writer);
        debug_assert_eq!(writer.at, NAMES.len());
    }

    fn write_electronic(&self, out: &mut Writer<'_>) {
        let estate = self.estate();
        let extreme = |pick: fn(f64, f64) -> f64, of: fn(f64) -> f64| {
            estate.iter().map(|&e| of(e)).reduce(pick).unwrap_or(0.0)
        };
        out.put(&[
            extreme(f64::max, f64::abs),
            extreme(f64::max, |e| e),
            extreme(f64::min, f64::abs),
            extreme(f64::min, |e| e),
            crate::qed::qed_of(self),
        ]);
        let sum = self.composition();
        out.put(&[sum.weight, sum.heavy_weight, sum.exact_weight, sum.valence_electrons.into()]);
        out.put(&self.balaban_and_bertz());
        let c = self.connectivity();
        out.put(&[c.chi[0], c.chi_n[0], c.chi_v[0], c.chi[1], c.chi_n[1], c.chi_v[1]]);
        for order in 2..5 {
            out.put(&[c.chi_n[order], c.chi_v[order]]);
        }
        out.put(&[c.alpha]);
        out.put(&c.kappa);
    }

    fn write_surface_bins(&self, out: &mut Writer<'_>) {
        let (surface, crippen) = (self.surface(), self.crippen());
        out.put(&[surface.total()]);
        let mr: Vec<f64> = crippen.atoms.iter().map(|c| c.mr).collect();
        let logp: Vec<f64> = crippen.atoms.iter().map(|c| c.logp).collect();
        binned(self.charges(), &surface.atoms, &PEOE_BINS, out.take(PEOE_BINS.len() + 1));
        binned(&mr, &surface.atoms, &SMR_BINS, out.take(SMR_BINS.len() + 1));
        binned(&logp, &surface.atoms, &SLOGP_BINS, out.take(SLOGP_BINS.len() + 1));
        out.put(&[self.tpsa()]);
        binned(self.estate(), &surface.atoms, &ESTATE_BINS, out.take(ESTATE_BINS.len() + 1));
        binned(&surface.atoms, self.estate(), &VSA_BINS, out.take(VSA_BINS.len() + 1));
    }

    fn write_counts(&self, out: &mut Writer<'_>) {
        let (sum, rings, found) = (self.composition(), self.rings(), self.matched());
        out.put(&[
            sum.fraction_csp3,
            sum.heavy_atoms.into(),
            sum.nh_oh.into(),
            sum.nitrogens_oxygens.into(),
        ]);
        let triple = |[all, carbo, hetero]: [u32; 3]| [carbo.into(), hetero.into(), all.into()];
        out.put(&triple(rings.aliphatic));
        out.put(&[found.amides.into()]);
        out.put(&triple(rings.aromatic));
        out.put(&[
            rings.bridgeheads.into(),
            found.acceptors.into(),
            found.donors.into(),
            sum.heteroatoms.into(),
            rings.heterocycles.into(),
            found.rotatable.into(),
        ]);
        out.put(&triple(rings.saturated));
        out.put(&[rings.spiro.into(), rings.rings.into()]);
        out.put(&[self.crippen().logp(), self.crippen().mr()]);
    }
}

/// Fills a slice from its start.
struct Writer<'a> {
    out: &'a mut [f64],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, values: &[f64]) {
        self.take(values.len()).copy_from_slice(values);
    }

    fn take(&mut self, count: usize) -> &mut [f64] {
        let start = self.at;
        self.at += count;
        &mut self.out[start..self.at]
    }
}
