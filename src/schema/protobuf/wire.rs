//! Protobuf's binary encoding walked beside a message: every fault with its byte and its field, where decoders say the
//! first without a place, or pass over what they do not know.

use std::borrow::Cow;

use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::schema::Violation;
use crate::schema::binary::{at_byte, bytes_left, violation};
use crate::schema::words::{alternatives, of_place, place};
use crate::source_text::Resolved;
use crate::source_text::tree::pointer_push;

/// Levels of messages inside messages, as decoders allow them.
const DEPTH: usize = 100;

/// Seconds of year 1 to year 9999, which a `Timestamp` may have, and those of a `Duration`.
const TIMESTAMP: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
const DURATION: std::ops::RangeInclusive<i64> = -315_576_000_000..=315_576_000_000;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Varint,
    Eight,
    Length,
    Start,
    End,
    Four,
}

impl Form {
    fn of(number: u64) -> Option<Self> {
        Some(match number & 7 {
            0 => Self::Varint,
            1 => Self::Eight,
            2 => Self::Length,
            3 => Self::Start,
            4 => Self::End,
            5 => Self::Four,
            _ => return None,
        })
    }

    fn of_field(field: &FieldDescriptor) -> Self {
        match field.kind() {
            Kind::Message(_) if field.is_group() => Self::Start,
            Kind::Message(_) | Kind::String | Kind::Bytes => Self::Length,
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Self::Eight,
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Self::Four,
            _ => Self::Varint,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Varint => "a varint",
            Self::Eight => "eight bytes",
            Self::Length => "bytes with a length",
            Self::Start | Self::End => "a group",
            Self::Four => "four bytes",
        }
    }
}

/// The rest cannot be read: where a value ends is not known.
struct Lost;

/// One message being read.
struct Frame<'m> {
    message: &'m MessageDescriptor,
    pointer: String,
    /// The byte after it.
    end: usize,
    /// The number of the group it is.
    group: Option<u32>,
    /// Fields met, with how often.
    seen: Vec<(u32, usize)>,
}

impl<'m> Frame<'m> {
    fn new(message: &'m MessageDescriptor, pointer: String, end: usize) -> Self {
        Self { message, pointer, end, group: None, seen: Vec::new() }
    }

    /// Counts a field; how often it was there before.
    fn meet(&mut self, number: u32) -> usize {
        if let Some((_, count)) = self.seen.iter_mut().find(|(known, _)| *known == number) {
            *count += 1;
            return *count - 1;
        }
        self.seen.push((number, 1));
        0
    }
}

/// All faults of the message that stands in a payload from `start` on.
pub(super) fn faults(
    message: &MessageDescriptor,
    schema: &Resolved,
    payload: &[u8],
    start: usize,
) -> Vec<Violation> {
    let mut walk = Walk { schema, payload, at: start, part: String::new(), depth: 0, found: Vec::new() };
    let _ = walk.message(Frame::new(message, String::new(), payload.len()));
    walk.found
}

struct Walk<'a> {
    schema: &'a Resolved,
    payload: &'a [u8],
    at: usize,
    /// JSON Pointer of what is read.
    part: String,
    depth: usize,
    found: Vec<Violation>,
}

impl Walk<'_> {
    fn wrong(&mut self, keyword: &str, message: String, pointer: &str, at: usize) -> &mut Violation {
        let mut found = violation(keyword, message, pointer, at);
        found.schema_file = Some(self.schema.file);
        found.schema_pointer.clone_from(&self.schema.pointer);
        let index = self.found.len();
        self.found.push(found);
        &mut self.found[index]
    }

    fn cut_off(&mut self, what: &str, frame: &Frame<'_>) -> Lost {
        let end = frame.end;
        let whole = if end == self.payload.len() { "the payload" } else { "its message" };
        let text = format!("{whole} ends at byte {end}, within {what} of `{}`", frame.message.full_name());
        self.wrong("truncated", text, &self.part.clone(), end);
        Lost
    }

    fn message(&mut self, mut frame: Frame<'_>) -> Result<(), Lost> {
        if self.depth > DEPTH {
            let text = format!("{} is nested deeper than {DEPTH} levels", place(&frame.pointer));
            self.wrong("limit", text, &frame.pointer, self.at);
            return Err(Lost);
        }
        let from = self.at;
        self.depth += 1;
        loop {
            if self.at >= frame.end {
                if frame.group.is_some() {
                    self.part.clone_from(&frame.pointer);
                    return Err(self.cut_off("a group", &frame));
                }
                break;
            }
            if self.field(&mut frame)? {
                break;
            }
        }
        self.depth -= 1;
        self.required(&frame, from);
        self.well_known(&frame, from);
        Ok(())
    }

    /// Reads one field; whether it was the end of the group.
    fn field(&mut self, frame: &mut Frame<'_>) -> Result<bool, Lost> {
        let from = self.at;
        self.part.clone_from(&frame.pointer);
        let tag = self.varint("the number of a field", frame)?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number));
        let (Some(number), Some(form)) = (number, Form::of(tag)) else {
            let text = format!(
                "{} begins no field of `{}`",
                at_byte(&format!("`0x{:02x}`", self.payload[from]), from),
                frame.message.full_name()
            );
            self.wrong("tag", text, &frame.pointer, from).help =
                Some("is it another message, or no Protobuf at all?".to_owned());
            return Err(Lost);
        };
        if form == Form::End {
            if frame.group == Some(number) {
                return Ok(true);
            }
            let text = format!("the group {number} ends at byte {from} and never began");
            self.wrong("tag", text, &frame.pointer, from);
            return Err(Lost);
        }
        let before = frame.meet(number);
        let Some(field) = frame.message.get_field(number) else {
            self.unknown(number, frame, from);
            self.skip(form, number, frame)?;
            return Ok(false);
        };
        // In JSON the entry of a map is its key and value, not a message of two fields.
        let mut pointer = if frame.message.is_map_entry() {
            frame.pointer.clone()
        } else {
            pointer_push(&frame.pointer, field.json_name())
        };
        if field.is_list() {
            pointer = pointer_push(&pointer, &before.to_string());
        }
        let expected = Form::of_field(&field);
        if form == expected {
            self.value(&field, &pointer, frame)?;
        } else if form == Form::Length && field.is_list() && expected != Form::Start {
            self.packed(&field, &pointer, frame)?;
        } else {
            let text = format!(
                "{} is written as {}, and its kind `{}` as {}",
                at_byte(&place(&pointer), from),
                form.word(),
                kind_word(&field.kind()),
                expected.word()
            );
            self.wrong("type", text, &pointer, from);
            self.skip(form, number, frame)?;
        }
        Ok(false)
    }

    fn unknown(&mut self, number: u32, frame: &Frame<'_>, at: usize) {
        let message = frame.message;
        if message.extension_ranges().any(|range| range.contains(&number)) {
            return;
        }
        let is_reserved = message.reserved_ranges().any(|range| range.contains(&number));
        let why = if is_reserved { "reserves" } else { "does not have" };
        let text = format!("the field number {number} at byte {at} is one `{}` {why}", message.full_name());
        self.wrong("additionalProperties", text, &pointer_push(&frame.pointer, &format!("#{number}")), at);
    }

    fn varint(&mut self, what: &str, frame: &Frame<'_>) -> Result<u64, Lost> {
        let from = self.at;
        let mut number = 0_u64;
        for shift in (0..70).step_by(7) {
            let Some(byte) = self.payload[..frame.end].get(self.at).copied() else {
                return Err(self.cut_off(what, frame));
            };
            self.at += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        let text = format!("{} is no number: it has more than 64 bits", at_byte(what, from));
        self.wrong("type", text, &self.part.clone(), from);
        Err(Lost)
    }

    fn pass(&mut self, count: usize, what: &str, frame: &Frame<'_>) -> Result<(), Lost> {
        if frame.end - self.at < count {
            return Err(self.cut_off(what, frame));
        }
        self.at += count;
        Ok(())
    }

    /// Reads a length that fits into what is left of the message, and says where what it measures ends.
    fn length(&mut self, what: &str, frame: &Frame<'_>) -> Result<usize, Lost> {
        let from = self.at;
        let length = self.varint(what, frame)?;
        let left = frame.end - self.at;
        if let Some(length) = usize::try_from(length).ok().filter(|length| *length <= left) {
            return Ok(self.at + length);
        }
        let whole = if frame.end == self.payload.len() { "the payload" } else { "its message" };
        let text = format!(
            "{} says it has {length} bytes, and {} of {whole}",
            at_byte(what, from),
            bytes_left(left)
        );
        self.wrong("truncated", text, &self.part.clone(), from);
        Err(Lost)
    }

    /// Moves past a value nobody knows.
    fn skip(&mut self, form: Form, number: u32, frame: &Frame<'_>) -> Result<(), Lost> {
        let what = format!("the field number {number}");
        match form {
            Form::Varint => self.varint(&what, frame).map(drop),
            Form::Eight => self.pass(8, &what, frame),
            Form::Four => self.pass(4, &what, frame),
            Form::Length => {
                self.at = self.length(&what, frame)?;
                Ok(())
            }
            // What a group nobody knows holds has no names either.
            Form::Start | Form::End => self.skip_group(number, frame),
        }
    }

    fn skip_group(&mut self, number: u32, frame: &Frame<'_>) -> Result<(), Lost> {
        let mut open = vec![number];
        while let Some(inner) = open.last().copied() {
            let tag = self.varint("a group", frame)?;
            let number = u32::try_from(tag >> 3).unwrap_or(0);
            match Form::of(tag) {
                Some(Form::Start) if open.len() < DEPTH => open.push(number),
                Some(Form::End) if number == inner => drop(open.pop()),
                Some(form) if !matches!(form, Form::Start | Form::End) => self.skip(form, number, frame)?,
                _ => return Err(self.cut_off("a group", frame)),
            }
        }
        Ok(())
    }

    fn value(&mut self, field: &FieldDescriptor, pointer: &str, frame: &Frame<'_>) -> Result<(), Lost> {
        let what = place(pointer);
        let from = self.at;
        pointer.clone_into(&mut self.part);
        match field.kind() {
            Kind::Message(inner) if field.is_group() => {
                let mut group = Frame::new(&inner, pointer.to_owned(), frame.end);
                group.group = Some(field.number());
                return self.message(group);
            }
            Kind::Message(inner) => {
                let end = self.length(&what, frame)?;
                let pointer = if field.is_map() {
                    pointer_push(pointer, &self.key(&inner, self.at, end))
                } else {
                    pointer.to_owned()
                };
                // A fault inside is one of this message alone: what comes after it can be read.
                let depth = self.depth;
                let _ = self.message(Frame::new(&inner, pointer, end));
                self.depth = depth;
                self.at = end;
            }
            Kind::String => {
                let end = self.length(&what, frame)?;
                if let Err(error) = std::str::from_utf8(&self.payload[self.at..end]) {
                    let at = self.at + error.valid_up_to();
                    self.wrong("utf-8", format!("{what} is no UTF-8 from byte {at} on"), pointer, at);
                }
                self.at = end;
            }
            Kind::Bytes => self.at = self.length(&what, frame)?,
            Kind::Enum(kind) => {
                let number = self.varint(&what, frame)?;
                self.symbol(&kind, number, pointer, from);
            }
            _ => match Form::of_field(field) {
                Form::Eight => self.pass(8, &what, frame)?,
                Form::Four => self.pass(4, &what, frame)?,
                _ => drop(self.varint(&what, frame)?),
            },
        }
        Ok(())
    }

    /// The values of a repeated field one after another.
    fn packed(&mut self, field: &FieldDescriptor, pointer: &str, frame: &Frame<'_>) -> Result<(), Lost> {
        let end = self.length(&place(pointer), frame)?;
        let list = pointer.rsplit_once('/').map_or("", |(list, _)| list);
        let inside = Frame::new(frame.message, frame.pointer.clone(), end);
        let mut index = 0_usize;
        while self.at < end {
            if self.value(field, &pointer_push(list, &index.to_string()), &inside).is_err() {
                break;
            }
            index += 1;
        }
        self.at = end;
        Ok(())
    }

    fn symbol(&mut self, kind: &EnumDescriptor, number: u64, pointer: &str, at: usize) {
        #[expect(clippy::cast_possible_truncation, reason = "decoders take the lowest 32 bits")]
        let number = (number as u32).cast_signed();
        if kind.get_value(number).is_some() {
            return;
        }
        let names: Vec<String> = kind.values().map(|value| value.name().to_owned()).collect();
        let words = alternatives(&names);
        let text =
            format!("{} is {number}, no value of `{}`", at_byte(&place(pointer), at), kind.full_name());
        let found = self.wrong("enum", text, pointer, at);
        found.expected = Some(words);
        found.actual = Some(number.to_string());
    }

    /// The key of the entry of a map that stands there, as the mapping to JSON writes it.
    fn key(&self, entry: &MessageDescriptor, from: usize, end: usize) -> String {
        let bytes = &self.payload[from..end];
        // The key alone, which stands first: what is wrong with the value must not hide it.
        let length = match bytes {
            [0x0a, length, ..] if *length < 0x80 => usize::from(*length) + 2,
            [0x08, number @ ..] => number.iter().take_while(|byte| **byte >= 0x80).count() + 2,
            _ => bytes.len(),
        };
        let alone = bytes.get(..length).unwrap_or(bytes);
        let decoded = DynamicMessage::decode(entry.clone(), alone).ok();
        let key = decoded.map(|entry| entry.get_field_by_number(1).map(Cow::into_owned));
        match key.flatten() {
            Some(prost_reflect::Value::String(text)) => text,
            Some(prost_reflect::Value::Bool(truth)) => truth.to_string(),
            Some(prost_reflect::Value::I32(number)) => number.to_string(),
            Some(prost_reflect::Value::I64(number)) => number.to_string(),
            Some(prost_reflect::Value::U32(number)) => number.to_string(),
            Some(prost_reflect::Value::U64(number)) => number.to_string(),
            _ => "?".to_owned(),
        }
    }

    /// Fields that proto2 asks for.
    fn required(&mut self, frame: &Frame<'_>, at: usize) {
        for field in frame.message.fields().filter(FieldDescriptor::is_required) {
            if frame.seen.iter().all(|(number, _)| *number != field.number()) {
                let text =
                    format!("the field `{}`{} is missing", field.json_name(), of_place(&frame.pointer));
                self.wrong("required", text, &frame.pointer, at).expected =
                    Some(format!("`{}`", field.json_name()));
            }
        }
    }

    /// Moments and spans of time have bounds of their own.
    fn well_known(&mut self, frame: &Frame<'_>, from: usize) {
        let name = frame.message.full_name();
        let bounds = match name {
            "google.protobuf.Timestamp" => TIMESTAMP,
            "google.protobuf.Duration" => DURATION,
            _ => return,
        };
        let Ok(value) = DynamicMessage::decode(frame.message.clone(), &self.payload[from..frame.end]) else {
            return;
        };
        let seconds = value.get_field_by_number(1).and_then(|number| number.as_i64()).unwrap_or(0);
        let nanos = value.get_field_by_number(2).and_then(|number| number.as_i32()).unwrap_or(0);
        let is_moment = name.ends_with("Timestamp");
        let agrees = if is_moment { nanos >= 0 } else { i64::from(nanos).signum() * seconds.signum() >= 0 };
        if !bounds.contains(&seconds) || nanos.unsigned_abs() > 999_999_999 || !agrees {
            let text = format!(
                "{} is no `{name}`: {seconds} s and {nanos} ns are out of its bounds",
                at_byte(&place(&frame.pointer), from)
            );
            self.wrong("type", text, &frame.pointer, from);
        }
    }
}

fn kind_word(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(kind) => kind.full_name().to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}
