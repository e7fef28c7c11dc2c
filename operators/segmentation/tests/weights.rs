//! Checkpoints: what is written is read, and everything else is refused with its reason.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{fs, path::Path};

use candle_core::Tensor;
use renalflow_segmentation::{
    network::{
        Domain, FsNet, Parameters, Plan, Scheme, SegmentationNetwork, Use,
        plan::{Fingerprint, LabelSet, PlanOptions, Window},
    },
    weights::{self, Card, Expected, TrainedOn, WeightsError},
};
use support::{noise, values};

fn plan(edit: impl Fn(&mut PlanOptions)) -> Plan {
    let labels = ["background", "kidney", "tumour"]
        .map(str::to_owned)
        .to_vec();
    let mut options = PlanOptions::new("small", LabelSet::Classes(labels));
    (options.base_features, options.max_levels) = (4, 2);
    edit(&mut options);
    let fingerprint = Fingerprint {
        spacings_zyx_mm: vec![[1.25; 3]],
        shapes_zyx: vec![[8; 3]],
    };
    Plan::derive(&fingerprint, &options).unwrap()
}

fn net(plan: &Plan, scheme: Scheme, seed: u64) -> FsNet {
    FsNet::new(plan, scheme, &Parameters::new(seed), Use::Training).unwrap()
}

fn saved(path: &Path) -> FsNet {
    let net = net(&plan(|_| ()), Scheme::Scratch, 1);
    let mut card = Card::new(net.plan().clone(), net.scheme(), "key");
    card.metrics.insert("dice.kidney".to_owned(), 0.5);
    weights::save(path, net.parameters(), card).unwrap();
    net
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let written = saved(&path);
    let checkpoint = weights::load(&path).unwrap();
    assert_eq!(checkpoint.card.metrics["dice.kidney"], 0.5);
    let expected = Expected {
        plan: written.plan(),
        scheme: Scheme::Scratch,
        lineage_key: Some("key"),
    };
    checkpoint.check(&path, expected).unwrap();
    let other = net(written.plan(), Scheme::Scratch, 2);
    let x = noise(1, &[1, 1, 8, 8, 8]);
    let run = |net: &FsNet| values(&net.forward(&x, Domain::Primary).unwrap()[0]);
    assert_ne!(run(&other), run(&written));
    checkpoint.apply(&path, other.parameters()).unwrap();
    assert_eq!(run(&other), run(&written));
    // The same weights, the same bytes, over an older file; nothing else stays behind.
    let again = folder.path().join("b.safetensors");
    fs::write(&again, "older").unwrap();
    saved(&again);
    assert_eq!(fs::read(&path).unwrap(), fs::read(&again).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn every_cut_and_every_flipped_byte_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    saved(&path);
    let whole = fs::read(&path).unwrap();
    for len in [0, 1, 7, 8, 9, 200, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..len]).unwrap();
        let error = weights::load(&path).unwrap_err();
        assert!(
            matches!(error, WeightsError::Unreadable { .. }),
            "{len}: {error}"
        );
        assert!(error.to_string().contains("cut off"));
    }
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(&path, &flipped).unwrap();
        // A flip in the prose of the card alone changes no weight.
        if let Ok(checkpoint) = weights::load(&path) {
            assert_eq!(
                weights::digest(&checkpoint.tensors).unwrap(),
                checkpoint.card.digest
            );
            assert!(at < 8 + header_len(&whole), "weights altered at {at}");
        }
    }
    let mut altered = whole.clone();
    *altered.last_mut().unwrap() ^= 1;
    fs::write(&path, &altered).unwrap();
    let error = weights::load(&path).unwrap_err();
    assert!(matches!(error, WeightsError::Digest { .. }), "{error}");
    fs::remove_file(&path).unwrap();
    let error = weights::load(&path).unwrap_err().to_string();
    assert!(
        error.starts_with("reading ") && error.contains("a.safetensors"),
        "{error}"
    );
}

fn header_len(file: &[u8]) -> usize {
    usize::try_from(u64::from_le_bytes(file[..8].try_into().unwrap())).unwrap()
}

#[test]
fn a_card_that_differs_is_refused_by_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    saved(&path);
    let checkpoint = weights::load(&path).unwrap();
    let fail = |plan: &Plan, scheme, lineage_key| {
        let expected = Expected {
            plan,
            scheme,
            lineage_key,
        };
        checkpoint.check(&path, expected).unwrap_err().to_string()
    };
    let says = |message: String, what: &str| assert!(message.contains(what), "{message}");
    let same = plan(|_| ());
    says(
        fail(&same, Scheme::Pooled, None),
        "scheme: trained with scratch, asked for pooled; set the scheme",
    );
    says(
        fail(&same, Scheme::Scratch, Some("other")),
        "lineage_key: trained with key",
    );
    let mut other = plan(|_| ());
    other.spacing_zyx_mm.value[2] = 0.8;
    other.window.value = Window::Ends {
        low_hu: -160.0,
        high_hu: 300.0,
    };
    let message = fail(&other, Scheme::Scratch, None);
    says(
        message.clone(),
        "spacing_zyx_mm.x: trained with 1.25, asked for 0.8; resample",
    );
    says(
        message.clone(),
        "window.high_hu: trained with 240.0, asked for 300.0",
    );
    assert_eq!(message.lines().count(), 3, "{message}");
    let labels = ["background", "kidney", "cyst", "tumour"]
        .map(str::to_owned)
        .to_vec();
    let message = fail(
        &plan(|o| o.labels = LabelSet::Classes(labels.clone())),
        Scheme::Scratch,
        None,
    );
    says(
        message.clone(),
        "labels.classes[2]: trained with tumour, asked for cyst",
    );
    says(
        message,
        "labels.classes[3]: trained with nothing, asked for tumour",
    );
    let message = fail(&plan(|o| o.base_features = 8), Scheme::Scratch, None);
    says(
        message,
        "architecture.levels[0].features: trained with 4, asked for 8; build",
    );
    // Written another way, the same window; names and reasons do not matter.
    let mut same = plan(|_| ());
    same.window.value = Window::Ends {
        low_hu: -160.0,
        high_hu: 240.0,
    };
    same.name = "another".to_owned();
    same.patch_zyx.reason = "another".to_owned();
    let expected = Expected {
        plan: &same,
        scheme: Scheme::Scratch,
        lineage_key: None,
    };
    checkpoint.check(&path, expected).unwrap();
}

#[test]
fn every_tensor_that_does_not_fit_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let written = saved(&path);
    let mut checkpoint = weights::load(&path).unwrap();
    let wide = checkpoint.tensors.remove("head.0.bias").unwrap();
    checkpoint.tensors.insert("head.7.bias".to_owned(), wide);
    let short = Tensor::zeros(5, candle_core::DType::F32, &candle_core::Device::Cpu).unwrap();
    checkpoint
        .tensors
        .insert("encoder.0.norm1.bias".to_owned(), short);
    let before = values(&written.parameters().get("encoder.0.conv1.weight").unwrap());
    let message = checkpoint
        .apply(&path, written.parameters())
        .unwrap_err()
        .to_string();
    for says in [
        "head.0.bias [3] is missing",
        "head.7.bias [3] is not in the network",
        "encoder.0.norm1.bias has shape [5], the network [4]",
    ] {
        assert!(message.contains(says), "{message}");
    }
    assert_eq!(
        values(&written.parameters().get("encoder.0.conv1.weight").unwrap()),
        before
    );
    // Another architecture.
    let other = net(written.plan(), Scheme::TwoColumnFrozen, 1);
    let message = weights::load(&path)
        .unwrap()
        .apply(&path, other.parameters());
    assert!(
        message
            .unwrap_err()
            .to_string()
            .contains("adapter.0.gate [1] is missing")
    );
}

#[test]
fn files_of_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let tensors = std::collections::HashMap::from([("a".to_owned(), noise(1, &[3]))]);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let message = weights::load(&path).unwrap_err().to_string();
    assert!(message.contains("no renalflow.card"), "{message}");
    let net = net(&plan(|_| ()), Scheme::Scratch, 1);
    let mut card = Card::new(net.plan().clone(), Scheme::Scratch, "key");
    card.format = 2;
    weights::save(&path, net.parameters(), card).unwrap();
    let message = weights::load(&path).unwrap_err().to_string();
    assert!(
        message.contains("version 2, this program reads 1"),
        "{message}"
    );
}

#[test]
fn a_diverged_training_does_not_replace_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let net = saved(&path);
    let before = fs::read(&path).unwrap();
    let nan = Tensor::full(f32::NAN, 3, &candle_core::Device::Cpu).unwrap();
    net.parameters().set("head.0.bias", &nan).unwrap();
    let card = Card::new(net.plan().clone(), Scheme::Scratch, "key");
    let error = weights::save(&path, net.parameters(), card).unwrap_err();
    assert!(error.to_string().contains("head.0.bias is not finite"));
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// A list of `(patient, case)`.
fn seen(cases: &[(&str, &str)]) -> TrainedOn {
    let mut list = TrainedOn::default();
    for (patient, case) in cases {
        list.add(patient, case);
    }
    list
}

#[test]
fn a_card_says_whose_scans_trained_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    saved(&path);
    // A card without the list, as earlier ones are.
    let text = fs::read(&path).unwrap();
    assert!(!String::from_utf8_lossy(&text).contains("trained_on"));
    assert_eq!(weights::load_card(&path).unwrap().trained_on, None);

    let network = net(&plan(|_| ()), Scheme::Scratch, 1);
    let mut list = seen(&[("p1", "a"), ("p1", "b")]);
    list.extend(&seen(&[("p1", "b"), ("p2", "c")]));
    assert_eq!(list.patients(), 2);
    let mut card = Card::new(network.plan().clone(), Scheme::Scratch, "key");
    card.trained_on = Some(list.clone());
    weights::save(&path, network.parameters(), card).unwrap();
    let card = weights::load_card(&path).unwrap();
    assert_eq!(card.trained_on, Some(list));
    assert_eq!(card, weights::load(&path).unwrap().card);
    let json = serde_json::to_value(&card).unwrap();
    assert_eq!(
        json["trained_on"],
        serde_json::json!({"p1": ["a", "b"], "p2": ["c"]})
    );
}

#[test]
fn networks_that_have_not_seen_a_patient_are_told_by_case_and_by_record() {
    // Three folds of p1 (cases a and b), p2 (c) and p3 (d); each list lacks one patient.
    let folds = [
        seen(&[("p2", "c"), ("p3", "d")]),
        seen(&[("p1", "a"), ("p1", "b"), ("p3", "d")]),
        seen(&[("p1", "a"), ("p1", "b"), ("p2", "c")]),
    ];
    let unseen = |case: &str, patient| weights::unseen_by(&folds, case, patient);
    assert_eq!(unseen("a", None), [0]);
    assert_eq!(unseen("a", Some("p1")), [0]);
    assert_eq!(unseen("c", None), [1]);
    // A case of no training, of a patient of one.
    assert_eq!(unseen("e", Some("p3")), [2]);
    assert_eq!(unseen("e", Some("p4")), [0, 1, 2]);
    assert_eq!(unseen("e", None), [0, 1, 2]);
    // A training without records took cases for patients.
    assert!(weights::unseen_by(&[seen(&[("a", "a")])], "a", Some("p1")).is_empty());
    // Another case of the patient whom one of the lists names for this case.
    let other = [
        seen(&[("p1", "a")]),
        seen(&[("p1", "b")]),
        seen(&[("p2", "c")]),
    ];
    assert_eq!(weights::unseen_by(&other, "a", None), [2]);
    // A record that contradicts the lists widens what counts as seen.
    assert!(weights::unseen_by(&other, "a", Some("p2")).is_empty());
}
