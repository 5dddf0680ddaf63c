//! Damaged bytes: cut, changed, made up. The card's digest refuses every one; with the card made to
//! fit them, the walk still never panics or hangs.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use strata_core::verify::{FileKind, Limits, VerifyError, WalkKind, walk};
use strata_testkit::onnx::Model;
use strata_testkit::wire::{Message, wire_type};
use strata_testkit::{CardSpec, models, write_card};

use crate::{refused, verify_in, verify_model, verify_spec};

/// A model with something of everything in it.
fn rich() -> Model {
    let mut model = models::slow(3, 4);
    model.graph.sparse = models::sparse_initializer().graph.sparse;
    model.graph.nodes.extend(models::tensor_attribute().graph.nodes.into_iter().take(1));
    model.functions = models::local_function().functions;
    model.opsets = models::local_function().opsets;
    model
}

/// SplitMix64: the same mutations on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// One random change: a bit, a byte, a hole, an insertion or a swapped stretch.
fn mutate(good: &[u8], random: &mut Random) -> Vec<u8> {
    loop {
        let mut bytes = good.to_vec();
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => drop(bytes.drain(at..(at + 1 + random.below(16)).min(good.len()))),
            3 => bytes.insert(at, random.next() as u8),
            _ => {
                let from = random.below(good.len());
                let length = (1 + random.below(32)).min(good.len() - at.max(from));
                bytes[at..at + length].copy_from_slice(&good[from..from + length]);
            }
        }
        if bytes != good && !bytes.is_empty() {
            return bytes;
        }
    }
}

#[test]
fn mutations_are_refused_by_size_or_digest() {
    let models = tempfile::tempdir().unwrap();
    let dir = write_card(models.path(), &CardSpec::new("m"), &rich()).unwrap();
    verify_in(models.path()).unwrap();
    let good = rich().encode();
    let mut random = Random(20_260_101);
    let mut by_digest = 0;
    for _ in 0..200 {
        let bytes = mutate(&good, &mut random);
        std::fs::write(dir.join("m.onnx"), &bytes).unwrap();
        let same_size = bytes.len() == good.len();
        match verify_in(models.path()) {
            Err(VerifyError::File { source, .. }) => match source.kind {
                FileKind::Digest { .. } if same_size => by_digest += 1,
                FileKind::Size { .. } if !same_size => {}
                other => panic!("{other}"),
            },
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("accepted"),
        }
    }
    assert!((50..=150).contains(&by_digest), "both kinds occur: {by_digest}");
}

#[test]
fn mutations_that_the_card_fits_are_refused_or_harmless() {
    let model = rich();
    let good = model.encode();
    let expected = verify_model(&model).unwrap().signature;
    let mut random = Random(7);
    let (mut accepted, started) = (0, Instant::now());
    for _ in 0..1000 {
        let bytes = mutate(&good, &mut random);
        let spec = CardSpec { model_bytes: Some(bytes), ..CardSpec::new("m") };
        match verify_spec(&spec, &model) {
            Ok(verified) => {
                accepted += 1;
                let names = |values: &[strata_core::verify::ValueInfo]| {
                    values.iter().map(|v| v.name.clone()).collect::<Vec<_>>()
                };
                assert_eq!(names(&verified.signature.inputs), names(&expected.inputs));
                assert_eq!(names(&verified.signature.outputs), names(&expected.outputs));
            }
            Err(VerifyError::Walk { .. } | VerifyError::Signature { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    // Weights, names and numbers may change without breaking the format; structure may not.
    assert!(accepted < 700, "{accepted} of 1000 accepted");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let mut model = rich();
    // The operator set is last then: each proper prefix lacks it or ends in the middle of a field.
    model.functions.clear();
    model.opsets.clear();
    let good = model.encode();
    walk(&good, &Limits::default(), &[]).unwrap();
    for length in 0..good.len() {
        let kind = walk(&good[..length], &Limits::default(), &[]).unwrap_err().kind;
        assert!(
            matches!(kind, WalkKind::Truncated { .. } | WalkKind::Missing(_)),
            "{length}: {kind}"
        );
    }
    // Through the card as well, some of them.
    for length in (1..good.len()).step_by(37) {
        let bytes = good[..length].to_vec();
        let spec = CardSpec { model_bytes: Some(bytes), ..CardSpec::new("m") };
        refused(verify_spec(&spec, &model));
    }
}

/// A good model with `extra` behind it.
fn followed_by(extra: impl Fn(&mut Message)) -> WalkKind {
    let mut message = Message::new();
    message.raw(&models::identity(2).encode());
    extra(&mut message);
    let spec = CardSpec { model_bytes: Some(message.into_bytes()), ..CardSpec::new("m") };
    refused(verify_spec(&spec, &models::identity(2)))
}

#[test]
fn lengths_and_integers_beyond_all_bounds_are_refused() {
    for claimed in [1, 1 << 31, 1 << 32, 1 << 63, u64::MAX] {
        let kind = followed_by(|m| {
            m.tag(7, wire_type::LEN);
            m.varint(claimed);
        });
        assert_eq!(kind, WalkKind::Truncated { claimed, left: 0 });
    }
    let kind = followed_by(|m| {
        m.tag(5, wire_type::VARINT);
        m.raw(&[0xff; 10]);
    });
    assert_eq!(kind, WalkKind::Varint);
    assert_eq!(followed_by(|m| m.raw(&[0x00])), WalkKind::FieldNumber(0));
}

#[test]
fn groups_wrong_wire_types_and_unknown_fields_are_refused() {
    let group = |m: &mut Message| {
        m.tag(7, wire_type::GROUP_START);
        m.tag(7, wire_type::GROUP_END);
    };
    assert_eq!(followed_by(group), WalkKind::WireType { field: 7, wire: 3 });
    let end = |m: &mut Message| m.tag(7, wire_type::GROUP_END);
    assert_eq!(followed_by(end), WalkKind::WireType { field: 7, wire: 4 });
    assert_eq!(followed_by(|m| m.int(8, 1)), WalkKind::WireType { field: 8, wire: 0 });
    assert_eq!(followed_by(|m| m.int(99, 1)), WalkKind::UnknownField(99));
    assert_eq!(followed_by(|m| m.int(1, 8)), WalkKind::Repeated(1));
}

#[test]
fn a_second_graph_is_refused() {
    // Protobuf would merge the two; a reader of one would miss what the other hides.
    let kind = followed_by(|m| m.message(7, &models::identity(2).graph.encode()));
    assert_eq!(kind, WalkKind::Repeated(7));
}

#[test]
fn bytes_that_onnx_runtime_would_take_for_its_own_format_are_refused() {
    // Valid protobuf: the producer's name. Valid as a flatbuffer's mark as well.
    let mut message = Message::new();
    message.string(2, "xxORTM");
    message.raw(&models::identity(2).encode()[2..]);
    let mut bytes = message.into_bytes();
    assert_eq!(&bytes[4..8], b"ORTM");
    let spec = |bytes| CardSpec { model_bytes: Some(bytes), ..CardSpec::new("m") };
    let kind = refused(verify_spec(&spec(bytes.clone()), &models::identity(2)));
    assert_eq!(kind, WalkKind::OrtFormat);
    bytes[7] = b'N';
    let kind = refused(verify_spec(&spec(bytes), &models::identity(2)));
    assert_eq!(kind, WalkKind::Repeated(2), "the walk goes on without the mark");
}

#[test]
fn empty_and_half_models_are_refused() {
    let kind = |bytes: &[u8]| walk(bytes, &Limits::default(), &[]).unwrap_err().kind;
    assert_eq!(kind(&[]), WalkKind::Missing("the graph"));
    let mut message = Message::new();
    message.message(7, &models::identity(2).graph.encode());
    assert_eq!(kind(&message.into_bytes()), WalkKind::Missing("the operator set"));
}

#[test]
fn time_grows_with_the_file_and_no_faster() {
    // Very many nodes and tensors, each as small as possible: anything quadratic takes minutes.
    let mut graph = Message::new();
    let node = Message::new();
    let mut tensor = Message::new();
    tensor.int(1, 0);
    tensor.int(2, 1);
    for _ in 0..100_000 {
        graph.message(1, &node);
        graph.message(5, &tensor);
    }
    let mut opset = Message::new();
    opset.int(2, 17);
    let mut model = Message::new();
    model.message(7, &graph);
    model.message(8, &opset);
    let bytes = model.into_bytes();
    let started = Instant::now();
    let walked = walk(&bytes, &Limits::default(), &[]).unwrap();
    assert_eq!(walked.signature.nodes, 100_000);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// Random messages with field numbers that ONNX has, nested like ONNX's.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..24),
        prop::sample::select(vec!["location", "../x", "value", "If"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ];
    leaf.prop_recursive(10, 200, 6, |inner| {
        prop::collection::vec((1_u32..27, 0_u32..6, any::<u64>(), inner), 0..6).prop_map(|fields| {
            let mut message = Message::new();
            for (number, wire, value, bytes) in fields {
                match wire {
                    0 => message.int(number, (value >> (value % 64)).cast_signed()),
                    1 => message.float(number, value as f32),
                    _ => message.bytes(number, &bytes),
                }
            }
            message.into_bytes()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let started = Instant::now();
        let _ = walk(&bytes, &Limits::default(), &[]);
        prop_assert!(started.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn arbitrary_messages_never_panic(graph in message(), rest in message()) {
        let mut model = Message::new();
        model.bytes(7, &graph);
        model.raw(&rest);
        let started = Instant::now();
        let _ = walk(&model.into_bytes(), &Limits::default(), &[]);
        prop_assert!(started.elapsed() < Duration::from_secs(2));
    }
}
