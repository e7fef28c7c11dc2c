//! The valid name that a person probably meant.

/// The candidate that is most like a name, if one is like it at all.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |candidate: &str| {
        if candidate.eq_ignore_ascii_case(name) {
            return Some(0);
        }
        let (n, m) = (name.chars().count(), candidate.chars().count());
        let part = n > 2 && m > 2 && (candidate.contains(name) || name.contains(candidate));
        if part {
            return Some(n.abs_diff(m));
        }
        // A name of another length needs that many typos: not worth counting, and the count
        // takes room for the product of the lengths.
        let few = 1 + n.max(m) / 4;
        (n.abs_diff(m) <= few)
            .then(|| strsim::damerau_levenshtein(name, candidate))
            .filter(|&typos| typos <= few)
    };
    candidates
        .into_iter()
        .filter_map(|candidate| likeness(candidate).map(|typos| (typos, candidate)))
        .min_by_key(|(typos, _)| *typos)
        .map(|(_, candidate)| candidate)
}

/// A fix for a name that does not exist: the nearest one, or all that there are.
#[must_use]
pub fn did_you_mean<'a>(
    name: &str,
    what: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    let candidates: Vec<_> = candidates.into_iter().collect();
    let quoted: Vec<_> = candidates
        .iter()
        .take(16)
        .map(|candidate| format!("`{candidate}`"))
        .collect();
    let all = if candidates.len() > quoted.len() {
        ", ..."
    } else {
        ""
    };
    match nearest(name, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if candidates.is_empty() => format!("there are no {what}"),
        None => format!("the {what} are {}{all}", quoted.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_takes_typos_and_parts_and_nothing_else() {
        let names = ["spacing-mm", "interpolation", "pad-hu"];
        assert_eq!(nearest("spacng-mm", names), Some("spacing-mm"));
        assert_eq!(nearest("spacing", names), Some("spacing-mm"));
        assert_eq!(nearest("zzz", names), None);
        assert_eq!(nearest("GLCM", ["glszm", "glcm"]), Some("glcm"));
        assert_eq!(nearest("log", ["Logarithm", "LoG"]), Some("LoG"));
        assert_eq!(nearest(&"x".repeat(1 << 20), names), None);
        assert_eq!(
            did_you_mean("zzz", "options", ["a", "b"]),
            "the options are `a`, `b`"
        );
    }
}
