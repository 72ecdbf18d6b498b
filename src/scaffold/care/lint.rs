//! What can be said of a template without answers: names nobody sets, rules that match nothing, questions that cannot be answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use crate::diagnostic::nearest;
use crate::scaffold::answers::Question;
use crate::scaffold::engine::{Engine, PARTIALS};
use crate::scaffold::manifest::{
    ContractInput, FileRule, MANIFEST, Manifest, Policy, ProjectRule, RESERVED_VARIABLES, Variable,
    VariableKind,
};
use crate::scaffold::path_rules::{TakenPaths, fault_of_path};
use crate::scaffold::plan::{match_options, text_of};
use crate::scaffold::source::{self, BUILT_IN_SOURCE, Template};

/// Something to mend in a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// True when projects cannot be made of it, or not as was meant; false when it only could be better.
    pub is_error: bool,
    /// A name for the rule, stable.
    pub rule: &'static str,
    /// The file, with its line where known.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Names the engine brings itself.
const BUILT_IN_NAMES: [&str; 6] = ["loop", "range", "dict", "namespace", "debug", "self"];

static INCLUDES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\{%-?\s*(?:include|import|from|extends)\s+["']([^"']+)["']"#).ok());

/// Everything to mend, errors first, then in order of place.
#[must_use]
pub fn lint(template: &Template) -> Vec<Finding> {
    let mut linter = Linter::new(template);
    linter.heading();
    linter.variables();
    linter.rules();
    linter.files();
    linter.projects();
    linter.leftovers();
    let mut findings = linter.findings;
    findings.sort_by(|left, right| {
        (!left.is_error, &left.place, &left.message).cmp(&(!right.is_error, &right.place, &right.message))
    });
    findings
}

struct Linter<'a> {
    template: &'a Template,
    engine: Engine,
    /// Variables and partials that something names.
    used: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl<'a> Linter<'a> {
    fn new(template: &'a Template) -> Self {
        let partials = template.files.iter().filter(|(path, _)| path.starts_with(PARTIALS));
        let partials = partials.chain(&template.layers);
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let partials: BTreeMap<String, String> =
            partials.map(|(path, bytes)| (path.clone(), text(bytes))).collect();
        Self { template, engine: Engine::new(partials), used: BTreeSet::new(), findings: Vec::new() }
    }

    fn say(
        &mut self,
        is_error: bool,
        rule: &'static str,
        place: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.findings.push(Finding {
            is_error,
            rule,
            place: place.into(),
            message: message.into(),
            help: None,
        });
    }

    fn help(&mut self, help: Option<String>) {
        if let (Some(last), Some(help)) = (self.findings.last_mut(), help) {
            last.help = Some(help);
        }
    }

    fn heading(&mut self) {
        let manifest = &self.template.manifest;
        let numbers = manifest.version.split(['-', '+']).next().unwrap_or_default();
        let is_version =
            numbers.split('.').count() == 3 && numbers.split('.').all(|part| part.parse::<u64>().is_ok());
        if !is_version {
            self.say(
                false,
                "version",
                MANIFEST,
                format!("version `{}` is not of the form 1.2.3", manifest.version),
            );
        }
        if manifest.description.trim().is_empty() {
            self.say(false, "description", MANIFEST, "the description is empty, and lists show it");
        }
        if manifest.next_steps.trim().is_empty() {
            self.say(
                false,
                "next-steps",
                MANIFEST,
                "`next_steps` says nothing to who has just made a project",
            );
        }
    }

    fn variables(&mut self) {
        let variables = &self.template.manifest.variables;
        for (at, (name, variable)) in variables.iter().enumerate() {
            let place = |key: &str| format!("{MANIFEST} variables.{name}.{key}");
            let later: BTreeSet<&str> = variables[at..].iter().map(|(name, _)| name.as_str()).collect();
            let default = variable.default.as_ref().and_then(Value::as_str);
            let texts = [("default", default), ("compute", variable.compute.as_deref())];
            for (key, text) in texts.into_iter().filter_map(|(key, text)| Some((key, text?))) {
                let found = self.engine.names_in(&place(key), text);
                self.names(&place(key), found, &later, &BTreeSet::new());
            }
            if let Some(when) = &variable.when {
                let found = self.engine.names_in_expression(&place("when"), when);
                self.names(&place("when"), found, &later, &BTreeSet::new());
            }
            self.question(name, variable);
        }
    }

    fn question(&mut self, name: &str, variable: &Variable) {
        let place = format!("{MANIFEST} variables.{name}");
        if variable.compute.is_none() && variable.prompt.is_none() {
            self.say(false, "prompt", &place, "it has no prompt, so its bare name is asked");
        }
        if variable.kind != VariableKind::Choice && !variable.choices.is_empty() {
            self.say(true, "choices", &place, "`choices` are only for `type: choice`");
        }
        let Some(default) = &variable.default else { return };
        let rendered = default.as_str().is_some_and(|text| text.contains("{{") || text.contains("{%"));
        if rendered {
            return;
        }
        let question = Question { name, variable, default: None };
        let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        if let Some(fault) = question.fault(&text) {
            self.say(
                true,
                "default",
                format!("{place}.default"),
                format!("the default `{text}` is refused: {fault}"),
            );
        }
    }

    /// Tells of names that are not set there, and remembers those that are.
    fn names(
        &mut self,
        place: &str,
        found: Result<BTreeSet<String>, crate::scaffold::ScaffoldError>,
        later: &BTreeSet<&str>,
        local: &BTreeSet<String>,
    ) {
        let names = match found {
            Ok(names) => names,
            Err(error) => {
                self.say(true, "syntax", place, error.to_string());
                self.help(error.help());
                return;
            }
        };
        let variables = &self.template.manifest.variables;
        for name in names {
            if later.contains(name.as_str()) {
                self.say(
                    true,
                    "late-name",
                    place,
                    format!("`{name}` has no value yet: variables are answered in order"),
                );
            } else if variables.iter().any(|(known, _)| *known == name) {
                self.used.insert(name);
            } else if !is_given(&name) && !local.contains(&name) {
                self.say(true, "unknown-name", place, format!("`{name}` is not defined"));
                let known = variables.iter().map(|(known, _)| known.as_str()).chain(RESERVED_VARIABLES);
                self.help(nearest(&name, known).map(|near| format!("did you mean `{near}`?")));
            }
        }
    }

    fn rules(&mut self) {
        let manifest = &self.template.manifest;
        for (at, rule) in manifest.files.iter().enumerate() {
            let place = format!("{MANIFEST} files `{}`", rule.path);
            let matched: Vec<&str> = targets(self.template).filter(|target| matches(rule, target)).collect();
            let earlier = &manifest.files[..at];
            let taken = |target: &&str| earlier.iter().any(|other| matches(other, target));
            if matched.is_empty() {
                self.say(true, "idle-rule", &place, "it matches no file of the template");
                self.help(
                    nearest(&rule.path, targets(self.template)).map(|near| format!("did you mean `{near}`?")),
                );
            } else if matched.iter().all(taken) {
                self.say(true, "idle-rule", &place, "rules before it take every file that it matches");
                self.help(Some(
                    "the first rule that matches a path counts: put the narrower one first".to_owned(),
                ));
            }
            let mut local = BTreeSet::new();
            if let Some((list, item)) = rule.each.as_deref().and_then(|each| each.rsplit_once(" as ")) {
                let found = self.engine.names_in_expression(&place, list);
                self.names(&place, found, &BTreeSet::new(), &local);
                local.insert(item.trim().to_owned());
            }
            if let Some(when) = &rule.when {
                let found = self.engine.names_in_expression(&place, when);
                self.names(&place, found, &BTreeSet::new(), &local);
            }
            if let Some(name) = &rule.name {
                let found = self.engine.names_in(&place, name);
                self.names(&place, found, &BTreeSet::new(), &local);
            }
        }
    }

    fn projects(&mut self) {
        for rule in &self.template.manifest.projects {
            let place = format!("{MANIFEST} projects `{}`", rule.path);
            let texts = rule.answers.values().filter_map(Value::as_str);
            for text in texts.chain([rule.path.as_str()]).chain(rule.contract.as_deref()) {
                let found = self.engine.names_in(&place, text);
                self.names(&place, found, &BTreeSet::new(), &BTreeSet::new());
            }
            match source::open(&format!("{BUILT_IN_SOURCE}{}", rule.template)) {
                Ok(template) => self.answers_of(&place, rule, &template.manifest),
                Err(error) => {
                    self.say(true, "project", &place, error.to_string());
                    self.help(error.help());
                }
            }
        }
    }

    /// What a project's template asks, and what it is given.
    fn answers_of(&mut self, place: &str, rule: &ProjectRule, manifest: &Manifest) {
        if manifest.input.contract == ContractInput::Required && rule.contract.is_none() {
            self.say(true, "project", place, format!("`{}` needs a contract", rule.template));
        }
        let asked = || manifest.variables.iter().filter(|(_, variable)| variable.compute.is_none());
        for name in rule.answers.keys().filter(|name| !asked().any(|(known, _)| known == *name)) {
            self.say(true, "project", place, format!("`{}` asks nothing called `{name}`", rule.template));
            self.help(
                nearest(name, asked().map(|(known, _)| known.as_str()))
                    .map(|near| format!("did you mean `{near}`?")),
            );
        }
    }

    fn files(&mut self) {
        let mut taken = TakenPaths::default();
        let template = self.template;
        for (path, bytes) in &template.files {
            let target = path.strip_suffix(".j2").unwrap_or(path);
            let rule = template.manifest.files.iter().find(|rule| matches(rule, target));
            let is_partial = path.starts_with(PARTIALS);
            let is_fixed =
                !path.contains("{{") && !path.contains("{%") && rule.is_none_or(|rule| rule.name.is_none());
            if !is_partial && is_fixed {
                self.path(path, target, rule, &mut taken);
            }
            if rule.is_some_and(|rule| rule.policy == Policy::Raw) && !is_partial {
                continue;
            }
            match text_of(template, path, bytes) {
                Ok(text) => self.text(path, text, rule, is_partial),
                Err(error) => {
                    self.say(true, "not-text", path.as_str(), "it is not UTF-8, and texts are rendered");
                    self.help(error.help());
                }
            }
        }
        // What others lie over counts through them, as a partial does.
        for (path, bytes) in &template.layers {
            if let Ok(text) = text_of(template, path, bytes) {
                self.text(path, text, None, true);
            }
        }
    }

    fn path(&mut self, path: &str, target: &str, rule: Option<&FileRule>, taken: &mut TakenPaths) {
        if let Some(fault) = fault_of_path(target) {
            self.say(true, "path", path, fault);
        } else if crate::scaffold::lock::owns(target) {
            self.say(true, "path", path, "this file is eddy's own");
        } else if rule.is_none_or(|rule| rule.when.is_none())
            && let Err(error) = taken.take(path, target)
        {
            self.say(true, "path", path, error.to_string());
        }
    }

    fn text(&mut self, path: &str, text: &str, rule: Option<&FileRule>, is_partial: bool) {
        let mut local = BTreeSet::new();
        let items = self.template.manifest.files.iter().filter(|one| is_partial || rule == Some(*one));
        local.extend(
            items
                .filter_map(|rule| rule.each.as_deref()?.rsplit_once(" as "))
                .map(|(_, item)| item.trim().to_owned()),
        );
        for part in path.split('/').filter(|part| part.contains("{{") || part.contains("{%")) {
            let found = self.engine.names_in(path, part);
            self.names(path, found, &BTreeSet::new(), &local);
        }
        let found = self.engine.names_in(path, text);
        match found {
            // Who includes a partial may set names for it, which only rendering shows.
            Ok(names) if is_partial => {
                let known =
                    |name: &String| self.template.manifest.variables.iter().any(|(known, _)| known == name);
                let used: Vec<String> = names.into_iter().filter(known).collect();
                self.used.extend(used);
            }
            found => self.names(path, found, &BTreeSet::new(), &local),
        }
        let Some(includes) = INCLUDES.as_ref() else { return };
        for capture in includes.captures_iter(text) {
            let wanted = &capture[1];
            let line = text[..capture.get(0).map_or(0, |all| all.start())].lines().count().max(1);
            if self.template.files.contains_key(wanted) && wanted.starts_with(PARTIALS) {
                self.used.insert(wanted.to_owned());
            } else if !self.template.layers.contains_key(wanted) {
                self.say(
                    true,
                    "include",
                    format!("{path}:{line}"),
                    format!("there is no partial `{wanted}`"),
                );
                let partials = self.template.files.keys().filter(|path| path.starts_with(PARTIALS));
                let near = nearest(wanted, partials.map(String::as_str))
                    .map(|near| format!("did you mean `{near}`?"));
                self.help(near.or_else(|| Some(format!("only files below `{PARTIALS}` can be included"))));
            }
        }
    }

    fn leftovers(&mut self) {
        let steps =
            self.engine.names_in(&format!("{MANIFEST} next_steps"), &self.template.manifest.next_steps);
        self.names(&format!("{MANIFEST} next_steps"), steps, &BTreeSet::new(), &BTreeSet::new());
        for (name, _) in &self.template.manifest.variables {
            if !self.used.contains(name) {
                let place = format!("{MANIFEST} variables.{name}");
                self.say(false, "unused-variable", place, "no file, rule or other variable uses it");
            }
        }
        for path in self.template.files.keys().filter(|path| path.starts_with(PARTIALS)) {
            if !self.used.contains(path) {
                self.say(false, "unused-partial", path.as_str(), "no file includes it");
            }
        }
    }
}

fn is_given(name: &str) -> bool {
    RESERVED_VARIABLES.contains(&name) || BUILT_IN_NAMES.contains(&name)
}

/// The paths files are written to, as rules match them.
fn targets(template: &Template) -> impl Iterator<Item = &str> {
    let files = template.files.keys().filter(|path| !path.starts_with(PARTIALS));
    files.map(|path| path.strip_suffix(".j2").unwrap_or(path))
}

fn matches(rule: &FileRule, target: &str) -> bool {
    glob::Pattern::new(&rule.path).is_ok_and(|pattern| pattern.matches_with(target, match_options()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaffold::source::assemble;

    fn template(rest: &str, files: &[(&str, &[u8])]) -> Template {
        let manifest = format!("format: 1\nname: x\nversion: 1.0.0\ndescription: X\nnext_steps: go\n{rest}");
        let mut all: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        all.insert(MANIFEST.to_owned(), manifest.into_bytes());
        assemble("x".to_owned(), all).expect("a template")
    }

    fn rules(rest: &str, files: &[(&str, &[u8])]) -> Vec<&'static str> {
        lint(&template(rest, files)).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_clean_template_has_no_findings() {
        let rest = "variables: { name: { prompt: Name, default: shop }, upper: { compute: '{{ name | pascal }}' } }\n\
                    files: [{ path: src/h.rs, each: receives as op, name: '{{ op.id }}.rs', policy: once }]\n";
        let files: [(&str, &[u8]); 3] = [
            ("src/h.rs.j2", b"{{ op.id }} {{ upper }} {% include '_partials/head' %}{% for m in messages %}{{ m.name }}{{ loop.index }}{% endfor %}"),
            ("_partials/head", b"{{ whoever_includes_sets_this }}"),
            ("{{ name }}.txt", b"{% set local = 1 %}{{ local }}"),
        ];
        assert_eq!(lint(&template(rest, &files)), []);
    }

    #[test]
    fn each_mistake_has_its_rule() {
        assert_eq!(rules("", &[("a", b"{{ nme }}")]), ["unknown-name"]);
        assert_eq!(rules("", &[("a", b"{% if %}")]), ["syntax"]);
        assert_eq!(rules("", &[("a", b"{% include '_partials/gone' %}")]), ["include"]);
        assert_eq!(rules("", &[("_partials/lonely", b"")]), ["unused-partial"]);
        assert_eq!(rules("", &[("a", b"\xff")]), ["not-text"]);
        assert_eq!(rules("files: [{ path: b }]\n", &[("a", b"")]), ["idle-rule"]);
        assert_eq!(rules("files: [{ path: '*' }, { path: a }]\n", &[("a", b"")]), ["idle-rule"]);
        assert_eq!(rules("", &[("aux.txt", b"")]), ["path"]);
        assert_eq!(rules("", &[("A", b""), ("a.j2", b"")]), ["path"]);
        assert_eq!(rules("variables: { a: { prompt: A, default: x } }\n", &[]), ["unused-variable"]);
        assert_eq!(
            rules("variables: { a: { prompt: A, type: int, default: x } }\n", &[("f", b"{{ a }}")]),
            ["default"]
        );
        let project = |rest: &str| rules(&format!("projects: [{{ template: {rest} }}]\n"), &[]);
        assert_eq!(project("nothing, path: p"), ["project"]);
        assert_eq!(project("go-service, path: p"), ["project"]);
        assert_eq!(project("contract-repo, path: p, answers: { brokr: nats }"), ["project"]);
        assert_eq!(project("contract-repo, path: '{{ nme }}'"), ["unknown-name"]);
        assert_eq!(project("contract-repo, path: p, answers: { broker: nats }"), [""; 0]);
        let late = "variables: { a: { prompt: A, default: '{{ b }}' }, b: { prompt: B } }\n";
        assert_eq!(rules(late, &[("f", b"{{ a }}{{ b }}")]), ["late-name"]);
    }

    #[test]
    fn a_slip_gets_a_suggestion() {
        let found = lint(&template(
            "variables: { service_name: { prompt: N } }\n",
            &[("a", b"{{ servce_name }}{{ service_name }}")],
        ));
        assert_eq!(found[0].help.as_deref(), Some("did you mean `service_name`?"));
        assert!(found[0].is_error && found[0].place == "a", "{found:?}");
    }

    #[test]
    fn templates_built_in_are_clean() {
        for manifest in crate::scaffold::built_in().expect("all open") {
            let template = crate::scaffold::open(&manifest.name).expect("opens");
            assert_eq!(lint(&template), [], "{}", manifest.name);
        }
    }
}
