//! What sliding and resampling allocate, counted: a 512 x 512 x 600 CT within 4 GiB.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/counting.rs"]
mod counting;

use std::sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering};

use counting::{Counting, LIVE, PEAK, peak, restart};
use renalflow_imaging::{Geometry, Image, Volume, boxes::BoundingBox};
use renalflow_segmentation::inference::{
    Activation, BoxedError, Decision, OriginalGrid, PatchPredictor, ScanOptions, SlidingWindow,
    plan_scan, segment_scan, slide,
};
use renalflow_segmentation::network::{
    FsNet, Parameters, Plan, Scheme, Use,
    plan::{Fingerprint, LabelSet, PlanOptions},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Air is background, soft tissue kidney, anything denser tumour.
struct Thresholds;

impl PatchPredictor for Thresholds {
    fn classes(&self) -> usize {
        3
    }

    fn patch_zyx(&self) -> [usize; 3] {
        [128; 3]
    }

    fn activation(&self) -> Activation {
        Activation::Softmax
    }

    fn predict(&self, patch: &[f32], output: &mut [f32]) -> Result<(), BoxedError> {
        let (background, rest) = output.split_at_mut(patch.len());
        let (kidney, tumour) = rest.split_at_mut(patch.len());
        background.fill(0.0);
        for ((kidney, tumour), &hu) in kidney.iter_mut().zip(tumour).zip(patch) {
            *kidney = hu;
            *tumour = 2.0 * hu - 2.0;
        }
        Ok(())
    }
}

/// The counters are the program's: one test at a time, and one that failed fails alone.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const GIB: usize = 1 << 30;

/// What the test harness may free on threads of its own while a test counts.
const HARNESS_BYTES: usize = 1 << 20;

/// Windows do not overlap here, because that
/// changes the time (80 forwards instead of 441) and not the memory.
#[test]
fn a_ct_of_512_by_512_by_600_stays_within_4_gib() {
    let _alone = one_at_a_time();
    let grid = Geometry::upright([600, 512, 512], [1.0, 0.8, 0.8]).unwrap();
    let before = LIVE.load(Ordering::Relaxed);
    let voxels: Vec<f32> = (0..grid.len())
        .map(|i| {
            let (z, x) = (i / (512 * 512), i % 512);
            if z < 200 {
                -1.0
            } else if x < 256 {
                1.0
            } else {
                3.0
            }
        })
        .collect();
    let volume = Volume::new(grid.clone(), voxels).unwrap();
    let how = SlidingWindow {
        step_fraction: 1.0,
        mirror_zyx: [false, false, true],
        ..SlidingWindow::default()
    };
    let networks = [Thresholds];
    let plan = how.plan(&volume, &networks).unwrap();
    assert_eq!(plan.forwards(), 160);
    let mut original = OriginalGrid::new(&grid, &grid, 3, Decision::classes(3)).unwrap();

    let input_and_labels = LIVE.load(Ordering::Relaxed) - before;
    PEAK.store(LIVE.load(Ordering::Relaxed), Ordering::Relaxed);
    slide(&plan, &volume, &networks, &mut original).unwrap();
    let slid = PEAK.load(Ordering::Relaxed) - before - input_and_labels;
    eprintln!(
        "input and labels {:.3} GiB, sliding {:.3} GiB of {:.3} GiB stated",
        input_and_labels as f64 / GIB as f64,
        slid as f64 / GIB as f64,
        plan.peak_bytes() as f64 / GIB as f64,
    );
    // The slice before is the original grid's.
    assert!(slid <= plan.peak_bytes() + OriginalGrid::slice_bytes(&grid, 3));
    assert!(
        slid * 10 >= plan.peak_bytes() * 9,
        "the statement is no bound but a guess"
    );
    assert!(input_and_labels + slid < 3 * GIB / 2);

    let labels = original.finish().unwrap();
    assert!(PEAK.load(Ordering::Relaxed) - before < 4 * GIB);
    for (i, &label) in labels.voxels().iter().enumerate() {
        let (z, x) = (i / (512 * 512), i % 512);
        let expected = if z < 200 {
            0
        } else if x < 256 {
            1
        } else {
            2
        };
        assert_eq!(label, expected);
    }
}

/// A network of patches of 64³ at 1.25 mm. A shallow one takes as long as its single layer of
/// 1x1x1 and holds as much of the scan as any.
fn fine_network(levels: usize) -> FsNet {
    let labels = ["background", "kidney", "tumour"]
        .map(str::to_owned)
        .to_vec();
    let mut options = PlanOptions::new("fine", LabelSet::Classes(labels));
    options.base_features = 8;
    options.max_levels = levels;
    options.max_patch_voxels = 64 * 64 * 64;
    let fingerprint = Fingerprint {
        spacings_zyx_mm: vec![[1.25; 3]],
        shapes_zyx: vec![[128; 3]],
    };
    let mut plan = Plan::derive(&fingerprint, &options).unwrap();
    if levels == 1 {
        plan.levels[0].kernel_zyx = [1; 3];
        plan.convs_per_level.value = 1;
    }
    assert_eq!(plan.patch_zyx.value, [64; 3]);
    FsNet::new(&plan, Scheme::Scratch, &Parameters::new(3), Use::Inference).unwrap()
}

/// A 16-bit CT with all that a network can see of it, sagittal slice first or axial.
fn ct(grid: &Geometry) -> Image {
    let voxels: Vec<i16> = (0..grid.len())
        .map(|i| ((i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as i16 - 512)
        .collect();
    Image::I16(Volume::new(grid.clone(), voxels).unwrap())
}

/// What segmenting allocates beside the scan, and what was stated.
fn measured(image: &Image, regions: &[BoundingBox], network: &FsNet, about: &str) -> [usize; 2] {
    let how = ScanOptions {
        step_fraction: 1.0,
        ..ScanOptions::default()
    };
    let networks = std::slice::from_ref(network);
    let plan = plan_scan(image.geometry(), regions, networks, &how).unwrap();
    let before = restart();
    let labels = segment_scan(image, regions, networks, &how, &mut |_, _| ()).unwrap();
    let taken = peak() - before;
    let stated = plan.peak_bytes();
    eprintln!(
        "{about}: {} forwards, {:.3} GiB taken of {:.3} GiB stated",
        plan.forwards(),
        taken as f64 / GIB as f64,
        stated as f64 / GIB as f64,
    );
    assert!(taken <= stated, "{about}");
    assert!(labels.geometry() == image.geometry());
    [taken, stated]
}

#[test]
fn a_real_network_on_a_ct_of_512_by_512_by_600_stays_within_4_gib() {
    let _alone = one_at_a_time();
    let before = restart();
    let axial = Geometry::upright([600, 512, 512], [1.0, 0.8, 0.8]).unwrap();
    let image = ct(&axial);
    let scan_bytes = peak() - before;
    assert!(scan_bytes + HARNESS_BYTES >= axial.len() * 2);
    let kidney = |x: usize| BoundingBox {
        start_zyx: [250, 220, x],
        shape_zyx: [140, 120, 110],
    };
    let fine = fine_network(3);
    let [taken, _] = measured(&image, &[kidney(120), kidney(280)], &fine, "two kidneys");
    assert!(scan_bytes + taken < 4 * GIB);
    let [taken, _] = measured(&image, &[], &fine_network(1), "the whole scan");
    assert!(scan_bytes + taken < 4 * GIB);
    // The same in the eyes of the system, with what was freed and not returned.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    if let Some(kib) = most.and_then(|text| text.trim().strip_suffix(" kB")) {
        let bytes = kib.trim().parse::<usize>().unwrap() * 1024;
        eprintln!("resident at most: {:.3} GiB", bytes as f64 / GIB as f64);
        assert!(bytes < 4 * GIB);
    } else {
        eprintln!("resident memory: not told by this system");
    }
}
