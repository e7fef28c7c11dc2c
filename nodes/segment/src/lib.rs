//! Stage `segment`: labels of a CT, by one network or an ensemble.

pub mod boxes;
pub mod ensemble;
pub mod networks;

use clap::{Args, ValueEnum};
use renalflow_sdk::{
    Context, Declaration, Inputs, Kind, Outputs, PerCase, Plugin, Port, Problem, Role, Stage,
    Value, Work, clap, journal::Progress,
};
use renalflow_segmentation::{
    device::DeviceChoice,
    inference::{ScanOptions, plan_scan, segment_scan},
    network::FsNet,
    ops::Precision,
};
use serde::Serialize;

use ensemble::{Ensemble, RECORD_PORT, check_record};
use networks::{Way, WeightsFile, gib};

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Segment>();

/// Segments scans.
pub struct Segment {
    ensemble: Ensemble,
    how: ScanOptions,
    progress: Progress,
}

/// Options of `segment`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// Weights with their card, relative to the graph's folder; several files are one ensemble
    #[arg(long, value_name = "FILE", value_delimiter = ',', required = true)]
    weights: Vec<WeightsFile>,
    /// Show a case only to those networks that were not trained on its patient, as their cards say
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    held_out: bool,
    /// Axes along which patches are also predicted mirrored: each doubles the time
    #[arg(long, value_enum, value_name = "AXES", value_delimiter = ',')]
    mirror: Vec<Axis>,
    /// Step from window to window, as a fraction of the patch
    #[arg(long, value_name = "FRACTION", default_value_t = 0.5)]
    step_fraction: f64,
    /// Size of the crop around the middle of each box: one number, or three along S, P and L [default: the box]
    #[arg(long, value_name = "MM", value_delimiter = ',')]
    crop_size_mm: Vec<f64>,
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

/// An axis of the network's grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Axis {
    /// Feet to head
    Z,
    /// Front to back
    Y,
    /// Right to left
    X,
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

    fn how(&self) -> Result<ScanOptions, Problem> {
        networks::check_step(self.step_fraction)?;
        let size = match *self.crop_size_mm.as_slice() {
            [] => None,
            [one] => Some([one; 3]),
            [z, y, x] => Some([z, y, x]),
            _ => return Err(self.wrong_size()),
        };
        if size.is_some_and(|size| !size.iter().all(|mm| mm.is_finite() && *mm > 0.0)) {
            return Err(self.wrong_size());
        }
        let mirrors = |axis| self.mirror.contains(&axis);
        Ok(ScanOptions {
            step_fraction: self.step_fraction,
            mirror_zyx: [mirrors(Axis::Z), mirrors(Axis::Y), mirrors(Axis::X)],
            crop_size_zyx_mm: size,
            domain: self.domain.domain(),
        })
    }

    fn wrong_size(&self) -> Problem {
        Problem::new(format!("--crop-size-mm is {:?}", self.crop_size_mm))
            .fix("give one positive number of mm, or three along S, P and L")
    }
}

impl Stage for Segment {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "segment",
        version: "1",
        about: "Label a CT with a network or an ensemble, in boxes or as a whole",
        role: Role::PerCase,
        inputs: &[
            Port::new("image", Kind::Image, "CT in HU, on its own grid"),
            Port::new(
                "boxes",
                Kind::Table,
                "one row a box, in voxels of the image; without it the whole scan is segmented",
            )
            .optional(),
            RECORD_PORT,
        ],
        outputs: &[Port::new(
            "mask",
            Kind::Labels,
            "labels on the image's grid",
        )],
    };

    const NOT_IN_LINEAGE: &'static [&'static str] = &["device"];

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        options.how()?;
        let ensemble = options.ensemble()?;
        let described = networks::describe(ensemble.networks());
        Ok([described].into_iter().chain(ensemble.note()).collect())
    }

    fn check_wiring(options: &Options, inputs: &[String]) -> Result<(), Problem> {
        check_record(options.held_out, inputs)?;
        if !options.crop_size_mm.is_empty() && !inputs.iter().any(|input| input == "boxes") {
            return Err(
                Problem::new("--crop-size-mm is given and no boxes are connected")
                    .fix("connect `boxes`, or leave the size out: the whole scan is segmented"),
            );
        }
        Ok(())
    }

    fn build(options: Options, context: &Context) -> Result<Work, Problem> {
        // A forward takes and gives back the same large blocks at every window.
        renalflow_sdk::memory::keep_freed(1 << 30, i32::MAX);
        Ok(Work::PerCase(Box::new(Self {
            how: options.how()?,
            ensemble: options.ensemble()?,
            progress: context.progress(),
        })))
    }
}

impl PerCase for Segment {
    fn process(&mut self, case_id: &str, mut inputs: Inputs) -> Result<Outputs, Problem> {
        let image = inputs.image("image")?;
        let regions = if inputs.has("boxes") {
            boxes::read(&inputs.table("boxes")?, image.geometry())?
        } else {
            Vec::new()
        };
        let networks = self.ensemble.of_case(case_id, &inputs)?;
        let networks: Vec<&FsNet> = networks.into_iter().map(|(_, network)| network).collect();
        let plan = plan_scan(image.geometry(), &regions, &networks, &self.how)?;
        tracing::info!(
            "{case_id}: {} forwards in {} crop(s), at most {:.2} GiB beside the image",
            plan.forwards(),
            plan.working_grids().len(),
            gib(plan.peak_bytes()),
        );
        for (number, beyond) in plan.beyond_zyx_mm().iter().enumerate() {
            if beyond.iter().any(|mm| *mm > 0.0) {
                tracing::warn!(
                    "{case_id}: box {number} reaches {beyond:.1?} mm [S, P, L] beyond its crop; what \
                     lies there becomes background. A larger --crop-size-mm holds it"
                );
            }
        }
        let progress = &mut self.progress;
        let mut hear = |done, of| networks::say(progress, case_id, done, of);
        let labels = segment_scan(&image, &regions, &networks, &self.how, &mut hear)?;
        Ok(Outputs::none().with("mask", Value::Labels(labels)))
    }
}
