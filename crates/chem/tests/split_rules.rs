//! Splits: sizes, whole scaffolds, order of the groups, seeds.

use strata_chem::split::{Fractions, Split, random, scaffold, scaffold_balanced};

fn all_rows(split: &Split) -> Vec<usize> {
    let mut rows = [&split.train[..], &split.valid[..], &split.test[..]].concat();
    rows.sort_unstable();
    rows
}

fn assert_whole(scaffolds: &[String], split: &Split) {
    assert_eq!(all_rows(split), (0..scaffolds.len()).collect::<Vec<_>>());
    let part_of = |row: &usize| (split.train.contains(row), split.valid.contains(row));
    for (row, scaffold) in scaffolds.iter().enumerate() {
        let first = scaffolds.iter().position(|other| other == scaffold).unwrap_or(row);
        assert_eq!(part_of(&row), part_of(&first), "scaffold {scaffold} was parted");
    }
}

fn made_up() -> Vec<String> {
    (0..400usize).map(|row| format!("s{}", (row * row + row / 3) % 97)).collect()
}

#[test]
fn deterministic_split_takes_large_scaffolds_first() {
    // Sizes: a 5, b 3, c 1, d 1. Train holds 8 of 10: a, b; then d before c, as the later first row goes first.
    let scaffolds = ["c", "a", "a", "a", "a", "a", "b", "b", "b", "d"];
    let split = scaffold(&scaffolds, Fractions::default());
    assert_eq!(split.train, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!((split.valid, split.test), (vec![9], vec![0]));
}

#[test]
fn scaffolds_stay_whole_and_parts_near_their_size() {
    let scaffolds = made_up();
    let fractions = Fractions::default();
    for split in [scaffold(&scaffolds, fractions), scaffold_balanced(&scaffolds, fractions, 1)] {
        assert_whole(&scaffolds, &split);
        assert!((310..=320).contains(&split.train.len()), "{}", split.train.len());
        let until_valid = split.train.len() + split.valid.len();
        // Small scaffolds may still go to training after validation has taken its share.
        assert!((350..=370).contains(&until_valid), "{until_valid}");
    }
}

#[test]
fn seeds_repeat_and_differ() {
    let scaffolds = made_up();
    let fractions = Fractions::default();
    let balanced = |seed| scaffold_balanced(&scaffolds, fractions, seed);
    assert_eq!(balanced(4), balanced(4));
    assert_ne!(balanced(4), balanced(5));
    assert_eq!(random(100, fractions, 7), random(100, fractions, 7));
    assert_ne!(random(100, fractions, 7), random(100, fractions, 8));
    let split = random(1000, fractions, 0);
    assert_eq!((split.train.len(), split.valid.len(), split.test.len()), (800, 100, 100));
    assert_eq!(all_rows(&split), (0..1000).collect::<Vec<_>>());
    // A shuffle spreads: the test rows are not one end of the data.
    assert!(split.test.iter().any(|&row| row < 200) && split.test.iter().any(|&row| row >= 800));
}

#[test]
fn rounding_of_a_product_moves_no_row() {
    // 0.1 × 30 is 3.0000000000000004 in binary, 0.7 + 0.2 below 0.9.
    let fractions = Fractions::new(0.7, 0.2, 0.1).unwrap();
    let split = random(30, fractions, 0);
    assert_eq!((split.train.len(), split.valid.len(), split.test.len()), (21, 6, 3));
}

#[test]
fn bad_fractions_are_refused() {
    assert!(Fractions::new(0.8, 0.1, 0.2).is_err());
    assert!(Fractions::new(1.2, -0.1, -0.1).is_err());
    assert!(Fractions::new(f64::NAN, 0.5, 0.5).is_err());
    assert!(Fractions::new(0.9, 0.0, 0.1).is_ok());
}
