//! Stage `window`: intensities clipped, or brought to a common scale.

use clap::{Args, ValueEnum};
use renalflow_imaging::{
    Image, LabelMap, Volume,
    components::label_mask,
    intensity::{Range, clip, clip_to_unit, percentile_clip, z_score},
    same_grid::check_same_grid,
};
use renalflow_sdk::{
    Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role, Stage,
    Value, Work, clap,
};
use serde::Serialize;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Window>();

/// Maps intensities.
pub struct Window(Options);

/// Options of `window`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// What is done to the intensities
    #[arg(long, value_enum, default_value_t = Method::Clip)]
    method: Method,
    /// Centre of the window (clip, unit)
    #[arg(
        long,
        value_name = "HU",
        default_value_t = 40.0,
        allow_negative_numbers = true
    )]
    center_hu: f64,
    /// Width of the window (clip, unit)
    #[arg(long, value_name = "HU", default_value_t = 400.0)]
    width_hu: f64,
    /// Lower end (percentile)
    #[arg(long, value_name = "PERCENT", default_value_t = 0.5)]
    lower_percent: f64,
    /// Upper end (percentile)
    #[arg(long, value_name = "PERCENT", default_value_t = 99.5)]
    upper_percent: f64,
    /// Labels inside which statistics are taken, where a mask is connected (percentile, z-score)
    #[arg(long, value_name = "LABELS")]
    inside: Option<String>,
}

/// Names of methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    /// Values outside the window become its ends; HU stay HU
    Clip,
    /// The window becomes 0 to 1
    Unit,
    /// Values outside two percentiles become those percentiles
    Percentile,
    /// Mean 0, standard deviation 1
    ZScore,
}

impl Stage for Window {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "window",
        version: "1",
        about: "Clip intensities to a window, or bring them to a common scale",
        role: Role::PerCase,
        inputs: &[
            Port::new("image", Kind::Image, "intensities"),
            Port::new("mask", Kind::Labels, "labels for --inside").optional(),
        ],
        outputs: &[Port::new("image", Kind::Image, "mapped intensities")],
    };

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        Range::window(options.center_hu, options.width_hu)?;
        let percents = [0.0, options.lower_percent, options.upper_percent, 100.0];
        if !percents.is_sorted() || options.lower_percent >= options.upper_percent {
            return Err(Problem::new(format!(
                "percentiles {} to {}",
                options.lower_percent, options.upper_percent
            ))
            .fix("give 0 <= --lower-percent < --upper-percent <= 100"));
        }
        if options.inside.is_some() && matches!(options.method, Method::Clip | Method::Unit) {
            return Err(
                Problem::new("--inside is given, and a fixed window takes no statistics")
                    .fix("leave --inside out, or choose --method percentile or z-score"),
            );
        }
        Ok(Vec::new())
    }

    fn check_wiring(options: &Options, inputs: &[String]) -> Result<(), Problem> {
        if options.inside.is_some() && !inputs.iter().any(|input| input == "mask") {
            return Err(
                Problem::new("--inside is given and no mask is connected").fix("connect `mask`")
            );
        }
        Ok(())
    }

    fn build(options: Options, _context: &Context) -> Result<Work, Problem> {
        Ok(Work::PerCase(Box::new(Self(options))))
    }
}

impl PerCase for Window {
    fn process(&mut self, _case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        let image = inputs.image("image")?;
        let inside = match &self.0.inside {
            Some(labels) => Some(region(&image, &inputs.labels("mask")?, labels)?),
            None => None,
        };
        let window = Range::window(self.0.center_hu, self.0.width_hu)?;
        let mapped = match self.0.method {
            Method::Clip => clip(&image, window),
            Method::Unit => clip_to_unit(&image, window),
            Method::Percentile => percentile_clip(
                &image,
                inside.as_ref(),
                self.0.lower_percent,
                self.0.upper_percent,
            )?,
            Method::ZScore => z_score(&image, inside.as_ref())?,
        };
        Ok(Outputs::none().with("image", Value::Image(mapped)))
    }
}

fn region(image: &Image, mask: &LabelMap, labels: &str) -> Result<Volume<bool>, Problem> {
    check_same_grid(("image", image.geometry()), ("mask", mask.geometry()))?;
    Ok(label_mask(mask, &mask.region(labels)?))
}
