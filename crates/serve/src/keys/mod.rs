//! Bearer keys: who calls, and what they may do.
//!
//! A key's token is 256 random bits, so that it cannot be guessed, and its plain SHA-256 is enough
//! to keep: slow, salted hashes protect passwords, which people choose and which can be tried one
//! after the other; 2^256 tokens cannot, and a slow hash would let strangers use up the processor.

mod file;
mod replace;
mod scope;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use strata_core::batching::Priority;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;

use crate::rate::Rate;
use crate::settings::exposed_file;

pub use file::{NewKey, create, list, remove};
pub use scope::{Scope, Scopes};

/// What every token begins with, so that people and secret scanners know one when they see it.
pub const TOKEN_PREFIX: &str = "strata_";

/// Longest token that is looked at; ours have 71 characters.
const MAX_TOKEN: usize = 512;

/// Somebody who calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// A number that stays the same for a name; 0 for callers without a key.
    pub id: u64,
    /// The key's name.
    pub name: String,
    /// What the key allows.
    pub scopes: Scopes,
    /// How often the key may be used; `None` as often as it likes.
    pub rate: Option<Rate>,
    /// Whether the key's requests go before or after those of others.
    pub priority: Priority,
    /// What the caller may see beside what everybody may, such as the documents of a department; what labels mean is the
    /// application's.
    pub labels: Vec<String>,
}

impl Caller {
    /// Somebody without a key, where none is asked for: everything but models' loading and unloading.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            id: 0,
            name: "anonymous".to_owned(),
            scopes: Scopes::of(&[Scope::Read, Scope::Infer, Scope::Jobs, Scope::Metrics]),
            rate: None,
            priority: Priority::Normal,
            labels: Vec::new(),
        }
    }

    /// Whether the caller may do this.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }
}

/// Why a caller is not let in: status 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No `Authorization` header.
    #[error("this server asks for a key, and the request has none")]
    Missing,
    /// The header is not `Bearer TOKEN`.
    #[error("the Authorization header is not of the form: Bearer KEY")]
    Malformed,
    /// No such key.
    #[error("this key is not known: it is mistyped, or was taken back")]
    Unknown,
}

impl AuthError {
    /// The value of the `WWW-Authenticate` header that belongs to it (RFC 6750, section 3).
    #[must_use]
    pub fn challenge(self) -> &'static str {
        match self {
            Self::Missing => "Bearer realm=\"strata\"",
            Self::Malformed => "Bearer realm=\"strata\", error=\"invalid_request\"",
            Self::Unknown => "Bearer realm=\"strata\", error=\"invalid_token\"",
        }
    }
}

/// What is wrong with a file of keys.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The file cannot be read or written.
    #[error("cannot {what} the keys in {}: {source}", .path.display())]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file does not say what keys are to say.
    #[error("{}:{line}: {message}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A key cannot be added.
    #[error("no key {name:?} was made: {reason}")]
    Refused {
        /// Its name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// There is no key of this name.
    #[error("there is no key {name:?} in {}", .path.display())]
    Absent {
        /// The name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// The system gave no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// The keys that open a server, or the knowledge that it asks for none.
#[derive(Debug)]
pub struct KeyRing {
    keys: Vec<Held>,
    /// Who everybody is where no key is asked for.
    anonymous: Option<Caller>,
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Held {
    digest: [u8; 32],
    caller: Caller,
}

impl KeyRing {
    /// Reads a file of keys. Reading it again is how keys are reloaded.
    ///
    /// # Errors
    /// [`KeysError::Io`] and [`KeysError::Content`].
    pub fn load(path: &Path) -> Result<Self, KeysError> {
        let keys: Vec<Held> = file::read(path)?.into_iter().map(file::Entry::held).collect();
        let mut warnings: Vec<String> = exposed_file(path).into_iter().collect();
        if keys.is_empty() {
            warnings.push(format!("{} holds no key: every caller is refused", path.display()));
        }
        Ok(Self { keys, anonymous: None, warnings })
    }

    /// Asks nobody for a key. With `control` (models may be loaded and unloaded over HTTP) everybody
    /// has the scope `admin` too.
    #[must_use]
    pub fn open(control: bool) -> Self {
        let mut anonymous = Caller::anonymous();
        if control {
            anonymous.scopes = Scopes::of(&Scope::ALL);
        }
        Self { keys: Vec::new(), anonymous: Some(anonymous), warnings: Vec::new() }
    }

    /// What the operator should know about the file.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Who sends a request with this `Authorization` header. Where no key is asked for, one that is
    /// sent anyway is not looked at.
    ///
    /// # Errors
    /// [`AuthError`]. How long it takes says nothing about the keys but their number.
    pub fn check(&self, authorization: Option<&str>) -> Result<Caller, AuthError> {
        if let Some(anonymous) = &self.anonymous {
            return Ok(anonymous.clone());
        }
        let token = bearer(authorization.ok_or(AuthError::Missing)?).ok_or(AuthError::Malformed)?;
        let digest = digest(token);
        let (mut found, mut index) = (Choice::from(0), 0_u64);
        for (at, key) in (0_u64..).zip(&self.keys) {
            let equal = key.digest.ct_eq(&digest);
            index.conditional_assign(&at, equal);
            found |= equal;
        }
        if !bool::from(found) {
            return Err(AuthError::Unknown);
        }
        let held = usize::try_from(index).ok().and_then(|index| self.keys.get(index));
        held.map(|held| held.caller.clone()).ok_or(AuthError::Unknown)
    }
}

/// The token of an `Authorization` header (RFC 6750: the scheme in any case, then a `b64token`).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim_matches(' ').split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    let sound = (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(plain);
    (scheme.eq_ignore_ascii_case("bearer") && sound).then_some(token)
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The number of a name: the same in every process, and never that of callers without a key.
fn caller_id(name: &str) -> u64 {
    let bytes = digest(name);
    let mut first = [0; 8];
    first.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(first).max(1)
}

#[cfg(test)]
mod tests;
