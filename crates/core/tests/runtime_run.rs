//! Running tiny models: values, types, errors, devices, external data.

mod runtime_support;

use ndarray::{Array1, Array2, array, s};
use runtime_support::{message, ok, pool, sessions, verified};
use strata_core::card::{Dim, Dtype};
use strata_core::runtime::{
    Buffer, Device, Inputs, PoolConfig, RunOptions, Runtime, RuntimeError, SessionPool,
};
use strata_testkit::models;

fn run_one(pool: &SessionPool, x: &Array2<f32>) -> Vec<f32> {
    let outputs = ok(pool.run(&Inputs::new().with("x", x.view()), &RunOptions::default()));
    ok(outputs.view::<f32>("y")).iter().copied().collect()
}

#[test]
fn values_types_and_provenance_of_two_outputs() {
    let verified = verified("pair", &models::two_in_two_out());
    let pool = ok(SessionPool::load(&verified, &PoolConfig::default()));
    let (x, ids) = (array![[1.5_f32, -2.0], [0.25, 8.0]], array![40_i64, -1]);
    let inputs = Inputs::new().with("x", x.view()).with("ids", ids.view());
    let outputs = ok(pool.run(&inputs, &RunOptions::default()));
    assert_eq!(ok(outputs.view::<f32>("twice")), (&x * 2.0).into_dyn());
    assert_eq!(ok(outputs.view::<i64>("next")), array![41, 0].into_dyn());
    assert_eq!(outputs.names().collect::<Vec<_>>(), ["twice", "next"]);
    assert_eq!((outputs.len(), outputs.copied_input_bytes()), (2, 0));

    let provenance = outputs.provenance();
    assert_eq!(provenance.model, "pair");
    assert_eq!(provenance.version, "1.0.0");
    assert_eq!(provenance.sha256, verified.file.sha256);
    assert_eq!(provenance.onnx_runtime, ok(Runtime::global()).version());
    assert_eq!(provenance.provider, "CPUExecutionProvider");
    assert!(message(outputs.view::<i64>("twice")).contains("\"twice\""));
    assert!(message(outputs.view::<f32>("thrice")).contains("twice float32 [N, 2]"));
    assert!(message(outputs.view_at::<f32>(2)).contains("#2"));
}

#[test]
fn the_signature_tells_names_types_and_shapes() {
    let pool = pool("pair", &models::two_in_two_out(), &sessions(1));
    let signature = pool.signature();
    assert_eq!(signature.inputs[0].name, "x");
    assert_eq!(signature.inputs[0].dtype, Dtype::Float32);
    assert_eq!(signature.inputs[0].shape, [Dim::Symbol("N".to_owned()), Dim::Fixed(2)]);
    assert_eq!(signature.outputs[1].dtype, Dtype::Int64);
}

#[test]
fn wrong_inputs_are_named_and_the_session_stays_usable() {
    let pool = pool("pair", &models::two_in_two_out(), &sessions(1));
    let (x, ids) = (array![[1.0_f32, 2.0]], array![3_i64]);
    let fails = |inputs: &Inputs<'_>| {
        pool.run(inputs, &RunOptions::default()).expect_err("an error was expected")
    };
    let error = fails(&Inputs::new().with("x", x.view()));
    assert!(matches!(&error, RuntimeError::InputMissing { name, .. } if name == "ids"), "{error}");
    let both = || Inputs::new().with("x", x.view()).with("ids", ids.view());
    let error = fails(&both().with("z", x.view()));
    assert!(matches!(&error, RuntimeError::InputUnknown { name, .. } if name == "z"), "{error}");
    let error = fails(&both().with("x", x.view()));
    assert!(matches!(&error, RuntimeError::InputUnknown { name, .. } if name == "x"), "{error}");
    let error = fails(&Inputs::new().with("x", x.mapv(f64::from).view()).with("ids", ids.view()));
    assert!(error.to_string().contains("float64, but the model takes float32"), "{error}");
    let wide = array![[1.0_f32, 2.0, 3.0]];
    let error = fails(&Inputs::new().with("x", wide.view()).with("ids", ids.view()));
    assert!(error.to_string().contains("[1, 3], but the model takes [N, 2]"), "{error}");
    let flat = array![1.0_f32, 2.0];
    let error = fails(&Inputs::new().with("x", flat.view()).with("ids", ids.view()));
    assert!(matches!(error, RuntimeError::InputShape { .. }), "{error}");
    ok(pool.run(&both(), &RunOptions::default()));
}

#[test]
fn an_error_of_onnx_runtime_itself_leaves_the_session_usable() {
    let pool = pool("sum", &models::add(2), &sessions(1));
    let (two, three) = (Array2::<f32>::ones((2, 2)), Array2::<f32>::ones((3, 2)));
    let mixed = Inputs::new().with("a", two.view()).with("b", three.view());
    // Each input fits its own shape; only ONNX Runtime finds that they don't fit one another.
    let error = pool.run(&mixed, &RunOptions::default()).expect_err("2 + 3 rows");
    assert!(matches!(error, RuntimeError::Run { .. }), "{error}");
    let same = Inputs::new().with("a", two.view()).with("b", two.view());
    let outputs = ok(pool.run(&same, &RunOptions::default()));
    assert_eq!(ok(outputs.view::<f32>("sum")), Array2::from_elem((2, 2), 2.0_f32).into_dyn());
}

#[test]
fn strided_inputs_are_copied_and_counted() {
    let pool = pool("same", &models::identity(3), &sessions(1));
    let wide = Array2::from_shape_fn((4, 6), |(i, j)| (10 * i + j) as f32);
    let every_second = wide.slice(s![.., ..;2]);
    let outputs = ok(pool.run(&Inputs::new().with("x", every_second), &RunOptions::default()));
    assert_eq!(outputs.copied_input_bytes(), 4 * 3 * 4);
    assert_eq!(ok(outputs.view::<f32>("y")), every_second.into_dyn());
}

#[test]
fn no_rows_are_rows_too() {
    let pool = pool("same", &models::identity(3), &sessions(1));
    let outputs = ok(pool.run(
        &Inputs::new().with("x", Array2::<f32>::zeros((0, 3)).view()),
        &RunOptions::default(),
    ));
    assert_eq!(ok(outputs.view::<f32>("y")).shape(), [0, 3]);
}

#[test]
fn outputs_outlive_pool_and_inputs() {
    let outputs = {
        let pool = pool("same", &models::identity(2), &sessions(1));
        let x = Array2::<f32>::from_elem((1000, 2), 7.0);
        ok(pool.run(&Inputs::new().with("x", x.view()), &RunOptions::default()))
    };
    assert!(ok(outputs.view::<f32>("y")).iter().all(|&y| y == 7.0));
}

#[test]
fn external_data_is_loaded_from_the_verified_bytes() {
    // The folder is gone by the time the model is loaded: nothing but memory is left to load from.
    let (weights, bias) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.5, -0.5]);
    let model = models::linear_external(&weights, &bias, "weights.bin");
    let pool = pool("external", &model, &sessions(2));
    let x = array![[1.0_f32, 1.0, 1.0], [0.0, 1.0, 0.0]];
    for _ in 0..4 {
        assert_eq!(run_one(&pool, &x), [9.5, 11.5, 3.5, 3.5]);
    }
}

#[test]
fn a_missing_device_is_an_error_unless_the_list_names_another() {
    let verified = verified("same", &models::identity(1));
    let on = |devices: &str| {
        let devices = ok(devices.parse());
        SessionPool::load(&verified, &PoolConfig { devices, ..PoolConfig::default() })
    };
    // No machine has both: one of the two is certainly missing.
    let absent = if cfg!(target_os = "macos") { "cann" } else { "coreml" };
    let error = on(absent).expect_err("the device is missing");
    assert!(matches!(error, RuntimeError::NoDevice { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(absent) && text.contains("ORT_DYLIB_PATH"), "{text}");
    let pool = ok(on(&format!("{absent},cpu")));
    assert_eq!(pool.device(), Device::Cpu);
    assert_eq!(pool.provenance().provider, "CPUExecutionProvider");
}

#[test]
fn the_provider_that_runs_the_nodes_is_reported() {
    let pool = pool("linear", &models::linear(&[1.0, 2.0], &[0.0]), &sessions(1));
    let [only] = pool.assignment() else { panic!("{:?}", pool.assignment()) };
    assert_eq!(only.provider, Device::Cpu.provider());
    assert!(only.nodes >= 1, "{only:?}");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let verified = verified("same", &models::identity(1));
    let load = |config: &PoolConfig| SessionPool::load(&verified, config);
    assert!(message(load(&sessions(0))).contains("sessions = 0"));
    let many = PoolConfig { intra_threads: 1 << 40, ..PoolConfig::default() };
    assert!(message(load(&many)).contains("intra_threads"));
}

#[test]
fn every_setting_gives_the_same_answer() {
    let weights: Vec<f32> = (0..64 * 8).map(|i| (i as f32 * 0.37).sin()).collect();
    let verified = verified("linear", &models::linear(&weights, &[0.25; 8]));
    let x = Array2::from_shape_fn((33, 64), |(i, j)| ((i * 64 + j) as f32 * 0.11).cos());
    let plain = run_one(&ok(SessionPool::load(&verified, &PoolConfig::default())), &x);
    let expected =
        x.dot(&ok(Array2::from_shape_vec((64, 8), weights))) + Array1::from_elem(8, 0.25);
    assert!(plain.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4));
    use strata_core::runtime::Optimization;
    let base = PoolConfig::default;
    for config in [
        PoolConfig { arena: false, memory_pattern: false, ..base() },
        PoolConfig { intra_threads: 2, inter_threads: 2, ..base() },
        PoolConfig { spinning: true, intra_threads: 2, ..base() },
        PoolConfig { optimization: Optimization::Basic, ..base() },
        PoolConfig { optimization: Optimization::Extended, ..base() },
    ] {
        let pool = ok(SessionPool::load(&verified, &config));
        let values = run_one(&pool, &x);
        assert!(values.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-5), "{config:?}");
    }
}

#[test]
fn outputs_are_written_into_the_memory_given_and_come_back() {
    let pool = pool("pair", &models::two_in_two_out(), &sessions(1));
    let ids = array![40_i64, -1];
    let x = ok(Buffer::new(&[2, 2], vec![1.5, -2.0, 0.25, 8.0]));
    let target = ok(Buffer::zeros(&[2, 2]));
    let address = target.values().as_ptr();
    let inputs = || Inputs::new().with("x", x.view()).with("ids", ids.view());
    assert_eq!(inputs().copied_bytes(), 0);
    let made = ok(pool.run_into(&inputs(), vec![("twice", target)], &RunOptions::default()));
    let [target] = made.as_slice() else { panic!("{} outputs", made.len()) };
    assert_eq!(target.values(), [3.0, -4.0, 0.5, 16.0]);
    assert_eq!(target.values().as_ptr(), address);

    let fails = |name: &str, shape: &[usize]| {
        let target = ok(Buffer::zeros(shape));
        message(pool.run_into(&inputs(), vec![(name, target)], &RunOptions::default()).map(drop))
    };
    assert!(fails("twice", &[4]).contains("float32 [N, 2]"));
    assert!(fails("next", &[2]).contains("int64"));
    assert!(fails("thrice", &[2]).contains("no such output"));
    let cancel = strata_core::runtime::CancelToken::new();
    cancel.cancel();
    let options = RunOptions { cancel: Some(cancel), ..RunOptions::default() };
    let target = ok(Buffer::zeros(&[2, 2]));
    assert!(
        message(pool.run_into(&inputs(), vec![("twice", target)], &options)).contains("cancel")
    );
    assert!(Buffer::new(&[2, 2], vec![0.0]).is_err() && Buffer::new(&[0], Vec::new()).is_err());
}

#[test]
fn outputs_of_any_type_go_into_another_call() {
    let pool = pool("pair", &models::two_in_two_out(), &sessions(1));
    let (x, ids) = (array![[1.5_f32, -2.0], [0.25, 8.0]], array![40_i64, -1]);
    let inputs = Inputs::new().with("x", x.view()).with("ids", ids.view());
    let first = ok(pool.run(&inputs, &RunOptions::default()));
    // Its names differ from the inputs' here; an output is given under its own.
    let again = ok(first.give("twice", Inputs::new()));
    assert_eq!(again.copied_bytes(), 0);
    assert!(message(pool.run(&again, &RunOptions::default())).contains("\"twice\""));
    assert!(message(first.give("thrice", Inputs::new()).map(drop)).contains("thrice"));
}
