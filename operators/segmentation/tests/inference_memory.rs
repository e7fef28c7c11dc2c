//! What sliding and resampling allocate, counted: a 512 x 512 x 600 CT within 4 GiB.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use renalflow_imaging::{Geometry, Volume};
use renalflow_segmentation::inference::{
    Activation, BoxedError, Decision, OriginalGrid, PatchPredictor, SlidingWindow, slide,
};

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came; only numbers are kept.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `pointer` came from the system's allocator with this `layout`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

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

/// One test, since the counters are the program's. Windows do not overlap here, because that
/// changes the time (80 forwards instead of 441) and not the memory.
#[test]
fn a_ct_of_512_by_512_by_600_stays_within_4_gib() {
    const GIB: usize = 1 << 30;
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
