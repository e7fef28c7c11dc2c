//! Stage `resample`: an image and its labels to another voxel spacing.

use clap::{Args, ValueEnum};
use renalflow_imaging::{
    Geometry,
    resample::{
        GridRule, Interpolation, Output, Precision, Resampling, resample_image, resample_labels,
    },
};
use renalflow_sdk::{
    Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role, Stage,
    Value, Work, clap,
};
use serde::Serialize;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Resample>();

/// Resamples image and labels of a case to one grid.
pub struct Resample {
    options: Options,
    how: Resampling,
}

/// Options of `resample`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// New distance between voxel centres in mm: one number, or three for z, y and x
    #[arg(
        long,
        value_name = "MM",
        num_args = 1,
        value_delimiter = ',',
        required = true
    )]
    spacing_zyx_mm: Vec<f64>,
    /// How intensities between voxels are computed; labels take the nearest voxel's label always
    #[arg(long, value_enum, default_value_t = Method::BSpline)]
    interpolation: Method,
    /// Where the new voxels lie: outer corners aligned as in PyRadiomics, first centres as in
    /// ITK's examples, or centres of the grids as in IBSI
    #[arg(long, value_enum, default_value_t = Grid::Pyradiomics)]
    grid: Grid,
    /// Compute in single precision (within 0.002 HU) or in double, as ITK
    #[arg(long, value_enum, default_value_t = Arithmetic::Single)]
    precision: Arithmetic,
    /// Intensity where the image does not reach, in HU
    #[arg(long, default_value_t = -1024.0, allow_negative_numbers = true, value_name = "HU")]
    outside_hu: f64,
}

/// Names of interpolation methods.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    /// The nearest voxel's value
    Nearest,
    /// Trilinear
    Linear,
    /// Cubic B-spline through all voxels
    BSpline,
}

/// Names of grid rules.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Grid {
    /// Outer corners of the first voxels aligned
    Pyradiomics,
    /// Centres of the first voxels aligned
    Itk,
    /// Centres of the grids aligned
    Ibsi,
}

/// Names of precisions.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Arithmetic {
    /// 32 bits
    Single,
    /// 64 bits
    Double,
}

impl Stage for Resample {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "resample",
        version: "1",
        about: "Resample an image and its labels to another voxel spacing",
        role: Role::PerCase,
        inputs: &[
            Port::new("image", Kind::Image, "intensities").optional(),
            Port::new("mask", Kind::Labels, "labels on the image's grid").optional(),
        ],
        outputs: &[
            Port::new("image", Kind::Image, "resampled intensities").needs("image"),
            Port::new("mask", Kind::Labels, "labels on the same new grid").needs("mask"),
        ],
    };

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        if !options.outside_hu.is_finite() {
            return Err(
                Problem::new(format!("--outside-hu is {}", options.outside_hu))
                    .fix("give the intensity of air, such as -1024"),
            );
        }
        spacing(options).map(|_| Vec::new())
    }

    fn build(options: Options, _context: &Context) -> Result<Work, Problem> {
        let how = Resampling {
            interpolation: match options.interpolation {
                Method::Nearest => Interpolation::Nearest,
                Method::Linear => Interpolation::Linear,
                Method::BSpline => Interpolation::CubicBSpline,
            },
            precision: match options.precision {
                Arithmetic::Single => Precision::Single,
                Arithmetic::Double => Precision::Double,
            },
            output: Output::Real,
            outside: options.outside_hu,
        };
        Ok(Work::PerCase(Box::new(Self { options, how })))
    }
}

fn spacing(options: &Options) -> Result<[f64; 3], Problem> {
    let spacing = match *options.spacing_zyx_mm.as_slice() {
        [one] => [one; 3],
        [z, y, x] => [z, y, x],
        ref other => {
            return Err(
                Problem::new(format!("--spacing-zyx-mm has {} numbers", other.len()))
                    .fix("give one, or three for z, y and x: --spacing-zyx-mm 3,0.8,0.8"),
            );
        }
    };
    if spacing.iter().all(|mm| mm.is_finite() && *mm > 0.0) {
        Ok(spacing)
    } else {
        Err(Problem::new(format!("--spacing-zyx-mm is {spacing:?}"))
            .fix("each must be a positive number of mm"))
    }
}

impl Resample {
    fn target(&self, source: &Geometry) -> Result<Geometry, Problem> {
        let rule = match self.options.grid {
            Grid::Pyradiomics => GridRule::PyRadiomics,
            Grid::Itk => GridRule::Itk,
            Grid::Ibsi => GridRule::Ibsi,
        };
        Ok(rule.grid(source, spacing(&self.options)?)?)
    }
}

impl PerCase for Resample {
    fn process(&mut self, _case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        let mut outputs = Outputs::none();
        let mut target = None;
        if inputs.has("image") {
            let image = inputs.image("image")?;
            let grid = self.target(image.geometry())?;
            outputs = outputs.with(
                "image",
                Value::Image(resample_image(&image, &grid, &self.how)?),
            );
            target = Some(grid);
        }
        if inputs.has("mask") {
            let mask = inputs.labels("mask")?;
            let grid = match target {
                Some(grid) => grid,
                None => self.target(mask.geometry())?,
            };
            outputs = outputs.with("mask", Value::Labels(resample_labels(&mask, &grid)?));
        }
        Ok(outputs)
    }
}
