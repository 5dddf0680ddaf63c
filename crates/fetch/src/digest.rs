//! SHA-256 digests: parsing, printing and hashing a file.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::{FetchError, Result};

/// How much of a file is read at a time, here and in the transfers.
pub(crate) const CHUNK: usize = 128 * 1024;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Reads 64 hexadecimal digits, upper or lower case.
    ///
    /// # Errors
    /// [`FetchError::BadDigest`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || FetchError::BadDigest { text: text.to_owned() };
        if text.len() != 64 || !text.is_ascii() {
            return Err(bad());
        }
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return Err(bad());
            };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }

    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub(crate) fn finish(state: Sha256) -> Self {
        Self(state.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The size and digest of the file at `path`, read once from start to end.
///
/// # Errors
/// [`FetchError::Io`] when the file cannot be read.
pub fn hash_file(path: &Path) -> Result<(u64, Digest)> {
    let mut file = File::open(path).map_err(FetchError::io("read", path))?;
    let mut state = Sha256::new();
    let bytes = hash_into(&mut file, &mut state).map_err(FetchError::io("read", path))?;
    Ok((bytes, Digest::finish(state)))
}

/// Feeds the rest of `reader` to `state` and returns how many bytes that was.
pub(crate) fn hash_into(reader: &mut impl Read, state: &mut Sha256) -> std::io::Result<u64> {
    let mut buffer = vec![0_u8; CHUNK];
    let mut total = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(total),
            n => {
                state.update(&buffer[..n]);
                total += n as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // FIPS 180-4's example message "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn prints_what_it_parses() {
        let digest = Digest::parse(ABC).unwrap();
        assert_eq!(digest.to_string(), ABC);
        assert_eq!(Digest::parse(&ABC.to_uppercase()).unwrap(), digest);
        assert_eq!(Digest::of(b"abc"), digest);
    }

    #[test]
    fn refuses_what_is_no_digest() {
        for text in
            ["", "abc", &ABC[1..], &format!("{ABC}0"), &ABC.replace('b', "g"), &"é".repeat(32)]
        {
            let error = Digest::parse(text).unwrap_err();
            assert!(matches!(error, FetchError::BadDigest { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn hashes_a_file_longer_than_a_chunk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let bytes = vec![7_u8; CHUNK * 2 + 5];
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(hash_file(&path).unwrap(), (bytes.len() as u64, Digest::of(&bytes)));
    }
}
