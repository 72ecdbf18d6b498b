//! Servers and security: the address comes apart, requirements become references.

use crate::edit::make::{bare_copy, comments_of_item, plain_item};
use crate::edit::tree::{Item, Node};
use crate::source_text::tree::pointer_push;

use super::{Converter, add, put_before};

impl Converter {
    /// Converts a mapping of servers.
    pub(super) fn servers(&mut self, servers: &mut Node, pointer: &str) {
        self.solid(servers);
        let Some(servers) = servers.collection_mut() else { return };
        for item in &mut servers.items {
            let pointer = pointer_push(pointer, item.name().unwrap_or_default());
            self.other_file(&item.value);
            if item.value.get("$ref").is_none() {
                self.server(&mut item.value, &pointer);
            }
        }
    }

    fn server(&mut self, server: &mut Node, pointer: &str) {
        self.solid(server);
        let protocol = server.get_text("protocol").unwrap_or_default().to_owned();
        let maker = self.maker;
        let Some(collection) = server.collection_mut() else { return };
        let Some(at) = collection.items.iter().position(|item| item.name() == Some("url")) else { return };
        let item = &mut collection.items[at];
        let url = item.value.text().unwrap_or_default().to_owned();
        let (scheme, host, path) = parts(&url);
        item.key = Some(maker.text("host"));
        let place = item.value.source;
        item.value = maker.text_like(&host, &item.value);
        let after = item.value.after.take();
        if let Some(path) = path {
            let mut value = maker.text_like(&path, &Node { source: None, ..item.value.clone() });
            value.after = after;
            collection.items.insert(at + 1, maker.entry("pathname", value));
        } else {
            collection.items[at].value.after = after;
        }
        let same = scheme.as_deref().is_none_or(|scheme| scheme.eq_ignore_ascii_case(&protocol));
        if let Some(scheme) = scheme.filter(|_| !same) {
            let what = format!("the scheme `{scheme}` of the address, where the protocol is `{protocol}`,");
            self.not_carried(&what, &pointer_push(pointer, "url"), place);
        }
        self.moved(&format!("{pointer}/url"), &format!("{pointer}/host"));
        if let Some(security) = server.get_mut("security") {
            self.security(security, &format!("{pointer}/security"));
        }
    }

    /// Converts a list of security requirements into a list of schemes.
    pub(super) fn security(&mut self, security: &mut Node, pointer: &str) {
        self.solid(security);
        let Some(list) = security.collection_mut() else { return };
        let requirements = std::mem::take(&mut list.items);
        let mut schemes: Vec<Item> = Vec::new();
        let mut left = Vec::new();
        for (at, mut item) in requirements.into_iter().enumerate() {
            let pointer = format!("{pointer}/{at}");
            self.solid(&mut item.value);
            let place = item.value.source;
            let names = item.value.entries().to_vec();
            let mut comments = comments_of_item(&item);
            comments.splice(0..0, std::mem::take(&mut left));
            if names.is_empty() {
                self.not_carried(
                    "a requirement without scheme, which makes security optional,",
                    &pointer,
                    place,
                );
            } else if names.len() > 1 {
                self.not_carried("that several schemes are needed together", &pointer, place);
            }
            for name in names {
                let mut scheme = plain_item(self.scheme(&name, &pointer));
                put_before(&mut scheme, std::mem::take(&mut comments));
                schemes.push(scheme);
            }
            left = comments;
        }
        list.items = schemes;
        list.end.extend(left);
        if list.items.is_empty() && list.end.is_empty() {
            list.flow = true;
        }
    }

    /// A reference to a scheme; with scopes a copy of it, because a reference has no place for them.
    fn scheme(&mut self, requirement: &Item, pointer: &str) -> Node {
        let name = requirement.name().unwrap_or_default().to_owned();
        let target = format!("#{}", pointer_push("/components/securitySchemes", &name));
        if requirement.value.items().is_empty() {
            return self.maker.reference(&target);
        }
        let known =
            self.local(&target).map(|(scheme, _)| scheme).filter(|scheme| scheme.get("$ref").is_none());
        let Some(scheme) = known else {
            self.not_carried(&format!("the scopes of `{name}`"), pointer, requirement.value.source);
            return self.maker.reference(&target);
        };
        let mut copy = bare_copy(&scheme);
        self.solid(&mut copy);
        self.scheme_definition(&mut copy, "");
        let mut scopes = bare_copy(&requirement.value);
        if let Some(list) = scopes.collection_mut().filter(|_| !self.maker.json) {
            list.flow = true;
        }
        add(&mut copy, self.maker.entry("scopes", scopes));
        copy
    }

    /// Converts a security scheme: what `scopes` of a flow lists are the scopes there are.
    pub(super) fn scheme_definition(&mut self, scheme: &mut Node, pointer: &str) {
        let maker = self.maker;
        let mut renamed = Vec::new();
        let flows = scheme.get_mut("flows").and_then(Node::collection_mut);
        for flow in flows.map(|flows| flows.items.iter_mut()).into_iter().flatten() {
            let name = flow.name().unwrap_or_default().to_owned();
            let Some(fields) = flow.value.collection_mut() else { continue };
            if let Some(scopes) = fields.items.iter_mut().find(|item| item.name() == Some("scopes")) {
                scopes.key = Some(maker.text("availableScopes"));
                renamed.push(name);
            }
        }
        for name in renamed.iter().filter(|_| !pointer.is_empty()) {
            let flow = pointer_push(&format!("{pointer}/flows"), name);
            self.moved(&format!("{flow}/scopes"), &format!("{flow}/availableScopes"));
        }
    }
}

/// Scheme, host with port, and path of an address that may hold variables.
fn parts(url: &str) -> (Option<String>, String, Option<String>) {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => (Some(scheme.to_owned()), rest),
        _ => (None, url),
    };
    match rest.find('/') {
        Some(at) => (scheme, rest[..at].to_owned(), Some(rest[at..].to_owned())),
        None => (scheme, rest.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn addresses_come_apart() {
        let owned = |parts: (Option<&str>, &str, Option<&str>)| {
            (parts.0.map(str::to_owned), parts.1.to_owned(), parts.2.map(str::to_owned))
        };
        assert_eq!(parts("mqtt://a.org:{port}/x/y"), owned((Some("mqtt"), "a.org:{port}", Some("/x/y"))));
        assert_eq!(parts("a.org:1883"), owned((None, "a.org:1883", None)));
        assert_eq!(parts("a.org/ws?x=://"), owned((None, "a.org", Some("/ws?x=://"))));
    }
}
