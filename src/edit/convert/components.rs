//! Components: each kind by its own rule; schemas, bindings, tags and correlation ids stay as they are.

use crate::edit::make::comments_of;
use crate::edit::tree::{Comment, Item, Node};
use crate::source_text::tree::pointer_push;

use super::{Converter, add, put_before};

/// Keywords of a parameter's schema that a parameter has itself in 3.x.
const CARRIED: [&str; 3] = ["enum", "default", "examples"];

impl Converter {
    /// Converts `components`.
    pub(super) fn components(&mut self, components: &mut Node) {
        self.solid(components);
        let Some(components) = components.collection_mut() else { return };
        for group in &mut components.items {
            let name = group.name().unwrap_or_default().to_owned();
            let pointer = pointer_push("/components", &name);
            match name.as_str() {
                "servers" => self.servers(&mut group.value, &pointer),
                "channels" => self.channels(&mut group.value, &pointer),
                "messages" | "messageTraits" | "operationTraits" | "parameters" | "securitySchemes" => {
                    self.group(&name, &mut group.value, &pointer);
                }
                _ => {}
            }
        }
    }

    fn group(&mut self, name: &str, group: &mut Node, pointer: &str) {
        self.solid(group);
        let Some(group) = group.collection_mut() else { return };
        for item in &mut group.items {
            let pointer = pointer_push(pointer, item.name().unwrap_or_default());
            self.other_file(&item.value);
            if item.value.get("$ref").is_some() {
                continue;
            }
            match name {
                "parameters" => self.parameter(&mut item.value, &pointer),
                "securitySchemes" => self.scheme_definition(&mut item.value, &pointer),
                "operationTraits" => self.operation_trait(&mut item.value, &pointer),
                _ => self.message(&mut item.value, &pointer, &pointer),
            }
        }
    }

    /// Converts the parameters of a channel.
    pub(super) fn parameters(&mut self, parameters: &mut Node, old: &str, new: &str) {
        self.solid(parameters);
        let Some(parameters) = parameters.collection_mut() else { return };
        for item in &mut parameters.items {
            let name = item.name().unwrap_or_default().to_owned();
            self.moved(&pointer_push(old, &name), &pointer_push(new, &name));
            self.other_file(&item.value);
            if item.value.get("$ref").is_none() {
                self.parameter(&mut item.value, &pointer_push(old, &name));
            }
        }
    }

    /// Converts a parameter: what its schema says of allowed values moves up, the rest has no place.
    fn parameter(&mut self, parameter: &mut Node, pointer: &str) {
        self.solid(parameter);
        let Some(collection) = parameter.collection_mut() else { return };
        let Some(at) = collection.items.iter().position(|item| item.name() == Some("schema")) else { return };
        let schema = collection.items.remove(at);
        let has_description = collection.items.iter().any(|item| item.name() == Some("description"));
        let (carried, comments) = self.carried(schema, has_description, &format!("{pointer}/schema"));
        let Some(collection) = parameter.collection_mut() else { return };
        let mut comments = comments;
        for (offset, mut item) in carried.into_iter().enumerate() {
            put_before(&mut item, std::mem::take(&mut comments));
            collection.items.insert(at + offset, item);
        }
        match collection.items.get_mut(at) {
            Some(next) => put_before(next, comments),
            None if self.maker.json => {}
            None => collection.end.extend(comments),
        }
        if collection.items.is_empty() && collection.end.is_empty() {
            collection.flow = true;
        }
    }

    /// The entries a schema gives its parameter, and the comments of what it does not give.
    fn carried(&mut self, schema: Item, has_description: bool, pointer: &str) -> (Vec<Item>, Vec<Comment>) {
        let mut comments = schema.before;
        let mut value = schema.value;
        if let Some(reference) = value.get_text("$ref").map(str::to_owned) {
            comments.extend(comments_of(&value));
            let Some((target, _)) = self.local(&reference) else {
                self.not_carried(
                    &format!("the schema `{reference}` of the parameter"),
                    pointer,
                    value.source,
                );
                return (Vec::new(), comments);
            };
            value = crate::edit::make::bare_copy(&target);
        }
        self.solid(&mut value);
        let place = value.source;
        comments.extend(value.header.take().map(|text| Comment { text, blank_before: false }));
        comments.append(&mut value.before);
        comments.extend(value.after.take().map(|text| Comment { text, blank_before: false }));
        let mut kept = Vec::new();
        let mut left = Vec::new();
        let (items, end) = match value.collection_mut() {
            Some(collection) => (std::mem::take(&mut collection.items), std::mem::take(&mut collection.end)),
            None => (Vec::new(), Vec::new()),
        };
        for mut item in items {
            let name = item.name().unwrap_or_default().to_owned();
            let is_text = name == "type" && item.value.text() == Some("string");
            if CARRIED.contains(&name.as_str()) || (name == "description" && !has_description) {
                self.as_texts(&mut item.value);
                kept.push(item);
            } else {
                comments.extend(crate::edit::make::comments_of_item(&item));
                left.extend((!is_text).then(|| format!("`{name}`")));
            }
        }
        comments.extend(end);
        if !left.is_empty() {
            let what = format!("of the parameter's schema, {}", left.join(", "));
            self.not_carried(&what, pointer, place);
        }
        self.gone.insert(pointer.to_owned());
        (kept, comments)
    }

    /// Values of parameters are texts in 3.x.
    fn as_texts(&self, node: &mut Node) {
        let maker = self.maker;
        if let Some(collection) = node.collection_mut() {
            collection.items.iter_mut().for_each(|item| self.as_texts(&mut item.value));
        } else if let Some(text) = node.text().map(str::to_owned) {
            let is_plain = matches!(&node.content, crate::edit::tree::Content::Scalar(scalar)
                if scalar.style == crate::source_text::written::Style::Plain && !scalar.raw.contains('\n'));
            if is_plain {
                node.content = maker.text(&text).content;
            }
        }
    }

    /// Converts an operation trait given in place or in components.
    pub(super) fn operation_trait(&mut self, node: &mut Node, pointer: &str) {
        if node.get("$ref").is_some() {
            self.other_file(node);
            return;
        }
        self.solid(node);
        self.drop_field(node, "operationId", "the `operationId` of a trait", pointer);
        if let Some(security) = node.get_mut("security") {
            self.security(security, &format!("{pointer}/security"));
        }
    }

    /// Takes a field out; its comments stay, and what it said is told.
    pub(super) fn drop_field(&mut self, node: &mut Node, key: &str, what: &str, pointer: &str) {
        let Some(collection) = node.collection_mut() else { return };
        let Some(at) = collection.items.iter().position(|item| item.name() == Some(key)) else { return };
        let item = collection.items.remove(at);
        let comments = crate::edit::make::comments_of_item(&item);
        match collection.items.get_mut(at) {
            Some(next) => put_before(next, comments),
            None => collection.end.extend(comments),
        }
        if collection.items.is_empty() && collection.end.is_empty() {
            collection.flow = true;
        }
        if !what.is_empty() {
            self.not_carried(what, &pointer_push(pointer, key), item.value.source);
        }
    }

    /// Renames a field that the new version does not have to an extension, so that nothing it said is lost.
    pub(super) fn as_extension(&mut self, node: &mut Node, key: &str, pointer: &str) {
        let maker = self.maker;
        let Some(collection) = node.collection_mut() else { return };
        let Some(mut item) = collection.take(key) else { return };
        let place = item.value.source;
        item.key = Some(maker.text(&format!("x-{key}")));
        add(node, item);
        let what = format!("`{key}` as such is kept as `x-{key}`: it");
        self.not_carried(&what, &pointer_push(pointer, key), place);
    }
}
