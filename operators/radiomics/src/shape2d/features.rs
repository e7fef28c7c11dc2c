//! The features of planar shape.

use std::f64::consts::PI;

use super::Shape2dTerms;
use crate::{Feature, FeatureDoc, Ibsi, PyRadiomics};

const PYRADIOMICS: &str = "van Griethuysen et al., Cancer Research 2017;77:e104 (PyRadiomics)";
const ONLY_3D: Ibsi = Ibsi::Absent("IBSI measures shape in 3D only");
const P_A: &str = "P: perimeter, the length of the outline; A: area that the outline encloses";
const AXES: &str = "λ₁ ≥ λ₂: variances of the pixel centres along the principal axes in the plane";

/// Every feature of planar shape, in the order of the columns.
pub static FEATURES: &[Feature<Shape2dTerms>] = &[
    Feature {
        doc: FeatureDoc {
            name: "MeshSurface",
            ibsi: ONLY_3D,
            symbols: "a, b: ends of a line of the outline, as vectors from a fixed point",
            formula: "Σ over lines of a×b / 2, the region to one side of each",
            meaning: "How large the region is.",
            unit: "mm²",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel gives a rhombus: half a pixel's area.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.outline.area_mm2,
    },
    Feature {
        doc: FeatureDoc {
            name: "PixelSurface",
            ibsi: ONLY_3D,
            symbols: "N: number of pixels; a: area of one pixel",
            formula: "N a",
            meaning: "How large the region is, without an outline; exceeds MeshSurface, the more the \
                smaller the region.",
            unit: "mm²",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel gives the area of its pixel.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.pixel_area_mm2,
    },
    Feature {
        doc: FeatureDoc {
            name: "Perimeter",
            ibsi: ONLY_3D,
            symbols: "a, b: ends of a line of the outline",
            formula: "Σ over lines of |a - b|",
            meaning: "How much boundary the region has, that of holes included.",
            unit: "mm",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel gives a rhombus: 2√2 d where pixels are \
                squares of side d.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.outline.perimeter_mm,
    },
    Feature {
        doc: FeatureDoc {
            name: "PerimeterSurfaceRatio",
            ibsi: ONLY_3D,
            symbols: P_A,
            formula: "P / A",
            meaning: "Low for compact regions; falls with size, so it compares only regions of like \
                area.",
            unit: "1/mm",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel gives a rhombus: 4√2 / d where pixels are \
                squares of side d.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.outline.perimeter_mm / t.outline.area_mm2,
    },
    Feature {
        doc: FeatureDoc {
            name: "Sphericity",
            ibsi: ONLY_3D,
            symbols: P_A,
            formula: "2 √(π A) / P",
            meaning: "How near the region is to a disc: 1 for a disc, less for anything else.",
            unit: "1",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel gives a rhombus: √π / 2 = 0.886 where \
                pixels are squares.",
            pyradiomics: PyRadiomics::Default,
        },
        value: sphericity,
    },
    Feature {
        doc: FeatureDoc {
            name: "SphericalDisproportion",
            ibsi: ONLY_3D,
            symbols: P_A,
            formula: "P / (2 √(π A))",
            meaning: "The region's perimeter against that of the disc of its area: the inverse of \
                Sphericity.",
            unit: "1",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel gives a rhombus: 2 / √π = 1.13 where \
                pixels are squares.",
            pyradiomics: PyRadiomics::Disabled,
        },
        value: |t| 1.0 / sphericity(t),
    },
    Feature {
        doc: FeatureDoc {
            name: "MaximumDiameter",
            ibsi: ONLY_3D,
            symbols: "u, w: vertices of the outline",
            formula: "max |u - w|",
            meaning: "The longest straight line between two points of the outline.",
            unit: "mm",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel gives the longest side of its pixel.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.maximum_diameter_mm,
    },
    Feature {
        doc: FeatureDoc {
            name: "MajorAxisLength",
            ibsi: ONLY_3D,
            symbols: AXES,
            formula: "4 √λ₁",
            meaning: "Length of the ellipse with the region's second moments.",
            unit: "mm",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel has no extent, which gives 0.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| 4.0 * t.variances_mm2[1].sqrt(),
    },
    Feature {
        doc: FeatureDoc {
            name: "MinorAxisLength",
            ibsi: ONLY_3D,
            symbols: AXES,
            formula: "4 √λ₂",
            meaning: "Width of the ellipse with the region's second moments.",
            unit: "mm",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel has no extent, which gives 0; so does a \
                row of voxels.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| 4.0 * t.variances_mm2[0].sqrt(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Elongation",
            ibsi: ONLY_3D,
            symbols: AXES,
            formula: "√(λ₂ / λ₁)",
            meaning: "1 where length and width are equal, 0 for a line.",
            unit: "1",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel has no extent, which gives 0/0: NaN.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| (t.variances_mm2[0] / t.variances_mm2[1]).sqrt(),
    },
];

fn sphericity(t: &Shape2dTerms) -> f64 {
    2.0 * (PI * t.outline.area_mm2).sqrt() / t.outline.perimeter_mm
}
