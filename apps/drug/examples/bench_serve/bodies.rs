//! What is sent: rows of the shipped models' golden examples and molecules of the demo library, and whether an answer
//! is right.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use strata_testkit::load::Request;

use crate::server::{ask, target};

/// How far an answer may be from the golden example's: 32-bit numbers, in another order of summing.
const TOLERANCE: f64 = 1e-4;

/// How tensors travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Binary,
}

impl Form {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Binary => "binary",
        }
    }
}

/// Rows of one input tensor of 32-bit numbers for a model.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) model: String,
    input: String,
    output: String,
    width: usize,
    /// As the file writes them: whole numbers without a point.
    numbers: Vec<Value>,
    /// The output rows where they are known.
    expected: Vec<Vec<f64>>,
}

impl Rows {
    /// The golden example of a shipped model.
    pub(crate) fn golden(root: &Path, model: &str) -> Result<Self> {
        let path = root.join("shared-models").join(model).join("golden.json");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let golden: Value = serde_json::from_str(&text)?;
        let only = |key: &str| -> Result<(String, usize, Vec<Value>)> {
            let ports = golden[key].as_object().context("no tensors")?;
            let (name, tensor) = ports.iter().next().context("no tensor")?;
            ensure!(ports.len() == 1, "{model}: {key} has {} tensors", ports.len());
            let width = tensor["shape"][1].as_u64().context("no width")?;
            let data = tensor["data"].as_array().context("no data")?.clone();
            Ok((name.clone(), usize::try_from(width)?, data))
        };
        let ((input, width, numbers), (output, out_width, answers)) =
            (only("inputs")?, only("outputs")?);
        let answers: Option<Vec<f64>> = answers.iter().map(Value::as_f64).collect();
        let expected =
            answers.context("no numbers")?.chunks(out_width).map(<[f64]>::to_vec).collect();
        Ok(Self { model: model.to_owned(), input, output, width, numbers, expected })
    }

    /// Rows without known answers: input and output are `x` and `y`, as testkit's models have them.
    pub(crate) fn plain(model: &str, width: usize, numbers: Vec<Value>) -> Self {
        let (input, output) = ("x".to_owned(), "y".to_owned());
        Self { model: model.to_owned(), input, output, width, numbers, expected: Vec::new() }
    }

    pub(crate) fn path(&self) -> String {
        format!("/v2/models/{}/infer", self.model)
    }

    fn count(&self) -> usize {
        self.numbers.len() / self.width
    }

    /// One request for each row at which `rows` rows begin; the last go on with the first.
    pub(crate) fn requests(
        &self,
        address: SocketAddr,
        form: Form,
        rows: usize,
    ) -> Result<Vec<Request>> {
        let target = target(address, &self.path())?;
        let request = |first: usize| -> Result<Request> {
            let wanted = (first..first + rows).map(|row| row % self.count() * self.width);
            let data: Vec<&Value> =
                wanted.flat_map(|at| &self.numbers[at..at + self.width]).collect();
            let shape = [rows, self.width];
            if form == Form::Json {
                let input =
                    json!({"name": self.input, "shape": shape, "datatype": "FP32", "data": data});
                return Ok(Request::json(&target, &json!({"inputs": [input]}).to_string()));
            }
            let numbers: Option<Vec<f64>> = data.iter().map(|value| value.as_f64()).collect();
            let bytes: Vec<u8> = numbers
                .context("no numbers")?
                .iter()
                .flat_map(|v| (*v as f32).to_le_bytes())
                .collect();
            let head = json!({
                "inputs": [{"name": self.input, "shape": shape, "datatype": "FP32",
                            "parameters": {"binary_data_size": bytes.len()}}],
                "outputs": [{"name": self.output, "parameters": {"binary_data": true}}],
            });
            let head = head.to_string().into_bytes();
            Ok(Request::binary(&target, head.len(), &[head.as_slice(), &bytes].concat()))
        };
        (0..self.count()).map(request).collect()
    }

    /// Whether the answer to the JSON request that begins at this row says what the golden example says; the largest
    /// difference.
    pub(crate) fn check(&self, first: usize, body: &[u8]) -> Result<f64, String> {
        let numbers = output_numbers(body)?;
        let expected = self.expected.get(first).ok_or("nothing to compare with")?;
        difference(&numbers, expected)
    }

    /// The same of the answer to a binary request.
    pub(crate) fn check_binary(&self, first: usize, body: &[u8]) -> Result<f64, String> {
        let expected = self.expected.get(first).ok_or("nothing to compare with")?;
        difference(&binary_numbers(body, expected.len())?, expected)
    }
}

/// The 32-bit numbers behind the JSON of an answer in the protocol's binary form with one output.
fn binary_numbers(body: &[u8], count: usize) -> Result<Vec<f64>, String> {
    let from = body.len().checked_sub(4 * count).ok_or("it is too short")?;
    let number = |four: &[u8]| four.try_into().map(|four| f64::from(f32::from_le_bytes(four)));
    let numbers: Result<Vec<f64>, _> = body[from..].chunks_exact(4).map(number).collect();
    numbers.map_err(|error: std::array::TryFromSliceError| error.to_string())
}

/// The numbers of an answer's first output.
pub(crate) fn output_numbers(body: &[u8]) -> Result<Vec<f64>, String> {
    let reply: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    let data = reply["outputs"][0]["data"].as_array().ok_or("no output")?;
    data.iter().map(|v| v.as_f64().ok_or_else(|| format!("{v} is no number"))).collect()
}

/// The largest difference of two rows; an error where it is more than 32-bit numbers explain.
pub(crate) fn difference(got: &[f64], expected: &[f64]) -> Result<f64, String> {
    if got.len() != expected.len() {
        return Err(format!("{} numbers instead of {}", got.len(), expected.len()));
    }
    let mut most = 0.0_f64;
    for (got, expected) in got.iter().zip(expected) {
        let apart = (got - expected).abs();
        if apart.is_nan() || apart > TOLERANCE * (1.0 + expected.abs()) {
            return Err(format!("{got} instead of {expected}"));
        }
        most = most.max(apart);
    }
    Ok(most)
}

/// SMILES of the demo library, those that cannot be read included.
pub(crate) fn molecules(root: &Path) -> Result<Vec<String>> {
    let path = root.join("datasets/demo-library.smi");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let smiles = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(smiles.map(str::to_owned).collect())
}

/// Requests of `/v1/predict` with so many molecules each.
pub(crate) fn predictions(
    address: SocketAddr,
    smiles: &[String],
    each: usize,
) -> Result<Vec<Request>> {
    let target = target(address, "/v1/predict")?;
    let request = |part: &[String]| Request::json(&target, &json!({"smiles": part}).to_string());
    Ok(smiles.chunks_exact(each).map(request).collect())
}

/// Requests of two kinds in turns, and what each has to be answered with.
pub(crate) struct Mixed {
    pub(crate) requests: Vec<Request>,
    rows: Rows,
    tables: Vec<Value>,
}

impl Mixed {
    /// Inferences of a model and predictions of two molecules, in turns. The tables expected are what the server says
    /// now, while nobody else asks; what it infers is compared with the golden example.
    pub(crate) fn new(root: &Path, address: SocketAddr, model: &str) -> Result<Self> {
        let rows = Rows::golden(root, model)?;
        let infer = rows.requests(address, Form::Json, 1)?;
        let smiles = molecules(root)?;
        let predict = predictions(address, &smiles[..2 * infer.len()], 2)?;
        let mut tables = Vec::new();
        for request in &predict {
            let (status, body) = ask(address, request)?;
            if status != 200 {
                bail!("{status}: {}", String::from_utf8_lossy(&body));
            }
            tables.push(serde_json::from_slice::<Value>(&body)?["rows"].take());
        }
        let requests = infer.into_iter().zip(predict).flat_map(|(i, p)| [i, p]).collect();
        Ok(Self { requests, rows, tables })
    }

    /// Looks at an answer with status 200; others are counted elsewhere.
    pub(crate) fn check(&self, index: usize, status: u16, body: &[u8]) -> Result<(), String> {
        if status != 200 {
            return Ok(());
        }
        if index.is_multiple_of(2) {
            return self.rows.check(index / 2, body).map(drop);
        }
        let reply: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        same(&reply["rows"], &self.tables[index / 2])
    }
}

/// Whether two tables say the same; numbers may differ in their last places.
fn same(got: &Value, expected: &Value) -> Result<(), String> {
    let differ = || Err(format!("{got} instead of {expected}"));
    match (got, expected) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).try_for_each(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            b.iter().try_for_each(|(key, b)| a.get(key).map_or_else(differ, |a| same(a, b)))
        }
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => difference(&[a], &[b]).map(drop),
            _ => differ(),
        },
        (a, b) if a == b => Ok(()),
        _ => differ(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_compared_number_by_number() {
        let expected = json!([{"id": "a", "x": 1.0, "y": null}]);
        assert!(same(&json!([{"id": "a", "x": 1.000_01, "y": null}]), &expected).is_ok());
        for wrong in [
            json!([{"id": "a", "x": 1.01, "y": null}]),
            json!([{"id": "b", "x": 1.0, "y": null}]),
            json!([{"id": "a", "x": 1.0}]),
            json!([{"id": "a", "x": 1.0, "z": null}]),
            json!([]),
        ] {
            assert!(same(&wrong, &expected).is_err(), "{wrong}");
        }
    }

    #[test]
    fn requests_begin_at_every_row_and_wrap() {
        let numbers = [1, 2, 3, 4].map(Value::from).to_vec();
        let rows = Rows::plain("m", 2, numbers);
        let address = "127.0.0.1:1".parse().unwrap();
        let json = rows.requests(address, Form::Json, 2).unwrap();
        let text = |request: &Request| String::from_utf8_lossy(request.bytes()).into_owned();
        assert_eq!(json.len(), 2);
        assert!(text(&json[0]).contains("\"data\":[1,2,3,4]"), "{}", text(&json[0]));
        assert!(text(&json[1]).contains("\"data\":[3,4,1,2]"), "{}", text(&json[1]));
        let binary = rows.requests(address, Form::Binary, 1).unwrap();
        let four = [3.0_f32.to_le_bytes(), 4.0_f32.to_le_bytes()].concat();
        assert!(binary[1].bytes().ends_with(&four));
        assert!(text(&binary[1]).contains("\"binary_data_size\":8"));
    }

    #[test]
    fn answers_are_read_and_compared() {
        let body = br#"{"outputs":[{"name":"y","data":[1.0,-2.5]}]}"#;
        assert_eq!(output_numbers(body).unwrap(), [1.0, -2.5]);
        assert!(output_numbers(b"{}").is_err());
        let bytes = [b"{}".as_slice(), &1.0_f32.to_le_bytes(), &(-2.5_f32).to_le_bytes()].concat();
        assert_eq!(binary_numbers(&bytes, 2).unwrap(), [1.0, -2.5]);
        assert!(binary_numbers(b"{}", 2).is_err());
        assert_eq!(difference(&[1.0], &[1.0]), Ok(0.0));
        assert!(difference(&[1.0], &[1.0, 2.0]).is_err());
        assert!(difference(&[f64::NAN], &[1.0]).is_err());
    }
}
