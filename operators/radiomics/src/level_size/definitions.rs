//! The formulas that matrices of level and size share, each with its text.
//!
//! A class lists those it has and says in its own words what they mean there
//! ([`Definition::feature`]).

use super::{
    LevelSizeTerms,
    terms::{uniformity, variance},
};
use crate::{Feature, FeatureDoc, Ibsi, PyRadiomics};

/// A formula, as text and executable.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The text.
    pub formula: &'static str,
    /// Unit of the value.
    pub unit: &'static str,
    /// The value.
    pub value: fn(&LevelSizeTerms) -> f64,
}

/// What a class says of a feature in its own wording.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    /// [`FeatureDoc::name`]
    pub name: &'static str,
    /// [`FeatureDoc::ibsi`]
    pub ibsi: Ibsi,
    /// [`FeatureDoc::meaning`]
    pub meaning: &'static str,
    /// [`FeatureDoc::reference`]
    pub reference: &'static str,
    /// [`FeatureDoc::degenerate`]
    pub degenerate: &'static str,
    /// [`FeatureDoc::pyradiomics`]
    pub pyradiomics: PyRadiomics,
}

impl Definition {
    /// The feature that this formula is in a class.
    #[must_use]
    pub const fn feature(self, symbols: &'static str, wording: Wording) -> Feature<LevelSizeTerms> {
        Feature {
            doc: FeatureDoc {
                name: wording.name,
                ibsi: wording.ibsi,
                symbols,
                formula: self.formula,
                meaning: wording.meaning,
                unit: self.unit,
                reference: wording.reference,
                degenerate: wording.degenerate,
                pyradiomics: wording.pyradiomics,
            },
            value: self.value,
        }
    }
}

const fn definition(formula: &'static str, value: fn(&LevelSizeTerms) -> f64) -> Definition {
    Definition {
        formula,
        unit: "1",
        value,
    }
}

/// Emphasis of small sizes.
pub const SMALL: Definition = definition("Σ s(j) / j²", |t| t.over_sizes(|j| 1.0 / (j * j)));

/// Emphasis of large sizes.
pub const LARGE: Definition = definition("Σ s(j) j²", |t| t.over_sizes(|j| j * j));

/// Emphasis of low levels.
pub const LOW: Definition = definition("Σ g(i) / i²", |t| t.over_levels(|i| 1.0 / (i * i)));

/// Emphasis of high levels.
pub const HIGH: Definition = definition("Σ g(i) i²", |t| t.over_levels(|i| i * i));

/// Emphasis of small sizes at low levels.
pub const SMALL_LOW: Definition = definition("Σ p(i,j) / (i² j²)", |t| {
    t.over_cells(|i, j| 1.0 / ((i * i) * (j * j)))
});

/// Emphasis of small sizes at high levels.
pub const SMALL_HIGH: Definition = definition("Σ p(i,j) i² / j²", |t| {
    t.over_cells(|i, j| (i * i) / (j * j))
});

/// Emphasis of large sizes at low levels.
pub const LARGE_LOW: Definition = definition("Σ p(i,j) j² / i²", |t| {
    t.over_cells(|i, j| (j * j) / (i * i))
});

/// Emphasis of large sizes at high levels.
pub const LARGE_HIGH: Definition = definition("Σ p(i,j) i² j²", |t| {
    t.over_cells(|i, j| (i * i) * (j * j))
});

/// How unequally levels share in the things counted, times their number.
pub const LEVEL_NON_UNIFORMITY: Definition =
    definition("N Σ g(i)²", |t| t.count * uniformity(&t.by_level));

/// How unequally levels share in the things counted.
pub const LEVEL_NON_UNIFORMITY_NORMALIZED: Definition =
    definition("Σ g(i)²", |t| uniformity(&t.by_level));

/// How unequally sizes share in the things counted, times their number.
pub const SIZE_NON_UNIFORMITY: Definition =
    definition("N Σ s(j)²", |t| t.count * uniformity(&t.by_size));

/// How unequally sizes share in the things counted.
pub const SIZE_NON_UNIFORMITY_NORMALIZED: Definition =
    definition("Σ s(j)²", |t| uniformity(&t.by_size));

/// Things counted by voxel.
pub const PERCENTAGE: Definition = definition("N / V", |t| t.count / t.voxel_count);

/// Variance of the level over things counted.
pub const LEVEL_VARIANCE: Definition = definition("Σ (i - μ)² g(i), μ = Σ i g(i)", |t| {
    variance(&t.by_level)
});

/// Variance of the size over things counted.
pub const SIZE_VARIANCE: Definition = definition("Σ (j - μ)² s(j), μ = Σ j s(j)", |t| {
    variance(&t.by_size)
});

/// Entropy of level and size together.
pub const ENTROPY: Definition = Definition {
    formula: "-Σ p(i,j) log₂(p(i,j) + ε)",
    unit: "bit",
    value: |t| t.entropy(),
};

/// Energy of level and size together.
pub const ENERGY: Definition = definition("Σ p(i,j)²", |t| t.energy());
