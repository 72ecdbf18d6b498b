//! Conflicts in TOML, YAML and JSON that are none: neighbouring lines with keys of their own.
//!
//! Lines are joined by key and stay as they were written; the result counts only when it means exactly what merging
//! the three values key by key gives.

use serde_json::{Map, Value};

use super::lines::Piece;

/// A form of text with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `key = value`
    Toml,
    /// `key: value`
    Yaml,
    /// `"key": value,`
    Json,
}

impl Form {
    /// The form of a file, by its name.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// The name people know it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
            Self::Json => "JSON",
        }
    }

    /// What a text means.
    ///
    /// # Errors
    /// In words, when it is not of the form.
    pub fn read(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Toml => toml::from_str::<toml::Value>(text)
                .map_err(|error| error.message().to_owned())
                .and_then(|value| serde_json::to_value(value).map_err(|error| error.to_string())),
            Self::Yaml => {
                keys_are_single(text)?;
                serde_yaml::from_str(text).map_err(|error| error.to_string())
            }
            Self::Json => {
                let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
                keys_are_single(text).map(|()| value)
            }
        }
    }
}

/// JSON's reader takes the last of equal keys; the one of YAML, which reads JSON too, refuses them.
fn keys_are_single(text: &str) -> Result<(), String> {
    match serde_yaml::from_str::<serde_yaml::Value>(text) {
        Err(error) if error.to_string().contains("duplicate") => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// The three texts of one file.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    /// What both come from.
    pub base: &'a str,
    /// The project's.
    pub ours: &'a str,
    /// The template's.
    pub theirs: &'a str,
}

/// The whole text, when every conflict can be settled by key.
#[must_use]
pub fn settle(form: Form, pieces: &[Piece<'_>], texts: Texts<'_>) -> Option<String> {
    let mut text = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Settled(lines) => text.extend(lines.iter().copied()),
            Piece::Conflict { ours, base, theirs } => {
                let joined = join(&entries(form, base)?, &entries(form, ours)?, &entries(form, theirs)?)?;
                let ends = pieces.get(at + 1).is_none_or(closes);
                push_entries(&mut text, form, &joined, ends);
            }
        }
    }
    let value = |text| form.read(text).ok();
    let wanted =
        merge(Some(&value(texts.base)?), Some(&value(texts.ours)?), Some(&value(texts.theirs)?)).ok()?;
    (value(&text) == wanted).then_some(text)
}

/// Key by key: what one side changed is taken; an error when both changed one value differently.
fn merge(base: Option<&Value>, ours: Option<&Value>, theirs: Option<&Value>) -> Result<Option<Value>, ()> {
    if ours == theirs || theirs == base {
        return Ok(ours.cloned());
    }
    if ours == base {
        return Ok(theirs.cloned());
    }
    let (Some(Value::Object(mine)), Some(Value::Object(other))) = (ours, theirs) else { return Err(()) };
    let empty = Map::new();
    let base = base.and_then(Value::as_object).unwrap_or(&empty);
    let mut merged = Map::new();
    for key in mine.keys().chain(other.keys().filter(|key| !mine.contains_key(*key))) {
        if let Some(value) = merge(base.get(key), mine.get(key), other.get(key))? {
            merged.insert(key.clone(), value);
        }
    }
    Ok(Some(Value::Object(merged)))
}

/// Some lines that belong to one key, comments above it included.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    key: String,
    /// Without the comma of JSON at the end.
    text: String,
}

/// Lines as entries; `None` when they are not entries of one mapping.
fn entries(form: Form, lines: &[&str]) -> Option<Vec<Entry>> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_comment = |line: &str| form != Form::Json && line.trim_start().starts_with('#');
    let says_something = |line: &&&str| !line.trim().is_empty() && !is_comment(line);
    let least = lines.iter().filter(says_something).map(|line| indent(line)).min().unwrap_or(0);
    let has_tables = form == Form::Toml && lines.iter().any(|line| line.trim_start().starts_with('['));
    let mut entries: Vec<Entry> = Vec::new();
    let mut above = String::new();
    for line in lines {
        let trimmed = line.trim();
        if trimmed.is_empty() || is_comment(line) {
            above.push_str(line);
            continue;
        }
        let begins = if has_tables {
            trimmed.starts_with('[')
        } else {
            indent(line) == least && !trimmed.starts_with(['}', ']'])
        };
        let above = std::mem::take(&mut above);
        if begins {
            entries.push(Entry { key: key_of(form, trimmed)?, text: above + line });
        } else {
            let owner = entries.last_mut()?;
            owner.text.push_str(&above);
            owner.text.push_str(line);
        }
    }
    if !above.is_empty() {
        entries.last_mut()?.text.push_str(&above);
    }
    for entry in entries.iter_mut().filter(|_| form == Form::Json) {
        let end = entry.text.trim_end();
        entry.text = format!("{}\n", end.strip_suffix(',').unwrap_or(end));
    }
    let is_twice = |at: usize, entry: &Entry| entries[..at].iter().any(|other| other.key == entry.key);
    let twice = entries.iter().enumerate().any(|(at, entry)| is_twice(at, entry));
    let last_line_ends = entries.last().is_none_or(|entry| entry.text.ends_with('\n'));
    (!twice && last_line_ends).then_some(entries)
}

fn key_of(form: Form, line: &str) -> Option<String> {
    if form == Form::Toml && line.starts_with('[') {
        return Some(line.split('#').next().unwrap_or(line).trim().to_owned());
    }
    if form == Form::Yaml && (line == "-" || line.starts_with("- ")) {
        return None;
    }
    let end = if form == Form::Toml { '=' } else { ':' };
    let (key, _) = line.split_once(end)?;
    let key = key.trim().trim_matches(['"', '\'']);
    (!key.is_empty()).then(|| key.to_owned())
}

/// Entries of ours with the changes of theirs, or `None` when one was changed by both.
fn join(base: &[Entry], ours: &[Entry], theirs: &[Entry]) -> Option<Vec<Entry>> {
    fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
        entries.iter().find(|entry| entry.key == key)
    }
    let mut joined: Vec<Entry> = Vec::new();
    for entry in ours {
        let (before, other) = (find(base, &entry.key), find(theirs, &entry.key));
        match other {
            Some(other) if other == entry || before == Some(other) => joined.push(entry.clone()),
            Some(other) if before == Some(entry) => joined.push(other.clone()),
            None if before == Some(entry) => {}
            None if before.is_none() => joined.push(entry.clone()),
            _ => return None,
        }
    }
    let mut place = 0;
    for entry in theirs {
        if let Some(at) = joined.iter().position(|one| one.key == entry.key) {
            place = at + 1;
            continue;
        }
        match find(base, &entry.key) {
            // Taken out by the project, and the template left it as it was.
            Some(before) if before == entry => {}
            Some(_) => return None,
            None => {
                joined.insert(place.min(joined.len()), entry.clone());
                place += 1;
            }
        }
    }
    Some(joined)
}

/// Whether the next settled line ends the mapping.
fn closes(piece: &Piece<'_>) -> bool {
    match piece {
        Piece::Settled(lines) => lines
            .iter()
            .map(|line| line.trim())
            .find(|line| !line.is_empty())
            .is_none_or(|line| line.starts_with(['}', ']'])),
        Piece::Conflict { .. } => false,
    }
}

fn push_entries(text: &mut String, form: Form, entries: &[Entry], ends: bool) {
    for (at, entry) in entries.iter().enumerate() {
        // Tables stand apart.
        if form == Form::Toml && at > 0 && entry.key.starts_with('[') && !entry.text.starts_with('\n') {
            text.push('\n');
        }
        let needs_comma = form == Form::Json && !(ends && at + 1 == entries.len());
        match entry.text.strip_suffix('\n').filter(|_| needs_comma) {
            Some(line) => text.extend([line, ",\n"]),
            None => text.push_str(&entry.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;

    fn settled(form: Form, base: &str, ours: &str, theirs: &str) -> Option<String> {
        settle(form, &lines::merge(base, ours, theirs), Texts { base, ours, theirs })
    }

    #[test]
    fn neighbouring_keys_are_joined() {
        let base = "[dependencies]\na = \"1\"\nc = \"1\"\n";
        let ours = "[dependencies]\na = \"1\"\nb = \"9\" # mine\nc = \"1\"\n";
        let theirs = "[dependencies]\na = \"2\"\nc = \"2\"\nd = \"1\"\n";
        let text = settled(Form::Toml, base, ours, theirs).expect("settled");
        assert_eq!(text, "[dependencies]\na = \"2\"\nb = \"9\" # mine\nc = \"2\"\nd = \"1\"\n");
    }

    #[test]
    fn mappings_of_yaml_and_members_of_json_are_joined() {
        let text = settled(
            Form::Yaml,
            "services:\n  a:\n    image: a:1\n",
            "services:\n  a:\n    image: a:1\n  mine:\n    image: m:1\n",
            "services:\n  a:\n    image: a:1\n  b:\n    image: b:1\n",
        );
        assert_eq!(
            text.as_deref(),
            Some("services:\n  a:\n    image: a:1\n  b:\n    image: b:1\n  mine:\n    image: m:1\n")
        );
        let text = settled(
            Form::Json,
            "{\n  \"a\": 1\n}\n",
            "{\n  \"a\": 1,\n  \"m\": {\n    \"x\": 1\n  }\n}\n",
            "{\n  \"a\": 2,\n  \"b\": 3\n}\n",
        );
        assert_eq!(text.as_deref(), Some("{\n  \"a\": 2,\n  \"b\": 3,\n  \"m\": {\n    \"x\": 1\n  }\n}\n"));
    }

    #[test]
    fn tables_added_by_both_are_both_kept() {
        let text = settled(
            Form::Toml,
            "[a]\nx = 1\n",
            "[a]\nx = 1\n\n[mine]\ny = 1\n",
            "[a]\nx = 1\n\n[b]\nz = 1\n",
        );
        assert_eq!(text.as_deref(), Some("[a]\nx = 1\n\n[b]\nz = 1\n\n[mine]\ny = 1\n"));
    }

    #[test]
    fn one_value_changed_by_both_stays_a_conflict() {
        assert_eq!(settled(Form::Toml, "a = 1\n", "a = 2\n", "a = 3\n"), None);
        assert_eq!(settled(Form::Yaml, "a:\n- 1\n", "a:\n- 1\n- 2\n", "a:\n- 1\n- 3\n"), None);
        assert_eq!(settled(Form::Yaml, "a: 1\nb: 1\n", "b: 1\n", "a: 2\nb: 1\n"), None);
    }

    #[test]
    fn what_would_mean_something_else_is_not_settled() {
        // The second `x` is in another table than the first; joined by lines they would be one.
        let base = "[a]\n[b]\n";
        assert_eq!(settled(Form::Toml, base, "[a]\nx = 1\n[b]\n", "[a]\nx = 2\n[b]\n"), None);
    }
}
