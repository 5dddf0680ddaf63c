//! Figures of merit of a table with labels and predictions.

use std::path::Path;

use strata_chem::metrics::{self, Bootstrap, Classification, Regression};
use strata_cli::text::{TextTable, number};

use super::ToolError;
use crate::input::{InputError, InputSpec, RecordReader, open};

/// What the labels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Task {
    /// Numbers.
    Regression,
    /// Classes 0 and 1.
    Classification,
}

/// What to evaluate.
#[derive(Clone, Debug, Default)]
pub struct EvalOptions {
    /// Columns of labels, one a task.
    pub labels: Vec<String>,
    /// Columns of predictions, as many.
    pub predictions: Vec<String>,
    /// The kind of labels; otherwise classification where all are 0 or 1.
    pub task: Option<Task>,
    /// Samples of a bootstrap for 95 % intervals; 0 for none.
    pub bootstrap: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

/// Figures of all tasks together: means over tasks; counts added up.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Figures {
    /// `regression` or `classification`.
    pub task: &'static str,
    /// Rows with a label and a prediction.
    pub n: usize,
    /// Rows of the table without a label or prediction (of the first task).
    pub missing: usize,
    /// Root mean squared error.
    pub rmse: Option<f64>,
    /// Mean absolute error.
    pub mae: Option<f64>,
    /// Coefficient of determination.
    pub r2: Option<f64>,
    /// Area under the ROC curve.
    pub roc_auc: Option<f64>,
    /// Average precision.
    pub pr_auc: Option<f64>,
    /// Enrichment factor of the best 1 %.
    pub ef1: Option<f64>,
    /// Enrichment factor of the best 5 %.
    pub ef5: Option<f64>,
    /// BEDROC, α = 20.
    pub bedroc: Option<f64>,
    /// 95 % bootstrap interval of RMSE or ROC-AUC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

/// Evaluates a table.
///
/// # Errors
/// [`ToolError`] where columns are not there, or a label is no number.
pub fn evaluate(path: &Path, options: &EvalOptions) -> Result<Figures, ToolError> {
    if options.labels.len() != options.predictions.len() || options.labels.is_empty() {
        let request = "give as many --pred columns as --label columns, in the same order";
        return Err(ToolError::Request(request.to_owned()));
    }
    // A column against itself is always perfect: `screen` renames a given column to make room for its own.
    if let Some(same) = options.labels.iter().find(|label| options.predictions.contains(label)) {
        let request = format!(
            "--label and --pred both name {same:?}; after `screen`, the given column is {same}_in"
        );
        return Err(ToolError::Request(request));
    }
    let columns: Vec<String> = options.labels.iter().chain(&options.predictions).cloned().collect();
    let values = read_columns(path, &columns)?;
    let (labels, predictions) = values.split_at(options.labels.len());
    let is_class = |label: &f64| label.is_nan() || *label == 0.0 || *label == 1.0;
    let guessed = match labels.iter().flatten().all(is_class) {
        true => Task::Classification,
        false => Task::Regression,
    };
    let task = options.task.unwrap_or(guessed);
    if task == Task::Classification
        && let Some(label) = labels.iter().flatten().find(|label| !is_class(label))
    {
        let request =
            format!("label {label} is neither 0 nor 1: classes must be; or use --task regression");
        return Err(ToolError::Request(request));
    }
    let pairs: Vec<(&[f64], &[f64])> =
        labels.iter().zip(predictions).map(|(l, p)| (l.as_slice(), p.as_slice())).collect();
    let mut figures = match task {
        Task::Regression => of_regression(&pairs),
        Task::Classification => of_classification(&pairs),
    };
    figures.missing = labels[0].len() * labels.len() - figures.n;
    if options.bootstrap > 0 && pairs.len() == 1 {
        let bootstrap =
            Bootstrap { samples: options.bootstrap, seed: options.seed, ..Bootstrap::default() };
        let (labels, predictions) = pairs[0];
        figures.interval = match task {
            Task::Regression => {
                bootstrap.interval(labels, predictions, |l, p| metrics::regression(l, p).rmse)
            }
            Task::Classification => bootstrap
                .interval(labels, predictions, |l, p| metrics::classification(l, p).roc_auc),
        };
    }
    Ok(figures)
}

fn of_regression(tasks: &[(&[f64], &[f64])]) -> Figures {
    let tasks: Vec<Regression> =
        tasks.iter().map(|(labels, guesses)| metrics::regression(labels, guesses)).collect();
    let mean = |figure: fn(&Regression) -> Option<f64>| {
        let values: Vec<f64> = tasks.iter().filter_map(figure).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    Figures {
        task: "regression",
        n: tasks.iter().map(|task| task.n).sum(),
        rmse: mean(|task| task.rmse),
        mae: mean(|task| task.mae),
        r2: mean(|task| task.r2),
        ..Figures::default()
    }
}

fn of_classification(tasks: &[(&[f64], &[f64])]) -> Figures {
    let tasks: Vec<Classification> =
        tasks.iter().map(|(labels, scores)| metrics::classification(labels, scores)).collect();
    let mean = metrics::mean_over_tasks(&tasks);
    Figures {
        task: "classification",
        n: mean.n,
        roc_auc: mean.roc_auc,
        pr_auc: mean.pr_auc,
        ef1: mean.ef1,
        ef5: mean.ef5,
        bedroc: mean.bedroc,
        ..Figures::default()
    }
}

/// Columns of numbers; empty cells are missing (NaN).
fn read_columns(path: &Path, names: &[String]) -> Result<Vec<Vec<f64>>, ToolError> {
    let mut reader = open_table(path, &names[0])?;
    let layout = reader.layout().clone();
    let places: Vec<usize> = names
        .iter()
        .map(|name| {
            layout.columns.iter().position(|column| column.name == *name).ok_or_else(|| {
                let found: Vec<&str> =
                    layout.columns.iter().map(|column| column.name.as_str()).collect();
                let found = found.join(", ");
                ToolError::Request(format!(
                    "{} has no column named {name:?}; its columns are: {found}",
                    path.display()
                ))
            })
        })
        .collect::<Result<_, _>>()?;
    let mut values = vec![Vec::new(); names.len()];
    let mut row = 0u64;
    while let Some(record) = reader.next_record()? {
        row += 1;
        for ((&place, name), values) in places.iter().zip(names).zip(&mut values) {
            let text = record.value(place).trim();
            let value = match text {
                "" => f64::NAN,
                text => text.parse::<f64>().map_err(|_| {
                    ToolError::Request(format!("row {row}, column {name}: {text:?} is no number"))
                })?,
            };
            values.push(value);
        }
    }
    Ok(values)
}

/// A table need not hold molecules: any column serves as the reader's SMILES column.
fn open_table(path: &Path, any_column: &str) -> Result<Box<dyn RecordReader>, ToolError> {
    let spec = InputSpec { path: path.to_path_buf(), ..InputSpec::default() };
    match open(&spec) {
        Err(InputError::NoSmilesColumn { .. } | InputError::UnknownFormat { .. }) => {}
        opened => return Ok(opened?),
    }
    let format = Some(crate::input::Format::Csv);
    let format = if spec.path.extension().is_some() { None } else { format };
    let named = InputSpec { smiles_column: Some(any_column.to_owned()), format, ..spec };
    open(&named).map_err(|error| match error {
        InputError::NoSmilesColumn { name, found, .. } => ToolError::Request(format!(
            "{name} has no column named {any_column:?}; its columns are: {found}"
        )),
        other => other.into(),
    })
}

impl Figures {
    /// A table for people.
    #[must_use]
    pub fn render(&self) -> String {
        let mut table = TextTable::new(&["figure", "value"]);
        let all = [
            ("RMSE", self.rmse),
            ("MAE", self.mae),
            ("R²", self.r2),
            ("ROC-AUC", self.roc_auc),
            ("PR-AUC", self.pr_auc),
            ("EF 1%", self.ef1),
            ("EF 5%", self.ef5),
            ("BEDROC (α = 20)", self.bedroc),
        ];
        let of_task = if self.task == "regression" { &all[..3] } else { &all[3..] };
        for (name, value) in of_task {
            table.row(vec![(*name).to_owned(), number(*value)]);
        }
        let mut text = format!("{}, n = {}, {} missing\n", self.task, self.n, self.missing);
        text.push_str(&table.render());
        if let Some((low, high)) = self.interval {
            let name = if self.task == "regression" { "RMSE" } else { "ROC-AUC" };
            text.push_str(&format!("{name}, 95 % bootstrap interval: {low:.4} to {high:.4}\n"));
        }
        text
    }
}
