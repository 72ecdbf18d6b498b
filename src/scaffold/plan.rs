//! What a template, answers and a contract become, before anything is written: every file with its bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use glob::{MatchOptions, Pattern};
use serde::Serialize;
use serde_json::{Map, Value};

use super::answers::{self, AnswerSources};
use super::contract_view::ContractView;
use super::engine::{Context, Engine, PARTIALS};
use super::error::ScaffoldError;
use super::lock;
use super::manifest::{ContractInput, FileRule, MANIFEST, Policy};
use super::path_rules::{TakenPaths, render_path};
use super::projects::{self, PlannedProject};
use super::source::Template;

/// Most files one template may write.
const MAX_PLANNED: usize = 10_000;
/// Most bytes all of them may have.
const MAX_BYTES: usize = 256 << 20;

/// One file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Its path in the target, with `/`.
    pub path: String,
    /// How it fares later.
    pub policy: Policy,
    /// The file of the template it is made from; empty for files of eddy itself.
    pub origin: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What writing a file would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is not there yet.
    Create,
    /// It is there, byte for byte.
    Keep,
    /// Something else is there.
    Conflict,
}

/// Everything a write would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name and version of the template.
    pub template: (String, String),
    /// Files in order of path.
    pub files: Vec<PlannedFile>,
    /// Text for after the write.
    pub next_steps: String,
    /// What a reader should know, such as parts of the contract that have no code.
    pub notes: Vec<String>,
    /// Projects in it, whose files [`super::with_projects`] adds.
    pub projects: Vec<PlannedProject>,
}

impl Plan {
    /// The plan without the files of projects in it, each of which is synced by itself.
    #[must_use]
    pub fn of_its_template(&self) -> Self {
        let lock = self.files.iter().find(|file| file.path == lock::LOCK_FILE);
        let lock = lock.and_then(|file| lock::read(&String::from_utf8_lossy(&file.bytes)).ok());
        let known: BTreeSet<String> =
            lock.into_iter().flat_map(|lock| lock.files).map(|file| file.path).collect();
        let is_own = |file: &&PlannedFile| known.contains(&file.path) || lock::owns(&file.path);
        Self { files: self.files.iter().filter(is_own).cloned().collect(), ..self.clone() }
    }

    /// What writing each file into `target` would do.
    #[must_use]
    pub fn actions(&self, target: &Path) -> Vec<Action> {
        self.files.iter().map(|file| action(&target.join(&file.path), &file.bytes)).collect()
    }
}

fn action(path: &Path, bytes: &[u8]) -> Action {
    match std::fs::symlink_metadata(path) {
        Err(_) => Action::Create,
        Ok(metadata) if metadata.is_file() && std::fs::read(path).is_ok_and(|there| there == bytes) => {
            Action::Keep
        }
        Ok(_) => Action::Conflict,
    }
}

/// Makes the plan: answers first, then every file, then the lock.
///
/// # Errors
/// When an answer is missing or refused, a file cannot be rendered, or a path may not be written.
pub fn plan(
    template: &Template,
    contract: Option<&ContractView>,
    sources: AnswerSources<'_>,
) -> Result<Plan, ScaffoldError> {
    let manifest = &template.manifest;
    if manifest.input.contract == ContractInput::Required && contract.is_none() {
        return Err(ScaffoldError::ContractNeeded { template: manifest.name.clone() });
    }
    let engine = Engine::new(partials(template)?);
    let mut context = base_context(contract);
    let answers = answers::resolve(manifest, &engine, &mut context, sources)?;
    let mut planner =
        Planner { template, engine: &engine, taken: TakenPaths::default(), files: Vec::new(), bytes: 0 };
    planner.plan_all(&context)?;
    let mut files = planner.files;
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let projects = projects::wanted(manifest, &engine, &context)?;
    let next_steps = engine.render(&format!("{MANIFEST} next_steps"), &manifest.next_steps, &context)?;
    let own = lock::files(template, &answers, contract, &files)?;
    files.extend(own);
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(Plan {
        template: (manifest.name.clone(), manifest.version.clone()),
        files,
        next_steps,
        notes: contract.map(|view| view.notes.clone()).unwrap_or_default(),
        projects,
    })
}

fn base_context(contract: Option<&ContractView>) -> Context {
    let mut context = Context::default();
    context.set("eddy_version", &Value::from(env!("CARGO_PKG_VERSION")));
    let empty = Map::new();
    let names = contract.map_or(&empty, |view| &view.names);
    for name in ["contract", "types"] {
        context.set(name, names.get(name).unwrap_or(&Value::Null));
    }
    for name in ["receives", "sends", "messages"] {
        context.set(name, names.get(name).unwrap_or(&Value::Array(Vec::new())));
    }
    context
}

fn partials(template: &Template) -> Result<BTreeMap<String, String>, ScaffoldError> {
    let partials = template.files.iter().filter(|(path, _)| path.starts_with(PARTIALS));
    let partials = partials.chain(&template.layers);
    partials.map(|(path, bytes)| Ok((path.clone(), text_of(template, path, bytes)?.to_owned()))).collect()
}

pub(super) fn text_of<'a>(
    template: &Template,
    path: &str,
    bytes: &'a [u8],
) -> Result<&'a str, ScaffoldError> {
    std::str::from_utf8(bytes).map_err(|_| ScaffoldError::NotATemplate {
        template: template.source.clone(),
        message: format!("`{path}` is not UTF-8"),
        help: Some("copy it as it is: `policy: raw`".to_owned()),
    })
}

struct Planner<'a> {
    template: &'a Template,
    engine: &'a Engine,
    taken: TakenPaths,
    files: Vec<PlannedFile>,
    bytes: usize,
}

impl<'a> Planner<'a> {
    fn plan_all(&mut self, context: &Context) -> Result<(), ScaffoldError> {
        let rules = self.rules()?;
        let fallback = FileRule::default();
        let mut used = vec![false; rules.len()];
        let template = self.template;
        for path in template.files.keys().filter(|path| !path.starts_with(PARTIALS)) {
            let target = path.strip_suffix(".j2").unwrap_or(path);
            let found = rules.iter().position(|(pattern, _)| pattern.matches_with(target, match_options()));
            if let Some(index) = found {
                used[index] = true;
            }
            let rule = found.map_or(&fallback, |index| rules[index].1);
            self.plan_file(path, target, rule, context)?;
        }
        match used.iter().position(|used| !used) {
            None => Ok(()),
            Some(idle) => Err(ScaffoldError::NotATemplate {
                template: self.template.source.clone(),
                message: format!(
                    "{MANIFEST}: files: `{}` matches no file that is left for it",
                    rules[idle].1.path
                ),
                help: None,
            }),
        }
    }

    fn rules(&self) -> Result<Vec<(Pattern, &'a FileRule)>, ScaffoldError> {
        let rules = self.template.manifest.files.iter();
        rules
            .map(|rule| Pattern::new(&rule.path).map(|pattern| (pattern, rule)))
            .collect::<Result<_, _>>()
            .map_err(|error| ScaffoldError::NotATemplate {
                template: self.template.source.clone(),
                message: error.to_string(),
                help: None,
            })
    }

    fn plan_file(
        &mut self,
        path: &str,
        target: &str,
        rule: &FileRule,
        context: &Context,
    ) -> Result<(), ScaffoldError> {
        let place = format!("{MANIFEST} files `{}`", rule.path);
        let contexts = match &rule.each {
            Some(each) => self.engine.each(&place, each, context)?,
            None => vec![context.clone()],
        };
        for context in contexts {
            let wanted = match &rule.when {
                Some(expression) => self.engine.holds(&place, expression, &context)?,
                None => true,
            };
            if wanted {
                self.write_one(path, target, rule, &context)?;
            }
        }
        Ok(())
    }

    fn write_one(
        &mut self,
        path: &str,
        target: &str,
        rule: &FileRule,
        context: &Context,
    ) -> Result<(), ScaffoldError> {
        let named = match (&rule.name, target.rsplit_once('/')) {
            (None, _) => target.to_owned(),
            (Some(name), Some((directory, _))) => format!("{directory}/{name}"),
            (Some(name), None) => name.clone(),
        };
        let Some(rendered) = render_path(self.engine, &named, context)? else { return Ok(()) };
        if lock::owns(&rendered) {
            let message = "this file is eddy's own".to_owned();
            return Err(ScaffoldError::BadPath { template_path: path.to_owned(), rendered, message });
        }
        self.taken.take(path, &rendered)?;
        let bytes = &self.template.files[path];
        let bytes = match rule.policy {
            Policy::Raw => bytes.clone(),
            _ => self.engine.render(path, text_of(self.template, path, bytes)?, context)?.into_bytes(),
        };
        self.bytes += bytes.len();
        self.files.push(PlannedFile { path: rendered, policy: rule.policy, origin: path.to_owned(), bytes });
        refuse_size(&self.template.source, self.files.len(), self.bytes)
    }
}

/// Refuses files that are too many or too large together.
pub(super) fn refuse_excess(template: &str, files: &[PlannedFile]) -> Result<(), ScaffoldError> {
    refuse_size(template, files.len(), files.iter().map(|file| file.bytes.len()).sum())
}

fn refuse_size(template: &str, files: usize, bytes: usize) -> Result<(), ScaffoldError> {
    let message = if files > MAX_PLANNED {
        format!("it would write more than {MAX_PLANNED} files")
    } else if bytes > MAX_BYTES {
        format!("it would write more than {} MiB in all", MAX_BYTES >> 20)
    } else {
        return Ok(());
    };
    Err(ScaffoldError::NotATemplate { template: template.to_owned(), message, help: None })
}

pub(super) fn match_options() -> MatchOptions {
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaffold::answers::Question;
    use crate::scaffold::manifest::Manifest;

    fn template(rules: &str, files: &[(&str, &[u8])]) -> Template {
        let manifest = format!("format: 1\nname: x\nversion: 1.0.0\ndescription: X\n{rules}");
        Template {
            source: "x".to_owned(),
            remembered_as: "x".to_owned(),
            manifest: Manifest::read("x", &manifest).expect("reads"),
            files: files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect(),
            tests: BTreeMap::new(),
            layers: BTreeMap::new(),
            commit: None,
            hash: "0".to_owned(),
        }
    }

    fn planned(rules: &str, files: &[(&str, &[u8])]) -> Result<Plan, ScaffoldError> {
        let mut ask = |_: &Question<'_>| Ok(None);
        let sources = AnswerSources { given: Map::new(), defaults: true, ask: &mut ask };
        plan(&template(rules, files), None, sources)
    }

    fn paths(plan: &Plan) -> Vec<&str> {
        plan.files.iter().map(|file| file.path.as_str()).filter(|path| !lock::owns(path)).collect()
    }

    #[test]
    fn suffix_policy_and_condition_are_applied() {
        let plan = planned(
            "variables: { k8s: { type: bool, default: false } }\nfiles:\n\
             - { path: 'a.bin', policy: raw }\n- { path: 'k8s/**', when: k8s }\n- { path: 'src/**', policy: generated }\n",
            &[("a.bin", b"\xff{{"), ("k8s/x.yaml.j2", b""), ("src/a/b.rs.j2", b"// {{ k8s }}\n"), ("_partials/p", b"")],
        )
        .expect("plans");
        assert_eq!(paths(&plan), ["a.bin", "src/a/b.rs"]);
        let generated = plan.files.iter().find(|file| file.path == "src/a/b.rs").expect("planned");
        assert_eq!(
            (generated.policy, generated.bytes.as_slice()),
            (Policy::Generated, b"// false\n".as_slice())
        );
    }

    #[test]
    fn one_file_per_item() {
        let rules = "files: [{ path: 'src/h.rs', each: '[\"a\", \"b\"] as op', name: '{{ op }}.rs', policy: once }]\n";
        let plan = planned(rules, &[("src/h.rs.j2", b"{{ op }}")]).expect("plans");
        assert_eq!(paths(&plan), ["src/a.rs", "src/b.rs"]);
    }

    #[test]
    fn mistakes_of_the_template_are_named() {
        let message =
            |rules, files: &[(&str, &[u8])]| planned(rules, files).expect_err("refused").to_string();
        assert!(message("files: [{ path: gone }]\n", &[]).contains("`gone` matches no file"));
        assert!(message("", &[("a", b"\xff")]).contains("not UTF-8"));
        assert!(message("", &[("a", b"{{ b }}")]).contains("`b` is not defined"));
        assert!(message("", &[("eddy.lock.yaml", b"")]).contains("eddy's own"));
        assert!(message("", &[("a.j2", b""), ("A", b"")]).contains("written there already"));
        assert!(message("input: { contract: required }\n", &[]).contains("needs a contract"));
    }
}
