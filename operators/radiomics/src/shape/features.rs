//! The shape features.

use std::f64::consts::PI;

use super::ShapeTerms;
use crate::{Feature, FeatureDoc, Ibsi, PyRadiomics};

const IBSI: &str = "IBSI reference manual, arXiv:1612.07003, chapter Morphological features";
const PYRADIOMICS: &str = "van Griethuysen et al., Cancer Research 2017;77:e104 (PyRadiomics)";

const SAMPLE: &str =
    "IBSI's variances are divided by one less than N, and so are these under Standard::Ibsi";

/// Every shape feature, in the order of the columns.
pub static FEATURES: &[Feature<ShapeTerms>] = &[
    Feature {
        doc: FeatureDoc {
            name: "MeshVolume",
            ibsi: Ibsi::Same("RNU0"),
            symbols: "a, b, c: vertices of a triangle of the mesh, as vectors from a fixed point",
            formula: "|Σ over triangles of a·(b×c)| / 6, outward triangles counted positive",
            meaning: "How large the region is.",
            unit: "mm³",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives an octahedron: 1/6 of the voxel's \
                volume.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.mesh.volume_mm3,
    },
    Feature {
        doc: FeatureDoc {
            name: "VoxelVolume",
            ibsi: Ibsi::Same("YEKZ"),
            symbols: "N: number of voxels; v: volume of one voxel",
            formula: "N v",
            meaning: "How large the region is, without a mesh; exceeds MeshVolume, the more the \
                smaller the region.",
            unit: "mm³",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives its own volume.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.voxel_volume_mm3,
    },
    Feature {
        doc: FeatureDoc {
            name: "SurfaceArea",
            ibsi: Ibsi::Same("C0JK"),
            symbols: "a, b, c: vertices of a triangle of the mesh",
            formula: "Σ over triangles of |(b-a)×(c-a)| / 2",
            meaning: "How much boundary the region has.",
            unit: "mm²",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives an octahedron: √3 d² where voxels are \
                cubes of side d.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.mesh.area_mm2,
    },
    Feature {
        doc: FeatureDoc {
            name: "SurfaceVolumeRatio",
            ibsi: Ibsi::Same("2PR5"),
            symbols: "V, A: volume and area of the mesh",
            formula: "A / V",
            meaning: "Low for compact regions; falls with size, so it compares only regions of like \
                volume.",
            unit: "1/mm",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives an octahedron: 6√3 / d where voxels \
                are cubes of side d.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.mesh.area_mm2 / t.mesh.volume_mm3,
    },
    Feature {
        doc: FeatureDoc {
            name: "Sphericity",
            ibsi: Ibsi::Same("QCFX"),
            symbols: "V, A: volume and area of the mesh",
            formula: "∛(36 π V²) / A",
            meaning: "How near the region is to a ball: 1 for a ball, less for anything else.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives an octahedron: ∛π / √3 = 0.846 where \
                voxels are cubes.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| sphericity(t),
    },
    Feature {
        doc: FeatureDoc {
            name: "Compactness1",
            ibsi: Ibsi::Same("SKGS"),
            symbols: "V, A: volume and area of the mesh",
            formula: "V / √(π A³)",
            meaning: "How near the region is to a ball, as Sphericity: 1/(6π) for a ball.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives an octahedron: Sphericity^1.5 / 6π = \
                0.0413 where voxels are cubes.",
            pyradiomics: PyRadiomics::Disabled,
        },
        value: |t| t.mesh.volume_mm3 / (t.mesh.area_mm2.powf(1.5) * PI.sqrt()),
    },
    Feature {
        doc: FeatureDoc {
            name: "Compactness2",
            ibsi: Ibsi::Same("BQWJ"),
            symbols: "V, A: volume and area of the mesh",
            formula: "36 π V² / A³",
            meaning: "How near the region is to a ball: the cube of Sphericity.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives an octahedron: π / 3√3 = 0.605 where \
                voxels are cubes.",
            pyradiomics: PyRadiomics::Disabled,
        },
        value: |t| 36.0 * PI * t.mesh.volume_mm3.powi(2) / t.mesh.area_mm2.powi(3),
    },
    Feature {
        doc: FeatureDoc {
            name: "SphericalDisproportion",
            ibsi: Ibsi::Same("KRCK"),
            symbols: "V, A: volume and area of the mesh",
            formula: "A / ∛(36 π V²)",
            meaning: "The region's area against that of the ball of its volume: the inverse of \
                Sphericity.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives an octahedron: √3 / ∛π = 1.18 where \
                voxels are cubes.",
            pyradiomics: PyRadiomics::Disabled,
        },
        value: |t| 1.0 / sphericity(t),
    },
    Feature {
        doc: FeatureDoc {
            name: "Maximum3DDiameter",
            ibsi: Ibsi::Same("L0JK"),
            symbols: "u, w: vertices of the mesh",
            formula: "max |u - w|",
            meaning: "The longest straight line between two points of the surface.",
            unit: "mm",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives its longest side.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.diameters.maximum_3d_mm,
    },
    Feature {
        doc: FeatureDoc {
            name: "Maximum2DDiameterSlice",
            ibsi: Ibsi::Absent("planes depend on the orientation of the grid"),
            symbols: "u, w: vertices of the mesh with the same z",
            formula: "max |u - w|",
            meaning: "The longest straight line within a plane across array axis z (axial where the \
                grid is stored head to foot).",
            unit: "mm",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel gives its longest side in that plane.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.diameters.maximum_2d_across_zyx_mm[0],
    },
    Feature {
        doc: FeatureDoc {
            name: "Maximum2DDiameterColumn",
            ibsi: Ibsi::Absent("planes depend on the orientation of the grid"),
            symbols: "u, w: vertices of the mesh with the same y",
            formula: "max |u - w|",
            meaning: "The longest straight line within a plane across array axis y (coronal where the \
                grid is stored head to foot).",
            unit: "mm",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel gives its longest side in that plane.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.diameters.maximum_2d_across_zyx_mm[1],
    },
    Feature {
        doc: FeatureDoc {
            name: "Maximum2DDiameterRow",
            ibsi: Ibsi::Absent("planes depend on the orientation of the grid"),
            symbols: "u, w: vertices of the mesh with the same x",
            formula: "max |u - w|",
            meaning: "The longest straight line within a plane across array axis x (sagittal where the \
                grid is stored head to foot).",
            unit: "mm",
            reference: PYRADIOMICS,
            degenerate: "Intensities do not matter; one voxel gives its longest side in that plane.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| t.diameters.maximum_2d_across_zyx_mm[2],
    },
    Feature {
        doc: FeatureDoc {
            name: "MajorAxisLength",
            ibsi: Ibsi::Differs("TDIC", SAMPLE),
            symbols: "λ₁ ≥ λ₂ ≥ λ₃: variances of the N voxel centres along the principal axes",
            formula: "4 √λ₁",
            meaning: "Length of the ellipsoid with the region's second moments.",
            unit: "mm",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel has no extent, which gives 0.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| 4.0 * t.variances_mm2[2].sqrt(),
    },
    Feature {
        doc: FeatureDoc {
            name: "MinorAxisLength",
            ibsi: Ibsi::Differs("P9VJ", SAMPLE),
            symbols: "λ₁ ≥ λ₂ ≥ λ₃: variances of the N voxel centres along the principal axes",
            formula: "4 √λ₂",
            meaning: "Width of the ellipsoid with the region's second moments.",
            unit: "mm",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel has no extent, which gives 0; so does a row \
                of voxels.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| 4.0 * t.variances_mm2[1].sqrt(),
    },
    Feature {
        doc: FeatureDoc {
            name: "LeastAxisLength",
            ibsi: Ibsi::Differs("7J51", SAMPLE),
            symbols: "λ₁ ≥ λ₂ ≥ λ₃: variances of the N voxel centres along the principal axes",
            formula: "4 √λ₃",
            meaning: "Thickness of the ellipsoid with the region's second moments.",
            unit: "mm",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel has no extent, which gives 0; so does a \
                single slice.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| 4.0 * t.variances_mm2[0].sqrt(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Elongation",
            ibsi: Ibsi::Same("Q3CK"),
            symbols: "λ₁ ≥ λ₂ ≥ λ₃: variances of the N voxel centres along the principal axes",
            formula: "√(λ₂ / λ₁)",
            meaning: "1 where length and width are equal, 0 for a line.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel has no extent, which gives 0/0: NaN.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| (t.variances_mm2[1] / t.variances_mm2[2]).sqrt(),
    },
    Feature {
        doc: FeatureDoc {
            name: "Flatness",
            ibsi: Ibsi::Same("N17B"),
            symbols: "λ₁ ≥ λ₂ ≥ λ₃: variances of the N voxel centres along the principal axes",
            formula: "√(λ₃ / λ₁)",
            meaning: "1 for a ball, 0 for a single slice.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel has no extent, which gives 0/0: NaN.",
            pyradiomics: PyRadiomics::Default,
        },
        value: |t| (t.variances_mm2[0] / t.variances_mm2[2]).sqrt(),
    },
];

fn sphericity(t: &ShapeTerms) -> f64 {
    (36.0 * PI * t.mesh.volume_mm3.powi(2)).cbrt() / t.mesh.area_mm2
}
