//! Fields held in memory as a source: what a program made itself, and what tests are made of.

use std::path::PathBuf;

use crate::field::{Field, Header};
use crate::source::{ReadError, Source};

/// Fields in memory.
#[derive(Debug, Clone, Default)]
pub struct MemorySource {
    headers: Vec<Header>,
    values: Vec<Vec<f32>>,
    notes: Vec<String>,
}

impl MemorySource {
    /// A source of these fields, in this order. A field whose values are not as many as its grid's points is left out and noted.
    #[must_use]
    pub fn new(fields: impl IntoIterator<Item = Field>) -> Self {
        let mut source = Self::default();
        for field in fields {
            source.push(field);
        }
        source
    }

    /// Adds a field, with [`MemorySource::new`]'s check.
    pub fn push(&mut self, field: Field) {
        let Field { header, values } = field;
        if values.len() == header.grid.len() {
            self.headers.push(header);
            self.values.push(values);
        } else {
            self.notes.push(format!(
                "{} at {}: {} values for {} points",
                header.variable,
                header.level,
                values.len(),
                header.grid.len()
            ));
        }
    }
}

impl Source for MemorySource {
    fn format(&self) -> &'static str {
        "memory"
    }

    fn headers(&self) -> &[Header] {
        &self.headers
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn values(&self, index: usize) -> Result<Vec<f32>, ReadError> {
        self.values.get(index).cloned().ok_or_else(|| ReadError::Part {
            path: PathBuf::from("memory"),
            place: format!("field {index}"),
            why: format!("there are {}", self.values.len()),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::grid::Grid;
    use crate::level::Level;
    use crate::time::Time;

    #[test]
    fn fields_come_back_and_a_wrong_size_is_noted() {
        let header = Header {
            variable: "t".to_owned(),
            level: Level::pressure(850.0),
            reference: Time(0),
            step: 0,
            member: None,
            unit: "K".to_owned(),
            grid: Arc::new(Grid::regular(3, 4)),
            attributes: BTreeMap::new(),
        };
        let whole = Field { header: header.clone(), values: vec![1.0; 12] };
        let source = MemorySource::new([whole.clone(), Field { header, values: vec![1.0; 11] }]);
        assert_eq!(source.headers().len(), 1);
        assert_eq!(source.notes(), ["t at 850 hPa: 11 values for 12 points"]);
        assert_eq!(source.field(0).unwrap(), whole);
        assert!(source.values(1).is_err());
    }
}
