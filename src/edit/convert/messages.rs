//! Messages: a schema format other than the default goes beside its schema; identifiers became keys.

use crate::edit::make::comments_of_item;
use crate::edit::tree::{Content, Item, Node};
use crate::source_text::tree::pointer_push;

use super::{Converter, put_before};

/// Schema formats that say no more than the default does.
const DEFAULT_FORMAT: &str = "application/vnd.aai.asyncapi";

impl Converter {
    /// Converts a message or message trait that was at `old` and is at `new`.
    pub(super) fn message(&mut self, message: &mut Node, old: &str, new: &str) {
        let inherited = self.inherited_format(message);
        let needs_change =
            ["schemaFormat", "messageId", "<<", "traits"].iter().any(|key| message.get(key).is_some());
        if matches!(message.content, Content::Alias(_)) || (!needs_change && inherited.is_none()) {
            return;
        }
        self.solid(message);
        self.drop_field(message, "messageId", "", old);
        self.message_traits(message, old);
        let format = message.collection_mut().and_then(|collection| {
            let at = collection.items.iter().position(|item| item.name() == Some("schemaFormat"))?;
            Some((at, collection.items.remove(at)))
        });
        let (at, format) = match (format, inherited) {
            (Some(format), _) => format,
            (None, Some(format)) => (usize::MAX, self.maker.entry("schemaFormat", format)),
            (None, None) => return,
        };
        self.with_format(message, at, format, old, new);
    }

    /// Puts the schema format and the payload together.
    fn with_format(&mut self, message: &mut Node, at: usize, format: Item, old: &str, new: &str) {
        let is_default = format.value.text().is_some_and(|text| text.starts_with(DEFAULT_FORMAT));
        let place = format.value.source;
        let Some(collection) = message.collection_mut() else { return };
        let payload = collection.items.iter_mut().find(|item| item.name() == Some("payload"));
        let Some(payload) = payload.filter(|_| !is_default) else {
            let comments = comments_of_item(&format);
            match collection.items.get_mut(at) {
                Some(next) => put_before(next, comments),
                None => collection.end.extend(comments),
            }
            // Of a trait it goes to the messages that have the trait.
            if !is_default && !old.contains("/messageTraits/") {
                self.not_carried(
                    "a schema format without a payload",
                    &pointer_push(old, "schemaFormat"),
                    place,
                );
            }
            return;
        };
        let schema = std::mem::take(&mut payload.value);
        let format = Item { blank_before: false, ..format };
        payload.value = self.maker.mapping(vec![format, self.maker.entry("schema", schema)]);
        self.moved(&format!("{old}/payload"), &format!("{new}/payload/schema"));
        self.moved(&format!("{old}/schemaFormat"), &format!("{new}/payload/schemaFormat"));
    }

    /// Traits have no schema format in 3.x; what they give goes to the message.
    fn message_traits(&mut self, message: &mut Node, old: &str) {
        let Some(traits) = message.get_mut("traits") else { return };
        self.solid(traits);
        let Some(traits) = traits.collection_mut() else { return };
        for (at, item) in traits.items.iter_mut().enumerate() {
            let pointer = format!("{old}/traits/{at}");
            if item.value.get("$ref").is_some() || matches!(item.value.content, Content::Alias(_)) {
                self.other_file(&item.value);
                continue;
            }
            self.solid(&mut item.value);
            self.drop_field(&mut item.value, "messageId", "the `messageId` of a trait", &pointer);
            self.drop_field(&mut item.value, "schemaFormat", "", &pointer);
        }
    }

    /// The schema format a message has from its traits.
    fn inherited_format(&self, message: &Node) -> Option<Node> {
        if message.get("schemaFormat").is_some() || message.get("payload").is_none() {
            return None;
        }
        message.get("traits")?.items().iter().find_map(|item| {
            let target = item.value.get_text("$ref").and_then(|reference| self.local(reference));
            let format = match &target {
                Some((target, _)) => target.get_text("schemaFormat"),
                None => item.value.get_text("schemaFormat"),
            };
            format.map(|format| self.maker.text(format))
        })
    }
}
