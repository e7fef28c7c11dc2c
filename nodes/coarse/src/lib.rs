//! Stage `coarse`: the boxes of the kidneys, found by a coarse network.

use clap::Args;
use renalflow_imaging::{Geometry, LabelMap};
use renalflow_sdk::{
    Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role, Stage,
    Table, Value, Work, clap, journal::Progress, table::Row,
};
use renalflow_segmentation::{
    device::DeviceChoice,
    inference::{
        ScanOptions,
        coarse::{CoarseBoxes, KidneyBox, box_on, find_kidneys},
        plan_scan, segment_on_working_grid,
    },
    network::{FsNet, SegmentationNetwork},
    ops::Precision,
    prepare::meanings,
};
use renalflow_stage_segment::{
    boxes,
    ensemble::{Ensemble, RECORD_PORT, check_record},
    networks::{self, Way, WeightsFile, gib},
};
use serde::Serialize;
use serde_json::json;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Coarse>();

/// Finds kidneys.
pub struct Coarse {
    ensemble: Ensemble,
    how: ScanOptions,
    boxes: CoarseBoxes,
    progress: Progress,
}

/// Options of `coarse`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// Weights of a network of coarse spacing, with their card, relative to the graph's folder; several files are one ensemble
    #[arg(long, value_name = "FILE", value_delimiter = ',', required = true)]
    weights: Vec<WeightsFile>,
    /// Show a case only to those networks that were not trained on its patient, as their cards say
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    held_out: bool,
    /// The network's labels that are kidney or lie in it, joined by + [default: all]
    #[arg(long, value_name = "LABELS")]
    kidney: Option<String>,
    /// Added to each kidney on every side
    #[arg(long, value_name = "MM", default_value_t = 20.0)]
    margin_mm: f64,
    /// What is smaller is no kidney
    #[arg(long, value_name = "ML", default_value_t = 10.0)]
    smallest_ml: f64,
    /// Pieces that are no farther apart are one kidney
    #[arg(long, value_name = "MM", default_value_t = 15.0)]
    joined_within_mm: f64,
    /// Step from window to window, as a fraction of the patch
    #[arg(long, value_name = "FRACTION", default_value_t = 0.5)]
    step_fraction: f64,
    /// Where networks run: auto, cpu or cuda:N
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Numbers in which a GPU convolves: f32, tf32 or bf16; a CPU has f32 alone
    #[arg(long, value_name = "NUMBERS", default_value_t)]
    #[serde(skip_serializing_if = "Precision::is_f32")]
    precision: Precision,
    /// Which of a network's ways to take, where it has one for each data set
    #[arg(long, value_enum, default_value_t = Way::Primary)]
    domain: Way,
}

impl Options {
    fn ensemble(&self) -> Result<Ensemble, Problem> {
        Ensemble::open(
            &self.weights,
            self.domain,
            self.device,
            self.precision,
            self.held_out,
        )
    }

    fn boxes(&self, networks: &[FsNet]) -> Result<CoarseBoxes, Problem> {
        networks::check_step(self.step_fraction)?;
        for (option, value) in [
            ("--margin-mm", self.margin_mm),
            ("--smallest-ml", self.smallest_ml),
            ("--joined-within-mm", self.joined_within_mm),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Problem::new(format!("{option} is {value}"))
                    .fix("give a number that is not negative"));
            }
        }
        let Some(first) = networks.first() else {
            return Err(Problem::new("no weights are given").fix("give --weights"));
        };
        let known = meanings(&first.plan().labels.value)?;
        let labels = match &self.kidney {
            None => known.iter().map(|m| u16::from(m.label)).collect(),
            Some(wanted) => {
                let grid = Geometry::upright([1; 3], [1.0; 3])?;
                let named = LabelMap {
                    volume: renalflow_imaging::Volume::new(grid, vec![0])?,
                    names: known
                        .into_iter()
                        .map(|m| (u16::from(m.label), m.name))
                        .collect(),
                };
                // A class of a plan may itself have a + in its name.
                match named.names.iter().find(|(_, name)| *name == wanted) {
                    Some((label, _)) => vec![*label],
                    None => named.region(wanted).map_err(|error| {
                        Problem::from(error)
                            .context("--kidney")
                            .fix("name labels of the network")
                    })?,
                }
            }
        };
        Ok(CoarseBoxes {
            labels,
            smallest_ml: self.smallest_ml,
            joined_within_mm: self.joined_within_mm,
            margin_zyx_mm: [self.margin_mm; 3],
        })
    }
}

impl Stage for Coarse {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "coarse",
        version: "1",
        about: "Find the kidneys with a coarse network, one box each",
        role: Role::PerCase,
        inputs: &[
            Port::new("image", Kind::Image, "CT in HU, on its own grid"),
            RECORD_PORT,
        ],
        outputs: &[Port::new(
            "boxes",
            Kind::Table,
            "one row a kidney: side, box in voxels and in the patient, volume",
        )],
    };

    const NOT_IN_LINEAGE: &'static [&'static str] = &["device"];

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        let ensemble = options.ensemble()?;
        options.boxes(ensemble.networks())?;
        let described = networks::describe(ensemble.networks());
        Ok([described].into_iter().chain(ensemble.note()).collect())
    }

    fn check_wiring(options: &Options, inputs: &[String]) -> Result<(), Problem> {
        check_record(options.held_out, inputs)
    }

    fn build(options: Options, context: &Context) -> Result<Work, Problem> {
        // A forward takes and gives back the same large blocks at every window.
        renalflow_sdk::memory::keep_freed(1 << 30, i32::MAX);
        let ensemble = options.ensemble()?;
        Ok(Work::PerCase(Box::new(Self {
            boxes: options.boxes(ensemble.networks())?,
            how: ScanOptions {
                step_fraction: options.step_fraction,
                domain: options.domain.domain(),
                ..ScanOptions::default()
            },
            ensemble,
            progress: context.progress(),
        })))
    }
}

impl PerCase for Coarse {
    fn process(&mut self, case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        let image = inputs.image("image")?;
        let original = image.geometry();
        let networks = self.ensemble.of_case(case_id, &inputs)?;
        let networks: Vec<&FsNet> = networks.into_iter().map(|(_, network)| network).collect();
        let plan = plan_scan(original, &[], &networks, &self.how)?;
        tracing::info!(
            "{case_id}: {} forwards over {:?} coarse voxels, at most {:.2} GiB beside the image",
            plan.forwards(),
            plan.working_grids()
                .first()
                .map(|grid| grid.shape_zyx)
                .unwrap_or_default(),
            gib(plan.peak_bytes()),
        );
        let progress = &mut self.progress;
        let mut hear = |done, of| networks::say(progress, case_id, done, of);
        let coarse = segment_on_working_grid(&image, &networks, &self.how, &mut hear)?;
        let found =
            find_kidneys(&coarse, &self.boxes).map_err(|error| {
                Problem::from(error)
                .context(format!("{case_id}: the coarse network saw {}", seen(&coarse)))
                .fix(
                    "look at the scan: does it show kidneys, is it in HU, does its place in the \
                     patient hold? A smaller --smallest-ml takes smaller pieces",
                )
            })?;
        for (_, volume_ml) in found
            .left_out
            .iter()
            .filter(|(_, ml)| *ml >= self.boxes.smallest_ml)
        {
            tracing::warn!(
                "{case_id}: a piece of {volume_ml:.1} mL belongs to neither kidney and was left out"
            );
        }
        let mut rows: Vec<Row> = Vec::new();
        for kidney in &found.kidneys {
            tracing::info!(
                "{case_id}: {} kidney of {:.1} mL",
                kidney.side.name(),
                kidney.volume_ml
            );
            rows.push(row(case_id, kidney, coarse.geometry(), original)?);
        }
        Ok(Outputs::none().with("boxes", Value::Table(Table::from_rows(&rows)?)))
    }
}

/// The row of a kidney.
fn row(
    case_id: &str,
    kidney: &KidneyBox,
    coarse: &Geometry,
    original: &Geometry,
) -> Result<Row, Problem> {
    let region = box_on(&kidney.with_margin, coarse, original)
        .ok_or_else(|| Problem::new(format!("{case_id}: the box of a kidney misses the scan")))?;
    let mut row = Row::new();
    row.insert("case_id".to_owned(), json!(case_id));
    row.insert("side".to_owned(), json!(kidney.side.name()));
    row.extend(boxes::cells(&region, original));
    row.insert("volume_ml".to_owned(), json!(kidney.volume_ml));
    Ok(row)
}

/// How much of each label there is.
fn seen(labels: &LabelMap) -> String {
    let voxel_ml = labels.geometry().voxel_volume_mm3() / 1000.0;
    let counts = labels.counts();
    let parts: Vec<String> = labels
        .names
        .iter()
        .map(|(label, name)| {
            let voxels = counts.get(label).copied().unwrap_or(0);
            format!("{:.2} mL of {name}", voxels as f64 * voxel_ml)
        })
        .collect();
    parts.join(", ")
}
