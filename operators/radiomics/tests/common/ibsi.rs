//! What the tests against IBSI share.

use std::collections::BTreeMap;
use std::sync::Arc;

use renalflow_imaging::{Image, LabelMap};
use renalflow_radiomics::{
    BoundingBox, CLASSES, Compute, Discretisation, Region, Roi, Settings, Standard, Surroundings,
};

pub fn ibsi_settings() -> Settings {
    Settings {
        standard: Standard::Ibsi,
        discretisation: Discretisation::BinWidthFrom {
            width: 1.0,
            start: None,
        },
        minimum_roi_dimensions: 0,
        ..Settings::default()
    }
}

/// Label 1 with the whole image around it.
pub fn roi_in_image(image: &Image, mask: &LabelMap, settings: &Settings) -> Roi {
    let region = Arc::new(Region::new(mask, 1, settings).unwrap());
    let mut roi = Roi::new(image, mask, region, settings.discretisation).unwrap();
    let whole = image.to_f64();
    roi.surroundings = Some(Surroundings {
        window: BoundingBox {
            start_zyx: [0; 3],
            shape_zyx: whole.geometry().shape_zyx,
        },
        values: whole.voxels().to_vec(),
    });
    roi
}

/// Every feature of a class, by name.
pub fn values(class: &str, roi: &Roi, settings: &Settings) -> BTreeMap<&'static str, f64> {
    let class = CLASSES.iter().find(|c| c.name == class).unwrap();
    let docs = (class.docs)();
    let wanted: Vec<usize> = (0..docs.len()).collect();
    let values = match class.compute {
        Compute::FromMask(compute) => compute(&roi.morphological, settings, &wanted),
        Compute::FromImage(compute) => compute(roi, settings, &wanted),
    };
    let names = docs.iter().map(|doc| doc.name);
    names.zip(values.unwrap()).collect()
}
