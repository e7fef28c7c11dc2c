//! The options of every stage that runs networks, and the networks that they mean.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::ValueEnum;
use renalflow_sdk::{Problem, clap, journal::Progress, lineage::Key};
use renalflow_segmentation::{
    device::{self, DeviceChoice, DeviceError},
    inference::{InferenceError, networks_on_device},
    network::{Domain, FsNet, SegmentationNetwork},
    ops::Precision,
};
use serde::{Serialize, Serializer};

/// A file of weights. The digest of its content, not its name, stands for it in lineage keys
/// and in the record of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsFile {
    path: PathBuf,
    content: Key,
}

impl WeightsFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name without folders.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

impl FromStr for WeightsFile {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
        Ok(Self {
            path: path.into(),
            content: Key::of_content(&bytes),
        })
    }
}

impl fmt::Display for WeightsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Serialize for WeightsFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.content.as_str())
    }
}

/// As which data set networks see a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// As the small set that matters
    Primary,
    /// As the large set that helped
    Auxiliary,
}

impl Way {
    /// The same for networks.
    #[must_use]
    pub fn domain(self) -> Domain {
        match self {
            Self::Primary => Domain::Primary,
            Self::Auxiliary => Domain::Auxiliary,
        }
    }
}

/// The networks of an ensemble, on a device and in its numbers of choice.
///
/// # Errors
/// No such device, or none that computes in these numbers; files that are cut off, altered, of
/// another program, or of networks that do not belong together.
pub fn networks(
    weights: &[WeightsFile],
    way: Way,
    device: DeviceChoice,
    precision: Precision,
) -> Result<Vec<FsNet>, Problem> {
    let device = device.open_for(precision).map_err(|error| match error {
        DeviceError::Precision { .. } => Problem::from(error).context("--precision"),
        error => Problem::from(error).context("--device"),
    })?;
    // `auto` is the CPU where no GPU answers, which is slow and is not to go unnoticed.
    let place = device::name(&device);
    tracing::info!("networks on {place}, convolutions in {precision}");
    let paths: Vec<_> = weights.iter().map(|file| &file.path).collect();
    let networks =
        networks_on_device(&paths, way.domain(), &device, precision).map_err(|error| {
            let several = matches!(error, InferenceError::Weights(_)) && weights.len() > 1;
            let problem = Problem::from(error).context("--weights");
            if several {
                problem.fix(
                    "an ensemble is of files of one plan and scheme: the folds of one training",
                )
            } else {
                problem
            }
        })?;
    if let Some(channels) = networks
        .first()
        .map(|network| network.plan().channels_in)
        .filter(|&channels| channels != 1)
    {
        return Err(Problem::new(format!(
            "--weights: the network takes {channels} channels, and a CT has one"
        ))
        .fix("give weights of a network of one input channel"));
    }
    Ok(networks)
}

/// What an ensemble is, in one line.
#[must_use]
pub fn describe(networks: &[FsNet]) -> String {
    let Some(first) = networks.first() else {
        return "no network".to_owned();
    };
    let plan = first.plan();
    let [low_hu, high_hu] = plan.window.value.ends_hu();
    let count = networks.len();
    format!(
        "{count} network{} ({}) at {:?} mm [z, y, x], {low_hu} to {high_hu} HU, patches of {:?} \
         voxels, labels: {}",
        if count == 1 { "" } else { "s" },
        first.scheme(),
        plan.spacing_zyx_mm.value,
        plan.patch_zyx.value,
        plan.labels.value.names().join(", "),
    )
}

/// Say how far a case is.
pub fn say(progress: &mut Progress, case_id: &str, done: usize, of: usize) {
    progress.say(
        || format!("{case_id}: forward {done} of {of}"),
        Some(done as f64 / of.max(1) as f64),
    );
}

/// Bytes as GiB.
#[must_use]
pub fn gib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// A fraction of a patch, from an option.
///
/// # Errors
/// Nothing over 0 and at most 1.
pub fn check_step(step_fraction: f64) -> Result<(), Problem> {
    if step_fraction > 0.0 && step_fraction <= 1.0 {
        Ok(())
    } else {
        Err(Problem::new(format!("--step-fraction is {step_fraction}"))
            .fix("give a number over 0 and at most 1; a half is usual"))
    }
}
