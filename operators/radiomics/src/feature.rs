//! What a feature is, what a class of features is, and which classes there are.

use crate::{
    Region, Roi, Settings, Standard, error::RadiomicsError, firstorder::FIRST_ORDER, glcm::GLCM,
    gldm::GLDM, gldzm::GLDZM, glrlm::GLRLM, glszm::GLSZM, intensity_histogram::INTENSITY_HISTOGRAM,
    intensity_volume_histogram::INTENSITY_VOLUME_HISTOGRAM, local_intensity::LOCAL_INTENSITY,
    morphology::MORPHOLOGY, ngldm::NGLDM, ngtdm::NGTDM, shape::SHAPE, shape2d::SHAPE_2D,
    spatial::SPATIAL,
};

/// How a feature relates to the IBSI reference manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ibsi {
    /// The same definition, under this code.
    Same(&'static str),
    /// The feature with this code, but for the difference stated.
    Differs(&'static str, &'static str),
    /// The same number as another feature, which has this code: code, name. The name has its
    /// class in front where that is another one.
    Duplicate(&'static str, &'static str),
    /// No such feature there, and why.
    Absent(&'static str),
}

/// How a feature relates to PyRadiomics. Where it exists there, the names are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PyRadiomics {
    /// Computed where its class is selected without naming features.
    Default,
    /// Computed only where it is named.
    Disabled,
    /// No such feature there.
    Absent,
}

/// What a reader needs to know about a feature. No field may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureDoc {
    /// Name as PyRadiomics spells it, or in its manner where it has no such feature.
    pub name: &'static str,
    /// Relation to IBSI.
    pub ibsi: Ibsi,
    /// The symbols of the formula.
    pub symbols: &'static str,
    /// The definition.
    pub formula: &'static str,
    /// What a larger or smaller value says about the region.
    pub meaning: &'static str,
    /// Unit of the value; `1` where it has none, `intensity` for the unit of the image.
    pub unit: &'static str,
    /// Where it is defined.
    pub reference: &'static str,
    /// The value on a region of one intensity, and on a region of one voxel.
    pub degenerate: &'static str,
    /// Relation to PyRadiomics.
    pub pyradiomics: PyRadiomics,
}

impl FeatureDoc {
    /// Whether the feature is computed where its class is selected without naming features:
    /// under PyRadiomics what PyRadiomics computes then, under IBSI whatever has a code.
    #[must_use]
    pub fn is_default(&self, standard: Standard) -> bool {
        match standard {
            Standard::PyRadiomics => self.pyradiomics == PyRadiomics::Default,
            Standard::Ibsi => matches!(self.ibsi, Ibsi::Same(_) | Ibsi::Differs(..)),
        }
    }
}

/// A feature: its documentation, and its value given the terms `T` of its class.
pub struct Feature<T: 'static> {
    /// Documentation.
    pub doc: FeatureDoc,
    /// The definition, executable.
    pub value: fn(&T) -> f64,
}

/// Computes, from a source, the features at the given places in the declaration of a class, in
/// that order.
pub type ComputeFrom<S> = fn(&S, &Settings, &[usize]) -> Result<Vec<f64>, RadiomicsError>;

/// How a class computes its features.
#[derive(Clone, Copy)]
pub enum Compute {
    /// From the mask alone.
    FromMask(ComputeFrom<Region>),
    /// From intensities or grey levels.
    FromImage(ComputeFrom<Roi>),
}

/// A family of features computed from the same terms.
pub struct FeatureClass {
    /// Name in column names, as PyRadiomics spells it.
    pub name: &'static str,
    /// One line on what the family measures.
    pub title: &'static str,
    /// The documentation of its features, in the order of the columns.
    pub docs: fn() -> Vec<&'static FeatureDoc>,
    /// How they are computed.
    pub compute: Compute,
}

/// Every feature class, in the order of the columns.
pub static CLASSES: [&FeatureClass; 15] = [
    &FIRST_ORDER,
    &SHAPE,
    &SHAPE_2D,
    &GLCM,
    &GLRLM,
    &GLSZM,
    &GLDM,
    &NGTDM,
    &GLDZM,
    &NGLDM,
    &MORPHOLOGY,
    &SPATIAL,
    &LOCAL_INTENSITY,
    &INTENSITY_HISTOGRAM,
    &INTENSITY_VOLUME_HISTOGRAM,
];

impl FeatureClass {
    /// Whether the class is computed where no class is named: all but planar shape, which few
    /// regions have.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.name != SHAPE_2D.name
    }

    /// The places, in the declaration, of the features named, each once and in their order; of
    /// the standard's default ones if none is.
    ///
    /// # Errors
    /// [`RadiomicsError::UnknownFeature`] lists the names that exist.
    pub fn select(
        &self,
        names: &[String],
        standard: Standard,
    ) -> Result<Vec<usize>, RadiomicsError> {
        let docs = (self.docs)();
        if let Some(name) = names.iter().find(|n| docs.iter().all(|d| d.name != **n)) {
            let known: Vec<_> = docs.iter().map(|doc| doc.name).collect();
            return Err(RadiomicsError::UnknownFeature {
                class: self.name,
                name: name.clone(),
                known: known.join(", "),
            });
        }
        if names.is_empty() {
            let is_wanted = |&place: &usize| docs[place].is_default(standard);
            let mut places: Vec<usize> = (0..docs.len()).filter(is_wanted).collect();
            if standard == Standard::PyRadiomics {
                // PyRadiomics sorts its methods, `get<name>FeatureValue`.
                places.sort_by_key(|&place| format!("{}FeatureValue", docs[place].name));
            }
            return Ok(places);
        }
        let mut places = Vec::new();
        for name in names {
            let place = docs.iter().position(|doc| doc.name == *name);
            places.extend(place.filter(|place| !places.contains(place)));
        }
        Ok(places)
    }
}
