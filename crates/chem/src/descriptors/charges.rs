//! Partial charges by iterative equalisation of orbital electronegativity: Gasteiger and Marsili
//! (1980), with the parameters and the handling of charged conjugated systems RDKit uses.

use crate::Mol;
use crate::mol::Hybridisation;

const ITERATIONS: usize = 12;
const DAMPING: f64 = 0.5;
/// Electronegativity of the positive hydrogen ion.
const HYDROGEN_ION: f64 = 20.02;
const HYDROGEN: [f64; 3] = [7.17, 6.24, -0.56];

/// Electronegativity as a polynomial of the charge: a + b q + c q².
fn parameters(element: u8, mode: Mode) -> [f64; 3] {
    use Mode::{Other, So, So2, Sp, Sp2, Sp3};
    match (element, mode) {
        (1, _) => HYDROGEN,
        (6, Sp3) => [7.98, 9.18, 1.88],
        (6, Sp2) => [8.79, 9.32, 1.51],
        (6, Sp) => [10.39, 9.45, 0.73],
        (7, Sp3) => [11.54, 10.82, 1.36],
        (7, Sp2) => [12.87, 11.15, 0.85],
        (7, Sp) => [15.68, 11.7, -0.27],
        (8, Sp3) => [14.18, 12.92, 1.39],
        (8, Sp2) => [17.07, 13.79, 0.47],
        (9, Sp3) => [14.66, 13.85, 2.31],
        (17, Sp3) => [11.00, 9.69, 1.35],
        (35, Sp3) => [10.08, 8.47, 1.16],
        (53, Sp3) => [9.9, 7.96, 0.96],
        (16, Sp3 | So) => [10.14, 9.13, 1.38],
        (16, So2) => [12.00, 10.81, 1.20],
        (16, Sp2) => [10.88, 9.49, 1.33],
        (15, Sp3) => [8.90, 8.24, 0.96],
        (15, Sp2) => [9.665, 8.530, 0.735],
        (14, Sp3) => [7.300, 6.567, 0.657],
        (14, Sp2) => [7.905, 6.748, 0.443],
        (14, Sp) => [9.065, 7.027, -0.002],
        (5, Sp3) => [5.980, 6.820, 1.605],
        (5, Sp2) => [6.420, 6.807, 1.322],
        (4, Sp3) => [3.845, 6.755, 3.165],
        (4, Sp2) => [4.005, 6.725, 3.035],
        (12, Sp2) => [3.565, 5.572, 2.197],
        (12, Sp3) => [3.300, 5.587, 2.447],
        (12, Sp) => [4.040, 5.472, 1.823],
        (13, Sp3) => [5.375, 4.953, 0.867],
        (13, Sp2) => [5.795, 5.020, 0.695],
        (_, Other | Sp | Sp2 | Sp3 | So | So2) => [0.0; 3],
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Sp,
    Sp2,
    Sp3,
    So,
    So2,
    Other,
}

fn mode(mol: &Mol, index: usize) -> Mode {
    let atom = &mol.atoms()[index];
    match atom.hybridisation {
        Hybridisation::Sp3 => Mode::Sp3,
        Hybridisation::Sp2 => Mode::Sp2,
        Hybridisation::Sp => Mode::Sp,
        _ if atom.element == 16 => {
            let oxygens = mol
                .neighbors(index)
                .iter()
                .filter(|n| mol.atoms()[n.atom as usize].element == 8)
                .count();
            match oxygens {
                2 => Mode::So2,
                1 => Mode::So,
                _ => Mode::Sp3,
            }
        }
        _ => Mode::Other,
    }
}

/// Partial charge of every atom, without its hydrogens. An element without parameters (metals) makes
/// its charge, and in turn its neighbours', not a number.
pub fn gasteiger(mol: &Mol) -> Vec<f64> {
    let count = mol.atoms().len();
    let mut charges = shared_formal_charges(mol);
    let parameters: Vec<[f64; 3]> =
        (0..count).map(|i| parameters(mol.atoms()[i].element, mode(mol, i))).collect();
    let ion: Vec<f64> = (0..count)
        .map(|i| match mol.atoms()[i].element {
            1 => HYDROGEN_ION,
            _ => parameters[i].iter().sum(),
        })
        .collect();
    let mut on_hydrogens = vec![0.0; count];
    let mut energy = vec![0.0; count];
    let mut damping = DAMPING;
    for _ in 0..ITERATIONS {
        for i in 0..count {
            energy[i] = polynomial(&parameters[i], charges[i]);
        }
        for i in 0..count {
            let mut change = 0.0;
            for neighbor in mol.neighbors(i) {
                let j = neighbor.atom as usize;
                change += transfer(energy[j] - energy[i], ion[i], ion[j]);
            }
            let hydrogens = f64::from(mol.atoms()[i].total_hs);
            if hydrogens > 0.0 {
                let own = polynomial(&HYDROGEN, on_hydrogens[i] / hydrogens);
                let each = transfer(own - energy[i], ion[i], HYDROGEN_ION);
                change += hydrogens * each;
                on_hydrogens[i] -= hydrogens * each * damping;
            }
            charges[i] += damping * change;
        }
        damping *= 0.5;
    }
    charges
}

fn polynomial(p: &[f64; 3], q: f64) -> f64 {
    p[0] + q * (p[1] + p[2] * q)
}

/// The more electronegative partner takes, scaled by the ionised giver.
fn transfer(difference: f64, own_ion: f64, other_ion: f64) -> f64 {
    difference / if difference < 0.0 { other_ion } else { own_ion }
}

/// Formal charges, spread over the equal atoms of a conjugated system (carboxylate, amidinium).
fn shared_formal_charges(mol: &Mol) -> Vec<f64> {
    let mut charges = vec![0.0f64; mol.atoms().len()];
    let conjugated = |bond: u32| mol.bonds()[bond as usize].conjugated;
    for (index, atom) in mol.atoms().iter().enumerate() {
        if atom.charge == 0 || charges[index].abs() >= 1e-10 {
            continue;
        }
        let mut formal = f64::from(atom.charge);
        let mut sharing = vec![index];
        for near in mol.neighbors(index).iter().filter(|n| conjugated(n.bond)) {
            for far in mol.neighbors(near.atom as usize) {
                let other = &mol.atoms()[far.atom as usize];
                if far.bond != near.bond && conjugated(far.bond) && other.element == atom.element {
                    formal += f64::from(other.charge);
                    sharing.push(far.atom as usize);
                }
            }
        }
        for &at in &sharing {
            charges[at] = formal / sharing.len() as f64;
        }
    }
    charges
}
