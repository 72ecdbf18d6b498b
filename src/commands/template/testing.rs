//! `eddy template test`: the cases of a template and a matrix of answers, rendered, compared, written, synced, and built by a command you name.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

use crate::commands::scaffolding::Format;
use crate::commands::scaffolding::{answers_text, read_contract, read_planned_contract, settings};
use crate::commands::{CommandError, Context, Status};
use crate::output;
use crate::scaffold::care::cases::{self, Case};
use crate::scaffold::care::{self, TestResult};
use crate::scaffold::manifest::ContractInput;
use crate::scaffold::source::BUILT_IN_SOURCE;
use crate::scaffold::{self, AnswerSources, ContractView, Plan, Question, ScaffoldError, Template, sync};

/// Most lines shown of what a command said.
const MOST_LINES: usize = 40;

/// Flags of `eddy template test`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy template test ./my-template\n  eddy template test ./my-template --update\n  \
    eddy template test ./my-template --run 'cargo test'\n  \
    eddy template test rust-service --contract orders.yaml --contract payments.yaml --format json"
)]
pub struct TestArgs {
    /// Name of a built-in template, or the directory of one (with a `/` in it)
    template: String,
    /// AsyncAPI document for the matrix; may be given several times (default: those of the cases)
    #[arg(long, value_name = "FILE")]
    contract: Vec<PathBuf>,
    /// An answer for every project of the matrix
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Only the cases, without the matrix of answers
    #[arg(long)]
    no_matrix: bool,
    /// Write the trees of the cases anew, instead of comparing with them
    #[arg(long)]
    update: bool,
    /// Run this in every project, by the shell; it must succeed
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,
    /// Keep the projects there, one directory each; it must be new or empty
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &TestArgs, context: &Context) -> Result<Status, CommandError> {
    let template = scaffold::open(&args.template)?;
    if args.update && template.source.starts_with(BUILT_IN_SOURCE) {
        return Err(CommandError::usage("a template that is built in cannot be written")
            .hint("`--update` is for a template in a directory"));
    }
    if let Some(keep) = &args.keep {
        scaffold::write::check_target(keep)?;
    }
    let temporary = tempfile::tempdir()?;
    let workshop = args.keep.as_deref().unwrap_or(temporary.path());
    let mut results = Vec::new();
    let tell = |name: &str| match &args.run {
        // Building takes its time, so it is said at once what is being built.
        Some(command) => context.ui.say(format!("{name}: {command}")),
        None => context.ui.detail(format!("testing {name}")),
    };
    for case in cases::cases(&template.tests) {
        tell(&case.name);
        results.push(test_case(args, &template, &case, workshop)?);
    }
    if !args.no_matrix {
        for (name, plan) in matrix(args, &template)? {
            tell(&name);
            results.push(TestResult::new(name, plan, |plan, name| {
                made(plan, &workshop.join(plain(name)), args)
            }));
        }
    }
    let failed = results.iter().filter(|result| result.failure.is_some()).count();
    let mut data = context.ui.data();
    if args.format == Format::Json {
        writeln!(data, "{}", output::template::results_json(&template, &results))?;
    } else {
        output::template::results(&mut data, &results)?;
    }
    data.flush()?;
    context.ui.say(format!("{} of {} passed", results.len() - failed, results.len()));
    Ok(if failed == 0 { Status::Done } else { Status::Findings })
}

fn test_case(
    args: &TestArgs,
    template: &Template,
    case: &Case,
    workshop: &Path,
) -> Result<TestResult, CommandError> {
    let root = Path::new(&template.source);
    let expected = root.join(cases::expected_directory(&case.name));
    let contract = case.contract.as_ref();
    let contract =
        contract.map(|path| read_contract(&root.join(path), &expected, template.manifest.language));
    let contract = contract.transpose()?;
    let given = case
        .answers
        .as_deref()
        .map_or_else(|| Ok(Map::new()), |text| answers_text(text, &format!("{}/answers.yaml", case.name)))?;
    let plan = planned(template, contract.as_ref(), given, &Map::new());
    if args.update
        && let Ok(plan) = &plan
    {
        write_expected(&expected, plan)?;
    }
    Ok(TestResult::new(format!("case {}", case.name), plan, |plan, name| {
        if !args.update {
            let differences = cases::differences(case, plan);
            if !differences.is_empty() {
                return Some(output::template::differences(&differences));
            }
        }
        made(plan, &workshop.join(plain(name)), args)
    }))
}

/// Puts the tree of a plan in the place of the one that was expected.
fn write_expected(expected: &Path, plan: &Plan) -> Result<(), CommandError> {
    let files: Vec<(&str, &[u8])> = cases::tree(plan).collect();
    let parent = expected.parent().unwrap_or(expected);
    let beside = tempfile::Builder::new().prefix(".eddy-expected-").tempdir_in(parent)?;
    scaffold::write::write_files(&files, &beside.path().join("tree"))?;
    if expected.exists() {
        std::fs::rename(expected, beside.path().join("old"))?;
    }
    std::fs::rename(beside.path().join("tree"), expected)?;
    Ok(())
}

/// A plan, or why there is none, with the name it is shown by.
type NamedPlan = (String, Result<Plan, ScaffoldError>);

/// A plan for each set of the matrix and each contract, with a name that tells them.
fn matrix(args: &TestArgs, template: &Template) -> Result<Vec<NamedPlan>, CommandError> {
    let given = settings(&args.set)?;
    let axes: Vec<_> =
        care::axes(&template.manifest).into_iter().filter(|(name, _)| !given.contains_key(name)).collect();
    let mut plans = Vec::new();
    for (file, contract) in contracts(args, template)? {
        for row in care::pairwise(&axes) {
            let name: Vec<String> = std::iter::once(file.clone())
                .flatten()
                .chain(row.iter().map(|(name, value)| format!("{name}={}", shown(value))))
                .collect();
            let name = if name.is_empty() { "defaults".to_owned() } else { name.join(" ") };
            plans.push((name, planned(template, contract.as_ref(), given.clone(), &row)));
        }
    }
    Ok(plans)
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A contract with the name it is shown by, or that there is none.
type NamedContract = (Option<String>, Option<ContractView>);

fn contracts(args: &TestArgs, template: &Template) -> Result<Vec<NamedContract>, CommandError> {
    let input = template.manifest.input.contract;
    let root = Path::new(&template.source);
    let mut files = args.contract.clone();
    if files.is_empty() {
        let of_cases = cases::cases(&template.tests).into_iter().filter_map(|case| case.contract);
        let mut paths: Vec<String> =
            cases::shared_contract(&template.tests).into_iter().chain(of_cases).collect();
        paths.sort();
        paths.dedup();
        files = paths.iter().map(|path| root.join(path)).collect();
    }
    let mut contracts = Vec::new();
    if input != ContractInput::Required {
        contracts.push((None, None));
    } else if files.is_empty() {
        return Err(CommandError::usage(format!(
            "the template `{}` needs a contract",
            template.manifest.name
        ))
        .hint("give `--contract FILE`, or keep one in the template as `_tests/contract.yaml`"));
    }
    if input != ContractInput::None {
        for file in &files {
            let view = read_contract(file, root, template.manifest.language)?;
            let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            let name = if files.len() > 1 || input == ContractInput::Optional { Some(name) } else { None };
            contracts.push((name, Some(view)));
        }
    }
    Ok(contracts)
}

/// The plan for given answers; questions that apply are answered by the row, the others by their defaults.
fn planned(
    template: &Template,
    contract: Option<&ContractView>,
    given: Map<String, Value>,
    row: &Map<String, Value>,
) -> Result<Plan, ScaffoldError> {
    let mut ask =
        |question: &Question<'_>| Ok(row.get(question.name).cloned().or_else(|| question.default.clone()));
    let plan = scaffold::plan(template, contract, AnswerSources { given, defaults: false, ask: &mut ask })?;
    scaffold::with_projects(plan, &read_planned_contract)
}

/// Writes a project, syncs it with what it was made of, and runs the command in it; what went wrong, if anything.
fn made(plan: &Plan, directory: &Path, args: &TestArgs) -> Option<String> {
    let written = scaffold::write::write(plan, directory).and_then(|()| {
        let project = sync::Project::find(directory)?;
        sync::plan(&project, &plan.of_its_template())
    });
    match written {
        Err(error) => return Some(error.to_string()),
        Ok(sync) if sync.is_needed() => {
            return Some("a project just made is not up to date: `eddy sync` would change it".to_owned());
        }
        Ok(_) => {}
    }
    run_there(args.run.as_deref()?, directory)
}

fn run_there(command: &str, directory: &Path) -> Option<String> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let output =
        Command::new(shell).args([flag, command]).current_dir(directory).stdin(Stdio::null()).output();
    match output {
        Err(error) => Some(format!("`{command}` cannot be run: {error}")),
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            let lines: Vec<&str> = said.lines().collect();
            let tail = lines[lines.len().saturating_sub(MOST_LINES)..].join("\n");
            Some(format!("`{command}`: {}\n{tail}", output.status))
        }
    }
}

/// A name as a directory.
fn plain(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() || "-_.=".contains(letter) { letter } else { '-' };
    name.chars().map(letter).collect()
}
