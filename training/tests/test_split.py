"""The split: order, filling, and that no scaffold is cut in two."""

import numpy as np

from strata_training.split import murcko, scaffold_folds, scaffold_groups, scaffold_split


def test_equal_groups_go_later_rows_first():
    assert scaffold_groups(["a", "b", "b", "c", "a", "d"]) == [[1, 2], [0, 4], [5], [3]]


def test_groups_fill_train_then_valid_then_test():
    split = scaffold_split(list("aaaaaaa") + ["b", "c", "d"])
    assert split.train.tolist() == [0, 1, 2, 3, 4, 5, 6, 9]
    assert split.valid.tolist() == [8]
    assert split.test.tolist() == [7]


def test_a_group_too_large_for_train_goes_on():
    split = scaffold_split(list("aaaaaaaaaa") + ["b"])
    assert split.train.tolist() == [10]
    assert split.valid.tolist() == []
    assert split.test.tolist() == list(range(10))


def test_every_row_is_in_one_part_and_scaffolds_stay_whole():
    scaffolds = [str(i % 7 if i < 60 else i) for i in range(100)]
    split = scaffold_split(scaffolds)
    parts = [set(split.train.tolist()), set(split.valid.tolist()), set(split.test.tolist())]
    assert sum(map(len, parts)) == 100 and set().union(*parts) == set(range(100))
    names = [{scaffolds[i] for i in part} for part in parts]
    assert not (names[0] & names[1] or names[0] & names[2] or names[1] & names[2])


def test_folds_keep_scaffolds_whole():
    scaffolds = [str(i // 5) for i in range(100)]
    rows = np.arange(10, 90)
    fold = scaffold_folds(scaffolds, rows, 4, seed=1)
    by_scaffold = {}
    for row, f in zip(rows, fold, strict=True):
        by_scaffold.setdefault(scaffolds[row], set()).add(int(f))
    assert all(len(folds) == 1 for folds in by_scaffold.values())
    assert np.bincount(fold).tolist() == [20, 20, 20, 20]


def test_scaffold_ignores_chirality_and_side_chains():
    assert murcko("C[C@H](O)c1ccccc1") == murcko("CC(O)c1ccccc1") == "c1ccccc1"
    assert murcko("CCO") == ""
