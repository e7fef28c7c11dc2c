//! Plans: derived, written, read, and every mistake named.
#![allow(clippy::unwrap_used, clippy::panic)]

use renalflow_segmentation::network::{
    Plan,
    plan::{Fingerprint, LabelSet, PlanOptions, Region, Window},
};

fn classes() -> LabelSet {
    LabelSet::Classes(
        ["background", "kidney", "tumour"]
            .map(str::to_owned)
            .to_vec(),
    )
}

fn derive(spacing_zyx_mm: [f64; 3], shape_zyx: [usize; 3]) -> Plan {
    let fingerprint = Fingerprint {
        spacings_zyx_mm: vec![spacing_zyx_mm; 3],
        shapes_zyx: vec![shape_zyx; 3],
    };
    Plan::derive(&fingerprint, &PlanOptions::new("fine", classes())).unwrap()
}

#[test]
fn crops_of_128_make_the_network_of_nnunet() {
    let plan = derive([1.25; 3], [128; 3]);
    assert_eq!(plan.patch_zyx.value, [128; 3]);
    let features: Vec<usize> = plan.levels.iter().map(|l| l.features).collect();
    assert_eq!(features, [32, 64, 128, 256, 320, 320]);
    assert_eq!(plan.total_stride_zyx(), [32; 3]);
    assert!(plan.levels.iter().all(|l| l.kernel_zyx == [3; 3]));
}

#[test]
fn coarse_axes_wait_until_the_others_catch_up() {
    let plan = derive([5.0, 0.8, 0.8], [48, 512, 512]);
    // 5 mm is over three times 0.8 mm: the finest tenth is 5 mm as well here.
    assert_eq!(plan.spacing_zyx_mm.value, [5.0, 0.8, 0.8]);
    assert!(plan.spacing_zyx_mm.reason.contains("along z"));
    let strides: Vec<[usize; 3]> = plan.levels.iter().map(|l| l.stride_zyx).collect();
    assert_eq!(strides[..4], [[1, 1, 1], [1, 2, 2], [1, 2, 2], [2, 2, 2]]);
    let kernels: Vec<[usize; 3]> = plan.levels.iter().map(|l| l.kernel_zyx).collect();
    assert_eq!(kernels[..3], [[1, 3, 3], [1, 3, 3], [3, 3, 3]]);
    let voxels: usize = plan.patch_zyx.value.iter().product();
    assert!(voxels <= 128 * 128 * 128, "{:?}", plan.patch_zyx.value);
}

#[test]
fn a_plan_survives_its_text_and_gives_reasons() {
    for (spacing, shape) in [
        ([1.25; 3], [128, 128, 128]),
        ([3.0, 0.78, 0.78], [107, 512, 512]),
        ([1.0; 3], [1, 1, 1]),
        ([2.0, 1.0, 1.0], [7, 300, 33]),
    ] {
        let plan = derive(spacing, shape);
        let text = plan.to_json().unwrap();
        assert_eq!(Plan::from_json(&text).unwrap(), plan);
        assert_eq!(Plan::from_json(&text).unwrap().to_json().unwrap(), text);
    }
}

#[test]
fn both_ways_to_write_a_window() {
    for text in [
        r#"{"center_hu": 40, "width_hu": 400}"#,
        r#"{"low_hu": -160, "high_hu": 240}"#,
    ] {
        let window: Window = serde_json::from_str(text).unwrap();
        assert_eq!(window.ends_hu(), [-160.0, 240.0]);
    }
    serde_json::from_str::<Window>(r#"{"low_hu": -160, "width_hu": 240}"#).unwrap_err();
}

#[test]
fn every_mistake_is_named_at_once() {
    let mut plan = derive([1.25; 3], [128; 3]);
    plan.format = 9;
    plan.name = " ".to_owned();
    plan.channels_in = 0;
    plan.spacing_zyx_mm.value[1] = -1.0;
    plan.patch_zyx.value[2] = 100;
    plan.window.value = Window::Ends {
        low_hu: 5.0,
        high_hu: 5.0,
    };
    plan.window.reason.clear();
    plan.levels[0].stride_zyx = [1, 1, 2];
    plan.levels[1].kernel_zyx[0] = 2;
    plan.levels[2].features = 0;
    plan.levels[3].stride_zyx[1] = 0;
    plan.convs_per_level.value = 0;
    plan.labels.value = LabelSet::Regions(vec![
        Region {
            name: "kidney".to_owned(),
            labels: vec![1, 2],
        },
        Region {
            name: "kidney".to_owned(),
            labels: vec![2, 3],
        },
        Region {
            name: "none".to_owned(),
            labels: vec![],
        },
        Region {
            name: "zero".to_owned(),
            labels: vec![0],
        },
    ]);
    let message = plan.check().unwrap_err().to_string();
    for says in [
        "format: 9",
        "name: is empty",
        "channels_in: 0",
        "spacing_zyx_mm.value (y): -1 mm",
        "patch_zyx.value (x): 100 must be a positive multiple of 64",
        "patch_zyx.value (y)",
        "window.value: 5 to 5 HU",
        "window.reason: is empty",
        "levels[0].stride_zyx (x): 2 must be 1",
        "levels[1].kernel_zyx (z): 2",
        "levels[2].features: 0",
        "levels[3].stride_zyx (y): 0",
        "convs_per_level.value: 0",
        "labels.value[1]: the name \"kidney\" is taken",
        "is half inside",
        "labels.value[2].labels: is empty",
        "0 is the background",
    ] {
        assert!(message.contains(says), "{says} in {message}");
    }
    let text = derive([1.25; 3], [128; 3]).to_json().unwrap();
    let unknown = text.replace("\"format\"", "\"formt\"");
    assert!(
        Plan::from_json(&unknown)
            .unwrap_err()
            .to_string()
            .contains("formt")
    );
}

#[test]
fn a_data_set_that_makes_no_plan() {
    let options = PlanOptions::new("fine", classes());
    for (spacings_zyx_mm, shapes_zyx, says) in [
        (vec![], vec![], "at least one case"),
        (
            vec![[1.0; 3]],
            vec![[8; 3], [8; 3]],
            "1 spacings and 2 shapes",
        ),
        (vec![[1.0, f64::NAN, 1.0]], vec![[8; 3]], "must be positive"),
        (vec![[1.0; 3]], vec![[8, 0, 8]], "no voxel"),
    ] {
        let fingerprint = Fingerprint {
            spacings_zyx_mm,
            shapes_zyx,
        };
        let message = Plan::derive(&fingerprint, &options)
            .unwrap_err()
            .to_string();
        assert!(message.contains(says), "{message}");
    }
}
