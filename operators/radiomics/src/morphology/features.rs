//! The morphological features that need no image.

use std::f64::consts::PI;

use super::MorphologyTerms;
use crate::{Feature, FeatureDoc, Ibsi, PyRadiomics};

const IBSI: &str = "IBSI reference manual, arXiv:1612.07003, chapter Morphological features";

const AABB: &str = "V, A: volume and area of the mesh; p, q, r: sides of the smallest box around \
    it that is aligned with the grid (AABB)";
const OMBB: &str = "V, A: volume and area of the mesh; p, q, r: sides of the box of least volume \
    around it, in any orientation (OMBB), found to a few parts in a thousand";
const AEE: &str = "V, A: volume and area of the mesh; a, b, c: semi-axes 2 √λ of an ellipsoid, \
    with λ the sample variances of the voxel centres along their principal axes (AEE)";
const MVEE: &str = "V, A: volume and area of the mesh; a, b, c: semi-axes of the ellipsoid of \
    least volume around it (MVEE)";
const HULL: &str = "V, A: volume and area of the mesh; V', A': those of its convex hull";

/// Every morphological feature that shape does not have, in the order of the columns.
pub static FEATURES: &[Feature<MorphologyTerms>] = &[
    Feature {
        doc: FeatureDoc {
            name: "Asphericity",
            ibsi: Ibsi::Same("25C7"),
            symbols: "V, A: volume and area of the mesh",
            formula: "∛(A³ / (36 π V²)) - 1",
            meaning: "How much more surface the region has than the ball of its volume, relatively: \
                0 for a ball.",
            unit: "1",
            reference: "Apostolova et al., Eur Radiol 2014;24:2077",
            degenerate: "Intensities do not matter; one voxel gives an octahedron: 0.182 where voxels \
                are cubes.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mesh.area_mm2 / (36.0 * PI * t.mesh.volume_mm3.powi(2)).cbrt() - 1.0,
    },
    Feature {
        doc: FeatureDoc {
            name: "VolumeDensityAABB",
            ibsi: Ibsi::Same("PBX1"),
            symbols: AABB,
            formula: "V / p q r",
            meaning: "How much of its bounding box the region fills; depends on how it lies in the \
                grid.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives 1/6.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mesh.volume_mm3 / volume(t.upright_box_mm),
    },
    Feature {
        doc: FeatureDoc {
            name: "AreaDensityAABB",
            ibsi: Ibsi::Same("R59B"),
            symbols: AABB,
            formula: "A / (2 p q + 2 q r + 2 r p)",
            meaning: "How much surface the region has against its bounding box: small for a smooth \
                body, above 1 for a very rough one.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives 0.289 where voxels are cubes.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mesh.area_mm2 / area(t.upright_box_mm),
    },
    Feature {
        doc: FeatureDoc {
            name: "VolumeDensityOMBB",
            ibsi: Ibsi::Same("ZH1A"),
            symbols: OMBB,
            formula: "V / p q r",
            meaning: "As VolumeDensityAABB, however the region lies in the grid. IBSI has no reference \
                value for it.",
            unit: "1",
            reference: "O'Rourke, Int J Comput Inf Sci 1985;14:183",
            degenerate: "Intensities do not matter; one voxel gives an octahedron: 0.5 where voxels \
                are cubes.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mesh.volume_mm3 / volume(t.oriented_box().sides_mm),
    },
    Feature {
        doc: FeatureDoc {
            name: "AreaDensityOMBB",
            ibsi: Ibsi::Same("IQYR"),
            symbols: OMBB,
            formula: "A / (2 p q + 2 q r + 2 r p)",
            meaning: "As AreaDensityAABB, however the region lies in the grid. IBSI has no reference \
                value for it.",
            unit: "1",
            reference: "O'Rourke, Int J Comput Inf Sci 1985;14:183",
            degenerate: "Intensities do not matter; one voxel gives an octahedron: 0.595 where voxels \
                are cubes.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mesh.area_mm2 / area(t.oriented_box().sides_mm),
    },
    Feature {
        doc: FeatureDoc {
            name: "VolumeDensityAEE",
            ibsi: Ibsi::Same("6BDE"),
            symbols: AEE,
            formula: "3 V / 4 π a b c",
            meaning: "1 for a large ellipsoid, more for a box or a small region, less for a hollow one.",
            unit: "1",
            reference: "Mazurowski et al., Proc SPIE 2016;9785:97852T",
            degenerate: "Intensities do not matter; one voxel and a single slice have an ellipsoid \
                without volume: NaN.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.volume_density(t.approximate_ellipsoid_mm()),
    },
    Feature {
        doc: FeatureDoc {
            name: "AreaDensityAEE",
            ibsi: Ibsi::Same("RDD2"),
            symbols: AEE,
            formula: "A / (4 π a b Σ over ν from 0 to 20 of (α β)^ν P_ν((α² + β²) / 2 α β) / (1 - 4 ν²)), \
                P_ν Legendre's polynomials, α² = 1 - b²/a², β² = 1 - c²/a², a ≥ b ≥ c",
            meaning: "How much surface the region has against an ellipsoid like it: above 1, the more \
                the rougher. The series is IBSI's; it is near the ellipsoid's area, but not equal \
                to it.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel and a single slice have a flat \
                ellipsoid: NaN.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.area_density(t.approximate_ellipsoid_mm()),
    },
    Feature {
        doc: FeatureDoc {
            name: "VolumeDensityMVEE",
            ibsi: Ibsi::Same("SWZ1"),
            symbols: MVEE,
            formula: "3 V / 4 π a b c",
            meaning: "How near the region is to an ellipsoid: 1 for one. IBSI has no reference value for \
                it.",
            unit: "1",
            reference: "Todd & Yildirim, Discrete Appl Math 2007;155:1731",
            degenerate: "Intensities do not matter; one voxel gives 1 / π.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.volume_density(t.enclosing_ellipsoid_mm()),
    },
    Feature {
        doc: FeatureDoc {
            name: "AreaDensityMVEE",
            ibsi: Ibsi::Same("BRI8"),
            symbols: MVEE,
            formula: "A over the area of the ellipsoid, by the series of AreaDensityAEE",
            meaning: "How much surface the region has against the ellipsoid around it. IBSI has no \
                reference value for it.",
            unit: "1",
            reference: "Todd & Yildirim, Discrete Appl Math 2007;155:1731",
            degenerate: "Intensities do not matter; one voxel gives √3 / π = 0.551 where voxels are \
                cubes.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.area_density(t.enclosing_ellipsoid_mm()),
    },
    Feature {
        doc: FeatureDoc {
            name: "VolumeDensityConvexHull",
            ibsi: Ibsi::Same("R3ER"),
            symbols: HULL,
            formula: "V / V'",
            meaning: "How convex the region is: 1 without dents, holes and separate parts.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives 1.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mesh.volume_mm3 / t.hull.volume_mm3,
    },
    Feature {
        doc: FeatureDoc {
            name: "AreaDensityConvexHull",
            ibsi: Ibsi::Same("7T7F"),
            symbols: HULL,
            formula: "A / A'",
            meaning: "How rough the surface is: 1 for a convex region, more with dents and holes.",
            unit: "1",
            reference: IBSI,
            degenerate: "Intensities do not matter; one voxel gives 1.",
            pyradiomics: PyRadiomics::Absent,
        },
        value: |t| t.mesh.area_mm2 / t.hull.area_mm2,
    },
];

fn volume(sides_mm: [f64; 3]) -> f64 {
    sides_mm.iter().product()
}

fn area([p, q, r]: [f64; 3]) -> f64 {
    2.0 * (p * q + q * r + r * p)
}
