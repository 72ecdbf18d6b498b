//! Tests of the layout.

use proptest::prelude::*;

use super::*;

fn formatted(text: &str) -> String {
    let once = format(text, &Limits::default()).unwrap_or_else(|refusal| panic!("{text}\n{refusal}"));
    let twice = format(&once, &Limits::default()).unwrap_or_else(|refusal| panic!("{once}\n{refusal}"));
    assert_eq!(once, twice, "from\n{text}");
    once
}

#[test]
fn indentation_spaces_and_blank_lines() {
    let text = "# head\n\n\n\na:   1   # one\nlist:\n- x\n-   y:  1\n    z: 2\n# about map\nmap:\n      k:   v\n\n\n      # about l\n      l: [1,2 ,  {a: b,c: d} ]\n      # end of map\nlast: {}\n\n\n# foot";
    let wanted = "# head\n\na: 1 # one\nlist:\n  - x\n  - y: 1\n    z: 2\n# about map\nmap:\n  k: v\n\n  # about l\n  l: [1, 2, { a: b, c: d }]\n  # end of map\nlast: {}\n\n# foot\n";
    assert_eq!(formatted(text), wanted);
}

#[test]
fn blocks_keep_their_lines() {
    let text = "a: |\n     one\n       two\n\n     three\nb: >-  # why\n  x\n\n\n  y\nc: |2\n    indented\n  less\nd: |+\n  keep\n\n\ne: |\n";
    let wanted = "a: |\n  one\n    two\n\n  three\nb: >- # why\n  x\n\n\n  y\nc: |2\n    indented\n  less\nd: |+\n  keep\n\n\ne: |\n";
    assert_eq!(formatted(text), wanted);
}

#[test]
fn anchors_tags_and_aliases_stay_where_they_are() {
    let text = "base:   &base\n   a: 1\nuse:\n    <<:   *base\n    t: !!str   5\nlist: &l\n- &x   one\n- *x\n-   &m\n    k: v\n*x : odd\n";
    let wanted = "base: &base\n  a: 1\nuse:\n  <<: *base\n  t: !!str 5\nlist: &l\n  - &x one\n  - *x\n  - &m\n    k: v\n*x : odd\n";
    assert_eq!(formatted(text), wanted);
}

#[test]
fn json_stays_json() {
    let text = "{\"a\":1,\"b\":[true,null,{\"c\":\"d\"}],\n\t\"e\":{\n\t\t\"f\":[\n1,2]}}";
    let wanted = "{\n  \"a\": 1,\n  \"b\": [true, null, { \"c\": \"d\" }],\n  \"e\": {\n    \"f\": [\n      1,\n      2\n    ]\n  }\n}\n";
    assert_eq!(formatted(text), wanted);
    let text = "payload: {\n  \"a\": 1,\n  \"b\": {}\n}\n";
    assert_eq!(formatted(text), "payload:\n  {\n    \"a\": 1,\n    \"b\": {}\n  }\n");
}

#[test]
fn comments_keep_their_level_by_their_column() {
    let text = "a:\n    b:\n    - 1\n      # of one\n    # of b\n  # of a\n    c: 2\n# of d\nd: 3\n";
    let wanted = "a:\n  b:\n    - 1\n  # of one\n  # of b\n  # of a\n  c: 2\n# of d\nd: 3\n";
    assert_eq!(formatted(text), wanted);
}

#[test]
fn line_ends_and_byte_order_marks() {
    assert_eq!(formatted("a:  1\r\nb: |\r\n   x\r\n   y\r\n"), "a: 1\r\nb: |\r\n  x\r\n  y\r\n");
    assert_eq!(formatted("a:  1\r\nb: 2\n"), "a: 1\nb: 2\n");
    assert_eq!(formatted("\u{feff}a:  1"), "a: 1\n");
    assert_eq!(format("a: 1\rb: 2\r", &Limits::default()), Err(Refusal::CarriageReturn));
}

#[test]
fn scalars_on_many_lines_go_one_level_in() {
    let text = "a: \"one\n      two\\\n      three\"\nb:\n    plain\n    text\n\n    more\nc:\n    short\n";
    let wanted = "a: \"one\n  two\\\n  three\"\nb:\n  plain\n  text\n\n  more\nc: short\n";
    assert_eq!(formatted(text), wanted);
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() {
    let refusal = |text: &str| format(text, &Limits::default()).unwrap_err().to_string();
    assert!(refusal("a: [1").contains("`[` is never closed"));
    assert_eq!(refusal("# only\n"), "it holds no document");
    assert_eq!(refusal("a: 1\n---\nb: 2\n"), "the file holds several documents");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_panics_and_layout_is_stable(text in "[\\-a-c:\\[\\]{}&*!|>'\"# \n,?é]{0,60}") {
        if let Ok(once) = format(&text, &Limits::default()) {
            let twice = format(&once, &Limits::default());
            prop_assert_eq!(twice.as_ref(), Ok(&once), "{:?}", text);
        }
    }
}
