//! What nodes warn of, each sentence once however many cases it is said of.

use std::collections::BTreeMap;

/// Warnings that differ in nothing but the case and numbers.
struct Kind {
    first: String,
    count: usize,
}

/// The warnings of a run.
#[derive(Default)]
pub struct Warnings(BTreeMap<(String, String), Kind>);

impl Warnings {
    /// Take in a warning of a node. Returns whether it is the first of its kind, which is worth
    /// showing while the run goes on.
    pub fn is_new(&mut self, node: &str, words: &str) -> bool {
        let kind = self
            .0
            .entry((node.to_owned(), sentence(words)))
            .or_insert_with(|| Kind {
                first: words.to_owned(),
                count: 0,
            });
        kind.count += 1;
        kind.count == 1
    }

    /// A line for each kind that came more than once, for the end of the run.
    pub fn lines(&self) -> Vec<String> {
        let repeated = self.0.iter().filter(|(_, kind)| kind.count > 1);
        repeated
            .map(|((node, _), Kind { first, count })| {
                format!("{node}: warn {count} times, all in logs/{node}.log, first: {first}")
            })
            .collect()
    }
}

/// A warning without what differs from case to case: the name before its first colon and all
/// numbers.
fn sentence(words: &str) -> String {
    let said = match words.split_once(": ") {
        Some((case_id, said)) if !case_id.contains(' ') => said,
        _ => words,
    };
    let mut sentence = String::with_capacity(said.len());
    let mut in_number = false;
    for character in said.chars() {
        // A point or comma within a number belongs to it; after one it is dropped with it, which
        // harms nothing.
        let of_number =
            character.is_ascii_digit() || (in_number && matches!(character, '.' | ',' | '-'));
        match (of_number, in_number) {
            (true, false) => sentence.push('#'),
            (true, true) => {}
            (false, _) => sentence.push(character),
        }
        in_number = of_number;
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_sentence_of_many_cases_is_shown_once_and_counted() {
        let mut warnings = Warnings::default();
        let of = |case: &str, number: u8, mm: &str| {
            format!("{case}: box {number} reaches {mm} mm [S, P, L] beyond its crop")
        };
        assert!(warnings.is_new("segment", &of("case_1", 0, "[0.0, 12.5, 3.0]")));
        assert!(!warnings.is_new("segment", &of("case_1", 1, "[10.25, 0.0, 0.0]")));
        assert!(!warnings.is_new("segment", &of("case_22", 0, "[1.0, 2.0, 3.0]")));
        assert!(warnings.is_new("segment", "case_1: a piece belongs to neither kidney"));
        // The same of another node is another matter.
        assert!(warnings.is_new("segment-again", &of("case_1", 0, "[0.0, 12.5, 3.0]")));
        assert_eq!(
            warnings.lines(),
            [
                "segment: warn 3 times, all in logs/segment.log, first: case_1: box 0 reaches \
              [0.0, 12.5, 3.0] mm [S, P, L] beyond its crop"
            ]
        );
    }

    #[test]
    fn sentences_keep_their_words() {
        assert_eq!(sentence("case_1: 12.5 of 3"), "# of #");
        assert_eq!(sentence("no case: here"), "no case: here");
    }
}
