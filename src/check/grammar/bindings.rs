//! How the walk chooses among the versions of a protocol's bindings, by `bindingVersion`.

use super::notation::{Field, ObjectDefinition, Shape};
use super::walk::{Place, Walk, child};
use crate::diagnostic::{Severity, nearest};
use crate::source_text::tree::Entry;

/// The bindings a walk is in.
#[derive(Clone, Debug)]
pub(super) struct Bindings {
    /// The protocol in backticks, as its key is written.
    protocol: String,
    /// The minor number of the version that counts.
    pub(super) minor: u8,
    /// Whether `bindingVersion` says so.
    is_stated: bool,
    /// Every version there is, oldest first.
    versions: &'static [String],
}

impl Bindings {
    fn version(&self, minor: u8) -> Option<&'static str> {
        self.versions.iter().map(String::as_str).find(|version| minor_of(version) == Some(minor))
    }
}

/// The place of a version among the versions of its bindings: `0.3.0` is 3.
fn minor_of(version: &str) -> Option<u8> {
    version.split('.').nth(1)?.parse().ok()
}

impl Walk<'_> {
    /// Walks the bindings of one protocol by the version they state, or by the newest.
    pub(super) fn binding(&mut self, place: &Place, name: &str, object: &'static ObjectDefinition) {
        let Some(bindings) = self.bindings_of(place, object) else {
            return;
        };
        // AsyncAPI 2 leaves bindings open, and which version was the newest depends on when they were written.
        let is_lenient = !bindings.is_stated && self.grammar.major == 2;
        let (outer, before) = (self.bindings.replace(bindings), self.findings.len());
        self.fields(place, name, object);
        self.bindings = outer;
        if is_lenient {
            for finding in &mut self.findings[before..] {
                finding.severity = finding.severity.min(Severity::Warning);
            }
        }
    }

    /// None when the version is not known: whatever else is found would be a guess.
    fn bindings_of(&mut self, place: &Place, object: &'static ObjectDefinition) -> Option<Bindings> {
        let versions = object.versions.as_slice();
        let newest = versions.last().map_or("", String::as_str);
        let entry = place.node.entry("bindingVersion");
        let stated = match entry {
            None => None,
            Some(entry) => match entry.value.as_str() {
                None => {
                    self.wrong_type(&child(place, entry), &Shape::Text(0, usize::MAX));
                    return None;
                }
                Some("latest") => None,
                Some(text) if versions.iter().any(|version| version == text) => Some(text),
                Some(text) => {
                    self.unknown_version(place, entry, text, versions);
                    return None;
                }
            },
        };
        let minor = minor_of(stated.unwrap_or(newest))?;
        Some(Bindings { protocol: place.name(), minor, is_stated: stated.is_some(), versions })
    }

    fn unknown_version(&mut self, place: &Place, entry: &Entry, text: &str, versions: &'static [String]) {
        let known = versions.iter().map(String::as_str);
        let completed = format!("{text}.0");
        let near = known.clone().find(|version| *version == completed);
        let near = near.or_else(|| nearest(text, known.clone().rev()));
        let listed = known.map(|version| format!("`{version}`")).collect::<Vec<_>>().join(", ");
        let message = format!("there is no version `{text}` of the {} bindings", place.name());
        let finding = self.report("ED2703", &child(place, entry), entry.value.span, message);
        finding.help = Some(match near {
            Some(near) => format!("did you mean `{near}`? known are {listed} and `latest`"),
            None => format!("known are {listed} and `latest`"),
        });
        finding.expected = Some(format!("one of {listed}"));
        finding.actual = Some(text.to_owned());
    }

    /// Reports a field that only another version of the bindings has.
    pub(super) fn other_binding_version(&mut self, place: &Place, entry: &Entry, field: &Field) {
        let Some(bindings) = self.bindings.clone() else {
            return;
        };
        let key = &entry.key;
        let protocol = &bindings.protocol;
        let comes_later = field.since > bindings.minor;
        let minor = if comes_later { field.since } else { field.until };
        let version = bindings.version(minor).unwrap_or_default();
        let message = if comes_later {
            format!("`{key}` came with version {version} of the {protocol} bindings")
        } else {
            format!("`{key}` went after version {version} of the {protocol} bindings")
        };
        let help = if bindings.is_stated {
            format!("write `bindingVersion: {version}`, or leave `{key}` out")
        } else {
            format!(
                "write `bindingVersion: {version}`, or leave `{key}` out: without `bindingVersion` the newest counts"
            )
        };
        self.report("ED2704", place, entry.key_span, message).help = Some(help);
    }
}
