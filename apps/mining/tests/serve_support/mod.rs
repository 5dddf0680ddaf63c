//! What the tests of `serve` share: the program, tiny models of pictures, a server as its own process,
//! and a client.
#![allow(dead_code, reason = "each test program uses a part of this")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use strata_testkit::onnx::{Attr, Dim, Dtype, Graph, Model, Node, Tensor, Value as Port};
use strata_testkit::{CardSpec, write_card};
use strata_vision::encode;
use strata_vision::geometry::Size;
use strata_vision::image::Image;

/// The program under test, without settings from outside.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strata-mining"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STRATA_")) {
        if !matches!(name.as_str(), "STRATA_CACHE" | "STRATA_SHARED") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command and expects it to work; what it says.
pub(crate) fn ran(args: &[&str]) -> String {
    ended(0, args)
}

/// Runs a command and expects it to end with this code; what it says.
pub(crate) fn ended(code: i32, args: &[&str]) -> String {
    let output = program().args(args).output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stdout}{stderr}");
    stdout.into_owned()
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8 path")
}

/// Whether ONNX Runtime is there; says so where it is not.
pub(crate) fn has_runtime() -> bool {
    let there = strata_core::paths::ort_library().is_ok_and(|path| path.is_file());
    if !there {
        strata_testkit::skip("no ONNX Runtime library: run `cargo xtask setup`");
    }
    there
}

fn picture_port(name: &str, rest: &[Dim]) -> Port {
    let shape: Vec<Dim> = std::iter::once(Dim::from("N")).chain(rest.iter().cloned()).collect();
    Port::new(name, Dtype::F32, &shape)
}

const PREPROCESS: &str = "[preprocess]\nkit = \"vision/1\"\nwidth = 32\nheight = 32\nfit = \"stretch\"\n\
     channels = \"rgb\"\nlayout = \"nchw\"\ndtype = \"float32\"\nscale = 0.00392156862745098\n\
     interpolation = \"bilinear\"\n";

/// Two tiny models, in a folder. `tiny-detector` always finds a "red" thing on the left and a "green"
/// one on the right, as sure as the picture is red or green on average. `tiny-features` gives the mean
/// colours of 4 × 4 fields.
pub(crate) fn models(dir: &Path) -> PathBuf {
    let folder = dir.join("models");
    let pictures = || picture_port("x", &[Dim::from(3), Dim::from(32), Dim::from(32)]);
    // A row a box: x1, y1, x2, y2, score, class. Only the scores depend on the picture.
    let weights = [
        [0., 0., 0., 0., 1., 0., 0., 0., 0., 0., 0., 0.],
        [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 1., 0.],
        [0.; 12],
    ];
    let bias = [2., 4., 14., 28., 0., 0., 18., 4., 30., 28., 0., 1.];
    let detector = Model::new(Graph {
        nodes: vec![
            Node::new("GlobalAveragePool", &["x"], &["mean"]),
            Node::new("Flatten", &["mean"], &["flat"]).attr("axis", Attr::Int(1)),
            Node::new("MatMul", &["flat", "w"], &["product"]),
            Node::new("Add", &["product", "b"], &["boxes"]),
            Node::new("Reshape", &["boxes", "shape"], &["y"]),
        ],
        inputs: vec![pictures()],
        outputs: vec![picture_port("y", &[Dim::from(2), Dim::from(6)])],
        initializers: vec![
            Tensor::f32("w", &[3, 12], weights.as_flattened()),
            Tensor::f32("b", &[12], &bias),
            Tensor::i64("shape", &[3], &[-1, 2, 6]),
        ],
        ..Graph::default()
    });
    let post = "[postprocess]\nhead = \"end2end\"\nclasses = [\"red\", \"green\"]\nclasses_zh = [\"红\", \"绿\"]\n\
         confidence = 0.25\niou = 0.45\n";
    let spec = CardSpec::new("tiny-detector").extra(PREPROCESS).extra(post);
    write_card(&folder, &spec, &detector).expect("a writable folder");

    let pool = Node::new("AveragePool", &["x"], &["layer"])
        .attr("kernel_shape", Attr::Ints(vec![8, 8]))
        .attr("strides", Attr::Ints(vec![8, 8]));
    let features = Model::new(Graph {
        nodes: vec![pool],
        inputs: vec![pictures()],
        outputs: vec![picture_port("layer", &[Dim::from(3), Dim::from(4), Dim::from(4)])],
        ..Graph::default()
    });
    let post = "[postprocess]\nhead = \"features\"\nlayers = [\"layer\"]\nneighbourhood = 1\n";
    let spec = CardSpec::new("tiny-features").extra(PREPROCESS).extra(post);
    write_card(&folder, &spec, &features).expect("a writable folder");
    folder
}

/// A picture of one colour, with a little texture that depends on `seed`.
pub(crate) fn picture((width, height): (u32, u32), rgb: [u8; 3], seed: u32) -> Image {
    let mut image = Image::filled(Size::new(width, height), rgb);
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    for byte in image.data_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = byte.saturating_add((state >> 28) as u8);
    }
    image
}

/// The same with a square of another colour.
pub(crate) fn with_square(mut image: Image, (x, y, side): (u32, u32, u32), rgb: [u8; 3]) -> Image {
    for row in y..y + side {
        for column in x..x + side {
            image.set_pixel(column, row, rgb);
        }
    }
    image
}

/// A picture as a PNG file.
pub(crate) fn png(image: &Image) -> Vec<u8> {
    encode::png(image).expect("a PNG")
}

/// A folder of normal pictures, grey, and a bank of them.
pub(crate) fn bank(dir: &Path, models: &Path) -> PathBuf {
    let normals = dir.join("normals");
    std::fs::create_dir_all(&normals).expect("a writable folder");
    for seed in 0..8 {
        let bytes = png(&picture((64, 48), [100, 100, 100], seed));
        std::fs::write(normals.join(format!("{seed:02}.png")), bytes).expect("writable");
    }
    let bank = dir.join("plate.bank");
    ran(&[
        "fit",
        text(&normals),
        "--out",
        text(&bank),
        "--model",
        "tiny-features",
        "--models-dir",
        text(models),
        "--keep-all",
        "--quiet",
    ]);
    bank
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) etag: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Expects the status, and shows the body where it is another.
    pub(crate) fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]);
        assert_eq!(self.status, status, "{body}");
        self
    }

    /// Expects a problem of this status and code; what it says.
    pub(crate) fn problem(self, status: u16, code: &str) -> String {
        let problem = self.expect(status).json();
        assert_eq!(problem["code"], code, "{problem}");
        problem["detail"].as_str().expect("a text").to_owned()
    }
}

impl Server {
    /// Starts a server with these models and waits until it is ready.
    pub(crate) fn start(models: &Path, args: &[&str]) -> Self {
        let server = Self::start_cold(models, args);
        server.until("ready", |server| server.get("/v2/health/ready").status == 200);
        server
    }

    /// Starts a server with these models and waits until it listens.
    pub(crate) fn start_cold(models: &Path, args: &[&str]) -> Self {
        let mut command = program();
        command
            .args(["serve", "--bind", "127.0.0.1:0", "--log-access=false", "--log-filter", "warn"])
            .args([
                "--jobs-dir",
                text(&models.with_file_name("jobs")),
                "--models-dir",
                text(models),
            ])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut errors = child.stderr.take().expect("piped");
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::stderr()));
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut line).expect("readable");
        let address = line.split("://").nth(1).and_then(|rest| rest.split(';').next());
        let address = address.and_then(|address| address.trim().parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}"));
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Self { child, address }
    }

    /// Waits until something holds.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            let why = String::from_utf8_lossy(&self.get("/v2/health/ready").body).into_owned();
            assert!(started.elapsed() < Duration::from_secs(50), "not {what}: {why}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        reply(agent().get(self.url(path)).call())
    }

    pub(crate) fn get_unless(&self, path: &str, etag: &str) -> Reply {
        reply(agent().get(self.url(path)).header("if-none-match", etag).call())
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        reply(agent().delete(self.url(path)).call())
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        let request = agent().put(self.url(path)).header("content-type", "application/json");
        reply(request.send(body.to_string().as_bytes()))
    }

    /// Sends a picture.
    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Reply {
        self.post_for(path, "application/json", body)
    }

    /// Sends a picture, and asks for an answer of this content type.
    pub(crate) fn post_for(&self, path: &str, accept: &str, body: &[u8]) -> Reply {
        let request =
            agent().post(self.url(path)).header("content-type", "application/octet-stream");
        reply(request.header("accept", accept).send(body))
    }

    /// Tells the server to stop, and waits for its end; its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let status =
            Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
        self.child.wait().expect("waited for").code()
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn reply(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
    let mut answer = answer.expect("an answer");
    let header = |name: &str| {
        let value = answer.headers().get(name);
        value.map_or("", |value| value.to_str().expect("text")).to_owned()
    };
    let (content_type, etag) = (header("content-type"), header("etag"));
    let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body");
    Reply { status: answer.status().as_u16(), content_type, etag, body }
}
