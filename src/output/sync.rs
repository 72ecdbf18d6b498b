//! What a sync does: the contract's changes first, then the files; as text, as differences and as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::output::layout;
use crate::output::visible::visible;
use crate::scaffold::surface::ChangeKind;
use crate::scaffold::sync::{Outcome, Sync, SyncedFile};

/// Prints what changes: contract, template, files. Files that stay are shown only when there is something to say of them.
///
/// # Errors
/// Those of the writer.
pub fn text(output: &mut impl Write, sync: &Sync) -> io::Result<()> {
    versions(output, "contract", &sync.contract)?;
    for change in sync.changes.iter().flatten() {
        let sign = match change.kind {
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            ChangeKind::Changed => '~',
        };
        let mark = if change.breaking { "  (breaking)" } else { "" };
        writeln!(output, "  {sign} {}{mark}", visible(&change.what))?;
    }
    let (before, after) = &sync.template;
    versions(output, "template", &(Some(before.clone()), Some(after.clone())))?;
    for (version, message) in &sync.messages {
        for line in message.lines() {
            writeln!(output, "  {}: {}", visible(version), visible(line))?;
        }
    }
    for file in sync.files.iter().filter(|file| file.outcome != Outcome::Keep || file.note.is_some()) {
        let note = file.note.as_ref().map_or_else(String::new, |note| format!("  ({})", visible(note)));
        writeln!(output, "{:8}  {}{note}", word(file.outcome), visible(&file.path))?;
    }
    Ok(())
}

fn versions(output: &mut impl Write, what: &str, pair: &(Option<String>, Option<String>)) -> io::Result<()> {
    match pair {
        (Some(before), Some(after)) if before == after => Ok(()),
        (None, None) => Ok(()),
        (before, after) => {
            let shown = |version: &Option<String>| visible(version.as_deref().unwrap_or("none"));
            writeln!(output, "{what} {} -> {}", shown(before), shown(after))
        }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Keep => "keep",
        Outcome::Create => "create",
        Outcome::Update => "update",
        Outcome::Merge => "merge",
        Outcome::Conflict => "conflict",
        Outcome::Delete => "delete",
        Outcome::Move => "move",
    }
}

/// Prints how the files would change, in the unified form.
///
/// # Errors
/// Those of the writer.
pub fn differences(output: &mut impl Write, sync: &Sync) -> io::Result<()> {
    for file in sync.files.iter().filter(|file| file.changes()) {
        match (text_of(file.before.as_deref()), text_of(file.after.as_deref())) {
            (Some(before), Some(after)) => layout::difference(output, &file.path, before, after)?,
            _ => writeln!(output, "{} is no text", file.path)?,
        }
    }
    Ok(())
}

fn text_of(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes.unwrap_or_default()).ok()
}

/// The sync as one JSON object.
#[must_use]
pub fn json(sync: &Sync, written: bool) -> Value {
    let file = |file: &SyncedFile| {
        json!({
            "path": file.path, "action": file.outcome, "policy": file.policy, "note": file.note,
            "changes": file.changes(), "moved_from": file.moved_from,
        })
    };
    let message = |(version, text): &(String, String)| json!({ "version": version, "text": text });
    let messages: Vec<Value> = sync.messages.iter().map(message).collect();
    json!({
        "needed": sync.is_needed(),
        "written": written,
        "template": { "from": sync.template.0, "to": sync.template.1, "messages": messages },
        "contract": { "from": sync.contract.0, "to": sync.contract.1, "changes": sync.changes },
        "breaking": sync.breaking().len(),
        "conflicts": sync.conflicts().iter().map(|file| &file.path).collect::<Vec<_>>(),
        "files": sync.files.iter().map(file).collect::<Vec<_>>(),
    })
}
