//! The head of an answer: the three things a client needs of it.

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// What matters of an answer's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) keep_alive: bool,
    pub(crate) framing: Framing,
}

impl Head {
    pub(crate) fn parse(head: &[u8]) -> Option<Self> {
        let rest = head.strip_prefix(b"HTTP/1.")?;
        let (version, rest) = rest.split_first()?;
        let digits = rest.strip_prefix(b" ")?.get(..3)?;
        let status: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let mut found = Self { status, keep_alive: *version == b'1', framing: Framing::UntilClose };
        for line in head.split(|&b| b == b'\n').skip(1) {
            let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                if found.framing != Framing::Chunked {
                    let length = std::str::from_utf8(value).ok()?.parse().ok()?;
                    found.framing = Framing::Length(length);
                }
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                if value.eq_ignore_ascii_case(b"chunked") {
                    found.framing = Framing::Chunked;
                }
            } else if name.eq_ignore_ascii_case(b"connection") {
                if value.eq_ignore_ascii_case(b"close") {
                    found.keep_alive = false;
                } else if value.eq_ignore_ascii_case(b"keep-alive") {
                    found.keep_alive = true;
                }
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Option<Head> {
        Head::parse(text.as_bytes())
    }

    #[test]
    fn heads_are_read() {
        let found = head("HTTP/1.1 200 OK\r\ncontent-LENGTH:  12 \r\n\r\n").unwrap();
        assert_eq!(found, Head { status: 200, keep_alive: true, framing: Framing::Length(12) });
        let found = head("HTTP/1.1 503 No\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n").unwrap();
        assert_eq!(found, Head { status: 503, keep_alive: false, framing: Framing::Chunked });
        assert!(!head("HTTP/1.0 200 OK\r\n\r\n").unwrap().keep_alive);
        assert!(head("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n").unwrap().keep_alive);
        for bad in [
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\n\r\n",
            "SSH-2.0\r\n\r\n",
            "",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        ] {
            assert_eq!(head(bad), None, "{bad:?}");
        }
    }
}
