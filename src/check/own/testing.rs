//! The tests that stand beside a team's own rules: a document, and the lines at which codes are found.

use std::collections::BTreeSet;

use super::OwnRules;
use crate::contract::load_text;
use crate::source_text::Limits;

/// One test.
#[derive(Clone, Debug)]
pub struct OwnTest {
    /// What it shows.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// The text to check.
    pub document: String,
    /// Line and code of each finding expected.
    pub expect: BTreeSet<(u32, String)>,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Expected and not found.
    pub missing: Vec<(u32, String)>,
    /// Found and not expected, with the message.
    pub unexpected: Vec<(u32, String, String)>,
}

impl Outcome {
    /// Whether all was as expected.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty()
    }
}

impl OwnRules {
    /// Runs one test with all rules. Only findings of these rules count.
    #[must_use]
    pub fn run(&self, test: &OwnTest) -> Outcome {
        let loaded = load_text("document.yaml", test.document.as_str(), &Limits::default());
        let mut found = BTreeSet::new();
        let mut unexpected = Vec::new();
        for finding in self.check(&loaded) {
            let Some(label) = &finding.primary else {
                continue;
            };
            let place = (loaded.sources.range(label.span).0.line, finding.code.to_owned());
            if !test.expect.contains(&place) {
                unexpected.push((place.0, place.1.clone(), finding.message));
            }
            found.insert(place);
        }
        unexpected.sort();
        // A text that is no document finds nothing, and would pass every test that expects nothing.
        if loaded.contract.documents.is_empty() {
            let reason =
                loaded.diagnostics.first().map_or("it is no document", |finding| finding.message.as_str());
            unexpected.push((1, "document".to_owned(), reason.to_owned()));
        }
        Outcome { missing: test.expect.difference(&found).cloned().collect(), unexpected }
    }
}
