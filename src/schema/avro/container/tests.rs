//! Containers that another implementation wrote, of each compression, whole, damaged and hostile.

use apache_avro::types::Value as Written;
use apache_avro::{Codec, DeflateSettings, Schema, Writer};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Container, is_container, read};

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "string"}, {"name": "total", "type": ["null", "double"]}]}"#;

fn order(number: i32) -> Written {
    let total = Written::Union(1, Box::new(Written::Double(f64::from(number) / 2.0)));
    Written::Record(vec![
        ("id".to_owned(), Written::String(format!("o-{number}"))),
        ("total".to_owned(), total),
    ])
}

fn written(codec: Codec, count: i32) -> Vec<u8> {
    let schema = Schema::parse_str(ORDER).expect("a schema");
    let mut writer = Writer::with_codec(&schema, Vec::new(), codec).expect("a writer");
    for number in 0..count {
        writer.append_value(order(number)).expect("appended");
        // Every tenth ends a block.
        if number % 10 == 9 {
            writer.flush().expect("a block");
        }
    }
    writer.into_inner().expect("written")
}

fn expected(count: i32) -> Vec<Value> {
    (0..count).map(|number| json!({"id": format!("o-{number}"), "total": f64::from(number) / 2.0})).collect()
}

fn whole(bytes: &[u8]) -> Container {
    read(bytes).expect("a container").unwrap_or_else(|reason| panic!("{reason}"))
}

fn reason(bytes: &[u8]) -> String {
    read(bytes).expect("a container").expect_err("it cannot be read")
}

#[test]
fn what_others_wrote_is_read() {
    for (codec, name) in [(Codec::Null, "null"), (Codec::Deflate(DeflateSettings::default()), "deflate")] {
        for count in [0, 1, 25] {
            let found = whole(&written(codec, count));
            assert_eq!((found.schema.as_str(), found.codec.as_str()), ("shop.Order", name));
            assert_eq!(found.values, expected(count));
        }
    }
    assert_eq!(whole(&written(Codec::Null, 1)).into_json(), expected(1)[0].to_string().into_bytes());
    assert_eq!(whole(&written(Codec::Null, 2)).into_json(), json!(expected(2)).to_string().into_bytes());
    assert!(read(b"Obj").is_none() && read(b"Obj\x02").is_none() && !is_container(b""));
}

/// A number as Avro writes it.
fn number(value: usize) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), value << 1);
    while rest > 0x7f {
        bytes.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).expect("seven bits"));
    bytes
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [number(bytes.len()), bytes.to_vec()].concat()
}

/// A container of one block, written by hand.
fn made(schema: &str, codec: &str, count: usize, block: &[u8]) -> Vec<u8> {
    let entries = [("avro.codec", codec), ("avro.schema", schema)];
    let entries = entries.map(|(name, value)| [sized(name.as_bytes()), sized(value.as_bytes())].concat());
    [&b"Obj\x01"[..], &number(2), &entries.concat(), &[0], &[7; 16], &number(count), &sized(block), &[7; 16]]
        .concat()
}

#[test]
fn other_compressions_are_read() {
    let plain = [&[6][..], b"abc", &[2], b"d"].concat();
    let packed = zstd::encode_all(plain.as_slice(), 3).expect("packed");
    assert_eq!(whole(&made("\"string\"", "zstandard", 2, &packed)).values, [json!("abc"), json!("d")]);
    let mut packed = snap::raw::Encoder::new().compress_vec(&plain).expect("packed");
    let mut sum = flate2::Crc::new();
    sum.update(&plain);
    packed.extend(sum.sum().to_be_bytes());
    let found = whole(&made("\"string\"", "snappy", 2, &packed));
    assert_eq!((found.values.len(), found.schema.as_str()), (2, "string"));
    *packed.last_mut().expect("a check sum") ^= 1;
    assert!(reason(&made("\"string\"", "snappy", 2, &packed)).contains("check sum is wrong"));
    assert!(reason(&made("\"string\"", "xz", 2, &plain)).contains("its codec is `xz`"));
}

#[test]
fn what_is_wrong_is_said() {
    let bytes = written(Codec::Null, 3);
    let said = reason(&bytes[..bytes.len() - 1]);
    assert!(said.contains("it ends at byte") && said.contains("the mark behind a block"), "{said}");
    let mut changed = bytes.clone();
    *changed.last_mut().expect("a mark") ^= 1;
    assert!(reason(&changed).contains("is not the one of its head"), "{}", reason(&changed));
    assert!(reason(&made("{\"type\": \"rekord\"}", "null", 0, b"")).contains("does not compile"));
    assert!(reason(&made("{", "null", 0, b"")).contains("its schema"));
    let said = reason(&made("\"string\"", "null", 1, &[6, b'a']));
    assert!(said.contains("its block at byte") && said.contains("says it has 3 bytes"), "{said}");
    let said = reason(&made("\"string\"", "null", 1, &[2, b'a', 0]));
    assert!(said.contains("1 byte is left"), "{said}");
    assert!(reason(b"Obj\x01\x00").contains("no `avro.schema`"));
}

#[test]
fn nothing_grows_without_an_end() {
    let nulls = made("\"null\"", "null", 1_000_001, b"");
    assert!(reason(&nulls).contains("more than 1000000 values"), "{}", reason(&nulls));
    let zeros = zstd::encode_all(vec![0; (64 << 20) + 1].as_slice(), 1).expect("packed");
    assert!(reason(&made("\"bytes\"", "zstandard", 1, &zeros)).contains("more than 64 MiB"));
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("secret.json");
    std::fs::write(&file, "\"string\"").expect("written");
    let schema = format!("{{\"$ref\": \"file://{}\"}}", file.display());
    assert!(reason(&made(&schema, "null", 0, b"")).contains("does not compile"));
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_value_or_a_reason(
        place in 4..400_usize, byte in any::<u8>(), length in 4..400_usize, noise in prop::collection::vec(any::<u8>(), 0..99),
    ) {
        let mut bytes = written(Codec::Null, 12);
        if let Some(found) = bytes.get_mut(place) {
            *found = byte;
        }
        bytes.truncate(length.max(4));
        prop_assert!(read(&bytes).is_some());
        prop_assert!(read(&[&b"Obj\x01"[..], &noise].concat()).is_some());
    }
}
