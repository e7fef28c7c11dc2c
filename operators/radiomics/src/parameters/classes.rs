//! Section `featureClass`: which features are computed, in the order of the file.

use renalflow_findings::{Spot, did_you_mean};

use super::{
    reader::{pairs, refuse_name},
    report::{Report, WarningKind, quoted},
    yaml::{Data, Node, Scalar},
};
use crate::{CLASSES, ClassSelection, FeatureClass, Ibsi, PyRadiomics, Standard};

/// The classes wanted, and where they were named.
pub(super) struct Classes {
    pub selections: Vec<ClassSelection>,
    /// Where each class was named; empty where none was.
    pub spots: Vec<(&'static str, Spot)>,
}

impl Classes {
    pub fn has(&self, names: &[&str]) -> bool {
        self.selections
            .iter()
            .any(|selection| names.contains(&selection.class.as_str()))
    }
}

/// The classes that the section names; without any, all that the standard has.
pub(super) fn read(node: Option<&Node>, standard: Standard, report: &mut Report<'_>) -> Classes {
    let named = node.map_or(&[][..], |node| pairs(node, "`featureClass`", report));
    if named.is_empty() {
        return Classes {
            selections: defaults(standard),
            spots: Vec::new(),
        };
    }
    let mut classes = Classes {
        selections: Vec::new(),
        spots: Vec::new(),
    };
    for pair in named {
        let Some(class) = CLASSES.iter().find(|class| class.name == &*pair.name) else {
            let message = format!("there is no feature class {}", quoted(&pair.name));
            let known = CLASSES.iter().map(|class| class.name);
            refuse_name(pair, message, "classes", known, report);
            continue;
        };
        let Some(features) = features(class, &pair.value, standard, report) else {
            continue;
        };
        classes.spots.push((class.name, pair.spot));
        classes.selections.push(ClassSelection {
            class: class.name.to_owned(),
            features,
        });
    }
    classes
}

/// PyRadiomics' classes in its order, which is that of their names; IBSI's in ours.
fn defaults(standard: Standard) -> Vec<ClassSelection> {
    let mut classes: Vec<&FeatureClass> = CLASSES
        .iter()
        .copied()
        .filter(|class| (class.docs)().iter().any(|doc| doc.is_default(standard)))
        // Where no class is named, PyRadiomics takes planar shape, too.
        .filter(|class| standard == Standard::PyRadiomics || class.is_default())
        .collect();
    if standard == Standard::PyRadiomics {
        classes.sort_by_key(|class| class.name);
    }
    classes
        .into_iter()
        .map(|class| ClassSelection::defaults_of(class.name))
        .collect()
}

/// The features named, each once; none where all default ones are wanted.
fn features(
    class: &'static FeatureClass,
    node: &Node,
    standard: Standard,
    report: &mut Report<'_>,
) -> Option<Vec<String>> {
    let items = match &node.data {
        Data::List(items) => items.as_slice(),
        _ if node.is_null() => &[],
        _ => {
            report.error(
                node.spot,
                format!(
                    "`{}` must be a list of features, this is {}",
                    class.name,
                    node.what()
                ),
                "write a list such as `[Mean, Median]`, or `[]` for all features",
            );
            return None;
        }
    };
    let docs = (class.docs)();
    let mut names: Vec<String> = Vec::new();
    let mut is_good = true;
    for item in items {
        let name = match item.scalar() {
            Some(Scalar::Text(name)) => name.to_owned(),
            _ => String::new(),
        };
        match docs.iter().find(|doc| doc.name == name) {
            Some(doc) => {
                if doc.pyradiomics == PyRadiomics::Disabled && standard == Standard::PyRadiomics {
                    report.warn(
                        item.spot,
                        WarningKind::DeprecatedFeature {
                            class: class.name,
                            feature: name.clone(),
                        },
                    );
                }
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            None => {
                is_good = false;
                let (message, fix) = match item.scalar() {
                    Some(Scalar::Text(text)) => (
                        format!("`{}` has no feature {}", class.name, quoted(text)),
                        did_you_mean(text, "features", docs.iter().map(|doc| doc.name)),
                    ),
                    _ => (
                        format!("a feature must be text, this is {}", item.what()),
                        "write its name, such as `Mean`".to_owned(),
                    ),
                };
                report.error(item.spot, message, fix);
            }
        }
    }
    if items.is_empty() && !docs.iter().any(|doc| doc.is_default(standard)) {
        names = whole(class.name, standard);
    }
    is_good.then_some(names)
}

/// The features that `[]` stands for: those that are computed by default, or, where a class has
/// none under a standard, those that IBSI has.
pub(super) fn whole(class: &str, standard: Standard) -> Vec<String> {
    let Some(class) = CLASSES.iter().find(|known| known.name == class) else {
        return Vec::new();
    };
    let docs = (class.docs)();
    let has_defaults = docs.iter().any(|doc| doc.is_default(standard));
    docs.into_iter()
        .filter(|doc| {
            if has_defaults {
                doc.is_default(standard)
            } else {
                matches!(doc.ibsi, Ibsi::Same(_) | Ibsi::Differs(..))
            }
        })
        .map(|doc| doc.name.to_owned())
        .collect()
}
