//! Projects in a project: each made by a template that is built in, with a lock of its own, and all of them one plan.

use std::path::Path;

use serde_json::{Map, Value};

use super::answers::AnswerSources;
use super::contract_view::ContractView;
use super::engine::{Context, Engine};
use super::error::ScaffoldError;
use super::identifiers::Language;
use super::lock;
use super::manifest::{ContractInput, MANIFEST, Manifest, Policy, ProjectRule};
use super::path_rules::{TakenPaths, fault_of_path, render_path};
use super::plan::{Plan, PlannedFile, plan, refuse_excess};
use super::source::{self, BUILT_IN_SOURCE};
use super::write;

/// How many projects may lie in each other.
const MAX_DEPTH: usize = 3;
/// Most projects of one plan, those in projects among them.
const MAX_PROJECTS: usize = 16;

/// A project that a plan has in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedProject {
    /// Its directory, as a path in the target with `/`.
    pub path: String,
    /// The template that is built in.
    pub template: String,
    /// Its contract: the path of a file of the plan.
    pub contract: Option<String>,
    /// Its answers; what is missing has its default.
    pub answers: Map<String, Value>,
}

/// Reads the contract of a project: the directory in which all files of the plan lie, the paths of the contract and of the
/// project in it, and the language.
pub type ReadContract<'a> = dyn Fn(&Path, &str, &str, Language) -> Result<ContractView, ScaffoldError> + 'a;

/// The projects a manifest wants, rendered.
///
/// # Errors
/// When a text cannot be rendered, or a directory may not be one.
pub(super) fn wanted(
    manifest: &Manifest,
    engine: &Engine,
    context: &Context,
) -> Result<Vec<PlannedProject>, ScaffoldError> {
    let mut projects: Vec<PlannedProject> = Vec::new();
    for rule in &manifest.projects {
        let Some(path) = render_path(engine, &rule.path, context)? else { continue };
        let bad = |message: String| ScaffoldError::BadPath {
            template_path: format!("{MANIFEST} projects"),
            rendered: path.clone(),
            message,
        };
        if lock::owns(&path) {
            return Err(bad("this directory is eddy's own".to_owned()));
        }
        let is_inside = |one: &str, other: &str| format!("{one}/").starts_with(&format!("{other}/"));
        if let Some(other) =
            projects.iter().find(|other| is_inside(&path, &other.path) || is_inside(&other.path, &path))
        {
            return Err(bad(format!("the project `{}` is there already", other.path)));
        }
        projects.push(PlannedProject { path, ..project(rule, engine, context)? });
    }
    Ok(projects)
}

fn project(rule: &ProjectRule, engine: &Engine, context: &Context) -> Result<PlannedProject, ScaffoldError> {
    let place = |key: &str| format!("{MANIFEST} projects `{}` {key}", rule.path);
    let contract = rule.contract.as_deref().map(|path| engine.render(&place("contract"), path, context));
    let contract = contract.transpose()?.filter(|path| !path.is_empty());
    if let Some(path) = &contract
        && let Some(message) = fault_of_path(path)
    {
        return Err(ScaffoldError::BadPath {
            template_path: place("contract"),
            rendered: path.escape_debug().to_string(),
            message,
        });
    }
    let mut answers = Map::new();
    for (name, value) in &rule.answers {
        let value = match value {
            Value::String(text) => Value::from(engine.render(&place(name), text, context)?),
            other => other.clone(),
        };
        answers.insert(name.clone(), value);
    }
    Ok(PlannedProject { path: String::new(), template: rule.template.clone(), contract, answers })
}

/// A plan with the files of its projects, as one that is written at once.
///
/// A file of the plan's own template in the directory of a project takes the place of the one that the project's template
/// writes there, as if somebody had changed it afterwards.
///
/// # Errors
/// When a project cannot be made, named with its directory, or two files want one path.
pub fn with_projects(plan: Plan, read: &ReadContract<'_>) -> Result<Plan, ScaffoldError> {
    compose(plan, read, 1, &mut 0)
}

fn compose(
    mut plan: Plan,
    read: &ReadContract<'_>,
    depth: usize,
    made: &mut usize,
) -> Result<Plan, ScaffoldError> {
    for project in plan.projects.clone() {
        let named = |source: ScaffoldError| ScaffoldError::InProject {
            path: project.path.clone(),
            template: project.template.clone(),
            source: Box::new(source),
        };
        *made += 1;
        let excess = if depth > MAX_DEPTH {
            Some(format!("more than {MAX_DEPTH} projects lie in each other"))
        } else {
            (*made > MAX_PROJECTS).then(|| format!("it has more than {MAX_PROJECTS} projects"))
        };
        if let Some(message) = excess {
            let template = plan.template.0.clone();
            return Err(named(ScaffoldError::NotATemplate { template, message, help: None }));
        }
        let inner = make(&plan.files, &project, read, depth, made).map_err(named)?;
        plan.notes.extend(inner.notes.iter().map(|note| format!("{}: {note}", project.path)));
        join(&mut plan, &project.path, inner).map_err(named)?;
    }
    Ok(plan)
}

fn make(
    files: &[PlannedFile],
    project: &PlannedProject,
    read: &ReadContract<'_>,
    depth: usize,
    made: &mut usize,
) -> Result<Plan, ScaffoldError> {
    let template = source::open(&format!("{BUILT_IN_SOURCE}{}", project.template))?;
    let contract = match &project.contract {
        Some(path) if template.manifest.input.contract != ContractInput::None => {
            Some(read_planned(files, path, &project.path, template.manifest.language, read)?)
        }
        _ => None,
    };
    let sources = AnswerSources { given: project.answers.clone(), defaults: true, ask: &mut |_| Ok(None) };
    compose(plan(&template, contract.as_ref(), sources)?, read, depth + 1, made)
}

/// Reads a contract that is not written yet: it lies, with all it may refer to, in a directory that is gone afterwards.
fn read_planned(
    files: &[PlannedFile],
    path: &str,
    project: &str,
    language: Language,
    read: &ReadContract<'_>,
) -> Result<ContractView, ScaffoldError> {
    if !files.iter().any(|file| file.path == path) {
        return Err(ScaffoldError::Contract {
            place: path.to_owned(),
            message: "no file is written there".to_owned(),
            help: Some("name a file of the template, or one of a project before this one".to_owned()),
        });
    }
    let unwritable = |source| ScaffoldError::Unwritable { path: "a temporary directory".into(), source };
    let stage = tempfile::Builder::new().prefix("eddy-plan-").tempdir().map_err(unwritable)?;
    let root = stage.path().join("plan");
    let all: Vec<(&str, &[u8])> =
        files.iter().map(|file| (file.path.as_str(), file.bytes.as_slice())).collect();
    write::write_files(&all, &root)?;
    read(&root, path, project, language)
}

/// Puts the files of a project into a plan.
fn join(plan: &mut Plan, directory: &str, inner: Plan) -> Result<(), ScaffoldError> {
    let inside = format!("{directory}/");
    let mut taken = TakenPaths::default();
    for file in &plan.files {
        taken.take(&file.origin, &file.path)?;
        if file.path.starts_with(&inside) && file.policy != Policy::Once {
            return Err(in_the_way(file, "a file in the directory of a project has `policy: once`"));
        }
    }
    for mut file in inner.files {
        file.path = format!("{inside}{}", file.path);
        match plan.files.iter().find(|own| own.path == file.path) {
            Some(own) if file.policy == Policy::Generated => {
                return Err(in_the_way(own, "the project writes this file anew each time"));
            }
            Some(_) => {}
            None => {
                taken.take(&file.origin, &file.path)?;
                plan.files.push(file);
            }
        }
    }
    plan.files.sort_by(|left, right| left.path.cmp(&right.path));
    refuse_excess(&plan.template.0, &plan.files)
}

fn in_the_way(file: &PlannedFile, message: &str) -> ScaffoldError {
    ScaffoldError::BadPath {
        template_path: file.origin.clone(),
        rendered: file.path.clone(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scaffold::source::assemble;

    const INNER: &str = "{ template: contract-repo, path: contracts, answers: { broker: '{{ broker }}' } }";

    fn composed(projects: &str, files: &[(&str, &str)]) -> Result<Plan, ScaffoldError> {
        let manifest = format!(
            "format: 1\nname: x\nversion: 1.0.0\ndescription: X\nvariables: {{ broker: {{ default: nats }} }}\n\
             files: [{{ path: '*/**', policy: once }}]\nprojects: [{projects}]\n"
        );
        let own = [("a/b", ""), ("template.yaml", manifest.as_str())];
        let all = files.iter().chain(&own);
        let all: BTreeMap<String, Vec<u8>> =
            all.map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        let template = assemble("x".to_owned(), all)?;
        let sources = AnswerSources { given: Map::new(), defaults: true, ask: &mut |_| Ok(None) };
        with_projects(plan(&template, None, sources)?, &|_, _, _, _| {
            Err(ScaffoldError::ContractNeeded { template: "nobody reads here".to_owned() })
        })
    }

    fn text<'a>(plan: &'a Plan, path: &str) -> &'a str {
        let file = plan.files.iter().find(|file| file.path == path).expect(path);
        std::str::from_utf8(&file.bytes).expect("UTF-8")
    }

    fn refusal(projects: &str, files: &[(&str, &str)]) -> String {
        composed(projects, files).expect_err("refused").to_string()
    }

    #[test]
    fn a_project_has_its_files_its_answers_and_its_own_lock() {
        let plan = composed(INNER, &[]).expect("plans");
        assert!(text(&plan, "contracts/eddy.yaml").contains("nats://localhost"));
        let locks: Vec<lock::Lock> = ["eddy.lock.yaml", "contracts/eddy.lock.yaml"]
            .map(|path| lock::read(text(&plan, path)).expect("a lock"))
            .into();
        assert_eq!(locks[1].template.source, "builtin:contract-repo");
        assert_eq!(locks[1].answers["broker"], "nats");
        let own: Vec<&str> = locks[0].files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(own, ["a/b"]);
        assert!(plan.files.is_sorted_by(|left, right| left.path < right.path));
    }

    #[test]
    fn a_file_in_the_directory_of_a_project_is_a_change_of_it() {
        let files = [("contracts/messages.yaml", "{}\n"), ("contracts/more.txt", "more")];
        let plan = composed(INNER, &files).expect("plans");
        assert_eq!(text(&plan, "contracts/messages.yaml"), "{}\n");
        assert_eq!(text(&plan, "contracts/more.txt"), "more");
        assert_eq!(plan.files.iter().filter(|file| file.path == "contracts/messages.yaml").count(), 1);
        let pristine = composed(INNER, &[]).expect("plans");
        let lock = "contracts/eddy.lock.yaml";
        assert_eq!(text(&plan, lock), text(&pristine, lock));
    }

    #[test]
    fn what_cannot_be_composed_is_named_with_its_project() {
        let of = |rest: &str| format!("{{ template: contract-repo, path: {rest} }}");
        let lock = [("contracts/eddy.lock.yaml", "")];
        assert!(refusal(INNER, &lock).contains("project `contracts` (`contract-repo`)"));
        assert!(refusal(INNER, &lock).contains("anew each time"));
        assert!(refusal(INNER, &[("contracts/Eddy.yaml", "")]).contains("written there already"));
        assert!(refusal("{ template: nothing, path: p }", &[]).contains("no template `nothing`"));
        assert!(refusal("{ template: ./here, path: p }", &[]).contains("built in"));
        assert!(refusal(&of("../p"), &[]).contains("lead out"));
        assert!(refusal(&of(".eddy"), &[]).contains("eddy's own"));
        assert!(refusal(&of("p, answers: { brokr: nats }"), &[]).contains("nothing called `brokr`"));
        assert!(refusal(&of("p, answers: { broker: tin }"), &[]).contains("cannot be `tin`"));
        let twice = format!("{}, {}", of("p"), of("p/q"));
        assert!(refusal(&twice, &[]).contains("project `p` is there already"));
        assert!(refusal("{ template: go-service, path: p }", &[]).contains("needs a contract"));
        let missing = "{ template: go-service, path: p, contract: none.yaml }";
        assert!(refusal(missing, &[]).contains("no file is written there"));
        let outside = "{ template: go-service, path: p, contract: ../none.yaml }";
        assert!(refusal(outside, &[]).contains("lead out"));
    }

    #[test]
    fn projects_have_a_limit() {
        let many: Vec<String> =
            (0..=MAX_PROJECTS).map(|at| format!("{{ template: contract-repo, path: p{at} }}")).collect();
        assert!(refusal(&many.join(", "), &[]).contains("more than 16 projects"));
        let plan = composed(INNER, &[]).expect("plans");
        let nobody: &ReadContract<'_> =
            &|_, _, _, _| Err(ScaffoldError::ContractNeeded { template: String::new() });
        let deep = compose(plan, nobody, MAX_DEPTH + 1, &mut 0).expect_err("refused");
        assert!(deep.to_string().contains("lie in each other"), "{deep}");
    }
}
