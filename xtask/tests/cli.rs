//! The program as a person runs it: proxy from the environment, kill and resume, exit codes, tidy on a small workspace.
#![allow(clippy::unwrap_used)] // A test program: its helpers may stop too.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use strata_testkit::http::proxy::Proxy;
use strata_testkit::http::{Reply, Server};
use strata_testkit::{CardSpec, models, sha256_hex, write_card};

struct Scene {
    folder: tempfile::TempDir,
    server: Server,
    bytes: Vec<u8>,
}

impl Scene {
    /// A models folder whose one model file is not beside its card but on a server, by digest.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Large enough to be caught half way.
        let weights: Vec<f32> = (0..60_000_u16).map(f32::from).collect();
        let model = models::linear(&weights, &[0.0]);
        let dir =
            write_card(&folder.path().join("models"), &CardSpec::new("tiny"), &model).unwrap();
        let file = dir.join("tiny.onnx");
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(file).unwrap();
        let server = Server::start().unwrap();
        Self { folder, server, bytes }
    }

    fn script(&self, reply: Reply) {
        self.server.script(&format!("/m/{}", sha256_hex(&self.bytes)), vec![reply]);
    }

    fn xtask(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.env("STRATA_CACHE", self.folder.path().join("cache"));
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"] {
            command.env_remove(name).env_remove(name.to_ascii_lowercase());
        }
        command
    }

    fn fetch(&self, mirror: &str) -> Command {
        let mut command = self.xtask();
        command.args(["models", "--models-dir"]).arg(self.folder.path().join("models"));
        command.args(["fetch", "tiny", "--mirror", mirror]);
        command
    }

    fn cached(&self) -> PathBuf {
        let folder = self.folder.path().join("cache/models").join(sha256_hex(&self.bytes));
        folder.join("tiny.onnx")
    }
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).join("\n")
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    let scene = Scene::new();
    scene.script(Reply::file(&scene.bytes));
    let proxy = Proxy::to(scene.server.address()).unwrap();
    let mut fetch = scene.fetch("http://mirror.example.test/m");
    let output = fetch.env("HTTP_PROXY", proxy.url()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(proxy.seen()[0].target, "mirror.example.test:80");
    assert_eq!(std::fs::read(scene.cached()).unwrap(), scene.bytes);

    let mut verify = scene.xtask();
    verify.args(["models", "--models-dir"]).arg(scene.folder.path().join("models")).arg("verify");
    let output = verify.output().unwrap();
    assert!(output.status.success() && text(&output).contains("1 sound"), "{}", text(&output));
}

#[test]
fn a_killed_download_resumes() {
    let scene = Scene::new();
    let mirror = scene.server.url("/m");
    scene.script(Reply::file(&scene.bytes).dripping(10_000, Duration::from_millis(50)));
    let mut running = scene.fetch(&mirror).spawn().unwrap();
    let part = scene.cached().with_file_name("tiny.onnx.part");
    let start = Instant::now();
    let held = || std::fs::metadata(&part).map_or(0, |m| m.len());
    while held() < 30_000 {
        assert!(start.elapsed() < Duration::from_secs(20), "the download did not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(!scene.cached().exists(), "an unfinished file never has its name");
    let kept = held();
    scene.script(Reply::file(&scene.bytes));
    let output = scene.fetch(&mirror).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(std::fs::read(scene.cached()).unwrap(), scene.bytes);
    let seen = scene.server.seen();
    assert_eq!(seen.last().unwrap().header("Range"), Some(format!("bytes={kept}-").as_str()));
}

#[test]
fn failures_have_an_exit_code_and_a_remedy() {
    let scene = Scene::new();
    let output = scene.fetch(&scene.server.url("/m")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(said.contains("put it there as") && said.contains("1 not fetched"), "{said}");
    assert_eq!(
        scene.xtask().args(["models", "verify", "no-such"]).output().unwrap().status.code(),
        Some(1)
    );
    assert_eq!(scene.xtask().arg("no-such").output().unwrap().status.code(), Some(2));
}

/// A workspace of one crate in `folder`, and `tidy` run on it.
fn tidy(folder: &Path, source: &str) -> Output {
    std::fs::create_dir_all(folder.join("xtask")).unwrap();
    std::fs::write(folder.join("Cargo.toml"), "[workspace]\n").unwrap();
    std::fs::write(folder.join("a.rs"), source).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("tidy").env("CARGO_MANIFEST_DIR", folder.join("xtask")).output().unwrap()
}

#[test]
fn tidy_tells_where_a_rule_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let output = tidy(folder.path(), "//! A.\n");
    assert!(output.status.success() && text(&output).contains("tidy: ok"), "{}", text(&output));
    let output = tidy(folder.path(), "//! A.\nfn a() {\n    todo!()\n}\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("tidy: a.rs:3: todo!() is unfinished"), "{}", text(&output));
}
