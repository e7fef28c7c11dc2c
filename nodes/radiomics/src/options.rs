//! Options of the stage, and what they mean for an extraction.

use std::str::FromStr;

use clap::Args;
use renalflow_radiomics::{
    ClassSelection, Discretisation, ImageParameters, ImageType, Parameters, Settings,
};
use renalflow_sdk::{Problem, clap};
use serde::{Serialize, Serializer};

/// Options of `radiomics`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// Regions of interest, each one row: names or numbers of labels, joined by `+`
    #[arg(
        long,
        value_name = "LABELS",
        value_delimiter = ',',
        default_value = "tumour"
    )]
    pub(crate) regions: Vec<String>,
    /// Parameter file of PyRadiomics, which says everything but the regions
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "features", "bin_width_hu", "bin_count", "distances_voxels", "voxel_array_shift_hu",
            "force_2d_across_axis", "minimum_roi_voxels",
        ]
    )]
    params: Option<ParameterFile>,
    /// Feature classes, each with all its default features; `class:Feature` picks single ones
    #[arg(
        long,
        value_name = "CLASS",
        value_delimiter = ',',
        default_value = "firstorder,shape,glcm"
    )]
    features: Vec<String>,
    /// Width of a grey-level bin, in the image's unit; an edge lies at 0
    #[arg(
        long,
        value_name = "HU",
        default_value_t = 25.0,
        conflicts_with = "bin_count"
    )]
    bin_width_hu: f64,
    /// Number of grey-level bins between the region's extremes, instead of a width
    #[arg(long, value_name = "N")]
    bin_count: Option<u32>,
    /// Distances between the voxels of a pair, in voxels
    #[arg(
        long,
        value_name = "VOXELS",
        value_delimiter = ',',
        default_value = "1"
    )]
    distances_voxels: Vec<usize>,
    /// Added to every intensity in Energy, TotalEnergy and RootMeanSquared
    #[arg(
        long,
        value_name = "HU",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    voxel_array_shift_hu: f64,
    /// Leave the texture's neighbours in planes across this axis: 0 is z
    #[arg(long, value_name = "AXIS")]
    force_2d_across_axis: Option<usize>,
    /// Put before every column's name, where one table takes the features of several such nodes
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) prefix: String,
    /// Refuse a region with fewer voxels
    #[arg(long, value_name = "N", default_value_t = 1)]
    minimum_roi_voxels: usize,
}

/// A parameter file. Its text, not its name, stands for it in lineage keys and in the record
/// of a run.
#[derive(Debug, Clone)]
struct ParameterFile {
    name: String,
    text: String,
}

impl FromStr for ParameterFile {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        Ok(Self {
            name: path.to_owned(),
            text,
        })
    }
}

impl Serialize for ParameterFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl Options {
    /// The parameters of the file, or those that the other options make; and what the file's
    /// reader has to say.
    pub(crate) fn parameters(&self) -> Result<(Parameters, Vec<String>), Problem> {
        if let Some(file) = &self.params {
            let (parameters, warnings) = Parameters::from_text(&file.text, &file.name)?;
            let warnings = warnings.iter().map(ToString::to_string).collect();
            return Ok((parameters, warnings));
        }
        let settings = settings(self)?;
        let parameters = Parameters {
            images: vec![ImageParameters {
                image_type: ImageType::Original,
                settings: settings.clone(),
            }],
            settings,
            additional_info: false,
            ..Parameters::default()
        };
        Ok((parameters, Vec::new()))
    }
}

fn settings(options: &Options) -> Result<Settings, Problem> {
    let mut classes: Vec<ClassSelection> = Vec::new();
    for wanted in &options.features {
        let (class, feature) = match wanted.split_once(':') {
            Some((class, feature)) => (class, Some(feature.to_owned())),
            None => (wanted.as_str(), None),
        };
        match classes
            .iter_mut()
            .find(|selection| selection.class == class)
        {
            Some(selection) if selection.features.is_empty() || feature.is_none() => {
                return Err(Problem::new(format!(
                    "--features names class `{class}` as a whole and again"
                ))
                .fix("give the class once, or its single features only"));
            }
            Some(selection) => selection.features.extend(feature),
            None => classes.push(ClassSelection {
                class: class.to_owned(),
                features: feature.into_iter().collect(),
            }),
        }
    }
    Ok(Settings {
        discretisation: options.bin_count.map_or(
            Discretisation::BinWidth(options.bin_width_hu),
            Discretisation::BinCount,
        ),
        voxel_array_shift: options.voxel_array_shift_hu,
        distances_voxels: options.distances_voxels.clone(),
        force_2d_across_axis: options.force_2d_across_axis,
        minimum_roi_voxels: options.minimum_roi_voxels,
        classes,
        ..Settings::default()
    })
}
