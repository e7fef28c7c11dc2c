//! Whose scans a network has seen.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The cases of each patient that trained a network, directly or by the weights that it started
/// from. Names are those of the data sets; of two data sets that give one name to two patients
/// it says that both were seen, which errs on the safe side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrainedOn(BTreeMap<String, BTreeSet<String>>);

impl TrainedOn {
    /// Add a case of a patient.
    pub fn add(&mut self, patient_id: &str, case_id: &str) {
        let cases = self.0.entry(patient_id.to_owned()).or_default();
        cases.insert(case_id.to_owned());
    }

    /// Add all that another network has seen.
    pub fn extend(&mut self, other: &Self) {
        for (patient, cases) in &other.0 {
            for case in cases {
                self.add(patient, case);
            }
        }
    }

    /// Number of patients.
    #[must_use]
    pub fn patients(&self) -> usize {
        self.0.len()
    }

    /// The patient of a case, where the case is among these.
    fn patient_of(&self, case_id: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(_, cases)| cases.contains(case_id))
            .map(|(patient, _)| patient.as_str())
    }
}

/// Which networks have seen neither a case nor another case of its patient.
///
/// Without a record the patient is the one that any of the networks' trainings names for the
/// case, so that a network trained on another case of this patient counts as having seen them.
///
/// # Shapes
/// Indices into `networks`, ascending.
#[must_use]
pub fn unseen_by(networks: &[TrainedOn], case_id: &str, patient_id: Option<&str>) -> Vec<usize> {
    let mut names: BTreeSet<&str> = networks
        .iter()
        .filter_map(|network| network.patient_of(case_id))
        .collect();
    // Without records training takes each case for a patient.
    names.extend([case_id]);
    names.extend(patient_id);
    let saw = |network: &TrainedOn| {
        network.patient_of(case_id).is_some()
            || names.iter().any(|name| network.0.contains_key(*name))
    };
    (0..networks.len())
        .filter(|&index| !saw(&networks[index]))
        .collect()
}
