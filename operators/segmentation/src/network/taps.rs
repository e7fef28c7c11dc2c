//! Reading activations on the way.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::Tensor;

/// Which activations are wanted, and those found so far.
#[derive(Default)]
pub(super) struct Taps {
    wanted: BTreeSet<String>,
    pub(super) found: BTreeMap<String, Tensor>,
}

impl Taps {
    pub(super) fn new(wanted: &[&str]) -> Self {
        Self {
            wanted: wanted.iter().map(|&name| name.to_owned()).collect(),
            found: BTreeMap::new(),
        }
    }

    /// Whether none is wanted.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Keep an activation if it is wanted.
    pub(super) fn pass(&mut self, name: &str, activation: &Tensor) {
        if self.wanted.contains(name) {
            self.found.insert(name.to_owned(), activation.clone());
        }
    }
}
