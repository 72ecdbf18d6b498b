//! References inside the document follow what they name to its new place.

use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::tree::Node;
use crate::source_text::Span;

use super::{Converter, NOT_CARRIED};

impl Converter {
    /// Rewrites every `$ref` below a node.
    pub(super) fn references(&mut self, node: &mut Node) {
        let maker = self.maker;
        if let Some(value) = node.get_mut("$ref")
            && let Some(pointer) = value.text().and_then(|text| text.strip_prefix('#')).map(str::to_owned)
        {
            if let Some(new) = self.place_of(&pointer) {
                *value = Node {
                    before: std::mem::take(&mut value.before),
                    ..maker.text_like(&format!("#{new}"), value)
                };
            }
            if let Some(gone) = self.gone.iter().find(|gone| is_below(&pointer, gone)) {
                let span = value.source.unwrap_or(Span { file: self.file, start: 0, end: 0 });
                let message = format!("`#{pointer}` names what is not carried over: `{gone}`");
                self.notes.push(Diagnostic::new(NOT_CARRIED, Severity::Warning, message, span));
            }
        }
        let Some(collection) = node.collection_mut() else { return };
        for item in &mut collection.items {
            self.references(&mut item.value);
        }
    }

    /// The new place of a pointer, by the longest part of it that moved; none when nothing did.
    fn place_of(&self, pointer: &str) -> Option<String> {
        let mut end = pointer.len();
        loop {
            let (head, tail) = pointer.split_at(end);
            let decoded = head.replace("%7B", "{").replace("%7D", "}");
            if let Some(new) = self.moves.get(head).or_else(|| self.moves.get(&decoded)) {
                return Some(format!("{new}{tail}"));
            }
            end = head.rfind('/').filter(|end| *end > 0)?;
        }
    }
}

fn is_below(pointer: &str, above: &str) -> bool {
    pointer.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
