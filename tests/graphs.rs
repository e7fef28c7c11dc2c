//! The graphs that the project ships, run by the real executable from end to end.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::fs;

use common::{Ran, Study, root, shared};
use renalflow_imaging::nifti;

/// Run a graph of the project into a folder of this test.
fn shipped(study: &Study, graph: &str, args: &[&str]) -> Ran {
    let mut ran = study.run(&root().join("dataflows").join(graph), args);
    let name = args
        .windows(2)
        .find(|pair| pair[0] == "--name")
        .map_or_else(
            || graph.trim_end_matches(".yml").to_owned(),
            |pair| pair[1].to_owned(),
        );
    ran.folder = study.path("runs").join(name);
    ran
}

fn numbers(ran: &Ran, column: &str) -> Vec<f64> {
    ran.column("features.parquet", column)
        .into_iter()
        .map(|text| text.map_or(f64::NAN, |text| text.parse().unwrap()))
        .collect()
}

#[test]
fn the_readme_graph_goes_from_phantoms_to_a_validated_classifier() {
    let study = Study::new();
    let ran = shipped(&study, "radiomics.yml", &[]).succeeded();
    for file in [
        "features.parquet",
        "predictions.parquet",
        "metrics.json",
        "run.json",
    ] {
        assert!(ran.folder.join(file).exists(), "{file}");
    }
    let nodes = [
        "load",
        "resample",
        "window",
        "crop",
        "radiomics",
        "table",
        "classify",
        "evaluate",
    ];
    let record = ran.record();
    for node in nodes {
        assert!(
            ran.folder.join(format!("logs/{node}.log")).exists(),
            "{node}"
        );
        let node = &record["nodes"][node];
        assert!(
            node["peak_memory_mib"]
                .as_f64()
                .is_some_and(|mib| mib > 1.0),
            "{node}"
        );
        assert!(
            node["options"].is_object() && node["version"].is_string(),
            "{node}"
        );
    }
    assert_eq!(
        record["nodes"]["radiomics"]["options"]["bin_width_hu"],
        25.0
    );
    assert!(
        record["nodes"]["crop"]["lineage"]["phantom_primary_0000"]["image"].is_string(),
        "{record:#}"
    );
    assert_eq!(
        ran.column("features.parquet", "status"),
        vec![Some("ok".to_owned()); 20]
    );

    let metrics: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(ran.folder.join("metrics.json")).unwrap())
            .unwrap();
    let auc = metrics["classifier"]["auc"]["value"].as_f64().unwrap();
    assert!((0.5..1.0).contains(&auc), "{auc}");
    // The last lines say what came out and where it is.
    assert!(ran.stdout.contains(&format!("AUC {auc:.3}")), "{ran:?}");
    assert!(
        ran.stdout.contains("features.parquet") && ran.stdout.contains("20 of 20 cases"),
        "{ran:?}"
    );
    // What the documents promise a newcomer is what is printed.
    let (_, result) = ran.stdout.split_once("result\n").unwrap();
    let (result, _) = result.split_once("\n\n").unwrap();
    for document in ["README.md", "docs/tutorials/first-study.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        assert!(
            text.contains(result),
            "{document} does not show this:\n{result}"
        );
    }
}

#[test]
fn the_same_graph_gives_the_same_bytes() {
    let study = Study::new();
    let sets = ["--set", "load.first=6"];
    let graph = study.graph(
        &fs::read_to_string(root().join("dataflows/sts.yml"))
            .unwrap()
            .replace(
                "../datasets/sts.yml",
                root()
                    .join("datasets/phantom-primary.yml")
                    .to_str()
                    .unwrap(),
            ),
    );
    let one = study.run(&graph, &[&sets[..], &["--name", "one"]].concat());
    assert_eq!(one.code, Some(0), "{one:?}");
    let mut command = study.command(&graph, &[&sets[..], &["--name", "two"]].concat());
    let two = study.ran(command.env("RAYON_NUM_THREADS", "1").output().unwrap());
    assert_eq!(two.code, Some(0), "{two:?}");
    let table =
        |name: &str| fs::read(study.path("runs").join(name).join("features.parquet")).unwrap();
    assert!(
        table("one") == table("two"),
        "features.parquet differs with one thread"
    );
}

#[test]
fn an_option_changed_by_set_changes_lineage_and_values_from_there_on() {
    let study = Study::new();
    let first = [
        "--set",
        "load.first=2",
        "--set",
        "classify.validation=leave-one-patient-out",
    ];
    let graph = study.graph(
        &fs::read_to_string(root().join("dataflows/sts.yml"))
            .unwrap()
            .replace(
                "../datasets/sts.yml",
                root()
                    .join("datasets/phantom-primary.yml")
                    .to_str()
                    .unwrap(),
            ),
    );
    let keys = |ran: &Ran, node: &str| {
        ran.record()["nodes"][node]["lineage"]["phantom_primary_0000"].clone()
    };
    let mut a = study
        .run(&graph, &[&first[..2], &["--name", "a"]].concat())
        .succeeded();
    a.folder = study.path("runs/a");
    let mut b = study
        .run(
            &graph,
            &[
                &first[..2],
                &["--name", "b", "--set", "radiomics.bin-width-hu=10"],
            ]
            .concat(),
        )
        .succeeded();
    b.folder = study.path("runs/b");
    assert_eq!(keys(&a, "crop"), keys(&b, "crop"));
    assert_ne!(keys(&a, "radiomics"), keys(&b, "radiomics"));
    assert_ne!(
        numbers(&a, "original_firstorder_Entropy"),
        numbers(&b, "original_firstorder_Entropy")
    );
    assert_eq!(
        numbers(&a, "original_shape_MeshVolume"),
        numbers(&b, "original_shape_MeshVolume")
    );
}

#[test]
fn an_earlier_run_of_the_same_name_is_kept() {
    let study = Study::new();
    study.pairs(1);
    let graph = study.graph(&common::small_graph(0));
    study.run(&graph, &[]).succeeded();
    let second = study.run(&graph, &[]).succeeded();
    assert!(second.stderr.contains("graph.1"), "{second:?}");
    assert!(study.path("runs/graph.1/features.parquet").exists());
}

#[test]
fn the_real_cts_of_sts_become_a_table() {
    let Some(shared) = shared() else { return };
    let study = Study::new();
    let ran = shipped(&study, "sts.yml", &[]).succeeded();
    let cases = fs::read_dir(shared.join("data/sts"))
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .count();
    let status = ran.column("features.parquet", "status");
    assert_eq!(status, vec![Some("ok".to_owned()); cases]);
    // 2 mm voxels of 8 mm³: the mesh is the mask less its corners.
    let (voxels, mesh) = (
        numbers(&ran, "original_shape_VoxelVolume"),
        numbers(&ran, "original_shape_MeshVolume"),
    );
    for (voxels, mesh) in voxels.iter().zip(&mesh) {
        assert!(
            voxels % 8.0 == 0.0 && (0.8..1.0).contains(&(mesh / voxels)),
            "{voxels} {mesh}"
        );
    }
    // The window reaches from -160 to 240 HU.
    assert!(
        numbers(&ran, "original_firstorder_Minimum")
            .iter()
            .all(|hu| *hu >= -160.0)
    );
    assert!(
        numbers(&ran, "original_firstorder_Maximum")
            .iter()
            .all(|hu| *hu <= 240.0)
    );
}

#[test]
fn the_real_masks_of_kits19_are_classified_by_shape_beside_the_baselines() {
    let Some(_) = shared() else { return };
    let study = Study::new();
    let ran = shipped(
        &study,
        "kits19-shape.yml",
        &["--set", "load.first=40", "--set", "classify.folds=3"],
    )
    .succeeded();
    assert_eq!(
        ran.column("features.parquet", "status"),
        vec![Some("ok".to_owned()); 40]
    );
    let metrics: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(ran.folder.join("metrics.json")).unwrap())
            .unwrap();
    let text = metrics["summary"].to_string();
    assert!(
        text.contains("majority class") && text.contains("tumour volume alone"),
        "{text}"
    );
    // case_00015 is among the first forty, and what is known of it is shown.
    assert!(ran.stderr.contains("case_00015"), "{ran:?}");
}

#[test]
fn dicom_with_an_rtstruct_gives_what_its_nifti_twin_gives() {
    let Some(shared) = shared() else { return };
    let study = Study::new();
    let dicom = shipped(&study, "dicom.yml", &["--name", "dicom"]).succeeded();
    let manifest = root().join("datasets/ibsi-ct-nifti.yml");
    let set = format!("load.dataset={}", manifest.display());
    let twin = shipped(&study, "dicom.yml", &["--name", "nifti", "--set", &set]).succeeded();
    let read = |ran: &Ran| {
        let folder = ran.folder.join("volumes");
        let case = fs::read_dir(&folder)
            .unwrap()
            .flatten()
            .next()
            .unwrap()
            .path();
        let image = nifti::read_image(case.join("image.nii.gz")).unwrap();
        let mask = nifti::read_label_map(case.join("mask.nii.gz"), Default::default()).unwrap();
        (image.to_f64(), mask)
    };
    let ((image, mask), (twin_image, twin_mask)) = (read(&dicom), read(&twin));
    assert!(image.geometry().coincides_with(twin_image.geometry()));
    assert_eq!(image.voxels(), twin_image.voxels());
    let inside = |mask: &renalflow_imaging::LabelMap| {
        mask.volume
            .voxels()
            .iter()
            .map(|&v| v > 0)
            .collect::<Vec<_>>()
    };
    assert_eq!(inside(&mask), inside(&twin_mask));
    let (batch, _) =
        renalflow_frames::read_parquet(&dicom.folder.join("features.parquet")).unwrap();
    let names: Vec<_> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let features: Vec<_> = names
        .iter()
        .filter(|name| name.starts_with("original_"))
        .collect();
    assert!(features.len() > 50, "{names:?}");
    for name in features {
        let (ours, twin) = (numbers(&dicom, name)[0], numbers(&twin, name)[0]);
        let close = (ours - twin).abs() <= 1e-9 * ours.abs().max(1e-9);
        assert!(close, "{name}: {ours} from DICOM, {twin} from NIfTI");
    }
    assert!(shared.join("data/ibsi").is_dir());
}

#[test]
fn every_shipped_graph_passes_its_check_and_can_be_drawn() {
    let study = Study::new();
    let weights = study.weights();
    for entry in fs::read_dir(root().join("dataflows")).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        // Weights are no part of the project; these graphs are checked with others.
        let sets: Vec<String> = ["coarse", "segment", "deep"]
            .iter()
            .filter(|node| text.contains(&format!("- id: {node}\n")))
            .flat_map(|node| {
                let set = format!("{node}.weights={}", weights.display());
                ["--set".to_owned(), set]
            })
            .collect();
        if text.contains("phantom-") || shared().is_some() {
            let checked = common::renalflow()
                .arg("check")
                .arg(&path)
                .args(&sets)
                .output()
                .unwrap();
            assert!(
                checked.status.success(),
                "{name}: {}",
                String::from_utf8_lossy(&checked.stderr)
            );
        }
        for format in ["mermaid", "svg"] {
            let drawn = common::renalflow()
                .args(["graph", "--format", format])
                .arg(&path)
                .output()
                .unwrap();
            assert!(
                drawn.status.success() && drawn.stdout.len() > 200,
                "{name} {format}"
            );
        }
    }
}

#[test]
fn deep_features_and_radiomics_meet_in_one_table_and_a_classifier_takes_both() {
    let study = Study::new();
    let text = fs::read_to_string(root().join("dataflows/combined.yml")).unwrap();
    // The drawn masks in place of predicted ones.
    let (head, tail) = text.split_once("  - id: coarse\n").unwrap();
    let (_, tail) = tail.split_once("  - id: resample\n").unwrap();
    let dataset = root().join("datasets/phantom-primary.yml");
    let text = format!("{head}  - id: resample\n{tail}")
        .replace("outputs: [image, record]", "outputs: [image, mask, record]")
        .replace(
            "../datasets/phantom-external.yml",
            dataset.to_str().unwrap(),
        )
        .replace("postprocess/mask", "load/mask");
    let graph = study.graph(&text);
    let weights = format!("deep.weights={}", study.weights().display());
    let args = [
        "--set",
        &weights,
        "--set",
        "load.first=8",
        "--set",
        "deep.parts=whole,octants",
        "--set",
        "classify.folds=2",
        "--set",
        "classify.repeats=1",
    ];
    let one = study.run(&graph, &[&args[..], &["--name", "one"]].concat());
    assert_eq!(one.code, Some(0), "{one:?}");
    let table = study.path("runs/one/features.parquet");
    let (batch, _) = renalflow_frames::read_parquet(&table).unwrap();
    assert_eq!(batch.num_rows(), 8);
    let schema = batch.schema();
    let count = |prefix: &str| {
        let fields = schema.fields().iter();
        fields
            .filter(|field| field.name().starts_with(prefix))
            .count()
    };
    // Three levels of 4, 8 and 16 channels: two pools of nine parts of the deepest.
    assert_eq!(count("deep_encoder.2_"), 2 * 9 * 16);
    assert!(count("original_glcm_") > 20);
    assert!(study.path("runs/one/metrics.json").exists());

    let mut command = study.command(&graph, &[&args[..], &["--name", "two"]].concat());
    let two = study.ran(command.env("RAYON_NUM_THREADS", "1").output().unwrap());
    assert_eq!(two.code, Some(0), "{two:?}");
    let again = study.path("runs/two/features.parquet");
    assert!(fs::read(table).unwrap() == fs::read(again).unwrap());
}

#[test]
fn every_stage_describes_itself_and_has_a_readme() {
    let described = common::renalflow()
        .args(["nodes", "--json"])
        .output()
        .unwrap();
    let stages: serde_json::Value = serde_json::from_slice(&described.stdout).unwrap();
    let stages = stages.as_array().unwrap();
    assert!(stages.len() >= 9);
    for stage in stages {
        let name = stage["name"].as_str().unwrap();
        let own = common::renalflow()
            .args(["node", name, "--describe"])
            .output()
            .unwrap();
        assert_eq!(
            &serde_json::from_slice::<serde_json::Value>(&own.stdout).unwrap(),
            stage,
            "{name}"
        );
        let readme = fs::read_to_string(root().join("nodes").join(name).join("README.md"))
            .unwrap_or_else(|error| panic!("nodes/{name}/README.md: {error}"));
        for option in stage["options"].as_array().unwrap() {
            let option = option["name"].as_str().unwrap();
            assert!(
                ["describe", "window"].contains(&option) || readme.contains(&format!("--{option}")),
                "nodes/{name}/README.md does not mention --{option}"
            );
        }
        assert!(
            stage["options"]
                .as_array()
                .unwrap()
                .iter()
                .all(|option| option["help"].is_string()),
            "{name}"
        );
    }
}

#[test]
fn mistakes_in_options_are_found_before_anything_runs() {
    let check = |graphs: &[&str], set: &str| {
        let folder = root().join("dataflows");
        let checked = common::renalflow()
            .arg("check")
            .args(graphs.iter().map(|graph| folder.join(graph)))
            .args(["--set", set])
            .output()
            .unwrap();
        let said = String::from_utf8(checked.stderr).unwrap();
        assert!(!checked.status.success(), "{set}");
        (said, String::from_utf8(checked.stdout).unwrap())
    };
    for (graph, set, phrases) in [
        (
            "radiomics.yml",
            "classify.folds=0",
            &["0 folds", "at least 2"][..],
        ),
        (
            "radiomics.yml",
            "classify.repeats=0",
            &["0 repeats", "at least 2"],
        ),
        (
            "radiomics.yml",
            "crop.margin-mm=1e400",
            &["--margin-mm", "inf"],
        ),
        (
            "radiomics.yml",
            "resample.outside-hu=nan",
            &["--outside-hu", "-1024"],
        ),
        (
            "train-fsnet.yml",
            "train.only-folds=5",
            &["fold 5 of 5", "from 0"],
        ),
        (
            "train-fsnet.yml",
            "train.learning-rate=0",
            &["--learning-rate is 0"],
        ),
        (
            "fsnet.yml",
            "segment.weights=weights/nowhere.safetensors",
            &["nowhere.safetensors", "folder of the graph"],
        ),
    ] {
        let (said, _) = check(&[graph], set);
        for phrase in phrases {
            assert!(said.contains(phrase), "{set}: {said}");
        }
        assert!(said.lines().count() <= 10, "{said}");
    }
    // Each graph has its answer, and one that fails fails the whole.
    let (said, passed) = check(&["dicom.yml", "radiomics.yml"], "classify.folds=0");
    assert!(
        said.contains("no node `classify`") && said.contains("0 folds"),
        "{said}"
    );
    assert_eq!(passed, "");
}
