//! Protobuf wire format, writing side: varints, tags and length-delimited fields. Encodes whatever
//! it is told, sound or not, because the hostile tests need both.

/// Wire type of a field.
pub mod wire_type {
    /// A variable-length integer.
    pub const VARINT: u32 = 0;
    /// Eight bytes, little endian.
    pub const I64: u32 = 1;
    /// A length and that many bytes.
    pub const LEN: u32 = 2;
    /// Start of a group (obsolete; no ONNX message has one).
    pub const GROUP_START: u32 = 3;
    /// End of a group.
    pub const GROUP_END: u32 = 4;
    /// Four bytes, little endian.
    pub const I32: u32 = 5;
}

/// A protobuf message being written.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// An empty message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The encoded bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Appends a bare varint without a tag.
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// Appends a tag: field number and wire type.
    pub fn tag(&mut self, field: u32, wire: u32) {
        self.varint(u64::from(field) << 3 | u64::from(wire));
    }

    /// Appends an integer field.
    pub fn int(&mut self, field: u32, value: i64) {
        self.tag(field, wire_type::VARINT);
        self.varint(value.cast_unsigned());
    }

    /// Appends a four-byte float field.
    pub fn float(&mut self, field: u32, value: f32) {
        self.tag(field, wire_type::I32);
        self.0.extend(value.to_le_bytes());
    }

    /// Appends a length-delimited field.
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        self.tag(field, wire_type::LEN);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// Appends a string field.
    pub fn string(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// Appends a nested message.
    pub fn message(&mut self, field: u32, value: &Message) {
        self.bytes(field, &value.0);
    }

    /// Appends bytes as they are, tag and all: the hostile tests' way in.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn varints_are_those_of_the_specification() {
        let mut m = Message::new();
        m.int(1, 150);
        assert_eq!(m.into_bytes(), [0x08, 0x96, 0x01]);
        let mut m = Message::new();
        m.int(1, -1);
        assert_eq!(m.into_bytes().len(), 11);
        let mut m = Message::new();
        m.string(2, "testing");
        assert_eq!(m.into_bytes(), b"\x12\x07testing");
    }
}
