//! What a key allows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of the server that a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Asking what is there: models, operations, results.
    Read,
    /// Answers that are computed at once.
    Infer,
    /// Starting, watching and cancelling jobs.
    Jobs,
    /// Loading and unloading models.
    Admin,
    /// Reading the server's metrics.
    Metrics,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Read, Self::Infer, Self::Jobs, Self::Admin, Self::Metrics];

    /// Name as in a file of keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Infer => "infer",
            Self::Jobs => "jobs",
            Self::Admin => "admin",
            Self::Metrics => "metrics",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("no scope {name:?}; there are {names}")
        })
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// These scopes.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |bits, scope| bits | 1 << *scope as u8))
    }

    /// Whether `scope` is one of them.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }

    /// The scopes, in their usual order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_they_were_given() {
        let some = Scopes::of(&[Scope::Metrics, Scope::Read, Scope::Read]);
        assert_eq!(some.iter().collect::<Vec<_>>(), [Scope::Read, Scope::Metrics]);
        assert!(!some.has(Scope::Admin) && !Scopes::default().has(Scope::Read));
    }

    #[test]
    fn names_are_the_same_everywhere() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert!("Read".parse::<Scope>().unwrap_err().contains("read, infer"));
    }
}
