//! Drug-likeness: the property columns of a screening result and the rules of thumb built on them.

use crate::Mol;
use crate::alerts::{Alert, AlertCatalog};
use crate::descriptors::MolProfile;
use crate::{qed, sa_score};

/// The properties of one molecule that result tables show, under RDKit's names.
#[derive(Debug, Clone, PartialEq)]
pub struct Properties<'a> {
    /// MolWt, g/mol.
    pub mol_wt: f64,
    /// MolLogP (Crippen).
    pub mol_logp: f64,
    /// MolMR (Crippen).
    pub mol_mr: f64,
    /// TPSA, Å².
    pub tpsa: f64,
    /// NumHDonors.
    pub num_h_donors: u32,
    /// NumHAcceptors.
    pub num_h_acceptors: u32,
    /// NumRotatableBonds, strict definition.
    pub num_rotatable_bonds: u32,
    /// Heavy atoms.
    pub heavy_atoms: u32,
    /// Atoms with all hydrogens.
    pub all_atoms: u32,
    /// QED, 0 to 1.
    pub qed: f64,
    /// Synthetic accessibility, 1 (easy) to 10 (hard).
    pub sa: f64,
    /// Structural alerts that fire.
    pub alerts: Vec<&'a Alert>,
}

impl<'a> Properties<'a> {
    /// Computes all of them, sharing what they have in common. Pass an empty catalogue for no alerts.
    pub fn compute(mol: &Mol, catalog: &'a AlertCatalog) -> Self {
        Self::of(&MolProfile::new(mol), catalog)
    }

    /// Computes them from a profile that other features use as well.
    pub fn of(profile: &MolProfile<'_>, catalog: &'a AlertCatalog) -> Self {
        let (sum, found) = (profile.composition(), profile.matched());
        let hydrogens: u32 = profile.mol().atoms().iter().map(|a| u32::from(a.total_hs)).sum();
        Self {
            mol_wt: sum.weight,
            mol_logp: profile.crippen().logp(),
            mol_mr: profile.crippen().mr(),
            tpsa: profile.tpsa(),
            num_h_donors: found.donors,
            num_h_acceptors: found.acceptors,
            num_rotatable_bonds: found.rotatable,
            heavy_atoms: sum.heavy_atoms,
            all_atoms: profile.mol().num_atoms() as u32 + hydrogens,
            qed: qed::qed_of(profile),
            // A molecule has at least one atom, so it has a score.
            sa: sa_score::sa_of(profile).unwrap_or(f64::NAN),
            alerts: catalog.hits_on(profile.target()),
        }
    }
}

/// What a rule says about a molecule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOutcome {
    /// Name of the rule.
    pub rule: &'static str,
    /// The conditions that do not hold.
    pub violations: Vec<&'static str>,
    /// Whether the molecule passes.
    pub passes: bool,
}

fn outcome(
    rule: &'static str,
    forgiven: usize,
    conditions: &[(bool, &'static str)],
) -> RuleOutcome {
    let violations: Vec<&str> = conditions.iter().filter(|c| !c.0).map(|c| c.1).collect();
    RuleOutcome { rule, passes: violations.len() <= forgiven, violations }
}

/// Lipinski's rule of five (1997): one violation is forgiven.
pub fn lipinski(p: &Properties<'_>) -> RuleOutcome {
    let conditions = [
        (p.mol_wt <= 500.0, "MolWt > 500"),
        (p.mol_logp <= 5.0, "MolLogP > 5"),
        (p.num_h_donors <= 5, "NumHDonors > 5"),
        (p.num_h_acceptors <= 10, "NumHAcceptors > 10"),
    ];
    outcome("Lipinski", 1, &conditions)
}

/// Veber et al. (2002): oral bioavailability in rats.
pub fn veber(p: &Properties<'_>) -> RuleOutcome {
    let conditions =
        [(p.num_rotatable_bonds <= 10, "NumRotatableBonds > 10"), (p.tpsa <= 140.0, "TPSA > 140")];
    outcome("Veber", 0, &conditions)
}

/// Ghose et al. (1999): the ranges that hold most known drugs.
pub fn ghose(p: &Properties<'_>) -> RuleOutcome {
    let conditions = [
        ((160.0..=480.0).contains(&p.mol_wt), "MolWt outside 160-480"),
        ((-0.4..=5.6).contains(&p.mol_logp), "MolLogP outside -0.4-5.6"),
        ((40.0..=130.0).contains(&p.mol_mr), "MolMR outside 40-130"),
        ((20..=70).contains(&p.all_atoms), "atoms outside 20-70"),
    ];
    outcome("Ghose", 0, &conditions)
}

/// Egan et al. (2000): passive absorption.
pub fn egan(p: &Properties<'_>) -> RuleOutcome {
    let conditions = [(p.tpsa <= 131.6, "TPSA > 131.6"), (p.mol_logp <= 5.88, "MolLogP > 5.88")];
    outcome("Egan", 0, &conditions)
}
