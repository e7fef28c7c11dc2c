//! The networks of a stage, and which of them may see a case.

use renalflow_sdk::{Inputs, Kind, Port, Problem};
use renalflow_segmentation::{
    device::DeviceChoice,
    network::FsNet,
    ops::Precision,
    weights::{TrainedOn, load_card, unseen_by},
};

use crate::networks::{Way, WeightsFile, networks};

/// The input that says whose a case is.
const RECORD: &str = "record";

/// Its port, in every stage that shows cases to networks.
pub const RECORD_PORT: Port = Port::new(
    RECORD,
    Kind::Table,
    "its patient, for --held-out where one has several cases",
)
.optional();

/// Networks of one plan, on a device.
pub struct Ensemble {
    networks: Vec<FsNet>,
    /// The names of their files.
    names: Vec<String>,
    /// Whose scans trained each, where that decides which may see a case.
    trained_on: Option<Vec<TrainedOn>>,
}

impl Ensemble {
    /// Read the networks. With `held_out` a case is later shown only to those that were not
    /// trained on its patient.
    ///
    /// # Errors
    /// As [`networks()`]; with `held_out`, a card that does not say whose scans trained it.
    pub fn open(
        weights: &[WeightsFile],
        way: Way,
        device: DeviceChoice,
        precision: Precision,
        held_out: bool,
    ) -> Result<Self, Problem> {
        let lists = weights.iter().map(|file| {
            load_card(file.path())?.trained_on.ok_or_else(|| {
                Problem::new(format!(
                    "--held-out: the card of {file} does not say whose scans trained it"
                ))
                .fix(
                    "train it again with this version, where it started from other weights those \
                     first, or leave --held-out out where no case is one of its training",
                )
            })
        });
        let trained_on = held_out
            .then(|| lists.collect::<Result<Vec<_>, Problem>>())
            .transpose()?;
        Ok(Self {
            networks: networks(weights, way, device, precision)?,
            names: weights.iter().map(WeightsFile::name).collect(),
            trained_on,
        })
    }

    /// All networks.
    #[must_use]
    pub fn networks(&self) -> &[FsNet] {
        &self.networks
    }

    /// What decides who sees a case, in one line for the check of a graph; `None` where all do.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let lists = self.trained_on.as_ref()?;
        let parts: Vec<String> = self
            .names
            .iter()
            .zip(lists)
            .map(|(name, list)| format!("{name} has seen {} patients", list.patients()))
            .collect();
        Some(format!("held out: {}", parts.join(", ")))
    }

    /// The networks that may see a case, each with the name of its file: all, or those that were
    /// not trained on its patient.
    ///
    /// # Errors
    /// A record that has not one row; a patient whom every network was trained on.
    pub fn of_case(&self, case_id: &str, inputs: &Inputs) -> Result<Vec<(&str, &FsNet)>, Problem> {
        let named =
            |index: usize| Some((self.names.get(index)?.as_str(), self.networks.get(index)?));
        let Some(lists) = &self.trained_on else {
            return Ok((0..self.networks.len()).filter_map(named).collect());
        };
        let patient_id = inputs.patient_id(RECORD)?;
        let unseen = unseen_by(lists, case_id, patient_id.as_deref());
        if unseen.is_empty() {
            let whom =
                patient_id.map_or(case_id.to_owned(), |patient| format!("patient {patient}"));
            return Err(Problem::new(format!(
                "--held-out: {whom} was in the training of {}",
                match self.names.as_slice() {
                    [one] => one.clone(),
                    all => format!("all {} networks ({})", all.len(), all.join(", ")),
                }
            ))
            .fix("give the weights of every fold: the one that held this patient out is missing"));
        }
        let chosen: Vec<_> = unseen.into_iter().filter_map(named).collect();
        let names: Vec<&str> = chosen.iter().map(|(name, _)| *name).collect();
        tracing::info!("{case_id}: held out from {}", names.join(", "));
        Ok(chosen)
    }
}

/// Refuse a record that nothing reads: who connects one wants `--held-out`.
///
/// # Errors
/// That, with the fix.
pub fn check_record(held_out: bool, inputs: &[String]) -> Result<(), Problem> {
    if !held_out && inputs.iter().any(|input| input == RECORD) {
        return Err(
            Problem::new("`record` is connected and nothing reads it without --held-out").fix(
                "give --held-out, so that no network sees a patient of its training, or drop the input",
            ),
        );
    }
    Ok(())
}
