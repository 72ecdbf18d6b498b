//! What is wrong in a workspace file, at its line and column, with the nearest word that would be right.

use std::fmt;
use std::path::{Path, PathBuf};

use super::masked_line::{shown, without_values};
use crate::diagnostic::nearest;

/// A workspace file that cannot be used. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The file.
    pub path: PathBuf,
    /// Where in it, when the reader knows.
    pub place: Option<(usize, usize)>,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to do next.
    pub help: String,
    /// The line at fault.
    excerpt: Option<Excerpt>,
}

/// A line as it may be shown, the column of its wrong part, and how many characters are wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    line: String,
    column: usize,
    marked: usize,
}

impl Malformed {
    /// Takes what the reader said of `text` apart.
    pub(super) fn new(path: &Path, text: &str, error: &serde_yaml::Error) -> Self {
        let place = error.location().map(|location| (location.line(), location.column()));
        let said = error.to_string();
        let message = said.rsplit_once(" at line ").map_or(said.as_str(), |(message, _)| message);
        let message = without_values(message);
        let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let unknown = ["unknown field", "unknown variant"].iter().any(|kind| message.contains(kind));
        let (help, wrong) = match words.split_first() {
            Some((word, known)) if unknown => (what_is_known(word, known), Some(*word)),
            _ => ("`eddy init DIR` writes a workspace file to compare it with".to_owned(), None),
        };
        let message = match (wrong, message.find("unknown ")) {
            // What else is known stands in the help.
            (Some(word), Some(at)) => {
                let kind = if message[at..].starts_with("unknown field") { "key" } else { "value" };
                format!("{}unknown {kind} `{word}`", &message[..at])
            }
            _ => message.clone(),
        };
        let marked = wrong.map_or(1, |word| word.chars().count());
        let excerpt = place.and_then(|(number, column)| {
            let line = text.lines().nth(number.checked_sub(1)?)?;
            let (line, column) = shown(line, column, message.contains(".auth") || message.contains("auth:"));
            Some(Excerpt { line, column, marked })
        });
        Self { path: path.to_owned(), place, message, help, excerpt }
    }
}

fn what_is_known(word: &str, known: &[&str]) -> String {
    let all = known.iter().map(|each| format!("`{each}`")).collect::<Vec<_>>().join(", ");
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? known are {all}"),
        None => format!("known are {all}"),
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let Some((line, column)) = self.place else {
            return write!(formatter, "{path}: {}", self.message);
        };
        write!(formatter, "{path}:{line}:{column}: {}", self.message)?;
        let Some(Excerpt { line: text, column: shown, marked }) = &self.excerpt else {
            return Ok(());
        };
        let number = line.to_string();
        let before = " ".repeat(shown.saturating_sub(1));
        write!(
            formatter,
            "\n\n  {number} | {text}\n  {} | {before}{}",
            " ".repeat(number.len()),
            "^".repeat(*marked)
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Malformed;
    use crate::settings::WorkspaceSettings;

    fn problem(text: &str) -> Malformed {
        let error = serde_yaml::from_str::<WorkspaceSettings>(text).expect_err("a broken file");
        Malformed::new(Path::new("eddy.yaml"), text, &error)
    }

    #[test]
    fn unknown_words_are_shown_with_what_was_meant() {
        let found = problem("version: 1\nenvironments:\n  local:\n    defualt: true\n");
        assert_eq!(found.place, Some((4, 5)));
        assert_eq!(found.message, "environments.local: unknown key `defualt`");
        assert!(found.help.starts_with("did you mean `default`?"), "{}", found.help);
        let found = problem("version: 1\nrules: { ED1001: eror }\n");
        assert_eq!(found.message, "rules.ED1001: unknown value `eror`");
        assert!(found.help.starts_with("did you mean `error`?"), "{}", found.help);
    }

    #[test]
    fn a_wrong_type_is_shown_at_its_line() {
        let found = problem("version: 1\ncontracts: a.yaml\n");
        assert_eq!(found.place, Some((2, 12)));
        let shown = found.to_string();
        assert!(shown.starts_with("eddy.yaml:2:12: contracts: invalid type"), "{shown}");
        assert!(shown.ends_with("\n\n  2 | contracts: a.yaml\n    |            ^"), "{shown}");
        let found = problem("version: 1\ncontracts: [a\n");
        assert!(found.place.is_some(), "{found}");
        let found = problem(
            "version: 1\nenvironments:\n  a:\n    servers: { m: 'kafka://h' }\n    auth: { usrname: me, password: 'hunter2' }\n",
        );
        assert_eq!(found.message, "environments.a.auth: unknown key `usrname`");
        assert!(
            found.to_string().contains("usrname: ***, password: ***")
                && !found.to_string().contains("hunter2"),
            "{found}"
        );
        for auth in [
            "hunter2",
            "{ password: 42042042 }",
            "{ token: { fiel: hunter2 } }",
            "[hunter2]",
            "{ pasword: hunter2 }",
        ] {
            let found = problem(&format!("version: 1\nenvironments:\n  a:\n    auth: {auth}\n")).to_string();
            assert!(!found.contains("hunter2") && !found.contains("42042042"), "{found}");
            assert!(found.contains("eddy.yaml:4:"), "{found}");
        }
        let found =
            problem("version: 1\nenvironments: { a: { servers: { m: 'amqp://u:hunter2@h', o: 5 } } }\n")
                .to_string();
        assert!(!found.contains("hunter2") && found.contains("'amqp://u:***@h'"), "{found}");
        assert!(problem("").to_string().contains("version"));
    }
}
