//! AsyncAPI 2 documents that seem to be written from the client's point of view, so that their arrows would point the wrong way.

use std::collections::{BTreeMap, BTreeSet};

use super::names::shape;
use crate::contract::{Action, Contract, Document, DocumentKind};

/// A document whose directions are doubtful, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Index into the documents of the contract.
    pub document: usize,
    /// Why, in words.
    pub reason: String,
}

/// How AsyncAPI 2 documents are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// As the specification says: `publish` is what the application receives.
    #[default]
    Application,
    /// As some tools do: `publish` is what the application sends.
    Client,
}

/// Reads `publish` and `subscribe` of AsyncAPI 2 documents as the view says.
pub fn turn(contract: &mut Contract, view: View) {
    if view == View::Application {
        return;
    }
    for document in contract.documents.iter_mut().filter(|document| is_two(document)) {
        for operation in &mut document.operations {
            operation.action = match operation.action {
                Action::Send => Action::Receive,
                Action::Receive => Action::Send,
            };
        }
    }
}

/// AsyncAPI 2 documents that share two channels or more with other services and never the opposite side of one, or whose
/// operations are called as if `publish` meant to send, and none as if it meant to receive.
#[must_use]
pub fn suspects(contract: &Contract) -> Vec<Suspect> {
    let mut sides: BTreeMap<String, BTreeSet<(usize, Action)>> = BTreeMap::new();
    for (number, document) in contract.documents.iter().enumerate() {
        for (address, action) in ends(document) {
            sides.entry(address).or_default().insert((number, action));
        }
    }
    let all = contract.documents.iter().enumerate().filter(|(_, document)| is_two(document));
    let suspect = |(number, document): (usize, &Document)| {
        let reason = by_ends(number, contract, &sides).or_else(|| by_words(document))?;
        Some(Suspect { document: number, reason })
    };
    all.filter_map(suspect).collect()
}

fn is_two(document: &Document) -> bool {
    matches!(document.kind, DocumentKind::AsyncApi2(_))
}

/// Addresses at which a document says what happens.
fn ends(document: &Document) -> BTreeSet<(String, Action)> {
    let of = |operation: &crate::contract::Operation| {
        let address = document.channels.get(operation.channel.0)?.address.as_ref()?;
        Some((shape(address), operation.action))
    };
    document.operations.iter().filter_map(of).collect()
}

fn by_ends(
    number: usize,
    contract: &Contract,
    sides: &BTreeMap<String, BTreeSet<(usize, Action)>>,
) -> Option<String> {
    let name = |document: usize| contract.documents[document].service.as_ref().map(|service| &service.name);
    let mut same = BTreeSet::new();
    for (address, action) in ends(&contract.documents[number]) {
        // Another version of a document, or a copy, says the same of the same service.
        let mut others =
            sides.get(&address)?.iter().filter(|(other, _)| name(*other) != name(number)).peekable();
        if others.peek().is_none() {
            continue;
        }
        if others.any(|(_, other)| *other != action) {
            return None;
        }
        same.insert(address);
    }
    (same.len() > 1).then(|| {
        format!(
            "on all {} channels that it shares with documents of other services it stands on their side",
            same.len()
        )
    })
}

const SENDING: [&str; 6] = ["send", "emit", "produce", "dispatch", "raise", "fire"];
const RECEIVING: [&str; 5] = ["receive", "consume", "handle", "process", "listen"];

fn by_words(document: &Document) -> Option<String> {
    let mut against: Option<String> = None;
    for operation in &document.operations {
        let word = first_word(&operation.id);
        let sends = SENDING.contains(&word.as_str());
        let receives = RECEIVING.contains(&word.as_str());
        match (operation.action, sends, receives) {
            (Action::Send, true, _) | (Action::Receive, _, true) => return None,
            (Action::Receive, true, _) | (Action::Send, _, true) => {
                against.get_or_insert_with(|| operation.id.clone());
            }
            _ => {}
        }
    }
    let name = against?;
    Some(format!("the operation `{name}` is called the opposite of what it does by the specification"))
}

/// The first word of a name in any case: `sendOrder`, `send_order`, `SendOrder`.
fn first_word(name: &str) -> String {
    let mut word = String::new();
    for sign in name.chars() {
        if !sign.is_alphabetic() || (sign.is_uppercase() && !word.is_empty()) {
            break;
        }
        word.extend(sign.to_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use super::{View, suspects, turn};
    use crate::contract::{Contract, load_text};
    use crate::source_text::Limits;

    fn read(title: &str, version: u8, operations: &[(&str, &str, &str)]) -> Contract {
        let mut text =
            format!("asyncapi: 2.6.0\ninfo: {{title: {title}, version: '{version}'}}\nchannels:\n");
        for (channel, word, id) in operations {
            let _ =
                writeln!(text, "  {channel}: {{{word}: {{operationId: {id}, message: {{payload: true}}}}}}");
        }
        load_text(Path::new(title), text, &Limits::default()).contract
    }

    fn all(parts: Vec<Contract>) -> Contract {
        let mut whole = Contract::default();
        for part in parts {
            whole.documents.extend(part.documents);
        }
        whole
    }

    fn reasons(contract: &Contract) -> Vec<String> {
        suspects(contract).into_iter().map(|suspect| suspect.reason).collect()
    }

    #[test]
    fn names_that_say_the_opposite() {
        let inverted = read("web", 1, &[("a", "publish", "sendOrder"), ("b", "subscribe", "x")]);
        assert!(reasons(&inverted)[0].contains("`sendOrder`"), "{:?}", reasons(&inverted));
        let proper = read("web", 1, &[("a", "publish", "receiveOrder"), ("b", "subscribe", "handleX")]);
        assert!(reasons(&proper).is_empty());
        assert!(reasons(&read("web", 1, &[("a", "publish", "order")])).is_empty());
    }

    #[test]
    fn the_side_of_all_others() {
        let web = || read("web", 1, &[("a", "subscribe", "p"), ("b", "subscribe", "q")]);
        let twisted = || read("billing", 1, &[("a", "subscribe", "r"), ("b", "subscribe", "s")]);
        let proper = read("billing", 1, &[("a", "publish", "r"), ("b", "subscribe", "s")]);
        assert_eq!(reasons(&all(vec![web(), twisted()])).len(), 2);
        assert!(reasons(&all(vec![web(), proper])).is_empty());
        assert!(reasons(&web()).is_empty(), "there is nobody to compare it with");
        assert!(reasons(&all(vec![web(), web()])).is_empty(), "a copy is nobody else");
    }

    #[test]
    fn the_other_view_turns_every_arrow() {
        let mut contract = read("web", 1, &[("a", "publish", "x")]);
        let sends =
            |contract: &Contract| contract.documents[0].operations[0].action == crate::contract::Action::Send;
        assert!(!sends(&contract));
        turn(&mut contract, View::Client);
        assert!(sends(&contract));
    }
}
