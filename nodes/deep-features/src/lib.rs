//! Stage `deep-features`: what layers of a segmentation network say of a region, one row for
//! each case and region of interest.

mod network;
mod options;
mod place;
mod rows;

use renalflow_imaging::{Image, LabelMap, same_grid::check_same_grid};
use renalflow_sdk::{
    Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role, Stage,
    Table, Value, Work,
};
use renalflow_segmentation::{
    deep_features::{self, Crop, Selection, feature_names},
    network::{FsNet, SegmentationNetwork},
    prepare::{self, image_on, working_grid},
};

use renalflow_stage_segment::ensemble::{RECORD_PORT, check_record};

use network::Tapped;
pub use options::Options;
use rows::Row;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<DeepFeatures>();

/// Describes regions by layers of a network.
pub struct DeepFeatures {
    options: Options,
    network: Tapped,
    selection: Selection,
}

impl Stage for DeepFeatures {
    type Options = Options;

    /// The same on every CPU, and as near as a GPU comes.
    const NOT_IN_LINEAGE: &'static [&'static str] = &["device"];

    const DECLARATION: Declaration = Declaration {
        name: "deep-features",
        version: "2",
        about: "Pool layers of a segmentation network over regions of interest",
        role: Role::PerCase,
        inputs: &[
            Port::new("image", Kind::Image, "CT in HU, on its own grid"),
            Port::new("mask", Kind::Labels, "labels on the image's grid"),
            RECORD_PORT,
        ],
        outputs: &[Port::new("features", Kind::Table, "one row a region")],
    };

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        let selection = options.selection()?;
        options.check_numbers()?;
        let network = Tapped::new(options)?;
        let files: Vec<String> = options.weights.iter().map(ToString::to_string).collect();
        let described = format!(
            "{} of {}: {} features a region",
            network.layers().join(", "),
            files.join(", "),
            network.channels()? * selection.len()
        );
        Ok([described].into_iter().chain(network.note()).collect())
    }

    fn check_wiring(options: &Options, inputs: &[String]) -> Result<(), Problem> {
        check_record(options.held_out, inputs)
    }

    fn build(options: Options, _context: &Context) -> Result<Work, Problem> {
        // A forward takes and gives back the same large blocks at every case.
        renalflow_sdk::memory::keep_freed(1 << 30, i32::MAX);
        Ok(Work::PerCase(Box::new(Self {
            selection: options.selection()?,
            network: Tapped::new(&options)?,
            options,
        })))
    }
}

impl PerCase for DeepFeatures {
    fn process(&mut self, case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        let network = self.network.of_case(case_id, &inputs)?;
        let image = inputs.image("image")?;
        let mask = inputs.labels("mask")?;
        check_same_grid(("image", image.geometry()), ("mask", mask.geometry()))?;
        let rows = self
            .options
            .regions
            .iter()
            .map(|region| {
                let values = self
                    .values(network, &image, &mask, region)
                    .map_err(|problem| problem.context(format!("region `{region}`")))?;
                Ok(Row {
                    roi: region.clone(),
                    values,
                })
            })
            .collect::<Result<Vec<_>, Problem>>()?;
        let table = Table::from_batch(rows::table(case_id, &rows)?)?;
        Ok(Outputs::none().with("features", Value::Table(table)))
    }
}

impl DeepFeatures {
    /// The features of a region, by column.
    fn values(
        &self,
        network: &FsNet,
        image: &Image,
        mask: &LabelMap,
        region: &str,
    ) -> Result<rows::Values, Problem> {
        let labels = mask.region(region)?;
        let plan = network.plan();
        let grid = working_grid(image.geometry(), prepare::Region::Whole, plan)?;
        let bounds = place::region_on(&grid, mask, &labels)?;
        let crop = Crop::around(
            &bounds,
            &grid,
            self.options.margin_mm,
            plan.patch_zyx.value,
            plan.total_stride_zyx(),
        )?;
        let crop = crop.geometry(&grid);
        let inside = place::mask_on(&crop, mask, &labels)?;
        let patch = image_on(image, &crop, &plan.window.value)?;

        let mut values = Vec::new();
        for layer in self.network.activations(network, &patch)? {
            let activation = deep_features::Activation {
                layer: &layer.name,
                values: &layer.values,
                channels: layer.channels,
                shape_zyx: layer.shape_zyx,
            };
            let region = deep_features::Region {
                name: region,
                mask: &inside,
                shape_zyx: crop.shape_zyx,
            };
            let pooled = deep_features::pool(&activation, &region, &self.selection)?;
            let names = feature_names(&layer.name, layer.channels, &self.selection);
            let names = names
                .into_iter()
                .map(|name| format!("{}{name}", self.options.prefix));
            values.extend(names.zip(pooled));
        }
        Ok(values)
    }
}
