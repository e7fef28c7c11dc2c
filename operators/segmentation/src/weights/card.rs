//! What weights are for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{error::Difference, trained_on::TrainedOn};
use crate::network::{Plan, Scheme};

/// The version of the card that this code writes.
pub const CARD_FORMAT: u32 = 1;

/// What weights are for and where they come from. Spacing, window and labels are those of
/// the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Version of the card, [`CARD_FORMAT`].
    pub format: u32,
    /// The plan of the network.
    pub plan: Plan,
    /// The scheme it was trained by.
    pub scheme: Scheme,
    /// Digest of the weights ([`super::digest`]); set when the file is written.
    pub digest: String,
    /// Lineage key of the training: the same key, the same weights.
    pub lineage_key: String,
    /// What was measured, by name.
    pub metrics: BTreeMap<String, f64>,
    /// Whose scans trained the weights; `None` where that is not known in full, as of weights
    /// that started from others without such a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<TrainedOn>,
}

impl Card {
    /// A card for weights about to be written.
    #[must_use]
    pub fn new(plan: Plan, scheme: Scheme, lineage_key: impl Into<String>) -> Self {
        Self {
            format: CARD_FORMAT,
            plan,
            scheme,
            digest: String::new(),
            lineage_key: lineage_key.into(),
            metrics: BTreeMap::new(),
            trained_on: None,
        }
    }
}

/// What a graph asks of weights.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The plan; its name and reasons do not matter.
    pub plan: &'a Plan,
    /// The scheme.
    pub scheme: Scheme,
    /// Lineage key of the training, where it must be a certain one.
    pub lineage_key: Option<&'a str>,
}

impl Expected<'_> {
    /// Every field of a card that is not as asked.
    #[must_use]
    pub fn differences(&self, card: &Card) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut compare = |field: &str, a: Value, b: Value, fix| {
            if a != b {
                differ(field, &a, &b, fix, &mut found);
            }
        };
        let (a, b) = (&card.plan, self.plan);
        compare(
            "scheme",
            card.scheme.name().into(),
            self.scheme.name().into(),
            "set the scheme of the weights, or take weights of that scheme",
        );
        let mm = |plan: &Plan| axes(&plan.spacing_zyx_mm.value);
        compare(
            "spacing_zyx_mm",
            mm(a),
            mm(b),
            "resample to the spacing of the weights",
        );
        let hu = |plan: &Plan| {
            let [low, high] = plan.window.value.ends_hu();
            serde_json::json!({"low_hu": low, "high_hu": high})
        };
        compare("window", hu(a), hu(b), "window as the weights were trained");
        compare(
            "labels",
            json(&a.labels.value),
            json(&b.labels.value),
            "name the labels of the weights, in their order, or train again with these",
        );
        let patch = |plan: &Plan| axes(&plan.patch_zyx.value);
        compare(
            "patch_zyx",
            patch(a),
            patch(b),
            "set the patch of the weights",
        );
        let architecture = |plan: &Plan| {
            let level = |level: &crate::network::plan::Level| {
                serde_json::json!({
                    "kernel_zyx": axes(&level.kernel_zyx),
                    "stride_zyx": axes(&level.stride_zyx),
                    "features": level.features,
                })
            };
            serde_json::json!({
                "channels_in": plan.channels_in,
                "levels": plan.levels.iter().map(level).collect::<Vec<_>>(),
                "convs_per_level": plan.convs_per_level.value,
                "deep_supervision": plan.deep_supervision.value,
            })
        };
        compare(
            "architecture",
            architecture(a),
            architecture(b),
            "build the network from the plan on the card",
        );
        if let Some(key) = self.lineage_key {
            compare(
                "lineage_key",
                card.lineage_key.as_str().into(),
                key.into(),
                "point to the checkpoint of this training, or train it",
            );
        }
        found
    }
}

/// Every field in which two plans are not the same network or do not see a scan the same way.
#[must_use]
pub fn plan_differences(found: &Plan, expected: &Plan) -> Vec<Difference> {
    let scheme = Scheme::Scratch;
    let card = Card::new(found.clone(), scheme, "");
    let expected = Expected {
        plan: expected,
        scheme,
        lineage_key: None,
    };
    expected.differences(&card)
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// Three numbers as an object, so that a difference names the axis.
fn axes<T: Copy + Into<Value>>(values: &[T; 3]) -> Value {
    let named = ["z", "y", "x"].into_iter().zip(values);
    Value::Object(
        named
            .map(|(axis, &value)| (axis.to_owned(), value.into()))
            .collect(),
    )
}

/// The smallest fields in which two values differ.
fn differ(path: &str, a: &Value, b: &Value, fix: &'static str, found: &mut Vec<Difference>) {
    let nothing = Value::Null;
    match (a, b) {
        (Value::Object(left), Value::Object(right)) => {
            let more = right.keys().filter(|key| !left.contains_key(*key));
            for key in left.keys().chain(more) {
                let side = |map: &serde_json::Map<String, Value>| map.get(key).cloned();
                let (a, b) = (side(left), side(right));
                if a != b {
                    let path = format!("{path}.{key}");
                    let (a, b) = (a.unwrap_or(Value::Null), b.unwrap_or(Value::Null));
                    differ(&path, &a, &b, fix, found);
                }
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for k in 0..left.len().max(right.len()) {
                let (a, b) = (
                    left.get(k).unwrap_or(&nothing),
                    right.get(k).unwrap_or(&nothing),
                );
                if a != b {
                    differ(&format!("{path}[{k}]"), a, b, fix, found);
                }
            }
        }
        _ => {
            let say = |value: &Value| match value {
                Value::Null => "nothing".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            found.push(Difference {
                field: path.to_owned(),
                found: say(a),
                expected: say(b),
                fix,
            });
        }
    }
}
