//! Control packets of MQTT 3.1.1 (OASIS standard, chapters 2 and 3): framed, and their fields.

use std::io::{self, ErrorKind, Read};

/// Bytes of a packet that are taken at most.
const MOST: usize = 16 << 20;

pub(super) const CONNECT: u8 = 1;
pub(super) const CONNACK: u8 = 2;
pub(super) const PUBLISH: u8 = 3;
pub(super) const PUBACK: u8 = 4;
pub(super) const SUBSCRIBE: u8 = 8;
pub(super) const SUBACK: u8 = 9;
pub(super) const UNSUBSCRIBE: u8 = 10;
pub(super) const UNSUBACK: u8 = 11;
pub(super) const PINGREQ: u8 = 12;
pub(super) const PINGRESP: u8 = 13;
pub(super) const DISCONNECT: u8 = 14;

/// A packet as it came.
pub(super) struct Packet {
    /// One of the constants above.
    pub(super) kind: u8,
    /// The low half of the first byte.
    pub(super) flags: u8,
    pub(super) body: Vec<u8>,
}

pub(super) fn wrong(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Reads a packet; `None` where the connection ends between two.
pub(super) fn read(stream: &mut impl Read) -> io::Result<Option<Packet>> {
    let mut byte = [0];
    if stream.read(&mut byte)? == 0 {
        return Ok(None);
    }
    let first = byte[0];
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        stream.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            if length > MOST {
                return Err(wrong("the packet is too large"));
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body)?;
            return Ok(Some(Packet { kind: first >> 4, flags: first & 0x0f, body }));
        }
    }
    Err(wrong("the length has five bytes"))
}

/// A packet with its first byte and its length before it.
pub(super) fn write(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind << 4 | flags];
    let mut length = body.len();
    loop {
        let more = length >= 0x80;
        packet.push((length & 0x7f) as u8 | if more { 0x80 } else { 0 });
        length >>= 7;
        if !more {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

/// Appends a text or other bytes with their length before them.
pub(super) fn push(body: &mut Vec<u8>, bytes: &[u8]) {
    body.extend((bytes.len() as u16).to_be_bytes());
    body.extend_from_slice(bytes);
}

/// Takes the fields of a body one after the other.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| wrong("cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> io::Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn number(&mut self) -> io::Result<u16> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn bytes(&mut self) -> io::Result<&'a [u8]> {
        let length = self.number()?;
        self.take(length.into())
    }

    pub(super) fn text(&mut self) -> io::Result<String> {
        let text = std::str::from_utf8(self.bytes()?).map_err(|_| wrong("no UTF-8"))?;
        Ok(text.to_owned())
    }
}

/// Whether a topic is one of those a filter with `+` and `#` names (section 4.7).
pub(super) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}
