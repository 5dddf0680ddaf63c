//! ChEMBL's multitask model, run for real where its file is present.
#![allow(clippy::unwrap_used, reason = "a test's helpers stop the test as it does itself")]

mod screen_support;

use screen_support::{column, has_runtime, screened, table, text};

/// By RDKit 2026.09 and onnxruntime 1.32 in Python.
const EXPECTED: [&str; 2] = [
    "CHEMBL4618:0.978; CHEMBL3602:0.975; CHEMBL287:0.968; CHEMBL4153:0.959; CHEMBL5555:0.954",
    "CHEMBL2722:0.989; CHEMBL6140:0.981; CHEMBL1899:0.971; CHEMBL4980:0.968; CHEMBL4409:0.967",
];

fn parse(target: &str) -> (&str, f64) {
    let (name, probability) = target.split_once(':').unwrap();
    (name, probability.parse().unwrap())
}

#[test]
fn the_targets_of_known_drugs_are_named() {
    let Some(shared) = strata_testkit::shared_dir() else {
        return strata_testkit::skip("no shared folder with the public models");
    };
    let file = "chembl_37_multitask_q8.onnx";
    let public = shared.join("models/drug/chembl_multitask_q8");
    if !public.join(file).is_file() || !has_runtime() {
        return strata_testkit::skip("the ChEMBL multitask model is not here");
    }
    // The card as shipped, with the files beside it, as `models fetch` would leave them.
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("models/chembl-multitask");
    std::fs::create_dir_all(&model).unwrap();
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let card = repository.join("shared-models/chembl-multitask/card.toml");
    std::fs::copy(card, model.join("card.toml")).unwrap();
    for name in [file, "targets_37_all.json"] {
        std::fs::copy(public.join(name), model.join(name)).unwrap();
    }
    let input = dir.path().join("in.smi");
    let drugs = "O=C(CCCN1CCC(O)(c2ccc(Cl)cc2)CC1)c1ccc(F)cc1 haloperidol\n\
                 Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1 celecoxib\nbroken broken\n";
    std::fs::write(&input, drugs).unwrap();
    let out = dir.path().join("out.csv");
    let models = dir.path().join("models");
    let args = [text(&input), "-o", text(&out), "-q", "--models", "chembl-multitask"];
    screened(&[&args[..], &["--models-dir", text(&models)]].concat());
    let targets = column(&table(&out), "chembl_top_targets");
    for (row, expected) in targets.iter().zip(EXPECTED) {
        let found: Vec<(&str, f64)> = row.split("; ").map(parse).collect();
        let expected: Vec<(&str, f64)> = expected.split("; ").map(parse).collect();
        assert_eq!((found.len(), found[0].0), (5, expected[0].0), "{row}");
        // 8-bit kernels differ a little between processors, and so may the order of near ties.
        for (name, probability) in expected.iter().take(3) {
            let close =
                |(other, value): &&(&str, f64)| other == name && (value - probability).abs() < 0.02;
            assert!(found.iter().any(|found| close(&found)), "{name} in {row}");
        }
    }
    assert_eq!(targets[2], "");
}
