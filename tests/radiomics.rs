//! `renalflow radiomics` as its users call it, and the stage with the same parameter file.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::{collections::BTreeSet, fs, process::Output};

use common::{Study, renalflow, shared, small_graph};
use renalflow_sdk::Table;
use serde_json::Value as Json;

const PARAMS: &str = "imageType:\n  Original: {}\n  Wavelet: {}\nfeatureClass:\n  firstorder: [Mean, \
                      Energy]\n  glcm: [Contrast]\n  shape: [MeshVolume]\nsetting:\n  binWidth: 10\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn radiomics(study: &Study, args: &[&str]) -> Output {
    let mut command = renalflow();
    command.arg("radiomics").args(args);
    command.current_dir(study.dir.path()).output().unwrap()
}

/// Two cases with a list of three rows, the last of which names a label that is not there.
fn study() -> Study {
    let study = Study::new();
    study.pairs(2);
    study.write("params.yaml", PARAMS);
    study.write(
        "cases.csv",
        "Patient,Image,Mask,Label\n\
         A,data/case_0000/image.nii.gz,data/case_0000/mask.nii.gz,1\n\
         B,data/case_0001/image.nii.gz,data/case_0001/mask.nii.gz,\n\
         C,data/case_0001/image.nii.gz,data/case_0001/mask.nii.gz,7\n",
    );
    study
}

#[test]
fn one_case_in_every_form_holds_the_same_values() {
    let study = study();
    let case = ["data/case_0000/image.nii.gz", "data/case_0000/mask.nii.gz"];
    let mut values = Vec::new();
    for file in ["f.parquet", "f.csv", "f.json"] {
        let args = ["--params", "params.yaml", case[0], case[1], "-o", file];
        let output = radiomics(&study, &args);
        assert!(output.status.success(), "{output:?}");
        let path = study.path(file);
        let value = match file {
            "f.parquet" => {
                let (batch, _) = renalflow_frames::read_parquet(&path).unwrap();
                let table = Table::from_batch(batch).unwrap();
                table.f64s("wavelet-LLH_glcm_Contrast").unwrap()[0]
            }
            "f.csv" => {
                let mut reader = csv::Reader::from_path(&path).unwrap();
                let header = reader.headers().unwrap().clone();
                let at = header.iter().position(|c| c == "wavelet-LLH_glcm_Contrast");
                let row = reader.records().next().unwrap().unwrap();
                row[at.unwrap()].parse().unwrap()
            }
            _ => {
                let rows: Vec<serde_json::Map<String, Json>> =
                    serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
                assert!(rows[0].values().all(|v| !v.is_object() && !v.is_array()));
                assert_eq!(rows[0]["diagnostics_Mask-original_VoxelNum"], 125);
                rows[0]["wavelet-LLH_glcm_Contrast"].as_f64().unwrap()
            }
        };
        values.push(value);
    }
    assert!(
        values[0] > 0.0 && values.iter().all(|v| *v == values[0]),
        "{values:?}"
    );
}

#[test]
fn a_bad_row_of_a_list_is_a_row_with_its_error_and_the_others_are_done() {
    let study = study();
    let args = [
        "--params",
        "params.yaml",
        "cases.csv",
        "-j",
        "2",
        "-o",
        "f.parquet",
    ];
    let output = radiomics(&study, &args);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let complaints = text(&output.stderr);
    assert!(
        complaints.contains("label 7 is not in the mask"),
        "{complaints}"
    );
    assert!(complaints.contains("2 of 3 rows"), "{complaints}");

    let (batch, _) = renalflow_frames::read_parquet(&study.path("f.parquet")).unwrap();
    let table = Table::from_batch(batch).unwrap();
    let some = |values: [&str; 3]| values.map(|v| Some(v.to_owned())).to_vec();
    assert_eq!(table.texts("Patient").unwrap(), some(["A", "B", "C"]));
    assert_eq!(table.texts("status").unwrap(), some(["ok", "ok", "failed"]));
    assert_eq!(table.texts("Label").unwrap(), some(["1", "1", "7"]));
    let error = table.texts("error").unwrap();
    assert!(error[0].is_none() && error[2].as_ref().unwrap().contains("label 7"));
    let mean = table.f64s("original_firstorder_Mean").unwrap();
    assert!(mean[0] == mean[1] && mean[2].is_nan());
    let features: Vec<&str> = table
        .names()
        .into_iter()
        .filter(|name| name.starts_with("original_") || name.starts_with("wavelet"))
        .collect();
    // Shape once; three features on the image and its eight sub-bands.
    assert_eq!(features.len(), 1 + 3 * 9, "{features:?}");
    assert_eq!(features[0], "original_shape_MeshVolume");
}

#[test]
fn threads_do_not_change_a_byte() {
    let study = study();
    for jobs in ["1", "3"] {
        let file = format!("f{jobs}.parquet");
        let args = [
            "-p",
            "params.yaml",
            "cases.csv",
            "-q",
            "-j",
            jobs,
            "-o",
            &file,
        ];
        radiomics(&study, &args);
    }
    let bytes = |name: &str| fs::read(study.path(name)).unwrap();
    assert!(bytes("f1.parquet") == bytes("f3.parquet"));
}

#[test]
fn mistakes_are_told_before_anything_is_computed() {
    let study = study();
    study.write("typo.yaml", &PARAMS.replace("binWidth", "binWdith"));
    let case = ["data/case_0000/image.nii.gz", "data/case_0000/mask.nii.gz"];
    for (args, says) in [
        (
            vec!["-p", "typo.yaml", case[0], case[1]],
            "did you mean `binWidth`?",
        ),
        (vec!["-p", "absent.yaml", case[0], case[1]], "absent.yaml"),
        (vec![case[0]], "an image needs a mask"),
        (vec!["cases.csv", case[1]], "names its masks itself"),
        (vec!["cases.csv", "-o", "f.xlsx"], ".parquet"),
        (
            vec!["cases.csv", "-o", "absent/f.csv"],
            "nothing was written",
        ),
        (vec!["cases.csv", "-f", "parquet"], "name a file"),
    ] {
        let output = radiomics(&study, &args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let complaint = text(&output.stderr);
        assert!(complaint.contains(says), "{args:?}: {complaint}");
        assert_eq!(complaint.matches("error:").count(), 1, "{complaint}");
    }
    study.write("no-mask.csv", "Image,Msk\na,b\n");
    let complaint = text(&radiomics(&study, &["no-mask.csv"]).stderr);
    assert!(
        complaint.contains("no-mask.csv:1: there is no column `Mask`")
            && complaint.contains("`Msk`"),
        "{complaint}"
    );
}

#[test]
fn maps_are_files_and_their_memory_is_stated_first() {
    let study = study();
    study.write(
        "maps.yaml",
        "featureClass:\n  firstorder: [Mean]\n  glcm: [Contrast]\nvoxelSetting:\n  kernelRadius: 1\n",
    );
    let case = ["data/case_0000/image.nii.gz", "data/case_0000/mask.nii.gz"];
    let args = ["-p", "maps.yaml", case[0], case[1], "--maps", "out"];
    let output = radiomics(&study, &args);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stderr).contains("MiB"), "{output:?}");
    let files: BTreeSet<String> = fs::read_dir(study.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = [
        "original_firstorder_Mean.nii.gz",
        "original_glcm_Contrast.nii.gz",
    ];
    assert_eq!(files, expected.map(str::to_owned).into());
}

#[test]
fn the_stage_gives_the_rows_of_the_command() {
    let study = study();
    let graph = small_graph(0).replace(
        "node radiomics --regions tumour",
        "node radiomics --regions tumour --params params.yaml",
    );
    let ran = study.run(&study.graph(&graph), &[]).succeeded();
    let args = ["-p", "params.yaml", "cases.csv", "-q", "-o", "f.parquet"];
    radiomics(&study, &args);
    let (batch, _) = renalflow_frames::read_parquet(&study.path("f.parquet")).unwrap();
    let table = Table::from_batch(batch).unwrap();
    for column in [
        "original_shape_MeshVolume",
        "wavelet-HHH_firstorder_Energy",
        "diagnostics_Image-original_Hash",
        "diagnostics_Configuration_Digest",
    ] {
        let of_stage = ran.column("features.parquet", column);
        let of_command = table.texts(column).unwrap();
        assert_eq!(of_stage[..2], of_command[..2], "{column}");
    }
}

#[test]
fn conformance_exits_by_what_it_finds() {
    let study = Study::new();
    let run = |data: &std::path::Path| {
        let mut command = renalflow();
        command
            .args(["conformance", "ibsi1", "--failed", "--data"])
            .arg(data);
        command.output().unwrap()
    };
    let output = run(study.dir.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("error:"), "{output:?}");
    let Some(shared) = shared() else { return };
    let output = run(&shared);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).contains("482 of    482"), "{output:?}");
}
