//! What a model reads of a molecule: a row of numbers, a graph, or both.
use super::Featuriser;
use crate::graph_features::chemprop::{CHEMPROP_ID, chemprop_hash};
use crate::{ChemError, graph_features};

/// A model's featuriser. Its id is a row featuriser's, Chemprop's graph `chemprop-v1-graph/1`, or both joined by
/// a plus sign: `chemprop-v1-graph/1+rdkit2d-normalized-200/1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFeaturiser {
    /// Whether the model takes Chemprop's graph.
    pub graph: bool,
    /// The featuriser of its rows.
    pub rows: Option<Featuriser>,
}

impl ModelFeaturiser {
    /// Reads an id.
    ///
    /// # Errors
    /// [`ChemError::Parameter`] for an id that is none of those forms.
    pub fn from_id(id: &str) -> Result<Self, ChemError> {
        match id.strip_prefix(CHEMPROP_ID) {
            Some("") => Ok(Self { graph: true, rows: None }),
            Some(rest) if rest.starts_with('+') => {
                Ok(Self { graph: true, rows: Some(Featuriser::from_id(&rest[1..])?) })
            }
            _ => Ok(Self { graph: false, rows: Some(Featuriser::from_id(id)?) }),
        }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> String {
        match (self.graph, &self.rows) {
            (false, rows) => rows.as_ref().map_or_else(String::new, |rows| rows.id().to_owned()),
            (true, None) => CHEMPROP_ID.to_owned(),
            (true, Some(rows)) => format!("{CHEMPROP_ID}+{}", rows.id()),
        }
    }

    /// The row featuriser's hash where there is no graph, else SHA-256 over the id and the hash of each part.
    #[must_use]
    pub fn hash(&self) -> String {
        let rows = self.rows.as_ref().map(Featuriser::hash).unwrap_or_default();
        match (self.graph, &self.rows) {
            (false, _) => rows,
            (true, None) => chemprop_hash(),
            (true, Some(_)) => {
                let text = format!("{}\n{}\n{rows}", self.id(), chemprop_hash());
                graph_features::sha256(text.as_bytes())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_what_is_read() {
        for id in [
            "ecfp4c-64/1",
            "chemprop-v1-graph/1",
            "chemprop-v1-graph/1+rdkit2d-normalized-200/1",
            "chemprop-v1-graph/1+ecfp4c-2048+rdkit-110/1",
        ] {
            let found = ModelFeaturiser::from_id(id).unwrap();
            assert_eq!(found.id(), id);
            assert_eq!(found.graph, id.starts_with("chemprop"));
            assert_eq!(found.hash().len(), 64);
        }
        for bad in ["chemprop-v1-graph/1+", "chemprop-v1-graph/12", "chemprop-v1-graph/1+x/1", ""] {
            assert!(ModelFeaturiser::from_id(bad).is_err(), "{bad}");
        }
        let hash = |id: &str| ModelFeaturiser::from_id(id).unwrap().hash();
        assert_eq!(hash("ecfp4c-64/1"), Featuriser::from_id("ecfp4c-64/1").unwrap().hash());
        assert_ne!(hash("chemprop-v1-graph/1+ecfp4c-64/1"), hash("chemprop-v1-graph/1"));
    }
}
