//! Tests of bundling, each a few files.

use std::path::Path;

use super::*;
use crate::contract::load;

fn files(folder: &Path, files: &[(&str, &str)]) -> Bundled {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let limits = Limits::default();
    let loaded = load(&[folder.join(files[0].0)], &limits);
    bundle(&loaded, &limits).unwrap()
}

const MAIN: &str = "asyncapi: 3.0.0\ninfo: { title: T, version: '1' }\nchannels:\n  a:\n    address: a\n    messages:\n      # the first\n      one:\n        $ref: 'parts/messages.yaml#/one'\n      two:\n        payload:\n          $ref: parts/person.yaml\n";

#[test]
fn references_become_components_once() {
    let folder = tempfile::tempdir().unwrap();
    let result = files(
        folder.path(),
        &[
            ("main.yaml", MAIN),
            ("parts/messages.yaml", "one:\n  # what it holds\n  payload:\n    $ref: ./person.yaml\n"),
            (
                "parts/person.yaml",
                "# A person.\ntype: object # always\nproperties:\n  friend: { $ref: '#' }\n  pet:\n    $ref: '#/definitions/pet'\n  away:\n    $ref: https://e.org/x.json\ndefinitions:\n  pet: { type: string }\n",
            ),
        ],
    );
    let wanted = "asyncapi: 3.0.0\ninfo: { title: T, version: '1' }\nchannels:\n  a:\n    address: a\n    messages:\n      # the first\n      one:\n        $ref: '#/components/messages/one'\n      two:\n        payload:\n          $ref: '#/components/schemas/person'\ncomponents:\n  schemas:\n    person:\n      # A person.\n      type: object # always\n      properties:\n        friend: { $ref: '#/components/schemas/person' }\n        pet:\n          $ref: '#/components/schemas/person/definitions/pet'\n        away:\n          $ref: https://e.org/x.json\n      definitions:\n        pet: { type: string }\n  messages:\n    one:\n      # what it holds\n      payload:\n        $ref: '#/components/schemas/person'\n";
    // Which group comes first follows from which part is met first.
    let groups = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(groups(&result.text), groups(wanted), "{}", result.text);
    assert_eq!(result.moved, 2);
    assert_eq!(result.notes.iter().map(|note| note.code).collect::<Vec<_>>(), [REMOTE_LEFT]);
    let origin =
        result.origins.iter().find(|origin| origin.pointer == "/components/schemas/person/type").unwrap();
    assert!(origin.file.ends_with("parts/person.yaml"));
    assert_eq!((origin.line, origin.column), (2, 1));
}

#[test]
fn names_do_not_collide_and_anchors_are_written_out() {
    let folder = tempfile::tempdir().unwrap();
    let main = "asyncapi: 2.6.0\ninfo: { title: T, version: '1' }\nchannels:\n  a:\n    publish:\n      message:\n        payload: { $ref: 'x.yaml#/id' }\n        headers: { $ref: 'y/x.yaml#/id' }\ncomponents:\n  schemas:\n    id: { type: string }\n";
    let part = "base: &base { type: object }\nid:\n  allOf: [*base]\n";
    let result = files(folder.path(), &[("main.yaml", main), ("x.yaml", part), ("y/x.yaml", part)]);
    assert!(result.text.contains("payload: { $ref: '#/components/schemas/x_id' }"), "{}", result.text);
    assert!(result.text.contains("headers: { $ref: '#/components/schemas/x_id_2' }"), "{}", result.text);
    assert!(result.text.contains("allOf: [{ type: object }]"), "{}", result.text);
}

#[test]
fn other_languages_are_put_in_their_place_and_json_stays_json() {
    let folder = tempfile::tempdir().unwrap();
    let main = r#"{"asyncapi":"3.0.0","info":{"title":"T","version":"1"},"channels":{"a":{"address":"a","messages":{"m":{"payload":{"schemaFormat":"application/vnd.apache.avro;version=1.9.0","schema":{"$ref":"user.avsc"}}},"n":{"payload":{"$ref":"n.yaml"}}}}}}"#;
    let result = files(
        folder.path(),
        &[
            ("main.json", main),
            ("user.avsc", r#"{"type":"string"}"#),
            ("n.yaml", "# n\ntype: integer\nmaximum: 0x10\ntitle: yes\n"),
        ],
    );
    let value: serde_json::Value = serde_json::from_str(&result.text).unwrap();
    let messages = &value["channels"]["a"]["messages"];
    assert_eq!(messages["m"]["payload"]["schema"]["type"], "string");
    assert_eq!(messages["n"]["payload"]["$ref"], "#/components/schemas/n");
    assert_eq!(
        value["components"]["schemas"]["n"],
        serde_json::json!({"type": "integer", "maximum": 16, "title": "yes"})
    );
    assert_eq!(result.notes.iter().map(|note| note.code).collect::<Vec<_>>(), [COMMENTS_LOST]);
}
