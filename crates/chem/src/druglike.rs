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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(smiles: &str) -> Properties<'static> {
        Properties::compute(&Mol::from_smiles(smiles).unwrap(), AlertCatalog::brenk())
    }

    #[test]
    fn columns_hold_rdkits_values_for_aspirin() {
        let p = of("CC(=O)Oc1ccccc1C(=O)O");
        // RDKit 2026.09.1.
        for (ours, theirs) in [
            (p.mol_wt, 180.159),
            (p.mol_logp, 1.3101),
            (p.mol_mr, 44.7103),
            (p.tpsa, 63.6),
            (p.qed, 0.550122),
            (p.sa, 1.580040),
        ] {
            assert!((ours - theirs).abs() < 1e-3, "{ours}, RDKit {theirs}");
        }
        let counts = (p.num_h_donors, p.num_h_acceptors, p.num_rotatable_bonds, p.heavy_atoms);
        assert_eq!((counts, p.all_atoms), ((1, 3, 2, 13), 21));
        let names: Vec<&str> = p.alerts.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["phenol_ester"]);
    }

    #[test]
    fn lipinski_forgives_one_violation() {
        let none = lipinski(&of("CC(=O)Oc1ccccc1C(=O)O"));
        assert!(none.passes && none.violations.is_empty());
        // Octadecane: only logP is too high.
        let one = lipinski(&of("CCCCCCCCCCCCCCCCCC"));
        assert!(one.passes);
        assert_eq!(one.violations, ["MolLogP > 5"]);
        // Tristearin breaks weight and logP.
        let stearate = "CCCCCCCCCCCCCCCCCC(=O)O";
        let two = lipinski(&of(&format!("{stearate}CC({stearate})C{stearate}")));
        assert!(!two.passes);
        assert_eq!(two.violations, ["MolWt > 500", "MolLogP > 5"]);
        // Stachyose breaks the other two conditions and the weight.
        let sugar = "OCC1OC(OCC2OC(OCC3OC(OC4(CO)OC(CO)C(O)C4O)C(O)C(O)C3O)C(O)C(O)C2O)C(O)C(O)C1O";
        let three = lipinski(&of(sugar));
        assert_eq!(three.violations, ["MolWt > 500", "NumHDonors > 5", "NumHAcceptors > 10"]);
    }

    #[test]
    fn limits_belong_to_the_rule() {
        let mut p = of("CC(=O)Oc1ccccc1C(=O)O");
        (p.mol_wt, p.mol_logp, p.num_h_donors, p.num_h_acceptors) = (500.0, 5.0, 5, 10);
        assert!(lipinski(&p).violations.is_empty());
        (p.num_rotatable_bonds, p.tpsa) = (10, 140.0);
        assert!(veber(&p).passes);
        assert_eq!(egan(&p).violations, ["TPSA > 131.6"]);
        p.num_rotatable_bonds = 11;
        assert_eq!(veber(&p).violations, ["NumRotatableBonds > 10"]);
        p.tpsa = 140.01;
        assert_eq!(veber(&p).violations.len(), 2);
        (p.tpsa, p.mol_logp) = (131.6, 5.88);
        assert!(egan(&p).passes);
        (p.mol_wt, p.mol_logp, p.mol_mr, p.all_atoms) = (160.0, 5.6, 130.0, 70);
        assert!(ghose(&p).passes);
        (p.mol_wt, p.mol_logp, p.mol_mr, p.all_atoms) = (159.0, 5.7, 131.0, 71);
        assert_eq!(ghose(&p).violations.len(), 4);
    }
}
