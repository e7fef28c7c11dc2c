//! What a run does when nodes die, dawdle, or get more than they can hold.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::{
    fs,
    io::Write,
    process::Command,
    time::{Duration, Instant},
};

use common::{Study, processes_of, small_graph};
use serde_json::Value as Json;

fn journal(study: &Study, node: &str) -> Vec<Json> {
    fs::read_to_string(
        study
            .path("runs/graph/journal")
            .join(format!("{node}.jsonl")),
    )
    .unwrap_or_default()
    .lines()
    .filter_map(|line| serde_json::from_str(line).ok())
    .collect()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{what} did not happen within a minute"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Kill a node once three cases are through it; what is left must end by itself.
fn killed(node: &str) {
    let study = Study::new();
    study.pairs(40);
    let graph = study.graph(&small_graph(40));
    let child = study.start(&graph);
    wait_until("three cases", || {
        journal(&study, node)
            .iter()
            .filter(|entry| entry["event"] == "done")
            .count()
            >= 3
    });
    let pid = journal(&study, node)
        .iter()
        .find_map(|entry| entry["pid"].as_i64())
        .unwrap();
    let killed = Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let started = Instant::now();
    let ran = study.ran(child.wait_with_output().unwrap());
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{:?}\n{ran:?}",
        started.elapsed()
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let record = ran.record();
    assert_eq!(record["complete"], false);
    assert!(
        record["broken_nodes"][node]
            .as_str()
            .is_some_and(|how| how.contains("SIGKILL")),
        "{ran:?}"
    );
    // Every case is accounted for: done, or missing and named.
    let missing = record["cases"]["missing"].as_object().unwrap();
    let ok = record["cases"]["ok"].as_u64().unwrap();
    assert_eq!(record["cases"]["total"], 40, "{ran:?}");
    assert_eq!(ok + missing.len() as u64, 40, "{record:#}\n{ran:?}");
    assert!(!missing.is_empty(), "{ran:?}");
    let first = missing.keys().next().unwrap();
    assert!(
        ran.stdout.contains(first.as_str()) && ran.stdout.contains(node),
        "{ran:?}"
    );
    wait_until("the end of every process", || {
        processes_of(&study).is_empty()
    });
}

#[test]
fn a_source_that_is_killed_is_named_with_its_missing_cases() {
    killed("load");
}

#[test]
fn a_stage_that_is_killed_is_named_with_its_missing_cases() {
    killed("slow");
}

#[test]
fn the_stage_before_the_table_that_is_killed_is_named_with_its_missing_cases() {
    killed("radiomics");
}

#[test]
fn a_collecting_stage_that_is_killed_is_named_with_its_missing_cases() {
    killed("table");
}

#[test]
fn a_killed_stage_leaves_a_table_of_what_was_done_and_of_what_was_not() {
    let study = Study::new();
    study.pairs(30);
    let graph = study.graph(&small_graph(40));
    let child = study.start(&graph);
    wait_until("three cases", || {
        journal(&study, "slow")
            .iter()
            .filter(|entry| entry["event"] == "done")
            .count()
            >= 3
    });
    let pid = journal(&study, "slow")
        .iter()
        .find_map(|entry| entry["pid"].as_i64())
        .unwrap();
    assert!(
        Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
    let ran = study.ran(child.wait_with_output().unwrap());
    let status = ran.column("features.parquet", "status");
    assert_eq!(status.len(), 30, "{ran:?}");
    let ok = status
        .iter()
        .flatten()
        .filter(|status| *status == "ok")
        .count();
    assert!((3..30).contains(&ok), "{ok} of 30 ok");
    let nodes = ran.column("features.parquet", "failed_node");
    assert!(
        nodes.iter().flatten().all(|node| node == "slow"),
        "{nodes:?}"
    );
}

#[test]
fn ctrl_c_stops_the_run_and_every_process() {
    let study = Study::new();
    study.pairs(200);
    let graph = study.graph(&small_graph(50));
    let child = study.start(&graph);
    wait_until("three cases", || {
        journal(&study, "slow")
            .iter()
            .filter(|entry| entry["event"] == "done")
            .count()
            >= 3
    });
    let stopped = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(stopped.success());
    let started = Instant::now();
    let ran = study.ran(child.wait_with_output().unwrap());
    assert!(started.elapsed() < Duration::from_secs(30), "{ran:?}");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.record()["complete"], false);
    wait_until("the end of every process", || {
        processes_of(&study).is_empty()
    });
}

/// The network has taken in all its cases when it begins to learn: nothing is missing, and yet
/// nothing is done.
#[test]
fn a_run_that_is_stopped_while_a_network_learns_does_not_call_itself_done() {
    stopped_while_a_network_learns(1);
}

#[test]
fn a_run_that_is_stopped_twice_keeps_a_record_of_what_was_done() {
    stopped_while_a_network_learns(2);
}

fn stopped_while_a_network_learns(signals: usize) {
    let study = Study::new();
    let dataset = common::root().join("datasets/phantom-primary.yml");
    let graph = study.graph(&format!(
        "nodes:
  - id: load
    path: renalflow
    args: node load --first 2 --dataset {}
    inputs:
      ack: train/ack
    outputs: [image, mask]
  - id: train
    path: renalflow
    args: >-
      node train --spacing-mm 6 --max-patch-voxels 4096 --base-features 2 --max-levels 2
      --epochs 100000 --steps-per-epoch 1
    inputs:
      image: {{ source: load/image, queue_size: 256 }}
      mask: {{ source: load/mask, queue_size: 256 }}
    outputs: [ack]
",
        dataset.display()
    ));
    let child = study.start(&graph);
    wait_until("an epoch", || {
        fs::read_to_string(study.path("runs/graph/history.csv"))
            .is_ok_and(|history| history.lines().count() > 3)
    });
    for _ in 0..signals {
        let stopped = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(stopped.success());
    }
    let ran = study.ran(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let record = ran.record();
    assert_eq!(record["complete"], false, "{record:#}");
    assert!(record["stopped"].is_string(), "{record:#}");
    assert_eq!(record["nodes"]["train"]["ended"], false, "{record:#}");
    assert!(ran.stdout.contains("incomplete"), "{ran:?}");
    wait_until("the end of every process", || {
        processes_of(&study).is_empty()
    });
}

/// 500 cases pass a stage that is a hundred times slower than their source: nothing is lost,
/// and at no time are more of them on the way than the source's window of 3.
#[test]
fn a_stage_a_hundred_times_slower_than_its_source_loses_nothing_and_memory_stays_bounded() {
    let study = Study::new();
    study.pairs(1);
    for n in 1..500 {
        let link = study.path(&format!("data/case_{n:04}"));
        std::os::unix::fs::symlink(study.path("data/case_0000"), link).unwrap();
    }
    let graph = study.graph(&small_graph(25));
    let child = study.start(&graph);
    let done = |node: &str| {
        journal(&study, node)
            .iter()
            .filter(|entry| entry["event"] == "done")
            .count()
    };
    let mut most_on_the_way = 0;
    let mut samples = 0;
    while done("table") < 500 && samples < 4000 {
        // The table first: cases that arrive between the two reads count as on the way.
        let (taken, sent) = (done("table"), done("load"));
        most_on_the_way = most_on_the_way.max(sent.saturating_sub(taken));
        samples += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    let ran = study.ran(child.wait_with_output().unwrap()).succeeded();
    let record = ran.record();
    assert_eq!(record["cases"]["ok"], 500, "{ran:?}");
    let status = ran.column("features.parquet", "status");
    assert_eq!(status.len(), 500);
    assert!(status.iter().flatten().all(|status| status == "ok"));
    // One more: the journal of the table is a moment behind its acknowledgement.
    assert!(
        (1..=4).contains(&most_on_the_way),
        "{most_on_the_way} cases on the way at once"
    );
    let busy = |node: &str| record["nodes"][node]["busy_seconds"].as_f64().unwrap();
    eprintln!(
        "source {:.3} s, slow stage {:.3} s, {samples} samples",
        busy("load"),
        busy("slow")
    );
    for (id, node) in record["nodes"].as_object().unwrap() {
        let peak = node["peak_memory_mib"].as_f64().unwrap();
        assert!(peak < 600.0, "{id} used {peak} MiB");
    }
}

/// A CT of 530 MB travels in slabs and comes out as it went in.
#[test]
fn a_volume_of_530_mb_passes() {
    let study = Study::new();
    let folder = study.path("data/huge");
    fs::create_dir_all(&folder).unwrap();
    // 1059 slices of 512 x 500 at 16 bits are 542 MB; NIfTI-1 header, then voxels.
    let shape = [1059usize, 500, 512];
    for (name, bytes_per_voxel, datatype) in [("image.nii", 2usize, 4i16), ("mask.nii", 1, 2)] {
        let mut file = std::io::BufWriter::new(fs::File::create(folder.join(name)).unwrap());
        file.write_all(&nifti_header(shape, datatype, bytes_per_voxel as i16 * 8))
            .unwrap();
        for z in 0..shape[0] {
            let mut slice = vec![0u8; shape[1] * shape[2] * bytes_per_voxel];
            for y in 0..shape[1] {
                for x in 0..shape[2] {
                    let at = (y * shape[2] + x) * bytes_per_voxel;
                    if bytes_per_voxel == 2 {
                        let value = ((x * 3 + y * 5 + z * 7) % 400) as i16 - 100;
                        slice[at..at + 2].copy_from_slice(&value.to_le_bytes());
                    } else {
                        slice[at] = u8::from(
                            (500..540).contains(&z)
                                && (200..240).contains(&y)
                                && (200..240).contains(&x),
                        );
                    }
                }
            }
            file.write_all(&slice).unwrap();
        }
        file.flush().unwrap();
    }
    study.write(
        "pairs.yml",
        "name: huge\nlabels: {1: tumour}\nsource:\n  pairs:\n    root: data\n    image: '{case}/image.nii'\n    mask: '{case}/mask.nii'\n",
    );
    let graph = study.graph(&small_graph(1));
    let ran = study.run(&graph, &[]).succeeded();
    assert_eq!(
        ran.column("features.parquet", "diagnostics_voxels"),
        [Some("64000".to_owned())]
    );
    let mean: f64 = ran.column("features.parquet", "original_firstorder_Mean")[0]
        .as_ref()
        .unwrap()
        .parse()
        .unwrap();
    let expected: f64 = (500..540)
        .flat_map(|z| {
            (200..240).flat_map(move |y| {
                (200..240).map(move |x| f64::from((x * 3 + y * 5 + z * 7) % 400 - 100))
            })
        })
        .sum::<f64>()
        / 64_000.0;
    assert!((mean - expected).abs() < 1e-9, "{mean} {expected}");
    let record = ran.record();
    for (id, node) in record["nodes"].as_object().unwrap() {
        eprintln!(
            "{id}: peak {:.0} MiB",
            node["peak_memory_mib"].as_f64().unwrap()
        );
    }
}

fn nifti_header(shape_zyx: [usize; 3], datatype: i16, bits: i16) -> Vec<u8> {
    let mut header = vec![0u8; 352];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348i32.to_le_bytes());
    let dim = [
        3,
        shape_zyx[2] as i16,
        shape_zyx[1] as i16,
        shape_zyx[0] as i16,
        1,
        1,
        1,
        1,
    ];
    for (i, n) in dim.iter().enumerate() {
        put(40 + 2 * i, &n.to_le_bytes());
    }
    put(70, &datatype.to_le_bytes());
    put(72, &bits.to_le_bytes());
    for (i, mm) in [1.0f32, 0.8, 0.8, 1.0].iter().enumerate() {
        put(76 + 4 * i, &mm.to_le_bytes());
    }
    put(108, &352.0f32.to_le_bytes());
    put(123, &[2]);
    put(344, b"n+1\0");
    header
}

#[test]
fn a_full_disk_is_an_error_and_not_half_a_table() {
    let study = Study::new();
    study.pairs(3);
    let graph = study.graph(&small_graph(1));
    let disk = study.path("runs");
    fs::create_dir_all(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "none"])
        .arg(&disk)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this user may not mount a tmpfs");
        return;
    }
    // Leave room for the folders and journals, not for the table.
    fs::write(disk.join("ballast"), vec![0u8; 40 << 10]).unwrap();
    let ran = study.run(&graph, &[]);
    let table = study.path("runs/graph/features.parquet").exists();
    let unmounted = Command::new("umount").arg(&disk).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(!table, "half a table was left");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("No space left"), "{ran:?}");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_run() {
    let study = Study::new();
    study.pairs(1);
    let graph = study.graph(&small_graph(1));
    study.write("runs", "a file where the folder should be");
    let ran = study.run(&graph, &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("--out DIR"), "{ran:?}");
}
