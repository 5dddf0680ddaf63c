//! The SMARTS parser: text to [`Query`], errors with the position they were found at.

mod bond;

use super::query::{Expr, Prim, Query, QueryBond, Range, bonds};
use super::{SmartsError, elements};

/// Longest text accepted: catalogues stay below 2,000 characters.
const MAX_TEXT: usize = 16_384;
/// Most atoms in a pattern.
const MAX_ATOMS: usize = 512;
/// Deepest nesting of `$()` and of branches.
const MAX_DEPTH: usize = 48;

/// Parses a whole pattern.
pub(crate) fn parse(text: &str) -> Result<Query, SmartsError> {
    let bytes = text.as_bytes();
    let mut parser = Parser { text, bytes, at: 0, depth: 0 };
    if bytes.len() > MAX_TEXT {
        return Err(parser.error_at(MAX_TEXT, "pattern is longer than 16,384 characters"));
    }
    if !text.is_ascii() {
        let at = bytes.iter().position(|b| !b.is_ascii()).unwrap_or(0);
        return Err(parser.error_at(at, "only ASCII characters are allowed"));
    }
    let query = parser.query(false)?;
    if parser.at < bytes.len() {
        return Err(parser.error("unexpected character"));
    }
    Ok(query)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

/// A ring closure waiting for its other end.
struct OpenRing {
    number: u32,
    atom: u16,
    accepts: Option<u16>,
    at: usize,
}

impl Parser<'_> {
    fn error_at(&self, position: usize, problem: &'static str) -> SmartsError {
        let start = position.saturating_sub(20).min(self.text.len());
        let end = (position + 20).min(self.text.len());
        // Slicing by bytes is safe only on ASCII; other text is reported without its surroundings.
        let near =
            if self.text.is_ascii() { self.text[start..end].to_owned() } else { String::new() };
        SmartsError::Syntax { position, problem, near }
    }

    fn error(&self, problem: &'static str) -> SmartsError {
        self.error_at(self.at, problem)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn peek_at(&self, offset: usize) -> Option<u8> {
        self.bytes.get(self.at + offset).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let hit = self.peek() == Some(byte);
        self.at += usize::from(hit);
        hit
    }

    fn number(&mut self) -> Result<Option<u32>, SmartsError> {
        let start = self.at;
        let mut value = 0u32;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            value = value * 10 + u32::from(digit - b'0');
            self.at += 1;
            if value > 99_999 {
                return Err(self.error_at(start, "number is too large"));
            }
        }
        Ok((self.at > start).then_some(value))
    }

    /// A chain with branches, up to the end of the text, or to the `)` that closes a `$(`.
    fn query(&mut self, nested: bool) -> Result<Query, SmartsError> {
        let mut query = Query::default();
        let mut previous: Option<u16> = None;
        // (atom to go back to, group opened here, where it was opened)
        let mut branches: Vec<(Option<u16>, bool, usize)> = Vec::new();
        let mut rings: Vec<OpenRing> = Vec::new();
        let (mut group, mut groups_seen) = (0u16, 0u16);
        while let Some(byte) = self.peek() {
            match byte {
                b'(' => {
                    let opens_group = previous.is_none();
                    if branches.len() >= MAX_DEPTH || (opens_group && group != 0) {
                        return Err(self.error("parentheses are nested too deeply"));
                    }
                    if opens_group {
                        groups_seen += 1;
                        group = groups_seen;
                    }
                    branches.push((previous, opens_group, self.at));
                    self.at += 1;
                }
                b')' => {
                    let Some((back_to, opened_group, _)) = branches.pop() else {
                        if nested {
                            break;
                        }
                        return Err(self.error("closing parenthesis without an opening one"));
                    };
                    self.at += 1;
                    previous = back_to;
                    if opened_group {
                        group = 0;
                    }
                }
                b'.' => {
                    self.at += 1;
                    previous = None;
                    if self.peek().is_none() {
                        return Err(self.error("a dot must be followed by an atom"));
                    }
                }
                _ => {
                    let (start, bond) = (self.at, self.bond()?);
                    if self.peek().is_some_and(|b| b.is_ascii_digit() || b == b'%') {
                        let number = self.ring_number()?;
                        let Some(atom) = previous else {
                            return Err(self.error_at(start, "ring closure without an atom"));
                        };
                        self.close_ring(
                            &mut query,
                            &mut rings,
                            OpenRing { number, atom, accepts: bond, at: start },
                        )?;
                        continue;
                    }
                    let atom_at = self.at;
                    let expr = self.atom()?;
                    if query.atoms.len() >= MAX_ATOMS {
                        return Err(self.error_at(atom_at, "pattern has more than 512 atoms"));
                    }
                    let index = query.atoms.len() as u16;
                    query.atoms.push(expr);
                    query.groups.push(group);
                    match (previous, bond) {
                        (Some(begin), accepts) => query.bonds.push(QueryBond {
                            begin,
                            end: index,
                            accepts: accepts.unwrap_or(bonds::DEFAULT),
                        }),
                        (None, Some(_)) => {
                            return Err(self.error_at(start, "bond without an atom before it"));
                        }
                        (None, None) => {}
                    }
                    previous = Some(index);
                }
            }
        }
        if let Some(&(_, _, at)) = branches.last() {
            return Err(self.error_at(at, "opening parenthesis without a closing one"));
        }
        if let Some(open) = rings.first() {
            return Err(self.error_at(open.at, "ring closure is never closed"));
        }
        if query.atoms.is_empty() {
            return Err(self.error("pattern has no atoms"));
        }
        Ok(query)
    }

    fn ring_number(&mut self) -> Result<u32, SmartsError> {
        let start = self.at;
        if !self.eat(b'%') {
            let digit = self.peek().unwrap_or(b'0') - b'0';
            self.at += 1;
            return Ok(u32::from(digit));
        }
        if self.eat(b'(') {
            let number = self.number()?;
            if let (Some(number), true) = (number, self.eat(b')')) {
                return Ok(number);
            }
            return Err(self.error_at(start, "ring closure must read %(n)"));
        }
        match (self.peek(), self.peek_at(1)) {
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                self.at += 2;
                Ok(u32::from(a - b'0') * 10 + u32::from(b - b'0'))
            }
            _ => Err(self.error_at(start, "ring closure must read %nn")),
        }
    }

    fn close_ring(
        &self,
        query: &mut Query,
        rings: &mut Vec<OpenRing>,
        end: OpenRing,
    ) -> Result<(), SmartsError> {
        let Some(open) = rings.iter().position(|r| r.number == end.number) else {
            rings.push(end);
            return Ok(());
        };
        let begin = rings.swap_remove(open);
        let taken = query.bonds.iter().any(|b| {
            (b.begin, b.end) == (begin.atom, end.atom) || (b.end, b.begin) == (begin.atom, end.atom)
        });
        if begin.atom == end.atom || taken {
            return Err(self.error_at(end.at, "ring closure joins atoms that are already bonded"));
        }
        // Where both ends name a bond the first one counts, as in RDKit.
        let accepts = begin.accepts.or(end.accepts).unwrap_or(bonds::DEFAULT);
        query.bonds.push(QueryBond { begin: begin.atom, end: end.atom, accepts });
        Ok(())
    }

    fn atom(&mut self) -> Result<Expr, SmartsError> {
        if self.eat(b'[') {
            return self.bracket_atom();
        }
        let rest = &self.bytes[self.at..];
        let (length, prim) = match rest {
            [b'*', ..] => (1, Prim::Any),
            [b'a', ..] => (1, Prim::Aromatic),
            [b'A', ..] => (1, Prim::Aliphatic),
            [b'C', b'l', ..] => (2, element(17, Some(false))),
            [b'B', b'r', ..] => (2, element(35, Some(false))),
            [b @ (b'B' | b'C' | b'N' | b'O' | b'P' | b'S' | b'F' | b'I'), ..] => {
                (1, element(organic(*b), Some(false)))
            }
            [b @ (b'b' | b'c' | b'n' | b'o' | b'p' | b's'), ..] => {
                (1, element(organic(b.to_ascii_uppercase()), Some(true)))
            }
            [] => return Err(self.error("expected an atom at the end of the pattern")),
            _ => return Err(self.error("expected an atom")),
        };
        self.at += length;
        Ok(Expr::Prim(prim))
    }

    fn bracket_atom(&mut self) -> Result<Expr, SmartsError> {
        let open = self.at - 1;
        let expr = match self.hydrogen_atom()? {
            Some(expr) => expr,
            None => self.atom_low()?,
        };
        if self.eat(b':') && self.number()?.is_none() {
            return Err(self.error("an atom map needs a number"));
        }
        if !self.eat(b']') {
            let problem = if self.peek().is_none() {
                return Err(self.error_at(open, "opening bracket without a closing one"));
            } else {
                "unexpected character in an atom"
            };
            return Err(self.error(problem));
        }
        Ok(expr)
    }

    /// `[H]`, `[2H]`, `[H+]`: the only places where `H` is an element and not a count.
    fn hydrogen_atom(&mut self) -> Result<Option<Expr>, SmartsError> {
        let start = self.at;
        let isotope = self.number()?;
        if self.eat(b'H') {
            let charge = match self.peek() {
                Some(b'+' | b'-') => Some(self.charge()?),
                _ => None,
            };
            if matches!(self.peek(), Some(b']' | b':')) {
                let mut all = vec![Expr::Prim(element(1, None))];
                all.extend(isotope.map(|n| Expr::Prim(Prim::Isotope(n as u16))));
                all.extend(charge.map(Expr::Prim));
                return Ok(Some(if all.len() == 1 { all.remove(0) } else { Expr::And(all) }));
            }
        }
        self.at = start;
        Ok(None)
    }

    fn atom_low(&mut self) -> Result<Expr, SmartsError> {
        let mut all = vec![self.atom_or()?];
        while self.eat(b';') {
            all.push(self.atom_or()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::And(all) })
    }

    fn atom_or(&mut self) -> Result<Expr, SmartsError> {
        let mut any = vec![self.atom_and()?];
        while self.eat(b',') {
            any.push(self.atom_and()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Expr::Or(any) })
    }

    fn atom_and(&mut self) -> Result<Expr, SmartsError> {
        let mut all = vec![self.atom_not()?];
        loop {
            if self.eat(b'&') || !matches!(self.peek(), None | Some(b';' | b',' | b']' | b':')) {
                all.push(self.atom_not()?);
            } else {
                return Ok(if all.len() == 1 { all.remove(0) } else { Expr::And(all) });
            }
        }
    }

    fn atom_not(&mut self) -> Result<Expr, SmartsError> {
        let mut negate = false;
        while self.eat(b'!') {
            negate = !negate;
        }
        let expr = self.atom_primitive()?;
        Ok(if negate { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn atom_primitive(&mut self) -> Result<Expr, SmartsError> {
        let Some(byte) = self.peek() else {
            return Err(self.error("expected an atom primitive"));
        };
        if byte == b'$' {
            return self.recursive();
        }
        if byte.is_ascii_digit() {
            let isotope = self.number()?.unwrap_or(0);
            return Ok(Expr::Prim(Prim::Isotope(isotope.min(65_535) as u16)));
        }
        if byte == b'+' || byte == b'-' {
            return Ok(Expr::Prim(self.charge()?));
        }
        // Elements win over counts: `Hg`, `Rb`, `Xe`, `Db`.
        if let Some((length, number, aromatic)) = elements::symbol(&self.bytes[self.at..]) {
            self.at += length;
            return Ok(Expr::Prim(element(number, aromatic)));
        }
        self.at += 1;
        let prim = match byte {
            b'*' => Prim::Any,
            b'a' => Prim::Aromatic,
            b'A' => Prim::Aliphatic,
            b'#' => match self.number()? {
                Some(n) if n < 119 => element(n as u8, None),
                _ => return Err(self.error("an atomic number must be below 119")),
            },
            b'^' => match self.number()? {
                Some(n) if n < 6 => Prim::Hybridisation(n as u8),
                _ => return Err(self.error("a hybridisation must be 0 to 5")),
            },
            b'@' => {
                // Tetrahedral marks are read and not looked at.
                self.eat(b'@');
                self.eat(b'?');
                Prim::Any
            }
            b'D' => Prim::Degree(self.range(Range::exactly(1))?),
            b'd' => Prim::HeavyDegree(self.range(Range::exactly(1))?),
            b'X' => Prim::TotalDegree(self.range(Range::exactly(1))?),
            b'H' => Prim::TotalHs(self.range(Range::exactly(1))?),
            b'h' => Prim::ImplicitHs(self.range(Range::at_least(1))?),
            b'v' => Prim::Valence(self.range(Range::exactly(1))?),
            b'R' => Prim::RingCount(self.range(Range::at_least(1))?),
            b'r' => Prim::MinRing(self.range(Range::at_least(1))?),
            b'k' => Prim::RingSize(self.range(Range::at_least(1))?),
            b'x' => Prim::RingBonds(self.range(Range::at_least(1))?),
            b'z' => Prim::HeteroNeighbors(self.range(Range::at_least(1))?),
            b'Z' => Prim::AliphaticHeteroNeighbors(self.range(Range::at_least(1))?),
            _ => return Err(self.error_at(self.at - 1, "unknown atom primitive")),
        };
        Ok(Expr::Prim(prim))
    }

    fn recursive(&mut self) -> Result<Expr, SmartsError> {
        let start = self.at;
        self.at += 1;
        if !self.eat(b'(') {
            return Err(self.error_at(start, "$ must be followed by a parenthesis"));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error_at(start, "recursive patterns are nested too deeply"));
        }
        let query = self.query(true)?;
        self.depth -= 1;
        if !self.eat(b')') {
            return Err(self.error_at(start, "$( is never closed"));
        }
        Ok(Expr::Recursive(Box::new(query)))
    }

    fn charge(&mut self) -> Result<Prim, SmartsError> {
        let sign_byte = self.peek().unwrap_or(b'+');
        let sign = if sign_byte == b'+' { 1 } else { -1 };
        self.at += 1;
        if self.peek() == Some(b'{') {
            let Range { lo, hi } = self.range(Range::exactly(0))?;
            return Ok(Prim::Charge(if sign > 0 {
                Range { lo, hi }
            } else {
                Range { lo: -hi, hi: -lo }
            }));
        }
        if let Some(n) = self.number()? {
            return Ok(Prim::Charge(Range::exactly(sign * n as i32)));
        }
        let mut n = 1;
        while self.eat(sign_byte) {
            n += 1;
        }
        Ok(Prim::Charge(Range::exactly(sign * n)))
    }

    /// `3`, `{2-4}`, `{2-}`, `{-4}`, or `default` where nothing is written.
    fn range(&mut self, default: Range) -> Result<Range, SmartsError> {
        if !self.eat(b'{') {
            return Ok(self.number()?.map_or(default, |n| Range::exactly(n as i32)));
        }
        let lo = self.number()?;
        if !self.eat(b'-') {
            return Err(self.error("a range must read {n-m}, {n-} or {-m}"));
        }
        let hi = self.number()?;
        if !self.eat(b'}') || (lo.is_none() && hi.is_none()) {
            return Err(self.error("a range must read {n-m}, {n-} or {-m}"));
        }
        Ok(Range { lo: lo.map_or(0, |n| n as i32), hi: hi.map_or(Range::OPEN, |n| n as i32) })
    }
}

fn element(number: u8, aromatic: Option<bool>) -> Prim {
    Prim::Element { number, aromatic }
}

fn organic(symbol: u8) -> u8 {
    match symbol {
        b'B' => 5,
        b'C' => 6,
        b'N' => 7,
        b'O' => 8,
        b'F' => 9,
        b'P' => 15,
        b'S' => 16,
        _ => 53,
    }
}
