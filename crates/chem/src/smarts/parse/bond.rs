//! Bond expressions of SMARTS: text to the set of bond classes that are accepted.

use super::Parser;
use crate::smarts::SmartsError;
use crate::smarts::query::bonds;

impl Parser<'_> {
    /// A bond expression, `None` where nothing is written.
    pub(super) fn bond(&mut self) -> Result<Option<u16>, SmartsError> {
        if !self.peek().is_some_and(is_bond_start) {
            return Ok(None);
        }
        let mut result = self.bond_or()?;
        while self.eat(b';') {
            result &= self.bond_or()?;
        }
        Ok(Some(result))
    }

    fn bond_or(&mut self) -> Result<u16, SmartsError> {
        let mut result = self.bond_and()?;
        while self.eat(b',') {
            result |= self.bond_and()?;
        }
        Ok(result)
    }

    fn bond_and(&mut self) -> Result<u16, SmartsError> {
        let mut result = self.bond_primitive()?;
        loop {
            if self.eat(b'&') || self.peek().is_some_and(is_bond_start) {
                result &= self.bond_primitive()?;
            } else {
                return Ok(result);
            }
        }
    }

    fn bond_primitive(&mut self) -> Result<u16, SmartsError> {
        let mut negate = false;
        while self.eat(b'!') {
            negate = !negate;
        }
        let accepts = match self.peek() {
            Some(b'-') if self.peek_at(1) == Some(b'>') => {
                self.at += 1;
                bonds::DATIVE
            }
            Some(b'<') if self.peek_at(1) == Some(b'-') => {
                self.at += 1;
                bonds::DATIVE
            }
            Some(b'-') => bonds::SINGLE,
            Some(b'=') => bonds::DOUBLE,
            Some(b'#') => bonds::TRIPLE,
            Some(b'$') => bonds::QUADRUPLE,
            Some(b':') => bonds::AROMATIC,
            Some(b'~') => bonds::ALL,
            Some(b'@') => bonds::RING,
            Some(b'/' | b'\\') => bonds::DEFAULT,
            _ => return Err(self.error("expected a bond")),
        };
        let directed = matches!(self.peek(), Some(b'/' | b'\\'));
        self.at += 1;
        if directed {
            self.eat(b'?');
        }
        Ok(if negate { !accepts } else { accepts })
    }
}

fn is_bond_start(byte: u8) -> bool {
    matches!(byte, b'-' | b'=' | b'#' | b'$' | b':' | b'~' | b'@' | b'/' | b'\\' | b'!' | b'<')
}
