//! The reference numbers in `tests/golden/sklearn.json`, for unit tests.
#![allow(clippy::unwrap_used)]

use serde_json::Value;

pub(crate) struct Golden(Value);

impl Golden {
    pub(crate) fn load() -> Self {
        Self(serde_json::from_str(include_str!("../tests/golden/sklearn.json")).unwrap())
    }

    /// Numbers at a path such as `/platt/decision`.
    pub(crate) fn numbers(&self, path: &str) -> Vec<f64> {
        let list = self.0.pointer(path).unwrap().as_array().unwrap();
        list.iter().map(|v| v.as_f64().unwrap()).collect()
    }

    /// The table of features.
    ///
    /// # Shapes
    /// `[features][rows]`
    pub(crate) fn columns(&self) -> Vec<Vec<f64>> {
        let features = self.0["features"].as_u64().unwrap() as usize;
        let x = self.numbers("/x");
        (0..features)
            .map(|j| x.iter().skip(j).step_by(features).copied().collect())
            .collect()
    }

    pub(crate) fn labels(&self) -> Vec<bool> {
        self.numbers("/y").iter().map(|&y| y > 0.5).collect()
    }

    pub(crate) fn train_rows(&self) -> usize {
        self.0["train_rows"].as_u64().unwrap() as usize
    }
}
