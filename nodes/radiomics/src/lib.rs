//! Stage `radiomics`: one row of features for each case and region of interest.

pub mod rows;

mod options;

use renalflow_imaging::{Image, LabelMap};
use renalflow_radiomics::{Extraction, Parameters, extract_from_mask};
use renalflow_sdk::{
    Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role, Stage,
    Table, Value, Work,
};

pub use options::Options;
use rows::{Cells, extraction_cells};

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Radiomics>();

/// Extracts features.
pub struct Radiomics {
    regions: Vec<String>,
    prefix: String,
    parameters: Parameters,
}

impl Stage for Radiomics {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "radiomics",
        version: "2",
        about: "Extract features with PyRadiomics' or IBSI's definitions",
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
        let (parameters, warnings) = options.parameters()?;
        parameters.validate()?;
        Ok(warnings)
    }

    fn check_wiring(options: &Options, inputs: &[String]) -> Result<(), Problem> {
        let (parameters, _) = options.parameters()?;
        let has_image = inputs.iter().any(|input| input == "image");
        if !has_image && let Some(column) = parameters.image_column()? {
            return Err(Problem::new(format!(
                "`{column}` needs intensities and no image is connected"
            ))
            .fix("connect `image`, or give `--features shape`"));
        }
        Ok(())
    }

    fn build(options: Options, _context: &Context) -> Result<Work, Problem> {
        let (parameters, _) = options.parameters()?;
        Ok(Work::PerCase(Box::new(Self {
            regions: options.regions,
            prefix: options.prefix,
            parameters,
        })))
    }
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
                let cells = self
                    .features(image.as_ref(), &mask, region)
                    .map_err(|problem| problem.context(format!("region `{region}`")))?;
                Ok(self.row(case_id, region, cells))
            })
            .collect::<Result<Vec<_>, Problem>>()?;
        let table = Table::from_batch(rows::table(&rows)?)?;
        Ok(Outputs::none().with("features", Value::Table(table)))
    }
}

impl Radiomics {
    /// Diagnostics and features of a region.
    fn features(
        &self,
        image: Option<&Image>,
        mask: &LabelMap,
        region: &str,
    ) -> Result<Cells, Problem> {
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
        let Some(image) = image else {
            let features = extract_from_mask(mask, label, &self.parameters.settings)?;
            let mut cells = size_cells(
                features.diagnostics.voxel_count,
                features.diagnostics.volume_mm3,
                features.diagnostics.spacing_zyx_mm,
            );
            let values = features.values.into_iter();
            cells.extend(values.map(|value| (value.column, value.value.into())));
            return Ok(cells);
        };
        let extraction = self.parameters.extract(image, mask, label)?;
        for warning in &extraction.warnings {
            tracing::warn!("region `{region}`: {warning}");
        }
        let Extraction {
            voxel_count,
            spacing_zyx_mm,
            ..
        } = extraction;
        let volume_mm3 = voxel_count as f64 * spacing_zyx_mm.iter().product::<f64>();
        let mut cells = size_cells(voxel_count, volume_mm3, spacing_zyx_mm);
        cells.extend(extraction_cells(&extraction));
        Ok(cells)
    }

    fn row(&self, case_id: &str, region: &str, cells: Cells) -> Cells {
        let mut row = vec![
            ("case_id".to_owned(), case_id.into()),
            ("roi".to_owned(), region.into()),
        ];
        row.extend(
            cells
                .into_iter()
                .map(|(name, cell)| (format!("{}{name}", self.prefix), cell)),
        );
        row
    }
}

/// How large the region is that features were computed on.
fn size_cells(voxel_count: usize, volume_mm3: f64, spacing_zyx_mm: [f64; 3]) -> Cells {
    let mut cells = vec![
        ("diagnostics_voxels".to_owned(), voxel_count.into()),
        (
            "diagnostics_volume_ml".to_owned(),
            (volume_mm3 / 1000.0).into(),
        ),
    ];
    for (axis, mm) in ["z", "y", "x"].iter().zip(spacing_zyx_mm) {
        cells.push((format!("diagnostics_spacing_{axis}_mm"), mm.into()));
    }
    cells
}
