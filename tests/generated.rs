//! Files that are generated equal what the program says today. To write them anew, run
//! `EDDY_UPDATE_GENERATED=1 cargo test --test generated`.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
use eddy::commands::Status;

/// The file and the command line whose output it is.
const PRINTED: [(&str, &[&str]); 4] = [
    ("completions/_eddy", &["completions", "zsh"]),
    ("completions/eddy.bash", &["completions", "bash"]),
    ("completions/eddy.fish", &["completions", "fish"]),
    ("docs/rules.md", &["explain", "--format", "markdown"]),
];

fn compare(file: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("EDDY_UPDATE_GENERATED").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == wanted, "{file} is old: run `EDDY_UPDATE_GENERATED=1 cargo test --test generated`");
}

#[test]
fn files_equal_what_the_program_prints() {
    for (file, arguments) in PRINTED {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
        let output = command.args(arguments).env_remove("EDDY_ENV").output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        compare(file, &String::from_utf8(output.stdout).unwrap());
    }
}

#[test]
fn the_reference_equals_the_help_of_each_command() {
    let mut root = eddy::commands::command_line();
    root.build();
    let mut page = String::from("# Commands\n\nGenerated from the program's own help.\n");
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = command.get_name().to_owned();
        let mut command = command.clone().term_width(100).bin_name(format!("eddy {name}"));
        let help = command.render_long_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        write!(page, "\n## eddy {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end()).unwrap();
    }
    compare("docs/commands.md", &page);
}

#[test]
fn the_table_of_exit_codes_is_the_program_s() {
    let page = include_str!("../ARCHITECTURE.md");
    for (status, meaning) in Status::TABLE {
        let row = format!("| {} | {meaning} |", status.code());
        assert!(page.contains(&row), "ARCHITECTURE.md lacks `{row}`");
    }
}

#[test]
fn the_extensions_are_those_of_the_grammar() {
    compare("docs/extensions.md", &eddy::check::grammar::published::page());
    for (name, schema) in eddy::check::grammar::published::schemas() {
        let text = serde_json::to_string_pretty(&schema).unwrap();
        compare(&format!("docs/schemas/{name}.schema.json"), &format!("{text}\n"));
    }
}

#[test]
fn the_help_of_every_command_has_examples() {
    let mut root = eddy::commands::command_line();
    root.build();
    let mut lacking = Vec::new();
    if !root.clone().render_long_help().to_string().contains("Examples:") {
        lacking.push("eddy".to_owned());
    }
    look_for_examples(&root, "eddy", &mut lacking);
    assert!(lacking.is_empty(), "no `Examples:` in the help of {lacking:?}");
}

fn look_for_examples(command: &clap::Command, path: &str, lacking: &mut Vec<String>) {
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let path = format!("{path} {}", below.get_name());
        let help = below.clone().render_long_help().to_string();
        let (_, examples) = help.split_once("Examples:").unwrap_or_default();
        // An example calls the command it explains.
        if !examples.contains(&path) {
            lacking.push(path.clone());
        }
        look_for_examples(below, &path, lacking);
    }
}

/// The words of a command as a shell reads them, up to a comment, a pipe or whatever else ends it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '#' | '…') if word.is_none() => break,
            (None, '|' | '>' | '<' | ';' | '&' | ')') => break,
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// The lines of the shell in a page, fenced or indented, those that go on in the next one joined.
fn shell_lines(page: &str) -> Vec<String> {
    let (mut lines, mut fence) = (Vec::<String>::new(), None::<&str>);
    for line in page.lines() {
        if let Some(language) = line.trim().strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(language) };
            continue;
        }
        let is_shell = match fence {
            Some(language) => ["sh", "bash", "console"].contains(&language),
            None => line.starts_with("    "),
        };
        let line = line.trim();
        match lines.last_mut().filter(|last| is_shell && last.ends_with('\\')) {
            Some(last) => {
                last.pop();
                last.push_str(line);
            }
            None if is_shell => lines.push(line.strip_prefix("$ ").unwrap_or(line).to_owned()),
            None => {}
        }
    }
    lines
}

#[test]
fn every_command_in_the_pages_is_one_that_the_program_takes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for path in pages.chain([root.join("README.md")]) {
        for line in shell_lines(&std::fs::read_to_string(&path).unwrap()) {
            let command = line.split_once("| eddy ").map_or(line.as_str(), |(before, _)| before);
            let piped = line.split_once("| eddy ").map(|(_, after)| format!("eddy {after}"));
            for command in [Some(command.to_owned()), piped].into_iter().flatten() {
                let words = words(&command);
                if words.first().is_none_or(|word| word != "eddy") {
                    continue;
                }
                count += 1;
                match eddy::commands::command_line().try_get_matches_from(&words) {
                    Err(error) if !matches!(error.kind(), DisplayHelp | DisplayVersion) => {
                        wrong.push(format!("{}: {command}\n{error}", path.display()));
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count} commands: the pages have more");
}
