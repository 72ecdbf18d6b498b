//! Tests of loading: one small document per feature.

use super::super::{Action, Channel, Message, Operation, SchemaFormat};
use super::*;
use crate::diagnostic::Severity;

fn load_one(text: &str) -> Loaded {
    load_text("test.yaml", text, &Limits::default())
}

fn document(text: &str) -> Document {
    let mut loaded = load_one(text);
    let errors: Vec<_> =
        loaded.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    loaded.contract.documents.remove(0)
}

fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.diagnostics.iter().map(|finding| finding.code).collect()
}

/// Loads the first of several files that lie together.
fn load_files(files: &[(&str, &str)]) -> (tempfile::TempDir, Loaded) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let loaded = load(&[folder.path().join(files[0].0)], &Limits::default());
    (folder, loaded)
}

fn operation<'a>(document: &'a Document, id: &str) -> &'a Operation {
    document.operations.iter().find(|operation| operation.id == id).unwrap()
}

fn channel<'a>(document: &'a Document, id: &str) -> &'a Channel {
    document.channels.iter().find(|channel| channel.id == id).unwrap()
}

fn message<'a>(document: &'a Document, name: &str) -> &'a Message {
    document.messages.iter().find(|message| message.name == name).unwrap()
}

fn message_names<'a>(document: &'a Document, operation: &Operation) -> Vec<&'a str> {
    operation.messages.iter().map(|index| document.messages[index.0].name.as_str()).collect()
}

const V2: &str = "
asyncapi: 2.6.0
id: urn:example:shop:orders
info: {title: Orders Service, version: 1.2.0, description: Takes orders}
tags: [{name: shop}]
defaultContentType: application/json
servers:
  production: {url: 'mqtt://broker.{region}:1883/base', protocol: mqtt}
channels:
  orders/{region}/created:
    description: New orders
    servers: [production]
    parameters:
      region: {schema: {type: string, enum: [eu, us], default: eu}, location: $message.payload#/region}
    publish:
      operationId: onOrderCreated
      message: {$ref: '#/components/messages/OrderCreated'}
  payments:
    subscribe:
      message:
        oneOf:
          - $ref: '#/components/messages/OrderCreated'
          - payload: {type: string}
components:
  messages:
    OrderCreated:
      contentType: application/avro
      schemaFormat: application/vnd.apache.avro+json;version=1.9.0
      headers: {type: object}
      payload: {type: record, name: Order, fields: []}
    Unused: {name: unused.message, tags: [{name: old}]}
";

#[test]
fn version_2_fills_the_model() {
    let document = document(V2);
    assert_eq!(document.kind, DocumentKind::AsyncApi2(6));
    let service = document.service.as_ref().unwrap();
    assert_eq!((service.name.as_str(), service.version.as_str()), ("orders", "1.2.0"));
    assert_eq!(service.tags, ["shop"]);
    assert_eq!(document.servers[0].host, "broker.{region}:1883/base");
    assert_eq!(document.servers[0].pointer, "/servers/production");
    let created = channel(&document, "orders/{region}/created");
    assert_eq!(created.pointer, "/channels/orders~1{region}~1created");
    assert_eq!(created.servers, ["production"]);
    assert_eq!(created.parameters[0].values, ["eu", "us"]);
    assert_eq!(created.parameters[0].default.as_deref(), Some("eu"));
    assert_eq!(created.parameters[0].location.as_deref(), Some("$message.payload#/region"));
    assert_eq!(created.messages[0].0, "OrderCreated");
    let received = operation(&document, "onOrderCreated");
    assert_eq!(received.action, Action::Receive);
    let sent = operation(&document, "payments subscribe");
    assert_eq!(sent.action, Action::Send);
    assert_eq!(message_names(&document, sent), ["OrderCreated", "payments.subscribe.message.1"]);
    assert_eq!(document.messages.len(), 3);
    let order = message(&document, "OrderCreated");
    assert_eq!(order.payload.as_ref().unwrap().format, SchemaFormat::Avro);
    assert_eq!(order.headers.as_ref().unwrap().format, SchemaFormat::AsyncApi);
    assert_eq!(order.content_type.as_deref(), Some("application/avro"));
    assert_eq!(message(&document, "unused.message").tags, ["old"]);
}

const V3: &str = "
asyncapi: 3.0.0
info: {title: Orders Service!, version: 1.2.0}
servers:
  main: {host: 'broker:1883', pathname: /base, protocol: mqtt}
channels:
  created:
    address: orders/{region}/created
    servers: [{$ref: '#/servers/main'}]
    parameters: {region: {enum: [eu]}}
    messages:
      order: {$ref: '#/components/messages/OrderCreated'}
      inline: {title: Inline, payload: {schemaFormat: application/schema+json;version=draft-07, schema: {type: object}}}
  answers:
    address: null
    messages: {answer: {payload: true}}
  shared: {$ref: '#/components/channels/shared'}
operations:
  onCreated: {action: receive, channel: {$ref: '#/channels/created'}, messages: [{$ref: '#/channels/created/messages/order'}]}
  ask:
    action: send
    channel: {$ref: '#/channels/created'}
    reply: {channel: {$ref: '#/channels/answers'}, address: {location: $message.header#/replyTo}}
  share: {action: send, channel: {$ref: '#/components/channels/shared'}}
  nowhere: {action: send}
components:
  channels:
    shared: {address: shared, messages: {m: {$ref: '#/components/messages/OrderCreated'}}}
  messages:
    OrderCreated: {name: order.created, correlationId: {location: $message.header#/id}, examples: [{name: one, payload: {a: 1}}]}
";

#[test]
fn version_3_links_by_what_references_mean() {
    let document = document(V3);
    assert_eq!(document.service.as_ref().unwrap().name, "orders-service");
    assert_eq!(document.servers[0].host, "broker:1883/base");
    assert_eq!(document.channels.len(), 3);
    let created = channel(&document, "created");
    assert_eq!(created.servers, ["main"]);
    assert_eq!(created.messages.len(), 2);
    assert_eq!(channel(&document, "answers").address, None);
    assert_eq!(message_names(&document, operation(&document, "onCreated")), ["order.created"]);
    let ask = operation(&document, "ask");
    assert_eq!(message_names(&document, ask), ["order.created", "inline"]);
    let reply = ask.reply.as_ref().unwrap();
    assert_eq!(document.channels[reply.channel.unwrap().0].id, "answers");
    assert_eq!(reply.messages.len(), 1);
    assert_eq!(reply.location.as_deref(), Some("$message.header#/replyTo"));
    assert_eq!(document.channels[operation(&document, "share").channel.0].id, "shared");
    assert!(document.operations.iter().all(|operation| operation.id != "nowhere"));
    assert_eq!(document.messages.len(), 3, "a message of two channels is one message");
    let order = message(&document, "order.created");
    assert_eq!(order.key.as_deref(), Some("OrderCreated"));
    assert_eq!(order.pointer, "/components/messages/OrderCreated");
    assert_eq!(order.correlation.as_deref(), Some("$message.header#/id"));
    assert_eq!(order.examples[0].pointer, "/components/messages/OrderCreated/examples/0");
    let inline = message(&document, "inline").payload.as_ref().unwrap();
    assert_eq!(inline.format, SchemaFormat::JsonSchema);
    assert_eq!(inline.pointer, "/channels/created/messages/inline/payload/schema");
}

#[test]
fn an_event_schema_is_a_message_a_channel_and_its_users() {
    let text = "$schema: https://json-schema.org/draft/2020-12/schema
title: Order placed
type: object
x-event: {type: order.placed, version: 2, channel: orders/placed, produced-by: [shop], consumed-by: [billing, mail]}
examples: [{id: 1}]
";
    let document = document(text);
    assert_eq!(document.kind, DocumentKind::EventSchema);
    assert!(document.service.is_none());
    let message = &document.messages[0];
    assert_eq!((message.name.as_str(), message.version.as_deref()), ("order.placed", Some("2")));
    assert_eq!(message.payload.as_ref().unwrap().format, SchemaFormat::JsonSchema);
    assert_eq!(message.examples[0].pointer, "/examples/0");
    assert_eq!(document.channels[0].address.as_deref(), Some("orders/placed"));
    let users: Vec<_> =
        document.operations.iter().map(|one| (one.service.as_deref().unwrap(), one.action)).collect();
    assert_eq!(users, [("shop", Action::Send), ("billing", Action::Receive), ("mail", Action::Receive)]);
    assert_eq!(document.operations[2].pointer, "/x-event/consumed-by/1");
}

#[test]
fn faults_of_an_event_schema_are_named() {
    let loaded = load_one("type: object\nx-event: {type: a, chanel: b, consumed-by: [1]}\n");
    assert_eq!(codes(&loaded), ["ED0205", "ED0204"]);
    assert_eq!(loaded.diagnostics[0].help.as_deref(), Some("did you mean `channel`?"));
    assert_eq!(loaded.diagnostics[1].pointer, "/x-event/consumed-by/0");
    assert_eq!(codes(&load_one("x-event: {channel: a}\n")), ["ED0204"]);
    assert_eq!(codes(&load_one("x-event: text\n")), ["ED0204"]);
    assert_eq!(codes(&load_one("x-event: {type: ''}\n")), ["ED0204"]);
}

fn merged(version: &str, operation_or_message: &str) -> Loaded {
    load_one(&format!(
        "asyncapi: {version}\ncomponents:\n  messageTraits:\n    common: {{contentType: from/trait, title: null, \
         summary: trait, headers: {{type: object, required: [t], properties: {{t: {{type: string}}}}}}}}\n  \
         messages:\n    m:\n      {operation_or_message}\n"
    ))
}

#[test]
fn traits_are_merged_by_the_rule_of_the_version() {
    let target = "{contentType: from/target, title: T, traits: [{$ref: '#/components/messageTraits/common'}], \
                  headers: {required: [own], properties: {own: {type: integer}}}}";
    let second = merged("2.6.0", target).contract.documents.remove(0);
    let message = &second.messages[0];
    assert_eq!(message.content_type.as_deref(), Some("from/trait"));
    assert_eq!(message.title, None, "null deletes");
    assert_eq!(message.summary.as_deref(), Some("trait"));
    let headers = message.headers.as_ref().unwrap().node.to_json();
    assert_eq!(headers["required"], serde_json::json!(["t"]), "lists are replaced");
    assert_eq!(headers["properties"].as_object().unwrap().len(), 2);

    let third = merged("3.0.0", target).contract.documents.remove(0);
    let message = &third.messages[0];
    assert_eq!(message.content_type.as_deref(), Some("from/target"));
    assert_eq!(message.title.as_deref(), Some("T"));
    let headers = message.headers.as_ref().unwrap();
    assert_eq!(headers.node.to_json()["required"], serde_json::json!(["own"]));
    assert_eq!(headers.node.to_json()["type"], "object");
}

#[test]
fn merged_parts_know_where_they_were_written() {
    let loaded =
        merged("3.0.0", "{traits: [{$ref: '#/components/messageTraits/common'}, {summary: second}]}");
    let message = &loaded.contract.documents[0].messages[0];
    assert_eq!(message.summary.as_deref(), Some("second"), "the later trait wins");
    let headers = message.headers.as_ref().unwrap();
    assert_eq!(headers.pointer, "/components/messageTraits/common/headers");
    let text = loaded.sources.get(headers.file).text();
    let written = &text[headers.node.span.start as usize..headers.node.span.end as usize];
    assert!(written.starts_with("{type: object"), "{written}");
}

#[test]
fn parts_in_other_files_are_found_from_their_own_folder() {
    let (_folder, loaded) = load_files(&[
        (
            "main.yaml",
            "asyncapi: 3.0.0\ninfo: {title: A, version: 1.0.0}\nchannels:\n  c: {$ref: 'parts.yaml#/channels/c'}\n\
             operations:\n  o: {action: send, channel: {$ref: '#/channels/c'}, messages: [{$ref: '#/channels/c/messages/m'}]}\n",
        ),
        (
            "parts.yaml",
            "channels:\n  c: {address: x, messages: {m: {$ref: '#/messages/m'}}}\nmessages:\n  m: {payload: {$ref: order.json}}\n",
        ),
        ("order.json", "{\"type\": \"object\", \"properties\": {\"next\": {\"$ref\": \"#\"}}}"),
    ]);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    assert_eq!(loaded.contract.documents.len(), 1, "files that are only referred to are no documents");
    let document = &loaded.contract.documents[0];
    assert_eq!(document.channels[0].id, "c");
    assert_eq!(message_names(document, &document.operations[0]), ["m"]);
    let payload = document.messages[0].payload.as_ref().unwrap();
    assert!(loaded.sources.get(payload.file).path().ends_with("order.json"));
    assert_eq!(payload.pointer, "");
}

#[test]
fn broken_references_are_reported_once_where_they_stand() {
    let text = "asyncapi: 3.0.0
info: {title: A, version: 1.0.0}
channels:
  c:
    messages:
      a: {$ref: '#/components/mesages/a'}
      b: {$ref: https://example.com/b.yaml}
      d: {$ref: 7}
      e: {payload: {properties: {$ref: {type: string}, examples: {$ref: '#/gone'}}, examples: [{$ref: '#/gone'}]}}
      f: {$ref: gone.yaml}
      g: {$ref: '#/channels/c/messages/h'}
      h: {$ref: '#/channels/c/messages/g'}
operations:
  o: {action: send, channel: {$ref: '#/channels/d'}}
components: {messages: {a: {}}}
";
    let loaded = load_one(text);
    assert_eq!(
        codes(&loaded),
        ["ED0301", "ED0303", "ED0305", "ED0301", "ED0302", "ED0304", "ED0304", "ED0301"]
    );
    assert_eq!(loaded.diagnostics[0].help.as_deref(), Some("did you mean `messages`?"));
    assert_eq!(loaded.diagnostics[0].pointer, "/channels/c/messages/a");
    assert_eq!(loaded.diagnostics[1].severity, Severity::Warning);
    assert_eq!(loaded.contract.documents[0].channels.len(), 1, "the rest is read");
}

#[test]
fn recursive_schemas_are_no_fault() {
    let loaded = load_one(
        "asyncapi: 3.0.0\ncomponents: {schemas: {tree: {properties: {left: {$ref: '#/components/schemas/tree'}}}}}\n",
    );
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
}

#[test]
fn a_fragment_below_an_identifier_may_count_from_there() {
    let loaded = load_one(
        "type: object\nx-event: {type: a}\nproperties:\n  a: {$id: 'https://e.org/a', $ref: '#/definitions/b', \
         definitions: {b: {type: string}}}\n  c: {$id: 'https://e.org/c', items: {$ref: other.json}}\n",
    );
    assert_eq!(codes(&loaded), ["ED0303"]);
}

#[test]
fn versions_are_accepted_by_minor_and_any_patch() {
    for (version, kind) in [
        ("2.0.0", DocumentKind::AsyncApi2(0)),
        ("2.6.17", DocumentKind::AsyncApi2(6)),
        ("3.0.0", DocumentKind::AsyncApi3(0)),
        ("3.1.2", DocumentKind::AsyncApi3(1)),
    ] {
        assert_eq!(document(&format!("asyncapi: {version}\n")).kind, kind);
    }
    for (version, near) in [
        ("2.7.0", "`2.6.0`"),
        ("3.2.0", "`3.1.0`"),
        ("4.0.0", "`3.1.0`"),
        ("3.0.0-rc1", "3.0.0"),
        ("'3.0'", "3.0.0"),
        ("2.0.0.0", "2.0.0"),
        ("three", "known are"),
    ] {
        let loaded = load_one(&format!("asyncapi: {version}\n"));
        assert_eq!(codes(&loaded), ["ED0202"], "{version}");
        assert!(loaded.diagnostics[0].help.as_ref().unwrap().contains(near), "{version}");
    }
    assert_eq!(codes(&load_one("asyncapi: 3.0\n")), ["ED0203"]);
}

#[test]
fn other_kinds_of_files_are_told_apart() {
    for (text, word) in [
        ("openapi: 3.1.0\n", "OpenAPI"),
        ("version: 1\ncontracts: []\n", "workspace"),
        ("specversion: '1.0'\ntype: a\n", "CloudEvents"),
        ("asynapi: 3.0.0\n", "no `asyncapi`"),
        ("a: 1\n", "neither"),
        ("[1]\n", "array"),
    ] {
        let loaded = load_one(text);
        assert_eq!(codes(&loaded), ["ED0201"], "{text}");
        assert!(loaded.diagnostics[0].message.contains(word), "{text}: {}", loaded.diagnostics[0].message);
        assert!(loaded.contract.documents.is_empty());
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.yaml");
    std::fs::write(&bad, b"a: \xff").unwrap();
    let paths = [folder.path().join("gone.yaml"), folder.path().to_owned(), bad];
    let loaded = load(&paths, &Limits::default());
    assert_eq!(codes(&loaded), ["ED0101", "ED0101", "ED0102"]);
    assert!(loaded.diagnostics.iter().all(|finding| finding.path.is_some()));
}

#[test]
fn a_file_named_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, "asyncapi: 3.0.0\n").unwrap();
    let twice = [path.clone(), folder.path().join("./a.yaml")];
    assert_eq!(load(&twice, &Limits::default()).contract.documents.len(), 1);
}

#[test]
fn structure_that_is_wrong_does_not_stop_loading() {
    let texts = [
        "asyncapi: 2.0.0\nchannels: [1]\nservers: text\ninfo: 7\ncomponents: []\n",
        "asyncapi: 2.0.0\nchannels: {a: {publish: {message: 7}, subscribe: [], parameters: 1}, b: null}\n",
        "asyncapi: 3.0.0\nchannels: {a: {messages: [1], servers: {}}, b: 1}\noperations: {o: {action: 1}, p: 2}\n",
        "asyncapi: 3.0.0\noperations: {o: {action: send, channel: 1, messages: {}, reply: 7, traits: {}}}\n",
    ];
    for text in texts {
        assert_eq!(load_one(text).contract.documents.len(), 1, "{text}");
    }
}

proptest::proptest! {
    /// Lines lost, doubled, moved or cut make every kind of wrong structure; each must be read to its end.
    #[test]
    fn no_damage_to_a_document_stops_loading(
        is_v3 in proptest::bool::ANY,
        damage in proptest::collection::vec((0_usize..60, 0_usize..60, 0_usize..5, 0_usize..20), 1..6),
    ) {
        let mut lines: Vec<String> = if is_v3 { V3 } else { V2 }.lines().map(str::to_owned).collect();
        for (at, other, kind, cut) in damage {
            let (at, other) = (at % lines.len(), other % lines.len());
            match kind {
                0 if lines.len() > 2 => { lines.remove(at); }
                1 => { let line = lines[other].clone(); lines.insert(at, line); }
                2 => lines.swap(at, other),
                3 => { let kept = lines[at].chars().take(cut).collect(); lines[at] = kept; }
                _ => { let line = lines[at].replace("#/components", "#/channels"); lines[at] = line; }
            }
        }
        let loaded = load_one(&lines.join("\n"));
        for finding in &loaded.diagnostics {
            let place = finding.primary.as_ref().expect("a place").span;
            proptest::prop_assert!(place.start <= place.end);
            proptest::prop_assert!(place.end as usize <= loaded.sources.get(place.file).text().len());
        }
        proptest::prop_assert!(!loaded.contract.documents.is_empty() || !loaded.diagnostics.is_empty());
    }
}
