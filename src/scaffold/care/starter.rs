//! The template a new author begins with: small, complete, and clean by its own checks.

use std::collections::BTreeMap;

use serde_json::Map;

use super::cases::{expected_directory, tree};
use crate::scaffold::answers::{AnswerSources, Question};
use crate::scaffold::error::ScaffoldError;
use crate::scaffold::manifest::MANIFEST;
use crate::scaffold::plan::plan;
use crate::scaffold::source::assemble;

/// The case that comes with it.
const CASE: &str = "defaults";

const MANIFEST_TEXT: &str = "\
format: 1
name: NAME
version: 0.1.0
description: What this template makes, in one line
requires: { eddy: \"0.1\" }
input: { contract: optional }         # required, optional or none
variables:                            # asked in this order
  service_name:
    prompt: Name of the service
    default: \"{{ contract.service | kebab if contract else 'my-service' }}\"
    check: { matches: \"[a-z][a-z0-9-]*\", message: \"small letters, digits and -\" }
  compose:
    type: bool
    prompt: With a compose file
    default: true
files:                                # the first rule that matches a path counts
  - { path: \"channels.md\", policy: generated }        # written anew each time
  - { path: \"notes.md\", policy: once }                # written once, then the user's
  - { path: \"compose.yaml\", when: compose }           # owned by both, merged
next_steps: |
  $EDITOR notes.md
";

const README: &str = "\
# {{ service_name | title }}

{% if contract %}
It speaks the contract {{ contract.title }} {{ contract.version }}; its channels are in [channels.md](channels.md).
{% else %}
It has no contract yet: `eddy sync --contract asyncapi.yaml` brings one.
{% endif %}
";

const CHANNELS: &str = "\
<!-- Written by eddy from the contract; changes here are lost. -->
# Channels

{% for operation in receives %}
- receives `{{ operation.address }}` ({{ operation.id }})
{% endfor %}
{% for operation in sends %}
- sends `{{ operation.address }}` ({{ operation.id }})
{% endfor %}
";

const COMPOSE: &str = "\
services:
  {{ service_name }}:
    build: .
";

const NOTES: &str = "# Notes\n\nThis file is yours: no later version of the template touches it.\n";

/// Every file of a first template, a case with its tree among them, by path.
///
/// # Errors
/// When the name cannot stand in a manifest.
pub fn starter(name: &str) -> Result<BTreeMap<String, Vec<u8>>, ScaffoldError> {
    let manifest = MANIFEST_TEXT.replace("NAME", name);
    let texts = [
        (MANIFEST, manifest.as_str()),
        ("README.md.j2", README),
        ("channels.md.j2", CHANNELS),
        ("compose.yaml.j2", COMPOSE),
        ("notes.md", NOTES),
    ];
    let mut files: BTreeMap<String, Vec<u8>> =
        texts.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect();
    let template = assemble(name.to_owned(), files.clone())?;
    let mut ask = |question: &Question<'_>| Ok(question.default.clone());
    let sources = AnswerSources { given: Map::new(), defaults: true, ask: &mut ask };
    let plan = plan(&template, None, sources)?;
    let expected =
        tree(&plan).map(|(path, bytes)| (format!("{}{path}", expected_directory(CASE)), bytes.to_vec()));
    files.extend(expected);
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaffold::care::cases::{cases, differences};
    use crate::scaffold::care::lint;

    #[test]
    fn it_is_clean_and_its_case_holds() {
        let template = assemble("x".to_owned(), starter("my-template").expect("made")).expect("a template");
        assert_eq!(template.manifest.name, "my-template");
        assert_eq!(lint(&template), []);
        let cases = cases(&template.tests);
        assert_eq!(cases.len(), 1);
        let mut ask = |question: &Question<'_>| Ok(question.default.clone());
        let sources = AnswerSources { given: Map::new(), defaults: true, ask: &mut ask };
        let plan = plan(&template, None, sources).expect("plans");
        assert_eq!(differences(&cases[0], &plan), []);
    }
}
