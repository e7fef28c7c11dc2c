//! Stage `postprocess`: rules that a segmentation of kidneys must keep.

use clap::Args;
use renalflow_imaging::LabelMap;
use renalflow_sdk::{
    Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role, Stage,
    Value, Work, clap,
};
use renalflow_segmentation::inference::postprocess::{CleanUp, clean_up};
use serde::Serialize;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Postprocess>();

/// Cleans masks.
pub struct Postprocess(Options);

/// Options of `postprocess`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// Label of kidney: a name or a number
    #[arg(long, value_name = "LABEL", default_value = "kidney")]
    kidney: String,
    /// Labels of what lies in kidneys: names or numbers
    #[arg(
        long,
        value_name = "LABELS",
        value_delimiter = ',',
        default_value = "tumour"
    )]
    masses: Vec<String>,
    /// Kidneys smaller than this are removed with their masses; 0 keeps all
    #[arg(long, value_name = "ML", default_value_t = 10.0)]
    smallest_kidney_ml: f64,
    /// Masses smaller than this become kidney; 0 keeps all
    #[arg(long, value_name = "ML", default_value_t = 0.1)]
    smallest_tumour_ml: f64,
    /// Keep masses that touch no kidney
    #[arg(long)]
    keep_lone_masses: bool,
    /// Keep cavities in kidneys and masses
    #[arg(long)]
    keep_holes: bool,
}

impl Options {
    fn rules(&self, mask: &LabelMap) -> Result<CleanUp, Problem> {
        let label = |name: &str| match mask.region(name)?.as_slice() {
            [label] => Ok(*label),
            several => Err(
                Problem::new(format!("`{name}` is {} labels", several.len()))
                    .fix("separate labels of masses by commas, and name one label of kidney"),
            ),
        };
        let masses = self.masses.iter().map(|name| label(name));
        Ok(CleanUp {
            kidney: label(&self.kidney)?,
            masses: masses.collect::<Result<_, Problem>>()?,
            smallest_kidney_ml: self.smallest_kidney_ml,
            smallest_mass_ml: self.smallest_tumour_ml,
            masses_touch_kidney: !self.keep_lone_masses,
            fill_holes: !self.keep_holes,
        })
    }
}

impl Stage for Postprocess {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "postprocess",
        version: "1",
        about: "Remove from a mask what is no kidney and no tumour of one, and fill its holes",
        role: Role::PerCase,
        inputs: &[Port::new("mask", Kind::Labels, "kidney and masses")],
        outputs: &[Port::new("mask", Kind::Labels, "the same, cleaned")],
    };

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        for (option, ml) in [
            ("--smallest-kidney-ml", options.smallest_kidney_ml),
            ("--smallest-tumour-ml", options.smallest_tumour_ml),
        ] {
            if !(ml.is_finite() && ml >= 0.0) {
                return Err(Problem::new(format!("{option} is {ml}"))
                    .fix("give a number of mL that is not negative; 0 keeps everything"));
            }
        }
        if options.masses.contains(&options.kidney) {
            return Err(
                Problem::new(format!("`{}` is kidney and mass", options.kidney))
                    .fix("name it in --kidney or in --masses"),
            );
        }
        Ok(Vec::new())
    }

    fn build(options: Options, _context: &Context) -> Result<Work, Problem> {
        Ok(Work::PerCase(Box::new(Self(options))))
    }
}

impl PerCase for Postprocess {
    fn process(&mut self, case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        let mask = inputs.labels("mask")?;
        let (cleaned, changes) = clean_up(&mask, &self.0.rules(&mask)?)?;
        for change in &changes {
            tracing::info!("{case_id}: {change}");
        }
        if changes.is_empty() {
            tracing::info!("{case_id}: nothing to change");
        }
        Ok(Outputs::none().with("mask", Value::Labels(cleaned)))
    }
}
