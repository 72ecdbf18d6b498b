//! Tests of conversion, each a small document before and after.

use super::*;

fn converted(text: &str) -> (String, Vec<String>) {
    let target = Version { major: 3, minor: 0 };
    let result = convert(text, FileId(0), target, Perspective::Application, &Limits::default());
    let result = result.unwrap_or_else(|error| panic!("{text}\n{error}"));
    let notes = result.notes.iter().map(|note| format!("{} {}", note.code, note.message)).collect();
    assert_eq!(text.matches("# ").count(), result.text.matches("# ").count(), "comments of\n{}", result.text);
    (result.text, notes)
}

const LIGHTS_2: &str = r"# Lights.
asyncapi: '2.6.0' # for now
info: { title: Lights, version: 1.0.0 }

# How we sort.
tags:
  # first
  - name: light
servers:
  production:
    url: mqtt://lights.org:1883/path # public
    protocol: mqtt
    # who may
    security:
      - key: [] # a key

channels:
  # What lamps tell.
  light/{id}/measured:
    # which lamp
    parameters:
      id:
        # any
        schema: { type: string, enum: [a, b] }
    # we listen
    publish: # here
      # the name
      operationId: onMeasured
      # what comes
      message:
        # of lamps
        $ref: '#/components/messages/measured'
components:
  securitySchemes:
    key: { type: userPassword }
  messages:
    measured:
      payload: { type: object }
";

const LIGHTS_3: &str = r"# Lights.
asyncapi: '3.0.0' # for now
info:
  title: Lights
  version: 1.0.0
  # How we sort.
  tags:
    # first
    - name: light
servers:
  production:
    host: lights.org:1883
    pathname: /path # public
    protocol: mqtt
    # who may
    security:
      # a key
      - $ref: '#/components/securitySchemes/key'

channels:
  # What lamps tell.
  light/{id}/measured:
    address: 'light/{id}/measured'
    # which lamp
    parameters:
      id:
        # any
        enum: [a, b]
    messages:
      # what comes
      measured:
        # of lamps
        $ref: '#/components/messages/measured'

operations:
  # we listen
  # the name
  onMeasured: # here
    action: receive
    channel:
      $ref: '#/channels/light~1{id}~1measured'
    messages:
      - $ref: '#/channels/light~1{id}~1measured/messages/measured'
components:
  securitySchemes:
    key: { type: userPassword }
  messages:
    measured:
      payload: { type: object }
";

#[test]
fn a_document_moves_with_its_comments() {
    let (text, notes) = converted(LIGHTS_2);
    assert_eq!(text, LIGHTS_3);
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn references_follow_and_formats_join_their_schemas() {
    let text = "asyncapi: 2.4.0\ninfo: {title: T, version: '1'}\nchannels:\n  a:\n    publish:\n      message:\n        oneOf:\n          - messageId: one\n            schemaFormat: application/vnd.apache.avro;version=1.9.0\n            payload: {type: string}\n          - payload:\n              $ref: '#/channels/a/publish/message/oneOf/0/payload'\n";
    let (text, _) = converted(text);
    assert!(text.contains("      one:\n        payload:\n          schemaFormat: application/vnd.apache.avro;version=1.9.0\n          schema: { type: string }\n"), "{text}");
    assert!(text.contains("$ref: '#/channels/a/messages/one/payload/schema'"), "{text}");
    assert!(text.contains("  a.publish:\n    action: receive\n"), "{text}");
}

#[test]
fn what_has_no_place_is_told() {
    let text = "asyncapi: 2.0.0\ninfo: {title: T, version: '1'}\nservers:\n  s:\n    url: wss://h/x\n    protocol: ws\n    security: [{a: [], b: []}, {}]\nchannels:\n  'c/{p}':\n    parameters:\n      p:\n        schema: {type: integer, default: 3} # a number\n";
    let (text, notes) = converted(text);
    assert!(text.contains("default: '3'"), "{text}");
    let told = ["the scheme `wss`", "several schemes", "security optional", "schema, `type`"];
    for part in told {
        assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:?}");
    }
}

#[test]
fn anchors_come_before_their_aliases() {
    let text = "asyncapi: 2.6.0\ninfo: {title: T, version: '1'}\ncomponents:\n  messages:\n    m: &m\n      payload: &p\n        type: object\nchannels:\n  a:\n    publish: &op\n      message: *m\n  b:\n    subscribe: *op\n  c:\n    publish:\n      <<: *op\n      summary: merged\n";
    let (text, notes) = converted(text);
    assert!(text.contains("message: *m"), "{text}");
    assert!(notes.iter().all(|note| note.starts_with(WRITTEN_OUT)), "{notes:?}");
    assert!(text.contains("summary: merged"), "{text}");
}

#[test]
fn json_stays_json() {
    let text = r#"{"asyncapi":"2.6.0","info":{"title":"T","version":"1"},"channels":{"a":{"subscribe":{"operationId":"send","message":{"name":"M","payload":{"type":"string"}}}}}}"#;
    let (text, _) = converted(text);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["operations"]["send"]["action"], "send");
    assert_eq!(value["operations"]["send"]["messages"][0]["$ref"], "#/channels/a/messages/M");
    assert_eq!(value["channels"]["a"]["messages"]["M"]["payload"]["type"], "string");
}

#[test]
fn versions_go_upwards_only() {
    let run = |text: &str, major, minor| {
        let target = Version { major, minor };
        convert(text, FileId(0), target, Perspective::Client, &Limits::default()).map(|result| result.text)
    };
    assert_eq!(run("asyncapi:  \"2.0.0\" # x\n", 2, 6).unwrap(), "asyncapi: \"2.6.0\" # x\n");
    assert_eq!(run("asyncapi: 3.0.0\n", 3, 1).unwrap(), "asyncapi: 3.1.0\n");
    assert_eq!(run("asyncapi: 3.0.0\n", 2, 6), Err(ConvertError::Downwards(Version { major: 3, minor: 0 })));
    assert_eq!(run("a: 1\n", 3, 0), Err(ConvertError::NotAsyncApi));
}
