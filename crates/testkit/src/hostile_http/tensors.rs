//! Inference requests of the Open Inference Protocol that are wrong, in JSON and in binary; and the right ones that
//! they are bent from, as a control.

use super::{Aim, Attack, Want};

/// The model that the requests are for: one FP32 input `[N, columns]`.
#[derive(Debug, Clone)]
pub struct Tensor {
    /// The input's name.
    pub input: String,
    /// The output's name.
    pub output: String,
    /// Columns of the input.
    pub columns: usize,
}

/// All of this module; the aim is the `infer` path of the model.
#[must_use]
pub fn all(aim: &Aim, tensor: &Tensor) -> Vec<Attack> {
    let maker = Maker { aim, tensor };
    [maker.controls(), maker.json(), maker.documents(), maker.binary()].concat()
}

struct Maker<'a> {
    aim: &'a Aim,
    tensor: &'a Tensor,
}

/// An input's fields; an empty one is left out.
struct Fields {
    name: String,
    datatype: String,
    shape: String,
    data: String,
    more: String,
}

impl Fields {
    fn json(&self) -> String {
        let field =
            |key: &str, value: &str| (!value.is_empty()).then(|| format!("\"{key}\":{value}"));
        let fields = [
            field("name", &self.name),
            field("datatype", &self.datatype),
            field("shape", &self.shape),
            field("parameters", &self.more),
            field("data", &self.data),
        ];
        format!("{{{}}}", fields.into_iter().flatten().collect::<Vec<_>>().join(","))
    }
}

const JSON: &str = "Content-Type: application/json\r\n";

impl Maker<'_> {
    /// `count` times the same value, as a list.
    fn list(value: &str, count: usize) -> String {
        format!("[{}]", vec![value; count].join(","))
    }

    fn zeros(&self) -> String {
        Self::list("0", self.tensor.columns)
    }

    /// A request with one input, bent by `bend`.
    fn body(&self, bend: impl FnOnce(&mut Fields)) -> String {
        format!("{{\"inputs\":[{}]}}", self.input(bend))
    }

    fn input(&self, bend: impl FnOnce(&mut Fields)) -> String {
        let mut fields = Fields {
            name: format!("\"{}\"", self.tensor.input),
            datatype: "\"FP32\"".to_owned(),
            shape: format!("[1,{}]", self.tensor.columns),
            data: self.zeros(),
            more: String::new(),
        };
        bend(&mut fields);
        fields.json()
    }

    fn post(&self, name: &str, want: Want, body: &str) -> Attack {
        Attack::send(name, want, self.aim.post(JSON, body.as_bytes()))
    }

    fn controls(&self) -> Vec<Attack> {
        let right = self.body(|_| ());
        let columns = self.tensor.columns;
        let nested = format!("[{}]", self.zeros());
        let two = Self::list("0", 2 * columns);
        let shape_of_two = format!("[2,{columns}]");
        let (header, bytes) = self.binary_parts(columns * 4, columns * 4);
        vec![
            self.post("control: JSON", Want::Answer, &right),
            self.post("control: nested data", Want::Answer, &self.body(|f| f.data = nested)),
            self.post(
                "control: two rows",
                Want::Answer,
                &self.body(|f| (f.shape, f.data) = (shape_of_two, two)),
            ),
            self.sent_binary(
                "control: binary",
                Want::Answer,
                &header.len().to_string(),
                &[&header, &bytes],
            ),
        ]
    }

    fn json(&self) -> Vec<Attack> {
        let n = self.tensor.columns;
        let narrow = format!("[1,{}]", n.saturating_sub(1));
        let (rank3, fraction) = (format!("[1,1,{n}]"), format!("[1.5,{n}]"));
        let (texts, negative) = (format!("[\"1\",\"{n}\"]"), format!("[-1,{n}]"));
        let (huge, beyond) = (format!("[1000000000,{n}]"), format!("[18446744073709551617,{n}]"));
        let (most, none) = (format!("[9223372036854775807,{n}]"), format!("[0,{n}]"));
        let (flat, swapped) = (format!("[{n}]"), format!("[{n},1]"));
        let list = |value: &str| Self::list(value, n);
        let ragged = "[[0,0],[0]]";
        let deep = format!("{}0{}", "[".repeat(100), "]".repeat(100));
        type Bend<'b> = (&'b str, Want, &'b str, String);
        let no = Want::Refusal;
        let bends: Vec<Bend<'_>> = vec![
            ("an unknown datatype", no, "datatype", "\"FP33\"".into()),
            ("another datatype", no, "datatype", "\"FP64\"".into()),
            ("a datatype of text", no, "datatype", "\"BYTES\"".into()),
            ("a datatype in lower case", no, "datatype", "\"fp32\"".into()),
            ("a number for a datatype", no, "datatype", "32".into()),
            ("no datatype", no, "datatype", String::new()),
            ("no shape", no, "shape", String::new()),
            ("an empty shape", no, "shape", "[]".into()),
            ("a shape of null", no, "shape", "null".into()),
            ("a negative size", no, "shape", negative),
            ("a size with a fraction", no, "shape", fraction),
            ("sizes as text", no, "shape", texts),
            ("a column too few", no, "shape", narrow),
            ("a rank too many", no, "shape", rank3),
            ("a rank too few", no, "shape", flat),
            ("sizes in the wrong order", no, "shape", swapped),
            ("no rows", no, "shape", none),
            ("a product of sizes beyond 64 bits", no, "shape", "[4294967296,4294967296,4]".into()),
            (
                "a product that wraps to the right one",
                no,
                "shape",
                format!("[9223372036854775809,{}]", 2 * n),
            ),
            ("the largest size there is", no, "shape", most),
            ("a size beyond 64 bits", no, "shape", beyond),
            ("more rows than data", no, "shape", huge),
            ("a thousand axes", no, "shape", Self::list("1", 1000)),
            ("data one short", no, "data", Self::list("0", n.saturating_sub(1))),
            ("data one long", no, "data", Self::list("0", n + 1)),
            ("no data", no, "data", String::new()),
            ("empty data", no, "data", "[]".into()),
            ("data of null", no, "data", "null".into()),
            ("an object for data", no, "data", "{}".into()),
            ("text for data", no, "data", "\"AAAA\"".into()),
            ("numbers as text", no, "data", list("\"1\"")),
            ("NaN as text", no, "data", list("\"NaN\"")),
            ("NaN, which JSON has not", no, "data", list("NaN")),
            ("Infinity, which JSON has not", no, "data", list("-Infinity")),
            ("null for numbers", no, "data", list("null")),
            ("true for numbers", no, "data", list("true")),
            ("a number beyond 64-bit floats", no, "data", list("1e999")),
            ("a number beyond 32-bit floats", Want::Either, "data", list("1e39")),
            ("a number of a thousand digits", Want::Either, "data", list(&"1".repeat(1000))),
            ("ragged data", no, "data", ragged.into()),
            ("data nested too deep", no, "data", format!("[{deep}]")),
            ("an unknown name", no, "name", "\"no such input\"".into()),
            ("no name", no, "name", String::new()),
            ("a number for a name", no, "name", "7".into()),
            ("half a surrogate in a name", no, "name", "\"\\ud800\"".into()),
            (
                "shared memory",
                no,
                "parameters",
                "{\"shared_memory_region\":\"a\",\"shared_memory_byte_size\":4}".into(),
            ),
            ("text for parameters", no, "parameters", "\"a\"".into()),
            (
                "binary size without a binary body",
                no,
                "parameters",
                "{\"binary_data_size\":4}".into(),
            ),
        ];
        let attack = |(name, want, field, value): Bend<'_>| {
            let body = self.body(|f| match field {
                "datatype" => f.datatype = value,
                "shape" => f.shape = value,
                "data" => f.data = value,
                "name" => f.name = value,
                _ => f.more = value,
            });
            self.post(name, want, &body)
        };
        bends.into_iter().map(attack).collect()
    }

    /// What is wrong around the inputs.
    fn documents(&self) -> Vec<Attack> {
        let right = self.body(|_| ());
        let input = self.input(|_| ());
        let unknown = self.input(|f| f.name = "\"no such input\"".to_owned());
        let outputs = |list: &str| format!("{{\"inputs\":[{input}],\"outputs\":{list}}}");
        let known = format!("{{\"name\":\"{}\"}}", self.tensor.output);
        let no = Want::Refusal;
        let mut all: Vec<Attack> = [
            ("an input twice", no, format!("{{\"inputs\":[{input},{input}]}}")),
            (
                "an unknown input beside the right one",
                no,
                format!("{{\"inputs\":[{input},{unknown}]}}"),
            ),
            ("no inputs", no, "{}".to_owned()),
            ("an empty list of inputs", no, "{\"inputs\":[]}".to_owned()),
            ("an object for inputs", no, format!("{{\"inputs\":{input}}}")),
            ("inputs twice", no, format!("{{\"inputs\":[{input}],\"inputs\":[{input}]}}")),
            ("an unknown output", no, outputs("[{\"name\":\"no such output\"}]")),
            ("an output without a name", no, outputs("[{}]")),
            ("text for outputs", no, outputs("\"all\"")),
            ("an output twice", Want::Either, outputs(&format!("[{known},{known}]"))),
            ("a number for an id", no, format!("{{\"id\":7,\"inputs\":[{input}]}}")),
            (
                "an id of 100 KB",
                Want::Either,
                format!("{{\"id\":\"{}\",\"inputs\":[{input}]}}", "a".repeat(100_000)),
            ),
            ("an unknown field", Want::Either, format!("{{\"surprise\":1,\"inputs\":[{input}]}}")),
            ("an empty body", no, String::new()),
            ("null", no, "null".to_owned()),
            ("a list", no, format!("[{input}]")),
            ("JSON that is cut", no, right[..right.len() / 2].to_owned()),
            ("something behind the JSON", no, format!("{right}{right}")),
            ("a comma too many", no, format!("{{\"inputs\":[{input},]}}")),
        ]
        .into_iter()
        .map(|(name, want, body)| self.post(name, want, &body))
        .collect();
        let not_utf8 = [b"{\"id\":\"\xff\xfe\",", &right.as_bytes()[1..]].concat();
        all.push(Attack::send("JSON that is not UTF-8", no, self.aim.post(JSON, &not_utf8)));
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let either = Want::Either;
        all.push(Attack::send(
            "another content type",
            either,
            self.aim.post(form, right.as_bytes()),
        ));
        all.push(Attack::send("no content type", either, self.aim.post("", right.as_bytes())));
        all
    }

    /// The JSON of a binary request that announces `size` bytes, and `sent` bytes of zeros.
    fn binary_parts(&self, size: usize, sent: usize) -> (Vec<u8>, Vec<u8>) {
        (self.binary_header(&size.to_string()), vec![0; sent])
    }

    fn binary_header(&self, size: &str) -> Vec<u8> {
        let more = format!("{{\"binary_data_size\":{size}}}");
        self.body(|f| (f.data, f.more) = (String::new(), more)).into_bytes()
    }

    fn sent_binary(&self, name: &str, want: Want, length: &str, parts: &[&[u8]]) -> Attack {
        let lines = format!(
            "Content-Type: application/octet-stream\r\nInference-Header-Content-Length: {length}\r\n"
        );
        Attack::send(name, want, self.aim.post(&lines, &parts.concat()))
    }

    fn binary(&self) -> Vec<Attack> {
        let bytes = self.tensor.columns * 4;
        let no = Want::Refusal;
        let (header, data) = self.binary_parts(bytes, bytes);
        let length = header.len();
        let whole = length + data.len();
        let mut all: Vec<Attack> = [
            ("a header length beyond the body", (whole + 1).to_string()),
            ("a header length that cuts the JSON", (length / 2).to_string()),
            ("a header length that takes the data for JSON", whole.to_string()),
            ("a negative header length", "-1".to_owned()),
            ("a header length with a sign", format!("+{length}")),
            ("a header length of no number", "many".to_owned()),
            ("a hexadecimal header length", "0x10".to_owned()),
            ("a header length with a fraction", format!("{length}.0")),
            ("a header length beyond 64 bits", "18446744073709551616".to_owned()),
            ("two header lengths", format!("{length}\r\nInference-Header-Content-Length: 2")),
        ]
        .iter()
        .map(|(name, given)| self.sent_binary(name, no, given, &[&header, &data]))
        .collect();
        // An empty header length is left to the server: some take it for none.
        all.push(self.sent_binary("a header length of nothing", no, "", &[&header, &data]));
        for (name, size, sent) in [
            ("a binary size beyond the body", (bytes * 2).to_string(), bytes),
            ("a binary size below the shape", (bytes - 4).to_string(), bytes - 4),
            ("a binary size that divides a number", (bytes - 1).to_string(), bytes - 1),
            ("a negative binary size", "-4".to_owned(), bytes),
            ("a binary size as text", format!("\"{bytes}\""), bytes),
            ("a binary size with a fraction", format!("{bytes}.5"), bytes),
            ("a binary size beyond 64 bits", "18446744073709551616".to_owned(), bytes),
            ("the largest binary size", "9223372036854775807".to_owned(), bytes),
            ("a binary size of null", "null".to_owned(), bytes),
            ("a binary size of nothing", "0".to_owned(), 0),
            ("bytes left over", bytes.to_string(), bytes + 4),
            ("bytes missing", bytes.to_string(), bytes / 2),
            ("no bytes", bytes.to_string(), 0),
        ] {
            let header = self.binary_header(&size);
            let length = header.len().to_string();
            all.push(self.sent_binary(name, no, &length, &[&header, &vec![0; sent]]));
        }
        let both = format!("{{\"binary_data_size\":{bytes}}}");
        let both = self.body(|f| f.more = both).into_bytes();
        let length = both.len().to_string();
        all.push(self.sent_binary("data in JSON and in binary", no, &length, &[&both, &data]));
        let nan = f32::NAN.to_le_bytes().repeat(self.tensor.columns);
        let length = header.len().to_string();
        all.push(self.sent_binary("NaN in binary", Want::Either, &length, &[&header, &nan]));
        let infinite = f32::INFINITY.to_le_bytes().repeat(self.tensor.columns);
        all.push(self.sent_binary(
            "infinity in binary",
            Want::Either,
            &length,
            &[&header, &infinite],
        ));
        all
    }
}
