//! Reading SMILES into a [`MolBuilder`], with RDKit's dialect.
use smallvec::SmallVec;

use super::symbols::element_symbol;
use crate::error::{ChemError, Result};
use crate::mol::{
    Atom, Bond, BondDirection, BondOrder, Chirality, MAX_ATOMS, MAX_MAP, Mol, MolBuilder,
};

/// Most characters looked at.
const MAX_LENGTH: usize = 100_000;

/// A ring bond in a chirality list that is still open, by its number.
const OPEN: u32 = 1 << 31;

pub(crate) fn parse(text: &str) -> Result<Mol> {
    let text = text.split_ascii_whitespace().next().ok_or(ChemError::Empty)?;
    if text.len() > MAX_LENGTH {
        return Err(ChemError::TooLarge {
            what: "SMILES string",
            size: text.len(),
            limit: MAX_LENGTH,
        });
    }
    Parser::new(text.as_bytes()).run()
}

/// A bond symbol that was read.
#[derive(Debug, Clone, Copy, Default)]
struct BondMark {
    /// `None`: single or aromatic, as the atoms say.
    order: Option<BondOrder>,
    direction: BondDirection,
    /// `<-`: the dative bond runs backwards.
    reversed: bool,
}

#[derive(Debug, Clone, Copy)]
struct OpenRing {
    number: u32,
    atom: u32,
    mark: Option<BondMark>,
    serial: u32,
}

struct RingBond {
    number: u32,
    bond: Bond,
    serial: u32,
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    mol: MolBuilder,
    rings: SmallVec<[OpenRing; 8]>,
    ring_bonds: SmallVec<[RingBond; 8]>,
    serial: u32,
    /// Chiral atoms, with their bonds in the order of the text.
    chiral: Vec<ChiralAtom>,
}

struct ChiralAtom {
    atom: u32,
    first: bool,
    closures: u32,
    bonds: SmallVec<[u32; 4]>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a [u8]) -> Self {
        let mut mol = MolBuilder::new();
        mol.atoms.reserve(text.len().min(MAX_ATOMS));
        mol.bonds.reserve(text.len().min(MAX_ATOMS));
        Self {
            text,
            at: 0,
            mol,
            rings: SmallVec::new(),
            ring_bonds: SmallVec::new(),
            serial: 0,
            chiral: Vec::new(),
        }
    }

    fn error<T>(&self, reason: impl Into<String>) -> Result<T> {
        Err(ChemError::Parse { what: "SMILES", position: self.at + 1, reason: reason.into() })
    }

    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let hit = self.peek() == byte && byte != 0;
        self.at += usize::from(hit);
        hit
    }

    fn run(mut self) -> Result<Mol> {
        let mut branches: SmallVec<[u32; 16]> = SmallVec::new();
        let mut previous = self.atom(None)?;
        while self.at < self.text.len() {
            match self.peek() {
                b'(' => {
                    self.at += 1;
                    branches.push(previous);
                    let mark = self.bond_mark();
                    previous = self.atom(Some((previous, mark)))?;
                }
                b')' => {
                    let Some(back) = branches.pop() else {
                        return self.error("`)` closes no branch");
                    };
                    previous = back;
                    self.at += 1;
                }
                b'.' => {
                    self.at += 1;
                    previous = self.atom(None)?;
                }
                _ => {
                    let mark = self.bond_mark();
                    if self.peek().is_ascii_digit() || self.peek() == b'%' {
                        self.ring(previous, mark)?;
                    } else {
                        previous = self.atom(Some((previous, mark)))?;
                    }
                }
            }
        }
        if !branches.is_empty() {
            return self.error("a branch is not closed");
        }
        if let Some(open) = self.rings.first() {
            let number = open.number;
            return self.error(format!("ring closure {number} has no partner"));
        }
        self.finish()
    }

    fn bond_mark(&mut self) -> Option<BondMark> {
        let mut mark = BondMark::default();
        let next = self.text.get(self.at + 1).copied().unwrap_or(0);
        let mut length = 1;
        match self.peek() {
            b'-' if next == b'>' => {
                mark.order = Some(BondOrder::Dative);
                length = 2;
            }
            b'<' if next == b'-' => {
                mark.order = Some(BondOrder::Dative);
                mark.reversed = true;
                length = 2;
            }
            b'-' => mark.order = Some(BondOrder::Single),
            b'=' => mark.order = Some(BondOrder::Double),
            b'#' => mark.order = Some(BondOrder::Triple),
            b'$' => mark.order = Some(BondOrder::Quadruple),
            b':' => mark.order = Some(BondOrder::Aromatic),
            b'~' => mark.order = Some(BondOrder::Zero),
            b'/' => mark.direction = BondDirection::EndUpRight,
            b'\\' => {
                mark.direction = BondDirection::EndDownRight;
                length = if next == b'\\' { 2 } else { 1 };
            }
            _ => return None,
        }
        self.at += length;
        Some(mark)
    }

    fn make_bond(&self, begin: u32, end: u32, mark: Option<BondMark>) -> Bond {
        let mark = mark.unwrap_or_default();
        let (begin, end) = if mark.reversed { (end, begin) } else { (begin, end) };
        let both = self.mol.atoms[begin as usize].aromatic && self.mol.atoms[end as usize].aromatic;
        let order =
            mark.order.unwrap_or(if both { BondOrder::Aromatic } else { BondOrder::Single });
        Bond {
            begin,
            end,
            order,
            aromatic: order == BondOrder::Aromatic,
            direction: mark.direction,
            ..Bond::default()
        }
    }

    fn note(&mut self, atom: u32, bond: u32) {
        if self.mol.atoms[atom as usize].chirality != Chirality::None
            && let Some(entry) = self.chiral.iter_mut().rev().find(|c| c.atom == atom)
        {
            entry.closures += u32::from(bond & OPEN != 0);
            entry.bonds.push(bond);
        }
    }

    fn atom(&mut self, from: Option<(u32, Option<BondMark>)>) -> Result<u32> {
        let atom = match self.peek() {
            b'[' => self.bracket()?,
            _ => self.organic()?,
        };
        let index = self.mol.add_atom(atom);
        if index as usize >= MAX_ATOMS {
            return Err(ChemError::TooLarge {
                what: "molecule",
                size: index as usize + 1,
                limit: MAX_ATOMS,
            });
        }
        if atom.chirality != Chirality::None {
            let first = from.is_none();
            self.chiral.push(ChiralAtom {
                atom: index,
                first,
                closures: 0,
                bonds: SmallVec::new(),
            });
        }
        if let Some((previous, mark)) = from {
            let bond = self.make_bond(previous, index, mark);
            let number = self.mol.bonds.len() as u32;
            self.mol.bonds.push(bond);
            self.note(previous, number);
            self.note(index, number);
        }
        Ok(index)
    }

    fn organic(&mut self) -> Result<Atom> {
        let next = self.text.get(self.at + 1).copied().unwrap_or(0);
        let (element, aromatic, length) = match (self.peek(), next) {
            (b'C', b'l') => (17, false, 2),
            (b'B', b'r') => (35, false, 2),
            (b'B', _) => (5, false, 1),
            (b'C', _) => (6, false, 1),
            (b'N', _) => (7, false, 1),
            (b'O', _) => (8, false, 1),
            (b'F', _) => (9, false, 1),
            (b'P', _) => (15, false, 1),
            (b'S', _) => (16, false, 1),
            (b'I', _) => (53, false, 1),
            (b'b', _) => (5, true, 1),
            (b'c', _) => (6, true, 1),
            (b'n', _) => (7, true, 1),
            (b'o', _) => (8, true, 1),
            (b'p', _) => (15, true, 1),
            (b's', _) => (16, true, 1),
            (b'*', _) => (0, false, 1),
            (0, _) => return self.error("an atom is missing at the end"),
            (other, _) => {
                return self
                    .error(format!("`{}` starts no atom", char::from(other).escape_default()));
            }
        };
        self.at += length;
        Ok(Atom { element, aromatic, ..Atom::default() })
    }

    fn number(&mut self, most: u32) -> Result<Option<u32>> {
        let start = self.at;
        let mut value: u32 = 0;
        while self.peek().is_ascii_digit() {
            value = value.saturating_mul(10).saturating_add(u32::from(self.peek() - b'0'));
            self.at += 1;
            if value > most {
                return self.error(format!("number above {most}"));
            }
        }
        Ok((self.at > start).then_some(value))
    }

    fn bracket(&mut self) -> Result<Atom> {
        self.at += 1;
        let mut atom = Atom { no_implicit: true, ..Atom::default() };
        atom.isotope = self.number(9_999)?.unwrap_or(0) as u16;
        self.symbol(&mut atom)?;
        if self.eat(b'@') {
            atom.chirality = self.chirality()?;
        }
        if self.eat(b'H') {
            atom.explicit_hs = self.number(200)?.unwrap_or(1) as u8;
        }
        atom.charge = self.charge()?;
        if self.eat(b':') {
            let Some(map) = self.number(MAX_MAP)? else {
                return self.error("`:` needs an atom map number");
            };
            atom.map_num = map;
        }
        if !self.eat(b']') {
            return self.error("`]` expected");
        }
        Ok(atom)
    }

    fn symbol(&mut self, atom: &mut Atom) -> Result<()> {
        if self.eat(b'#') {
            return match self.number(118)? {
                Some(z) => {
                    atom.element = z as u8;
                    Ok(())
                }
                None => self.error("`#` needs an atomic number"),
            };
        }
        let rest = &self.text[self.at..];
        for (symbol, element) in
            [("se", 34), ("te", 52), ("si", 14), ("as", 33), ("b", 5), ("c", 6), ("n", 7), ("o", 8)]
                .into_iter()
                .chain([("p", 15), ("s", 16)])
        {
            if rest.starts_with(symbol.as_bytes()) {
                self.at += symbol.len();
                atom.element = element;
                atom.aromatic = true;
                return Ok(());
            }
        }
        match element_symbol(rest) {
            Some((element, length)) => {
                self.at += length;
                atom.element = element;
                Ok(())
            }
            None => self.error("unknown element"),
        }
    }

    /// After the first `@`. Non-tetrahedral classes are read and dropped.
    fn chirality(&mut self) -> Result<Chirality> {
        if self.eat(b'@') {
            return Ok(Chirality::Clockwise);
        }
        let class = [self.peek(), self.text.get(self.at + 1).copied().unwrap_or(0)];
        let most = match &class {
            b"TH" | b"AL" => 2,
            b"SP" => 3,
            b"TB" => 20,
            b"OH" => 30,
            _ => return Ok(Chirality::CounterClockwise),
        };
        self.at += 2;
        let order = self.number(most)?.unwrap_or(0);
        Ok(match (&class, order) {
            (b"TH", 1) => Chirality::CounterClockwise,
            (b"TH", 2) => Chirality::Clockwise,
            _ => Chirality::None,
        })
    }

    fn charge(&mut self) -> Result<i8> {
        let sign = self.peek();
        if sign != b'+' && sign != b'-' {
            return Ok(0);
        }
        self.at += 1;
        let size = if self.eat(sign) { 2 } else { self.number(100)?.unwrap_or(1) } as i8;
        Ok(if sign == b'+' { size } else { -size })
    }

    fn ring(&mut self, atom: u32, mark: Option<BondMark>) -> Result<()> {
        let number = self.ring_number()?;
        self.serial += 1;
        let Some(slot) = self.rings.iter().position(|r| r.number == number) else {
            self.rings.push(OpenRing { number, atom, mark, serial: self.serial });
            self.note(atom, OPEN | self.serial);
            return Ok(());
        };
        let open = self.rings.remove(slot);
        if open.atom == atom {
            return self.error(format!("ring closure {number} bonds an atom to itself"));
        }
        let bonded = |b: &Bond| {
            (b.begin == atom && b.end == open.atom) || (b.begin == open.atom && b.end == atom)
        };
        let duplicate =
            self.mol.bonds.iter().any(bonded) || self.ring_bonds.iter().any(|r| bonded(&r.bond));
        if duplicate {
            return self.error(format!("ring closure {number} doubles a bond"));
        }
        self.note(atom, OPEN | open.serial);
        let bond = self.closing_bond(&open, atom, mark);
        self.ring_bonds.push(RingBond { number, bond, serial: open.serial });
        Ok(())
    }

    /// The bond of a ring closure, from the closing to the opening atom.
    fn closing_bond(&self, open: &OpenRing, atom: u32, mark: Option<BondMark>) -> Bond {
        let specific = |m: Option<BondMark>| m.is_some_and(|m| m.order.is_some());
        let mut bond = if specific(open.mark) || !specific(mark) {
            let mut bond = self.make_bond(open.atom, atom, open.mark);
            if bond.order != BondOrder::Dative {
                std::mem::swap(&mut bond.begin, &mut bond.end);
            }
            bond.direction = opposite(bond.direction);
            bond
        } else {
            self.make_bond(atom, open.atom, mark)
        };
        if bond.direction == BondDirection::None
            && let Some(close) = mark
        {
            bond.direction = close.direction;
        }
        bond
    }

    fn ring_number(&mut self) -> Result<u32> {
        if !self.eat(b'%') {
            let digit = self.peek() - b'0';
            self.at += 1;
            return Ok(u32::from(digit));
        }
        if self.eat(b'(') {
            let number = self.number(99_999)?;
            let closed = self.eat(b')');
            return match number {
                Some(n) if closed => Ok(n),
                _ => self.error("`%(` needs a number and `)`"),
            };
        }
        let digits = self.text.get(self.at..self.at + 2).unwrap_or(&[]);
        match digits {
            [a, b] if a.is_ascii_digit() && b.is_ascii_digit() => {
                self.at += 2;
                Ok(u32::from(a - b'0') * 10 + u32::from(b - b'0'))
            }
            _ => self.error("`%` needs two digits"),
        }
    }

    fn finish(mut self) -> Result<Mol> {
        self.ring_bonds.sort_by_key(|r| (r.number, r.serial));
        let first_ring = self.mol.bonds.len() as u32;
        for ring in &self.ring_bonds {
            self.mol.bonds.push(ring.bond);
        }
        for entry in &mut self.chiral {
            for bond in &mut entry.bonds {
                if *bond & OPEN != 0 {
                    let serial = *bond & !OPEN;
                    let at = self.ring_bonds.iter().position(|r| r.serial == serial).unwrap_or(0);
                    *bond = first_ring + at as u32;
                }
            }
            let odd = odd_permutation(&entry.bonds);
            let first_with_h = entry.first
                && entry.bonds.len() == 3
                && self.mol.atoms[entry.atom as usize].explicit_hs == 1;
            let lone_pair_ring = entry.bonds.len() == 3
                && self.mol.atoms[entry.atom as usize].explicit_hs == 0
                && entry.closures == 1
                && !unsaturated(&self.mol, &entry.bonds);
            let atom = &mut self.mol.atoms[entry.atom as usize];
            if odd != (first_with_h || lone_pair_ring) {
                atom.chirality = atom.chirality.inverted();
            }
        }
        self.mol.finish()
    }
}

fn unsaturated(mol: &MolBuilder, bonds: &[u32]) -> bool {
    bonds.iter().any(|&b| {
        matches!(
            mol.bonds[b as usize].order,
            BondOrder::Double | BondOrder::Triple | BondOrder::Aromatic
        )
    })
}

/// Whether sorting takes an odd number of swaps.
pub(super) fn odd_permutation<T: PartialOrd>(items: &[T]) -> bool {
    let mut odd = false;
    for i in 0..items.len() {
        for j in i + 1..items.len() {
            odd ^= items[j] < items[i];
        }
    }
    odd
}

fn opposite(direction: BondDirection) -> BondDirection {
    match direction {
        BondDirection::None => BondDirection::None,
        BondDirection::EndUpRight => BondDirection::EndDownRight,
        BondDirection::EndDownRight => BondDirection::EndUpRight,
    }
}
