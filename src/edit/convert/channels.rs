//! Channels: the address becomes a field, `publish` and `subscribe` become operations, their messages the channel's.

use crate::edit::make::{bare_copy, comments_of, comments_of_item, plain_item};
use crate::edit::tree::{Collection, Comment, Content, Item, Node};
use crate::source_text::tree::pointer_push;

use super::{Converter, Perspective, put_before};

/// A channel being taken apart.
struct Place {
    /// Its JSON Pointer before.
    old: String,
    /// Its JSON Pointer after.
    new: String,
    /// The address; none for a component that no channel names.
    address: Option<String>,
    /// Where its operations go.
    in_components: bool,
}

impl Converter {
    /// Converts a mapping of channels and gathers their operations.
    pub(super) fn channels(&mut self, channels: &mut Node, pointer: &str) {
        self.solid(channels);
        let in_components = pointer != "/channels";
        let maker = self.maker;
        let Some(channels) = channels.collection_mut() else { return };
        for item in &mut channels.items {
            let name = item.name().unwrap_or_default().to_owned();
            let old = pointer_push(pointer, &name);
            let id = item.value.get_text("x-channelId").unwrap_or(&name).to_owned();
            if id != name {
                item.key = Some(Node { before: Vec::new(), ..maker.text(&id) });
            }
            let new = pointer_push(pointer, &id);
            self.moved(&old, &new);
            let address = (!in_components).then_some(name);
            self.channel(&mut item.value, &Place { old, new, address, in_components });
        }
    }

    fn channel(&mut self, channel: &mut Node, place: &Place) {
        self.solid(channel);
        let mut inner = Place {
            old: place.old.clone(),
            new: place.new.clone(),
            address: place.address.clone(),
            in_components: place.in_components,
        };
        if let Some(reference) = channel.get_text("$ref").map(str::to_owned) {
            let Some((target, pointer)) = self.local(&reference) else {
                self.other_file(channel);
                return;
            };
            // An address belongs to one channel, so what is referred to is written out.
            let comments = comments_of(channel);
            let copy = bare_copy(&target);
            channel.content = copy.content;
            self.solid(channel);
            if let Some(collection) = channel.collection_mut() {
                collection.end.extend(comments);
            }
            inner.old = pointer;
        }
        let Some(collection) = channel.collection_mut() else { return };
        collection.flow = self.maker.json;
        let mut messages: Vec<Item> = Vec::new();
        let mut kept = Vec::new();
        let mut at = None;
        for mut item in std::mem::take(&mut collection.items) {
            let name = item.name().unwrap_or_default().to_owned();
            match name.as_str() {
                "publish" | "subscribe" => {
                    at = at.or(Some(kept.len()));
                    self.operation(item, &name, &inner, &mut messages);
                    continue;
                }
                "servers" => self.server_names(&mut item.value),
                "parameters" => {
                    let (old, new) =
                        (format!("{}/parameters", inner.old), format!("{}/parameters", inner.new));
                    self.parameters(&mut item.value, &old, &new);
                }
                _ => {}
            }
            kept.push(item);
        }
        if !messages.is_empty() {
            let messages = self.maker.mapping(messages);
            kept.insert(at.unwrap_or(kept.len()), self.maker.entry("messages", messages));
        }
        self.with_address(&inner, kept, collection);
        if channel.get("deprecated").is_some() {
            self.as_extension(channel, "deprecated", &inner.old);
        }
    }

    /// Puts the address first; what stood before the first entry stays there.
    fn with_address(&self, place: &Place, mut items: Vec<Item>, collection: &mut Collection) {
        if let Some(address) = &place.address
            && !items.iter().any(|item| item.name() == Some("address"))
        {
            items.insert(0, self.maker.entry("address", self.maker.text(address)));
        }
        collection.flow = self.maker.json || items.is_empty();
        collection.items = items;
    }

    fn server_names(&mut self, servers: &mut Node) {
        self.solid(servers);
        let maker = self.maker;
        let Some(servers) = servers.collection_mut() else { return };
        for item in &mut servers.items {
            let Some(name) = item.value.text().map(str::to_owned) else { continue };
            let comments = comments_of(&item.value);
            item.value = maker.reference(&format!("#{}", pointer_push("/servers", &name)));
            put_before(item, comments);
        }
    }

    /// Makes an operation of `publish` or `subscribe`.
    fn operation(&mut self, item: Item, verb: &str, place: &Place, messages: &mut Vec<Item>) {
        let old = pointer_push(&place.old, verb);
        let mut node = item.value;
        self.solid(&mut node);
        let id = self.operation_id(&node, verb, place);
        let root = if place.in_components { "/components/operations" } else { "/operations" };
        let new = pointer_push(root, &id);
        self.moved(&old, &new);
        let mut comments = item.before;
        let maker = self.maker;
        let mut fields = vec![
            maker.entry("action", maker.text(self.action(verb))),
            maker.entry("channel", maker.reference(&format!("#{}", place.new))),
        ];
        let collection = match std::mem::take(&mut node.content) {
            Content::Collection(collection) => collection,
            _ => Collection { mapping: true, ..Collection::default() },
        };
        let stem = operation_stem(&collection, verb);
        for mut field in collection.items {
            let name = field.name().unwrap_or_default().to_owned();
            let pointer = pointer_push(&old, &name);
            match name.as_str() {
                "operationId" => comments.extend(comments_of_item(&field)),
                "message" => {
                    let listed = self.operation_messages(field, &stem, &pointer, &place.new, messages);
                    fields.push(maker.entry("messages", listed));
                }
                "security" => {
                    self.security(&mut field.value, &pointer);
                    fields.push(field);
                }
                "traits" => {
                    self.operation_traits(&mut field.value, &pointer);
                    fields.push(field);
                }
                _ => fields.push(field),
            }
        }
        let mut operation = maker.mapping(fields);
        operation.header = node.header;
        operation.after = node.after;
        if let Some(made) = operation.collection_mut() {
            made.end = collection.end;
        }
        if operation.get("deprecated").is_some() {
            self.as_extension(&mut operation, "deprecated", &old);
        }
        let mut entry = maker.entry(&id, operation);
        entry.before = comments;
        let list = if place.in_components { &mut self.component_operations } else { &mut self.operations };
        list.push(entry);
    }

    fn operation_traits(&mut self, traits: &mut Node, pointer: &str) {
        self.solid(traits);
        let Some(traits) = traits.collection_mut() else { return };
        for (at, item) in traits.items.iter_mut().enumerate() {
            self.operation_trait(&mut item.value, &format!("{pointer}/{at}"));
        }
    }

    fn action(&self, verb: &str) -> &'static str {
        match (verb, self.perspective) {
            ("publish", Perspective::Application) | ("subscribe", Perspective::Client) => "receive",
            _ => "send",
        }
    }

    /// The `operationId`, or the address and the verb; a number behind it when that is taken.
    fn operation_id(&mut self, operation: &Node, verb: &str, place: &Place) -> String {
        let stem = operation.get_text("operationId").map_or_else(
            || format!("{}.{verb}", place.address.as_deref().unwrap_or(last_token(&place.new).as_str())),
            str::to_owned,
        );
        let free = free_name(&stem, |name| self.operation_ids.contains(name));
        self.operation_ids.insert(free.clone());
        free
    }

    /// Moves the messages of an operation into the channel and gives back the list of references to them.
    fn operation_messages(
        &mut self,
        field: Item,
        stem: &str,
        old: &str,
        channel: &str,
        messages: &mut Vec<Item>,
    ) -> Node {
        let mut node = field.value;
        let choices = node.get("oneOf").is_some();
        if choices {
            self.solid(&mut node);
        }
        let mut list = Vec::new();
        let outside = if choices { around(&mut node) } else { Vec::new() };
        if let (true, Some(collection)) = (choices, node.collection_mut()) {
            let mut comments = field.before;
            comments.extend(outside);
            comments
                .extend(node_comments(collection.items.iter().filter(|item| item.name() != Some("oneOf"))));
            let Some(mut one_of) = collection.take("oneOf") else { return self.maker.sequence(list) };
            comments.append(&mut one_of.before);
            comments.extend(around(&mut one_of.value));
            self.solid(&mut one_of.value);
            let Some(items) = one_of.value.collection_mut() else { return self.maker.sequence(list) };
            comments.append(&mut collection.end);
            for (at, mut item) in std::mem::take(&mut items.items).into_iter().enumerate() {
                put_before(&mut item, std::mem::take(&mut comments));
                let (old, name) = (format!("{old}/oneOf/{at}"), format!("{stem}.{at}"));
                list.push(self.channel_message(item, &name, &old, channel, messages));
            }
            if let Some(last) = messages.last_mut() {
                last.value.before.extend(comments);
                let end = std::mem::take(&mut items.end);
                last.before.extend(end);
            }
        } else {
            let item = Item { before: field.before, ..plain_item(node) };
            list.push(self.channel_message(item, stem, old, channel, messages));
        }
        self.maker.sequence(list)
    }

    /// Puts one message into a channel's messages, once, and gives back a reference to it.
    fn channel_message(
        &mut self,
        item: Item,
        stem: &str,
        old: &str,
        channel: &str,
        messages: &mut Vec<Item>,
    ) -> Node {
        let mut node = item.value;
        let same = |known: &&mut Item| {
            bare_copy(&known.value).content == bare_copy(&node).content && node.get("$ref").is_some()
        };
        let known = messages.iter_mut().find(same);
        let name = if let Some(known) = known {
            let comments = item.before.into_iter().chain(comments_of(&node));
            known.before.extend(comments);
            known.name().unwrap_or_default().to_owned()
        } else {
            let wanted = self.message_name(&node).unwrap_or_else(|| stem.to_owned());
            let taken = |name: &str| messages.iter().any(|item| item.name() == Some(name));
            let name = free_name(&wanted, taken);
            let new = pointer_push(&format!("{channel}/messages"), &name);
            self.other_file(&node);
            if node.get("$ref").is_none() && !matches!(node.content, Content::Alias(_)) {
                self.message(&mut node, old, &new);
            }
            let mut entry = self.maker.entry(&name, node);
            entry.before = item.before;
            messages.push(entry);
            name
        };
        let new = pointer_push(&format!("{channel}/messages"), &name);
        self.moved(old, &new);
        self.maker.reference(&format!("#{new}"))
    }

    /// What a message is called on its channel: its `messageId`, the last part of its reference, or its name.
    fn message_name(&self, node: &Node) -> Option<String> {
        let written = match &node.content {
            Content::Alias(alias) => self.anchors.get(alias.trim_start_matches('*'))?,
            _ => node,
        };
        if let Some(reference) = written.get_text("$ref") {
            let target = self.local(reference).map(|(target, _)| target);
            let id = target.and_then(|target| target.get_text("messageId").map(str::to_owned));
            return id.or_else(|| Some(last_token(reference))).filter(|name| is_name(name));
        }
        let named = written.get_text("messageId").or_else(|| written.get_text("name"));
        named.filter(|name| is_name(name)).map(str::to_owned)
    }
}

/// Takes the comments around a node, but for those inside it.
fn around(node: &mut Node) -> Vec<Comment> {
    let on_line = |text: String| Comment { text, blank_before: false };
    let mut comments: Vec<Comment> = node.header.take().map(on_line).into_iter().collect();
    comments.append(&mut node.before);
    comments.extend(node.after.take().map(on_line));
    comments
}

fn node_comments<'a>(items: impl Iterator<Item = &'a Item>) -> Vec<Comment> {
    items.flat_map(comments_of_item).collect()
}

fn operation_stem(operation: &Collection, verb: &str) -> String {
    let id = operation.items.iter().find(|item| item.name() == Some("operationId"));
    format!("{}.message", id.and_then(|item| item.value.text()).unwrap_or(verb))
}

fn last_token(pointer: &str) -> String {
    let last = pointer.rsplit(['/', '#']).next().unwrap_or_default();
    let last = last.replace("~1", "/").replace("~0", "~");
    let stem = last.strip_suffix(".yaml").or_else(|| last.strip_suffix(".json"));
    stem.unwrap_or(&last).to_owned()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|part| part.is_alphanumeric() || "._-".contains(part))
}

/// The name itself, or with the first number behind it that makes it new.
fn free_name(stem: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut name = stem.to_owned();
    let mut number = 2;
    while taken(&name) {
        name = format!("{stem}.{number}");
        number += 1;
    }
    name
}
