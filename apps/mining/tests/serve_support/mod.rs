//! What the tests of `serve` share: the program, tiny models of pictures, a server as its own process,
//! and a client.
#![allow(dead_code, unused_imports, reason = "each test program uses a part of this")]

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use strata_testkit::onnx::{Attr, Dim, Dtype, Graph, Model, Node, Tensor, Value as Port};
use strata_testkit::serve;
pub(crate) use strata_testkit::serve::{Reply, text};
use strata_testkit::{CardSpec, write_card};
use strata_vision::encode;
use strata_vision::geometry::Size;
use strata_vision::image::Image;

/// The program under test, without settings from outside.
pub(crate) fn program() -> Command {
    serve::program(env!("CARGO_BIN_EXE_strata-mining"))
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
pub(crate) struct Server(serve::Server);

impl Deref for Server {
    type Target = serve::Server;

    fn deref(&self) -> &serve::Server {
        &self.0
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
        let jobs = models.with_file_name("jobs");
        let own = ["--jobs-dir", text(&jobs), "--models-dir", text(models)];
        Self(serve::Server::start_cold(program(), &[&own, args].concat()))
    }

    pub(crate) fn get_unless(&self, path: &str, etag: &str) -> Reply {
        self.send("GET", path, &[("if-none-match", etag)], b"")
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json")];
        self.send("PUT", path, &headers, body.to_string().as_bytes())
    }

    /// Sends a picture.
    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Reply {
        self.post_for(path, "application/json", body)
    }

    /// Sends a picture, and asks for an answer of this content type.
    pub(crate) fn post_for(&self, path: &str, accept: &str, body: &[u8]) -> Reply {
        let headers = [("content-type", "application/octet-stream"), ("accept", accept)];
        self.send("POST", path, &headers, body)
    }

    /// Tells the server to stop, and waits for its end; its exit code.
    pub(crate) fn stop(self) -> Option<i32> {
        self.0.stop()
    }
}
