//! What a bad case gets: a row with its cause, while every other case goes on. What a bad
//! graph gets: an error before anything runs.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::{fs, io::Write};

use common::{Ran, Study, small_graph};
use renalflow_imaging::Geometry;

/// Two good cases and a bad one between them, through load, radiomics and table. The bad one
/// fails in `node` with these words; the good ones are done; the run succeeds.
fn one_bad_case(bad: impl FnOnce(&Study), node: &str, words: &[&str]) -> Ran {
    let study = Study::new();
    study.pairs(1);
    bad(&study);
    study.pair("case_9999", |_| {});
    let graph = study.graph(&small_graph(0));
    let ran = study.run(&graph, &[]).succeeded();
    assert_eq!(
        ran.column("features.parquet", "case_id"),
        ["case_0000", "case_0001", "case_9999"].map(|case| Some(case.to_owned()))
    );
    let status = ran.column("features.parquet", "status");
    assert_eq!(
        status,
        ["ok", "failed", "ok"].map(|status| Some(status.to_owned())),
        "{ran:?}"
    );
    let cause = ran.column("features.parquet", "cause")[1].clone().unwrap();
    let fix = ran.column("features.parquet", "fix")[1]
        .clone()
        .unwrap_or_default();
    for word in words {
        assert!(
            format!("{cause}\n{fix}").contains(word),
            "`{word}` is not in: {cause}\n{fix}"
        );
    }
    assert!(cause.lines().count() <= 10, "{cause}");
    assert_eq!(
        ran.column("features.parquet", "failed_node")[1].as_deref(),
        Some(node),
        "{cause}"
    );
    assert!(ran.stdout.contains("case_0001"), "{ran:?}");
    ran
}

fn image(study: &Study) -> std::path::PathBuf {
    study.path("data/case_0001/image.nii.gz")
}

/// Rewrite the bytes of the bad case's image, uncompressed in between.
fn rewrite(study: &Study, change: impl FnOnce(&mut Vec<u8>)) {
    study.pair("case_0001", |_| {});
    let mut bytes = Vec::new();
    let file = fs::File::open(image(study)).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(file), &mut bytes).unwrap();
    change(&mut bytes);
    let mut encoder = flate2::write::GzEncoder::new(
        fs::File::create(image(study)).unwrap(),
        flate2::Compression::fast(),
    );
    encoder.write_all(&bytes).unwrap();
    encoder.finish().unwrap();
}

#[test]
fn truncated_gzip() {
    one_bad_case(
        |study| {
            study.pair("case_0001", |_| {});
            let bytes = fs::read(image(study)).unwrap();
            fs::write(image(study), &bytes[..bytes.len() / 2]).unwrap();
        },
        "load",
        &["image.nii.gz"],
    );
}

#[test]
fn wrong_magic() {
    one_bad_case(
        |study| rewrite(study, |bytes| bytes[344..348].copy_from_slice(b"xyz\0")),
        "load",
        &["image.nii.gz", "magic"],
    );
}

#[test]
fn spacing_of_zero() {
    one_bad_case(
        |study| {
            rewrite(study, |bytes| {
                // No affine either, so that the spacing alone counts.
                bytes[252..256].fill(0);
                bytes[80..84].copy_from_slice(&0f32.to_le_bytes());
            });
        },
        "load",
        &["image.nii.gz", "spacing"],
    );
}

#[test]
fn spacing_that_is_not_a_number() {
    one_bad_case(
        |study| {
            rewrite(study, |bytes| {
                bytes[252..256].fill(0);
                bytes[80..84].copy_from_slice(&f32::NAN.to_le_bytes());
            });
        },
        "load",
        &["image.nii.gz", "spacing"],
    );
}

#[test]
fn dims_that_overflow() {
    one_bad_case(
        |study| {
            rewrite(study, |bytes| {
                for at in [42, 44, 46] {
                    bytes[at..at + 2].copy_from_slice(&i16::MAX.to_le_bytes());
                }
            });
        },
        "load",
        &["image.nii.gz"],
    );
}

#[test]
fn data_shorter_than_the_header_says() {
    one_bad_case(
        |study| rewrite(study, |bytes| bytes.truncate(1000)),
        "load",
        &["image.nii.gz"],
    );
}

#[test]
fn image_and_mask_on_different_grids() {
    one_bad_case(
        |study| {
            study.pair("case_0001", |pair| {
                let mut moved = Geometry::upright([12, 16, 16], [2.0, 1.0, 1.0]).unwrap();
                moved.origin_xyz_mm = [0.0, 0.0, 1.5];
                pair.mask_grid = Some(moved);
            });
        },
        "load",
        &[
            "1.5000 mm",
            "0.7500 voxels",
            "mask.nii.gz",
            "image.nii.gz",
            "grid",
        ],
    );
}

#[test]
fn a_mask_without_the_wanted_label() {
    one_bad_case(
        |study| {
            study.pair("case_0001", |pair| {
                pair.mask.iter_mut().for_each(|label| *label *= 7)
            })
        },
        "radiomics",
        &["tumour", "label 1", "7"],
    );
}

#[test]
fn an_empty_mask() {
    one_bad_case(
        |study| study.pair("case_0001", |pair| pair.mask.fill(0)),
        "radiomics",
        &["empty"],
    );
}

#[test]
fn one_voxel() {
    one_bad_case(
        |study| {
            study.pair("case_0001", |pair| {
                pair.mask.fill(0);
                pair.mask[1700] = 1;
            });
        },
        "radiomics",
        &["1 voxel"],
    );
}

#[test]
fn nan_and_infinite_voxels_in_the_region() {
    for value in [f32::NAN, f32::INFINITY] {
        one_bad_case(
            |study| {
                study.pair("case_0001", |pair| {
                    let inside = pair.mask.iter().position(|label| *label == 1).unwrap();
                    pair.image[inside] = value;
                });
            },
            "radiomics",
            &["not finite"],
        );
    }
}

#[test]
fn nan_voxels_outside_the_region_do_no_harm() {
    let study = Study::new();
    study.pairs(1);
    study.pair("case_0001", |pair| pair.image[0] = f32::NAN);
    let graph = study.graph(&small_graph(0));
    let ran = study.run(&graph, &[]).succeeded();
    assert_eq!(
        ran.column("features.parquet", "status"),
        vec![Some("ok".to_owned()); 2]
    );
    let mean = ran.column("features.parquet", "original_firstorder_Mean");
    assert_eq!(mean[0], mean[1]);
}

#[test]
fn a_file_that_is_not_there() {
    let study = Study::new();
    study.pairs(2);
    fs::remove_file(study.path("data/case_0001/mask.nii.gz")).unwrap();
    let graph = study.graph(&small_graph(0));
    let ran = study.run(&graph, &[]);
    // Known before the run or a failed row; never silently absent.
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(
        said.contains("case_0001") && said.contains("mask.nii.gz"),
        "{ran:?}"
    );
}

#[test]
fn strict_stops_at_the_bad_case() {
    let study = Study::new();
    study.pairs(1);
    study.pair("case_0001", |pair| pair.mask.fill(0));
    let graph = study.graph(&small_graph(0));
    let ran = study.run(&graph, &["--strict"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stdout.contains("case_0001") && ran.stdout.contains("--strict"),
        "{ran:?}"
    );
}

/// Nothing runs, the error names the line and says what to do.
fn refused(graph: impl FnOnce(String) -> String, words: &[&str]) {
    let study = Study::new();
    study.pairs(1);
    let graph = study.graph(&graph(small_graph(0)));
    for ran in [study.check(&graph), study.run(&graph, &[])] {
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(!study.path("runs/graph/journal").exists(), "something ran");
        for word in words {
            assert!(
                ran.stderr.contains(word),
                "`{word}` is not in:\n{}",
                ran.stderr
            );
        }
    }
}

#[test]
fn a_misspelt_option() {
    refused(
        |graph| graph.replace("--regions", "--region"),
        &["--region", "--regions", "graph.yml:16"],
    );
}

#[test]
fn a_misspelt_port() {
    refused(
        |graph| graph.replace("      features: {source", "      feature: {source"),
        &["`feature`", "`features`", "graph.yml:"],
    );
}

#[test]
fn a_misspelt_stage() {
    refused(
        |graph| graph.replace("node radiomics", "node radiomic"),
        &["radiomic", "`radiomics`"],
    );
}

#[test]
fn an_ill_typed_edge() {
    refused(
        |graph| graph.replace("mask: {source: slow/mask", "mask: {source: slow/image"),
        &["image", "labels", "graph.yml:"],
    );
}

#[test]
fn an_ill_typed_option() {
    refused(
        |graph| graph.replace("--regions tumour", "--bin-width-hu wide"),
        &["wide", "bin-width-hu"],
    );
}

#[test]
fn two_nodes_of_one_id() {
    refused(
        |graph| graph.replace("id: slow", "id: load"),
        &["load", "graph.yml:"],
    );
}

#[test]
fn an_edge_to_nowhere() {
    refused(
        |graph| graph.replace("source: radiomics/features", "source: radiomcs/features"),
        &["radiomcs", "radiomics"],
    );
}

#[test]
fn a_cycle() {
    refused(
        |graph| {
            graph
                .replace("image: {source: load/image", "image: {source: second/image")
                .replace(
                    "  - id: radiomics",
                    "  - id: second
    path: renalflow
    args: node window
    inputs:
      image: {source: slow/image, queue_size: 256}
    outputs: [image]
  - id: radiomics",
                )
        },
        &["slow", "second", "circle"],
    );
}

#[test]
fn no_acknowledgement_loop() {
    refused(
        |graph| graph.replace("    inputs: {ack: table/ack}\n", ""),
        &["ack: table/ack"],
    );
}

#[test]
fn a_stage_executable_that_is_not_there() {
    refused(
        |graph| {
            let delay = common::delay().display().to_string();
            graph.replace(&delay, "./no-such-stage")
        },
        &["no-such-stage", "graph.yml:"],
    );
}

#[test]
fn yaml_that_is_none() {
    refused(
        |graph| graph.replace("outputs: [features]", "outputs: [features"),
        &["graph.yml:"],
    );
}

#[test]
fn a_dataset_that_is_not_there() {
    refused(
        |graph| graph.replace("pairs.yml", "pears.yml"),
        &["pears.yml"],
    );
}

#[test]
fn a_label_csv_with_a_missing_and_a_duplicate_case() {
    for (csv, words) in [
        (
            "case_id,malignant\ncase_0000,1\n",
            ["case_0001", "labels.csv"],
        ),
        (
            "case_id,malignant\ncase_0000,1\ncase_0001,0\ncase_0001,1\n",
            ["case_0001", "labels.csv"],
        ),
    ] {
        let study = Study::new();
        study.pairs(2);
        study.manifest("    table: {file: labels.csv}\n");
        study.write("labels.csv", csv);
        let graph = study.graph(&small_graph(0));
        let ran = study.run(&graph, &[]);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(words.iter().all(|word| said.contains(word)), "{ran:?}");
    }
}

/// The IBSI CT phantom's series after a change to its folder; what the one case's row says.
fn dicom(change: impl FnOnce(&std::path::Path)) -> Option<(String, String)> {
    let series = common::shared()?.join("data/ibsi/ibsi_1_ct_radiomics_phantom/dicom");
    if !series.is_dir() {
        eprintln!("skipped: no {}", series.display());
        return None;
    }
    let study = Study::new();
    for folder in ["image", "mask"] {
        fs::create_dir_all(study.path(&format!("dicom/{folder}"))).unwrap();
        for file in fs::read_dir(series.join(folder)).unwrap().flatten() {
            fs::copy(
                file.path(),
                study
                    .path(&format!("dicom/{folder}"))
                    .join(file.file_name()),
            )
            .unwrap();
        }
    }
    change(&study.path("dicom/image"));
    study.write(
        "pairs.yml",
        "name: dicom\nlabels: {1: tumour}\nsource:\n  dicom:\n    root: dicom\n    cases:\n      \
         - {case: phantom, image: image, rtstruct: mask/DCM_RS_00060.dcm}\n    rois: {GTV-1: 1}\n",
    );
    let graph = study.graph(&small_graph(0));
    // One case is the whole cohort, so where it fails there is no table worth the name.
    let ran = study.run(&graph, &[]);
    let column = |name: &str| {
        ran.column("features.parquet", name)[0]
            .clone()
            .unwrap_or_default()
    };
    Some((
        column("status"),
        format!("{}\n{}", column("cause"), column("fix")),
    ))
}

#[test]
fn a_dicom_folder_with_a_gap() {
    let Some((status, cause)) =
        dicom(|folder| fs::remove_file(folder.join("DCM_IMG_00020.dcm")).unwrap())
    else {
        return;
    };
    assert_eq!(status, "failed");
    assert!(
        cause.contains("gap") || cause.contains("missing"),
        "{cause}"
    );
    assert!(cause.contains("mm") && cause.contains(".dcm"), "{cause}");
}

#[test]
fn a_dicom_folder_with_two_series() {
    let changed = dicom(|folder| {
        // The last digit of the series' UID, in one slice.
        let path = folder.join("DCM_IMG_00020.dcm");
        let mut bytes = fs::read(&path).unwrap();
        let tag = [0x20, 0x00, 0x0e, 0x00];
        let at = bytes.windows(4).position(|window| window == tag).unwrap();
        // The length follows the type in explicit, the tag in implicit encoding.
        let at_length = if &bytes[at + 4..at + 6] == b"UI" {
            at + 6
        } else {
            at + 4
        };
        let length = usize::from(u16::from_le_bytes([bytes[at_length], bytes[at_length + 1]]));
        let end = (at + 8..at + 8 + length)
            .rev()
            .find(|&at| bytes[at].is_ascii_digit())
            .unwrap();
        bytes[end] = if bytes[end] == b'1' { b'2' } else { b'1' };
        fs::write(&path, bytes).unwrap();
    });
    let Some((status, cause)) = changed else {
        return;
    };
    assert_eq!(status, "failed");
    assert!(cause.contains("2 series"), "{cause}");
}

#[test]
fn a_dicom_folder_with_a_file_that_is_no_image() {
    let Some((status, cause)) =
        dicom(|folder| fs::write(folder.join("README.txt"), "not DICOM").unwrap())
    else {
        return;
    };
    assert_eq!(status, "ok", "{cause}");
}

#[test]
fn options_that_need_an_input_that_is_not_connected() {
    refused(
        |graph| graph.replace("      image: {source: slow/image, queue_size: 256}\n", ""),
        &["needs intensities", "graph.yml:", "--features shape"],
    );
}

#[test]
fn an_option_that_an_executable_of_someone_else_refuses() {
    refused(
        |graph| graph.replace("--milliseconds", "--miliseconds"),
        &["--miliseconds", "graph.yml:"],
    );
}
