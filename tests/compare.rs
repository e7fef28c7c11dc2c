//! `renalflow compare` on run folders made here: what it prints, what it writes, what it
//! refuses.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
};

use common::{renalflow, root};
use renalflow_frames::{read_parquet, write_parquet};
use renalflow_sdk::{Table, table::Row};
use renalflow_stage_score::rows::{HELD_OUT, RegionScores, ScoreRow, failed_row, table};
use serde_json::{Value as Json, json};

const CASES: usize = 12;

/// Against `tests/snapshots/compare_<name>.snap`.
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("compare_{name}"), text));
}

/// Even numbers from 0 to 1 that depend on all three.
fn noise(case: usize, seed: usize, what: usize) -> f64 {
    let mut state = (case * 7919 + seed * 104_729 + what * 1_299_709 + 17) as u32;
    for _ in 0..3 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    }
    f64::from(state >> 8) / f64::from(1u32 << 24)
}

fn dice(case: usize, seed: usize, gain: f64) -> f64 {
    0.6 + 0.2 * noise(case, 0, 1) + gain * (0.5 + noise(case, 0, 2)) + 0.02 * noise(case, seed, 3)
}

fn scores(region: &str, dice: f64, hd95_mm: Option<f64>) -> RegionScores {
    RegionScores {
        region: region.to_owned(),
        dice,
        surface_dice: dice - 0.1,
        tolerance_mm: 1.0,
        hd95_mm,
        assd_mm: hd95_mm.map(|mm| mm / 4.0),
        reference_ml: 20.0,
        predicted_ml: if hd95_mm.is_some() { 18.0 } else { 0.0 },
        volume_error_ml: -2.0,
        relative_volume_error: Some(-0.1),
        lesions_reference: 1,
        lesions_predicted: 1,
        lesions_found: 1,
        lesion_f1: 1.0,
    }
}

/// Rows of a run in which the tumour is found better by `gain`, without the cases in `without`.
fn rows(seed: usize, gain: f64, without: &[usize]) -> Vec<ScoreRow> {
    let mut rows = Vec::new();
    for case in (0..CASES).filter(|case| !without.contains(case)) {
        let dice = dice(case, seed, gain);
        for (region, dice) in [
            ("kidney and masses", 0.95 + 0.02 * noise(case, seed, 4)),
            ("tumour", dice),
        ] {
            rows.push(ScoreRow {
                case_id: format!("case_{case:02}"),
                patient_id: None,
                set: HELD_OUT.to_owned(),
                fold: Some(case % 5),
                scores: Ok(scores(region, dice, Some(40.0 * (1.0 - dice)))),
            });
        }
    }
    rows
}

fn record(scheme: &str, seed: usize) -> Json {
    json!({
        "renalflow": "0.1.0",
        "graph_resolved": "nodes:\n- id: load\n  path: renalflow\n- id: train\n  path: renalflow\n  inputs:\n    image: {source: load/image, queue_size: 256}\n",
        "complete": true,
        "stopped": null,
        "cases": {"total": CASES, "ok": CASES, "failed": {}, "missing": {}},
        "broken_nodes": {},
        "nodes": {
            "load": {"stage": "load", "version": "1", "options": {"dataset": "kits19.yml"}},
            "train": {"stage": "train", "version": "1", "options": {"scheme": scheme, "seed": seed, "device": format!("cuda:{seed}")}},
        },
    })
}

struct Runs(tempfile::TempDir);

impl Runs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn folder(&self, name: &str, record: &Json) -> PathBuf {
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("run.json"), record.to_string()).unwrap();
        folder
    }

    fn scored(&self, name: &str, record: &Json, rows: &[ScoreRow]) {
        let file = self.folder(name, record).join("scores.parquet");
        write_parquet(&table(rows).unwrap(), &[], &file).unwrap();
    }

    /// Cases of which every third is positive; `shift` tells how well they are told apart.
    fn predicted(&self, name: &str, record: &Json, seed: usize, shift: f64) {
        let rows: Vec<Row> = (0..30)
            .flat_map(|case| {
                (0..2).map(move |repeat| {
                    let positive = case % 3 == 0;
                    let score = 0.6 * noise(case, seed + repeat, 9) + if positive { shift } else { 0.0 };
                    let row = json!({
                        "case_id": format!("case_{case:02}"), "patient_id": format!("p{:02}", case / 2),
                        "status": "ok", "cause": null, "repeat": repeat, "fold": 0, "truth": positive,
                        "probability": score, "target": "malignant", "positive": "true",
                    });
                    row.as_object().unwrap().clone()
                })
            })
            .collect();
        let file = self.folder(name, record).join("predictions.parquet");
        let table = Table::from_rows(&rows).unwrap();
        write_parquet(table.batch(), &[], &file).unwrap();
    }

    fn compare(&self, args: &[&str]) -> (bool, String, String) {
        let output = renalflow()
            .arg("compare")
            .args(args)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    fn shown(&self, args: &[&str]) -> String {
        let (good, stdout, stderr) = self.compare(args);
        assert!(good, "{stdout}{stderr}");
        for line in stdout.lines().filter(|line| !line.starts_with('|')) {
            assert!(line.chars().count() <= 100, "{line}");
        }
        assert!(!stdout.contains('\u{1b}'), "colour is for terminals");
        stdout
    }

    fn refused(&self, args: &[&str]) -> String {
        let (good, stdout, stderr) = self.compare(args);
        assert!(!good, "{stdout}");
        stderr
    }

    /// Two variants of three seeds, a third of one run; a failed case, an absent one, and one
    /// whose prediction is empty in one seed.
    fn study(&self) -> Vec<&'static str> {
        let names = [
            "scratch-seed-1",
            "scratch-seed-2",
            "scratch-seed-3",
            "fsnet-seed-1",
            "fsnet-seed-2",
            "fsnet-seed-3",
            "pooled",
        ];
        for (at, name) in names.into_iter().enumerate() {
            let seed = at % 3 + 1;
            let (scheme, gain) = match at {
                0..3 => ("scratch", 0.0),
                3..6 => ("two-column-joint", 0.08),
                _ => ("pooled", 0.02),
            };
            let mut rows = rows(seed, gain, if at == 1 { &[4] } else { &[] });
            if name == "fsnet-seed-2" {
                rows.retain(|row| row.case_id != "case_07");
                rows.push(failed_row(
                    "case_07",
                    None,
                    HELD_OUT,
                    Some(2),
                    "train: out of memory",
                ));
                let tumour = rows.iter_mut().find(|row| {
                    row.case_id == "case_03"
                        && row.scores.as_ref().is_ok_and(|s| s.region == "tumour")
                });
                tumour.unwrap().scores = Ok(scores("tumour", 0.0, None));
            }
            self.scored(name, &record(scheme, seed), &rows);
            if scheme == "two-column-joint" {
                let gates: String = (0..3)
                    .map(|level| format!("fold-0,0,{level},0\nfold-0,1,{level},0.{level}{seed}\n"))
                    .collect();
                fs::write(
                    self.path(name).join("gates.csv"),
                    format!("network,epoch,level,gate\n{gates}"),
                )
                .unwrap();
            }
        }
        names.to_vec()
    }
}

#[test]
fn replicates_are_one_variant_and_differences_are_paired() {
    let runs = Runs::new();
    let mut args = runs.study();
    args.extend([
        "--metric",
        "dice,hd95_mm",
        "--csv",
        "table.csv",
        "--parquet",
        "table.parquet",
    ]);
    snapshot("table", &runs.shown(&args));

    // The numbers behind it, worked out again: cases 4 and 7 are not common to all.
    let (batch, _) = read_parquet(&runs.path("table.parquet")).unwrap();
    let table = Table::from_batch(batch).unwrap();
    let text = |name: &str| -> Vec<String> {
        table
            .texts(name)
            .unwrap()
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect()
    };
    let row = (0..table.len())
        .find(|&row| {
            text("region")[row] == "kidney and masses"
                && text("metric")[row] == "dice"
                && text("variant")[row] == "fsnet"
        })
        .unwrap();
    let kidney = |seed| -> f64 {
        let cases = (0..CASES).filter(|case| ![4, 7].contains(case));
        cases
            .map(|case| 0.95 + 0.02 * noise(case, seed, 4))
            .sum::<f64>()
            / 10.0
    };
    let means = [kidney(1), kidney(2), kidney(3)];
    let mean = means.iter().sum::<f64>() / 3.0;
    let sd = (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
    let real = |name: &str| table.f64s(name).unwrap()[row];
    assert!((real("mean") - mean).abs() < 1e-12);
    assert!((real("sd") - sd).abs() < 1e-12);
    // The same seeds gave the same kidneys.
    assert!(real("difference").abs() < 1e-12);
    assert_eq!(
        (real("cases"), real("failed"), real("runs")),
        (10.0, 1.0, 3.0)
    );
    let csv = fs::read_to_string(runs.path("table.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + table.len());
    // The same seed, the same table.
    assert_eq!(runs.shown(&args), runs.shown(&args));
}

#[test]
fn cases_of_one_patient_are_drawn_together() {
    let runs = Runs::new();
    for (name, scheme, gain) in [("a", "scratch", 0.0), ("b", "pooled", 0.05)] {
        let mut rows = rows(1, gain, &[]);
        runs.scored(name, &record(scheme, 1), &rows);
        for row in &mut rows {
            let case: usize = row.case_id["case_".len()..].parse().unwrap();
            row.patient_id = Some(format!("p{}", case / 4));
        }
        runs.scored(&format!("{name}-of-few"), &record(scheme, 1), &rows);
    }
    let compare = |a: &str, b: &str| {
        let file = runs.path("table.parquet");
        let args = [
            a,
            b,
            "--metric",
            "dice",
            "--region",
            "tumour",
            "--parquet",
            "table.parquet",
        ];
        let shown = runs.shown(&args);
        let (batch, _) = read_parquet(&file).unwrap();
        let table = Table::from_batch(batch).unwrap();
        let of = |name: &str| table.f64s(name).unwrap()[1];
        (shown, ["patients", "difference", "low", "high"].map(of))
    };
    let (shown, [patients, difference, low, high]) = compare("a", "b");
    assert!(shown.contains("tumour: 12 cases\n"), "{shown}");
    assert_eq!(patients, 12.0);
    let (of_few, [few, same_difference, lower, higher]) = compare("a-of-few", "b-of-few");
    assert!(
        of_few.contains("tumour: 12 cases of 3 patients\n"),
        "{of_few}"
    );
    assert_eq!(few, 3.0);
    assert!((difference - same_difference).abs() < 1e-12);
    // By hand: the mean of three patients drawn thrice, of which each has four cases. The widest
    // draws take one patient three times.
    let by_patient: Vec<f64> = (0..3)
        .map(|patient| {
            let gains =
                (4 * patient..4 * patient + 4).map(|case| dice(case, 1, 0.05) - dice(case, 1, 0.0));
            gains.sum::<f64>() / 4.0
        })
        .collect();
    let ends = |pick: fn(f64, f64) -> f64| by_patient.iter().copied().reduce(pick).unwrap();
    // Each end is one draw of 27, more than the 2.5 % beyond the interval.
    assert!(
        (lower - ends(f64::min)).abs() < 1e-12,
        "{lower} {by_patient:?}"
    );
    assert!(
        (higher - ends(f64::max)).abs() < 1e-12,
        "{higher} {by_patient:?}"
    );
    assert!((low, high) != (lower, higher));
}

#[test]
fn classifiers_are_compared_case_by_case() {
    let runs = Runs::new();
    for (name, model, shift) in [("forest", "random-forest", 0.15), ("svm", "svm", 0.4)] {
        let mut record = record("none", 1);
        record["nodes"]["train"] =
            json!({"stage": "classify", "version": "1", "options": {"model": model, "seed": 3}});
        runs.predicted(name, &record, 5, shift);
    }
    snapshot("markdown", &runs.shown(&["forest", "svm", "--markdown"]));
    // The other way round the difference has the other sign.
    let back = runs.shown(&["svm", "forest", "--metric", "auc"]);
    assert!(back.contains("forest  "), "{back}");
}

#[test]
fn long_names_become_letters_with_a_legend() {
    let runs = Runs::new();
    runs.scored(
        "a-name-that-leaves-no-room-for-anything-else",
        &record("scratch", 1),
        &rows(1, 0.0, &[]),
    );
    runs.scored(
        "b-name-that-leaves-no-room-for-anything-else",
        &record("pooled", 1),
        &rows(1, 0.1, &[]),
    );
    let shown = runs.shown(&[
        "a-name-that-leaves-no-room-for-anything-else",
        "b-name-that-leaves-no-room-for-anything-else",
    ]);
    assert!(shown.contains("  A  a-name-that"), "{shown}");
    assert!(
        shown.contains("train.scheme=pooled (not scratch)"),
        "{shown}"
    );
}

#[test]
fn runs_named_otherwise_are_called_by_what_differs() {
    let runs = Runs::new();
    for (name, scheme, seed) in [("x", "scratch", 1), ("y", "scratch", 2), ("z", "pooled", 1)] {
        runs.scored(name, &record(scheme, seed), &rows(seed, 0.0, &[]));
    }
    let shown = runs.shown(&["x", "y", "z", "--region", "tumour"]);
    assert!(shown.contains("scheme=scratch"), "{shown}");
    assert!(!shown.contains("kidney"), "{shown}");
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let runs = Runs::new();
    runs.scored("a", &record("scratch", 1), &rows(1, 0.0, &[]));
    runs.scored("a.1", &record("scratch", 1), &rows(1, 0.0, &[]));
    runs.scored("b", &record("pooled", 1), &rows(1, 0.0, &[]));
    let only: Vec<usize> = (0..6).collect();
    let rest: Vec<usize> = (6..CASES).collect();
    runs.scored("first-half", &record("scratch", 1), &rows(1, 0.0, &rest));
    runs.scored("other-half", &record("pooled", 1), &rows(1, 0.0, &only));
    let mut other = rows(1, 0.0, &[]);
    for row in &mut other {
        row.set = "test".to_owned();
    }
    runs.scored("elsewhere", &record("pooled", 1), &other);
    runs.predicted("classifier", &record("none", 1), 1, 0.1);
    let mut broken = record("scratch", 1);
    broken["complete"] = json!(false);
    broken["broken_nodes"] = json!({"train": "out of memory"});
    runs.scored("broken", &broken, &rows(1, 0.0, &[]));
    fs::create_dir_all(runs.path("running/journal")).unwrap();
    fs::create_dir_all(runs.path("photos")).unwrap();
    fs::create_dir_all(runs.path("damaged")).unwrap();
    fs::write(
        runs.path("damaged/run.json"),
        record("scratch", 2).to_string(),
    )
    .unwrap();
    fs::write(runs.path("damaged/scores.parquet"), "PAR1").unwrap();
    runs.folder("nothing", &record("scratch", 2));
    for (args, parts) in [
        (
            &["a"][..],
            &["one run and nothing to compare", "fix: give two or more"][..],
        ),
        (&["a", "absent"], &["there is no folder absent"]),
        (
            &["a", "photos"],
            &["photos is not the folder of a run: it has no run.json"],
        ),
        (
            &["a", "running"],
            &["the run running is not finished", "fix: wait"],
        ),
        (
            &["a", "broken"],
            &["the run broken did not complete: it broke in train"],
        ),
        (
            &["a", "damaged"],
            &["damaged/scores.parquet cannot be read as Parquet"],
        ),
        (
            &["a", "nothing"],
            &["neither scores.parquet nor predictions.parquet"],
        ),
        (
            &["a", "a.1"],
            &["a and a.1 have the same settings and the same seeds"],
        ),
        (
            &["a", "classifier"],
            &["no metric in common", "classifier has predictions"],
        ),
        (
            &["a", "elsewhere"],
            &[
                "no region in common",
                "elsewhere has test, kidney and masses",
            ],
        ),
        (
            &["first-half", "other-half"],
            &["no scored case in common", "case_00 (other-half: absent)"],
        ),
        (
            &["a", "b", "--region", "liver"],
            &["no run has the region liver", "held-out, tumour"],
        ),
        (
            &["a", "b", "--metric", "auc"],
            &["do not have the metric auc"],
        ),
        (
            &["a", "b", "--metric", "dise"],
            &["invalid value 'dise'", "hd95_mm"],
        ),
        (
            &["a", "b", "--csv", "no/where.csv"],
            &["cannot write no/where.csv"],
        ),
    ] {
        let error = runs.refused(args);
        for part in parts {
            assert!(error.contains(part), "{args:?}: {error}");
        }
    }
    assert!(!Path::new(&runs.path("no")).exists());
}
