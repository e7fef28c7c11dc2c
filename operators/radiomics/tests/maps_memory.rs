//! The memory that a plan of maps states is what they take, at most.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use common::{grid, image, mask};
use renalflow_radiomics::{
    ClassSelection, ImageParameters, ImageType, Parameters, RadiomicsError, Settings,
    maps::DEFAULT_MEMORY_BOUND_BYTES,
};

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: hands everything to the system's allocator and counts beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(held, Relaxed);
        // SAFETY: the caller's layout, unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's pointer and layout, unchanged.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn no_more_memory_than_planned() {
    let geometry = grid([24, 40, 40], [1.0; 3]);
    let values = (0..geometry.len()).map(|i| (i * 31 % 997) as f64);
    let image = image(&geometry, values.collect());
    let mask = mask(&geometry, vec![1; geometry.len()]);
    let select = |class: &str, features: &[&str]| ClassSelection {
        class: class.to_owned(),
        features: features.iter().map(|&name| name.to_owned()).collect(),
    };
    let settings = Settings {
        classes: vec![select("firstorder", &[]), select("glcm", &["Contrast"])],
        ..Settings::default()
    };
    for (masked_kernel, batch_voxels) in [(true, None), (false, None), (true, Some(2000))] {
        let mut parameters = Parameters {
            images: vec![ImageParameters {
                image_type: ImageType::Original,
                settings: settings.clone(),
            }],
            ..Parameters::default()
        };
        parameters.voxel.masked_kernel = masked_kernel;
        parameters.voxel.batch_voxels = batch_voxels;
        let before = HELD.load(Relaxed);
        PEAK.store(before, Relaxed);
        let maps = parameters
            .maps(&image, &mask, 1, DEFAULT_MEMORY_BOUND_BYTES)
            .unwrap();
        maps.compute(&mut |_| Ok::<(), RadiomicsError>(())).unwrap();
        let taken = (PEAK.load(Relaxed) - before) as u64;
        let planned = maps.plan().peak_bytes;
        assert!(taken <= planned, "{taken} bytes taken, {planned} planned");
        assert!(
            taken >= planned / 3,
            "{taken} bytes taken, {planned} planned"
        );
    }
}
