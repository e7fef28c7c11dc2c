//! Which runs are replicates of one variant, and what a variant is called.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use renalflow_sdk::Problem;

use super::folder::Run;

/// Runs that differ in seeds only.
pub struct Variant {
    /// What tables call it.
    pub name: String,
    /// Its runs, in the order given.
    pub runs: Vec<Run>,
    /// What it was told otherwise than the first variant.
    pub differs: Vec<String>,
}

/// Put replicates together, variants in order of their first runs.
///
/// # Errors
/// Two runs that differ in nothing at all.
pub fn group(runs: Vec<Run>) -> Result<Vec<Variant>, Problem> {
    let mut groups: Vec<Vec<Run>> = Vec::new();
    for run in runs {
        // The same settings and seeds under another name are a variant of its own: the data or
        // the weights behind a path may differ.
        let twin = |other: &Run| other.seeds == run.seeds;
        let place = groups.iter().position(|group| {
            group[0].settings == run.settings
                && (!group.iter().any(twin) || base(&group[0].name) == base(&run.name))
        });
        let Some(place) = place else {
            groups.push(vec![run]);
            continue;
        };
        if let Some(other) = groups[place].iter().find(|other| twin(other)) {
            return Err(Problem::new(format!(
                "the runs {} and {} have the same settings and the same seeds: they are one \
                 result twice, not two replicates",
                other.name, run.name
            ))
            .fix("leave one of them out"));
        }
        groups[place].push(run);
    }
    let names = names(&groups);
    let first: BTreeMap<String, String> = groups
        .first()
        .map(|group| group[0].settings.clone())
        .unwrap_or_default();
    Ok(names
        .into_iter()
        .zip(groups)
        .map(|(name, runs)| Variant {
            name,
            differs: differing(&first, &runs[0].settings),
            runs,
        })
        .collect())
}

/// A run's name without what tells replicates apart: `.2` of a run moved aside, `-seed-3`.
fn base(name: &str) -> &str {
    const ENDINGS: [&str; 9] = [
        "-seed-", "_seed_", "-seed_", "_seed-", ".seed-", "-seed", "_seed", ".seed", ".",
    ];
    let mut base = name;
    for _ in 0..2 {
        let stem = base.trim_end_matches(|c: char| c.is_ascii_digit());
        let cut = ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending));
        match cut {
            Some(cut) if stem.len() < base.len() && !cut.is_empty() => base = cut,
            _ => break,
        }
    }
    base
}

fn names(groups: &[Vec<Run>]) -> Vec<String> {
    let bases: Vec<BTreeSet<&str>> = groups
        .iter()
        .map(|group| group.iter().map(|run| base(&run.name)).collect())
        .collect();
    let by_run = |at: usize| {
        let name = *bases[at].first()?;
        let alone = bases.iter().filter(|names| names.contains(name)).count() == 1;
        (bases[at].len() == 1 && alone).then(|| name.to_owned())
    };
    let varying = varying(groups);
    let mut names: Vec<String> = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let by_options = || {
            let words: Vec<String> = varying
                .iter()
                .map(|key| format!("{}={}", short_key(key), short(group[0].settings.get(*key))))
                .collect();
            words.join(" ")
        };
        let name = by_run(at).unwrap_or_else(by_options);
        // Whatever else fails, the name of its first run is its own.
        let taken = name.is_empty() || names.contains(&name);
        names.push(if taken { group[0].name.clone() } else { name });
    }
    names
}

/// Settings that are not the same in all variants.
fn varying(groups: &[Vec<Run>]) -> BTreeSet<&str> {
    let keys: BTreeSet<&str> = groups
        .iter()
        .flat_map(|group| group[0].settings.keys().map(String::as_str))
        .collect();
    keys.into_iter()
        .filter(|key| {
            let values: BTreeSet<_> = groups
                .iter()
                .map(|group| group[0].settings.get(*key))
                .collect();
            values.len() > 1
        })
        .collect()
}

fn differing(first: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    let keys: BTreeSet<&String> = first.keys().chain(other.keys()).collect();
    keys.into_iter()
        .filter(|key| first.get(*key) != other.get(*key))
        .map(|key| {
            let (ours, theirs) = (short(other.get(key)), short(first.get(key)));
            format!("{key}={ours} (not {theirs})")
        })
        .collect()
}

/// The option without its node.
fn short_key(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// A value in few letters: of a path the end.
fn short(value: Option<&String>) -> String {
    match value {
        None => "absent".to_owned(),
        Some(value) if value.is_empty() => "default".to_owned(),
        Some(value) => Path::new(value)
            .file_name()
            .map_or_else(|| value.clone(), |name| name.to_string_lossy().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn the_name_of_a_variant_is_that_of_its_runs_without_the_seed() {
        for (name, expected) in [
            ("fsnet-seed-3", "fsnet"),
            ("fsnet_seed12", "fsnet"),
            ("fsnet.2", "fsnet"),
            ("fsnet-seed-3.1", "fsnet"),
            ("unet-3", "unet-3"),
            ("v2", "v2"),
            ("seed-3", "seed-3"),
            (".5", ".5"),
        ] {
            assert_eq!(base(name), expected);
        }
    }
}
