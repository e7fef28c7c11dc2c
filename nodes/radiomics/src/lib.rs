//! Stage `radiomics`: one row of features for each case and region of interest.

use clap::Args;
use renalflow_imaging::{Image, LabelMap};
use renalflow_radiomics::{
    ClassSelection, Discretisation, Features, Settings, columns, extract, extract_from_mask,
};
use renalflow_sdk::{
    Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role, Stage,
    Table, Value, Work, clap, table::Row,
};
use serde::Serialize;
use serde_json::Value as Json;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Radiomics>();

/// Extracts features.
pub struct Radiomics {
    regions: Vec<String>,
    prefix: String,
    settings: Settings,
}

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
    regions: Vec<String>,
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
    prefix: String,
    /// Refuse a region with fewer voxels
    #[arg(long, value_name = "N", default_value_t = 1)]
    minimum_roi_voxels: usize,
}

impl Stage for Radiomics {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "radiomics",
        version: "1",
        about: "Extract first-order, shape and texture features with PyRadiomics' definitions",
        role: Role::PerCase,
        inputs: &[
            Port::new(
                "image",
                Kind::Image,
                "intensities; may be left out where only shape is wanted",
            )
            .optional(),
            Port::new("mask", Kind::Labels, "labels on the image's grid"),
        ],
        outputs: &[Port::new("features", Kind::Table, "one row a region")],
    };

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        let settings = settings(options)?;
        settings.validate()?;
        columns(&settings)?;
        Ok(Vec::new())
    }

    fn check_wiring(options: &Options, inputs: &[String]) -> Result<(), Problem> {
        let settings = settings(options)?;
        if !inputs.iter().any(|input| input == "image")
            && let Some(class) = settings.classes.iter().find(|class| class.class != "shape")
        {
            return Err(Problem::new(format!(
                "class `{}` needs intensities and no image is connected",
                class.class
            ))
            .fix("connect `image`, or give `--features shape`"));
        }
        Ok(())
    }

    fn build(options: Options, _context: &Context) -> Result<Work, Problem> {
        let settings = settings(&options)?;
        Ok(Work::PerCase(Box::new(Self {
            regions: options.regions,
            prefix: options.prefix,
            settings,
        })))
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

impl PerCase for Radiomics {
    fn process(&mut self, case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        let mask = inputs.labels("mask")?;
        let image = if inputs.has("image") {
            Some(inputs.image("image")?)
        } else {
            None
        };
        let rows = self
            .regions
            .iter()
            .map(|region| {
                let features = self
                    .features(image.as_ref(), &mask, region)
                    .map_err(|problem| problem.context(format!("region `{region}`")))?;
                Ok(self.row(case_id, region, &features))
            })
            .collect::<Result<Vec<_>, Problem>>()?;
        Ok(Outputs::none().with("features", Value::Table(Table::from_rows(&rows)?)))
    }
}

impl Radiomics {
    fn features(
        &self,
        image: Option<&Image>,
        mask: &LabelMap,
        region: &str,
    ) -> Result<Features, Problem> {
        let labels = mask.region(region)?;
        let merged;
        let (mask, label) = match *labels.as_slice() {
            [label] => (mask, label),
            _ => {
                merged = LabelMap {
                    volume: mask.volume.map(|label| u16::from(labels.contains(label))),
                    names: [(1, region.to_owned())].into(),
                };
                (&merged, 1)
            }
        };
        Ok(match image {
            Some(image) => extract(image, mask, label, &self.settings)?,
            None => extract_from_mask(mask, label, &self.settings)?,
        })
    }

    fn row(&self, case_id: &str, region: &str, features: &Features) -> Row {
        let diagnostics = &features.diagnostics;
        let mut row = Row::new();
        row.insert("case_id".to_owned(), case_id.into());
        row.insert("roi".to_owned(), region.into());
        let mut put = |name: &str, value: Json| row.insert(format!("{}{name}", self.prefix), value);
        put("diagnostics_voxels", diagnostics.voxel_count.into());
        put(
            "diagnostics_volume_ml",
            (diagnostics.volume_mm3 / 1000.0).into(),
        );
        for (axis, mm) in ["z", "y", "x"].iter().zip(diagnostics.spacing_zyx_mm) {
            put(&format!("diagnostics_spacing_{axis}_mm"), mm.into());
        }
        if let Some(levels) = diagnostics.grey_level_count {
            put("diagnostics_grey_levels", levels.into());
        }
        for feature in &features.values {
            put(&feature.column, feature.value.into());
        }
        row
    }
}
