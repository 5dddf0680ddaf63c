//! The given columns of an input: names, kinds, and which one holds what.

use super::InputError;

/// What values a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Any text.
    Text,
    /// Whole numbers.
    Integer,
    /// Decimal numbers.
    Float,
    /// `true` or `false`.
    Boolean,
}

/// A given column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, unique in its input.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// The given columns, and which hold the structure and the identifier.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// In the order of the input.
    pub columns: Vec<Column>,
    /// The column of SMILES; `None` where records are mol blocks.
    pub smiles: Option<usize>,
    /// The column of identifiers, where there is one.
    pub id: Option<usize>,
}

/// Names of SMILES columns in the field's public files, most telling first, without case,
/// spaces, `_` and `-`.
const SMILES_NAMES: &[&str] = &[
    "smiles",
    "canonicalsmiles",
    "isomericsmiles",
    "isosmiles",
    "rdkitsmiles",
    "standardizedsmiles",
    "cansmiles",
    "smi",
    "structure",
    "mol",
    "molecule",
    "drug",
    "ligandsmiles",
];

/// The same for identifiers.
const ID_NAMES: &[&str] = &[
    "id",
    "compoundid",
    "molid",
    "moleculeid",
    "moleculechemblid",
    "chemblid",
    "zincid",
    "drugid",
    "cid",
    "compound",
    "name",
    "moleculename",
    "compoundname",
    "molname",
    "title",
    "drugname",
    "cmpdchemblid",
    "catalogid",
    "idnumber",
    "mol_id",
];

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// Whether a name is one of a SMILES column.
pub(super) fn names_smiles(name: &str) -> bool {
    SMILES_NAMES.contains(&plain(name).as_str())
}

/// What the user said about the columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) input: String,
    pub(super) smiles: Option<String>,
    pub(super) id: Option<String>,
}

impl Layout {
    /// Columns with these names; a repeated name gets a number, an empty one its position.
    pub(super) fn named(names: impl IntoIterator<Item = (String, ColumnKind)>) -> Self {
        let mut columns: Vec<Column> = Vec::new();
        for (position, (name, kind)) in names.into_iter().enumerate() {
            let base = match name.trim() {
                "" => format!("column_{}", position + 1),
                name => name.to_owned(),
            };
            let mut name = base.clone();
            let mut count = 2;
            while columns.iter().any(|column| column.name == name) {
                name = format!("{base}_{count}");
                count += 1;
            }
            columns.push(Column { name, kind });
        }
        Self { columns, smiles: None, id: None }
    }

    /// Finds the columns of structures and identifiers.
    pub(super) fn resolve(mut self, wanted: &Wanted) -> Result<Self, InputError> {
        let guessed = |names: &[&str]| {
            names.iter().find_map(|name| self.columns.iter().position(|c| plain(&c.name) == *name))
        };
        let smiles = match &wanted.smiles {
            Some(name) => self.find(name),
            None => guessed(SMILES_NAMES),
        };
        let smiles = smiles.ok_or_else(|| InputError::NoSmilesColumn {
            name: wanted.input.clone(),
            asked: wanted
                .smiles
                .as_ref()
                .map(|name| format!(" named {name:?}"))
                .unwrap_or_default(),
            found: self.listed(),
        })?;
        let id = match &wanted.id {
            Some(_) => self.wanted_id(wanted)?,
            None => guessed(ID_NAMES),
        };
        (self.smiles, self.id) = (Some(smiles), id.filter(|&id| id != smiles));
        Ok(self)
    }

    /// The identifier column that was asked for.
    pub(super) fn wanted_id(&self, wanted: &Wanted) -> Result<Option<usize>, InputError> {
        let Some(name) = &wanted.id else { return Ok(None) };
        self.find(name).map(Some).ok_or_else(|| InputError::NoIdColumn {
            name: wanted.input.clone(),
            column: name.clone(),
            found: self.listed(),
        })
    }

    /// A column by its exact name, else by its name without regard to case.
    fn find(&self, name: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|column| column.name == name);
        exact.or_else(|| self.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name)))
    }

    fn listed(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| column.name.as_str()).collect();
        match names.len() {
            0 => "none".to_owned(),
            1..=20 => names.join(", "),
            more => format!("{}, … ({more} in all)", names[..20].join(", ")),
        }
    }
}
