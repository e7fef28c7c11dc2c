//! Stage `crop`: the part of a case around a label, an organ or a supplied box.

use clap::Args;
use renalflow_imaging::{
    Geometry,
    boxes::BoundingBox,
    crop::{crop_image, crop_labels},
    same_grid::check_same_grid,
};
use renalflow_sdk::{
    Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role, Stage,
    Table, Value, Work, clap,
};
use serde::Serialize;
use serde_json::json;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Crop>();

/// Cuts a box out of image and mask.
pub struct Crop(Options);

/// Options of `crop`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// Labels to crop around: names or numbers joined by `+`; not used where `box` is connected
    #[arg(long, value_name = "LABELS", default_value = "tumour")]
    around: String,
    /// Kept on every side, rounded up to whole voxels: one number, or three for z, y and x
    #[arg(long, value_name = "MM", value_delimiter = ',', default_value = "5")]
    margin_mm: Vec<f64>,
}

impl Stage for Crop {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "crop",
        version: "1",
        about: "Crop to a label, an organ or a supplied box, with a margin in mm",
        role: Role::PerCase,
        inputs: &[
            Port::new("image", Kind::Image, "intensities").optional(),
            Port::new("mask", Kind::Labels, "labels on the image's grid").optional(),
            Port::new(
                "box",
                Kind::Table,
                "one row: start_z, start_y, start_x, size_z, size_y, size_x in voxels",
            )
            .optional(),
        ],
        outputs: &[
            Port::new("image", Kind::Image, "the part inside the box").needs("image"),
            Port::new("mask", Kind::Labels, "the part inside the box").needs("mask"),
            Port::new(
                "box",
                Kind::Table,
                "the box, as on the input, for the way back",
            ),
        ],
    };

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        margin(options).map(|_| Vec::new())
    }

    fn check_wiring(_options: &Options, inputs: &[String]) -> Result<(), Problem> {
        let connected = |port: &str| inputs.iter().any(|input| input == port);
        if !connected("mask") && !connected("box") {
            return Err(Problem::new(
                "neither `mask` nor `box` is connected, so there is nothing to crop around",
            )
            .fix("connect one of them"));
        }
        Ok(())
    }

    fn build(options: Options, _context: &Context) -> Result<Work, Problem> {
        Ok(Work::PerCase(Box::new(Self(options))))
    }
}

fn margin(options: &Options) -> Result<[f64; 3], Problem> {
    let valid = |mm: &f64| *mm >= 0.0 && mm.is_finite();
    match *options.margin_mm.as_slice() {
        [one] if valid(&one) => Ok([one; 3]),
        [z, y, x] if [z, y, x].iter().all(valid) => Ok([z, y, x]),
        ref other => Err(Problem::new(format!("--margin-mm is {other:?}"))
            .fix("give one number of mm that is not negative, or three for z, y and x")),
    }
}

impl PerCase for Crop {
    fn process(&mut self, _case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        let image = if inputs.has("image") {
            Some(inputs.image("image")?)
        } else {
            None
        };
        let mask = if inputs.has("mask") {
            Some(inputs.labels("mask")?)
        } else {
            None
        };
        let supplied = if inputs.has("box") {
            Some(inputs.table("box")?)
        } else {
            None
        };
        if let (Some(image), Some(mask)) = (&image, &mask) {
            check_same_grid(("image", image.geometry()), ("mask", mask.geometry()))?;
        }
        let grid = image
            .as_ref()
            .map(|image| image.geometry().clone())
            .or_else(|| mask.as_ref().map(|mask| mask.geometry().clone()))
            .ok_or_else(|| {
                Problem::new("neither image nor mask is connected")
                    .fix("connect what is to be cropped")
            })?;
        let found = match (&supplied, &mask) {
            (Some(table), _) => read_box(table, &grid)?,
            (None, Some(mask)) => BoundingBox::of_labels(mask, &mask.region(&self.0.around)?)?,
            (None, None) => return Err(Problem::new("no box and no mask for this case")),
        };
        let region = found.with_margin_mm(margin(&self.0)?, &grid)?;
        let mut outputs = Outputs::none().with("box", Value::Table(write_box(&region)?));
        if let Some(image) = &image {
            outputs = outputs.with("image", Value::Image(crop_image(image, &region)?));
        }
        if let Some(mask) = &mask {
            outputs = outputs.with("mask", Value::Labels(crop_labels(mask, &region)?));
        }
        Ok(outputs)
    }
}

const COLUMNS: [&str; 6] = [
    "start_z", "start_y", "start_x", "size_z", "size_y", "size_x",
];

fn read_box(table: &Table, grid: &Geometry) -> Result<BoundingBox, Problem> {
    let fix = "a box is one row with the columns start_z, start_y, start_x, size_z, size_y, size_x in whole voxels";
    let mut values = [0usize; 6];
    for (value, column) in values.iter_mut().zip(COLUMNS) {
        let numbers = table.f64s(column).ok_or_else(|| {
            Problem::new(format!("the box has no numeric column `{column}`")).fix(fix)
        })?;
        match *numbers.as_slice() {
            [number] if number >= 0.0 && number.fract() == 0.0 => *value = number as usize,
            ref other => {
                return Err(Problem::new(format!("the box's `{column}` is {other:?}")).fix(fix));
            }
        }
    }
    let [z, y, x, depth, height, width] = values;
    let region = BoundingBox {
        start_zyx: [z, y, x],
        shape_zyx: [depth, height, width],
    };
    region.check_inside(grid)?;
    Ok(region)
}

fn write_box(region: &BoundingBox) -> Result<Table, Problem> {
    let [z, y, x] = region.start_zyx;
    let [depth, height, width] = region.shape_zyx;
    let row = COLUMNS
        .into_iter()
        .zip([z, y, x, depth, height, width])
        .map(|(column, value)| (column.to_owned(), json!(value)))
        .collect();
    Ok(Table::from_rows(&[row])?)
}
