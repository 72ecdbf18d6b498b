//! Which columns of a Parquet file hold which parts of an event: found by their names, in any order, with types that are checked.

use std::io;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::file::metadata::RowGroupMetaData;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, Type};

use super::malformed;

/// Columns that are named in an error, at most.
const SHOWN: usize = 20;

/// Where a column is, and the level at which it has a value.
#[derive(Clone, Copy)]
pub(super) struct Leaf {
    pub(super) at: usize,
    pub(super) full: i16,
}

/// How whole numbers stand in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Small {
        signed: bool,
    },
    Large {
        signed: bool,
    },
    /// As pandas writes whole numbers of which some are missing.
    Double,
}

/// How times stand in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Milliseconds,
    Microseconds,
    Nanoseconds,
    /// A day and nanoseconds in it, in 96 bits, as Impala and Spark wrote them.
    Day,
}

/// Names and values of headers, and the level at which the list has an element.
#[derive(Clone, Copy)]
pub(super) struct HeaderLeaves {
    pub(super) names: Leaf,
    pub(super) values: Leaf,
    pub(super) element: i16,
}

/// The columns of one file.
pub(super) struct Layout {
    pub(super) number: Option<(Leaf, Number)>,
    pub(super) received: Option<(Leaf, Moment)>,
    pub(super) channel: Leaf,
    pub(super) partition: Option<(Leaf, Number)>,
    pub(super) offset: Option<(Leaf, Number)>,
    pub(super) time: Option<(Leaf, Moment)>,
    pub(super) time_kind: Option<Leaf>,
    pub(super) key: Option<Leaf>,
    pub(super) payload: Leaf,
    pub(super) headers: Option<HeaderLeaves>,
    pub(super) attributes: Option<Leaf>,
    /// Columns that an event has no part for.
    pub(super) strange: Vec<String>,
}

impl Layout {
    /// Finds the columns.
    ///
    /// # Errors
    /// When one that must be there is missing, is there twice, or has a type that its part of an event cannot come from.
    pub(super) fn find(schema: &SchemaDescriptor) -> io::Result<Self> {
        let mut search = Search { schema, used: Vec::new() };
        let missing = |name: &str| {
            let fields = schema.root_schema().get_fields();
            let names = fields.iter().take(SHOWN).map(|field| format!("`{}`", field.name()));
            let names: Vec<String> = names.collect();
            let more = if fields.len() > SHOWN { " …" } else { "" };
            malformed(&format!(
                "it has no column `{name}`, which an event must have; its columns are {}{more}",
                names.join(", ")
            ))
        };
        let mut layout = Self {
            channel: search.bytes("channel")?.ok_or_else(|| missing("channel"))?,
            payload: search.bytes("payload")?.ok_or_else(|| missing("payload"))?,
            number: search.number("number")?,
            received: search.moment("received")?,
            partition: search.number("partition")?,
            offset: search.number("offset")?,
            time: search.moment("time")?,
            time_kind: search.bytes("time_kind")?,
            key: search.bytes("key")?,
            headers: search.headers("headers")?,
            attributes: search.bytes("attributes")?,
            strange: Vec::new(),
        };
        layout.strange = search.strange();
        Ok(layout)
    }

    /// Refuses row groups whose columns are packed by what this program does not read, or lie nowhere.
    pub(super) fn check_groups(&self, groups: &[RowGroupMetaData]) -> io::Result<()> {
        for at in groups.iter().flat_map(|group| self.leaves().map(move |at| group.columns().get(at))) {
            let Some(column) = at else {
                return Err(malformed("a row group has fewer columns than the file"));
            };
            let begin = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            let path = column.column_path().string();
            // The reader takes for granted that these are no negative numbers.
            if begin < 0 || column.compressed_size() < 0 {
                return Err(malformed(&format!("the place of column `{path}` is damaged")));
            }
            let name = match column.compression() {
                Compression::BROTLI(_) => "brotli",
                Compression::LZ4 | Compression::LZ4_RAW => "lz4",
                Compression::LZO => "lzo",
                _ => continue,
            };
            return Err(malformed(&format!(
                "column `{path}` is compressed by {name}, which this program does not read: write it with zstd, \
                 snappy, gzip or none"
            )));
        }
        Ok(())
    }

    fn leaves(&self) -> impl Iterator<Item = usize> {
        let places = [
            self.number.map(|(leaf, _)| leaf),
            self.received.map(|(leaf, _)| leaf),
            Some(self.channel),
            self.partition.map(|(leaf, _)| leaf),
            self.offset.map(|(leaf, _)| leaf),
            self.time.map(|(leaf, _)| leaf),
            self.time_kind,
            self.key,
            Some(self.payload),
            self.headers.map(|headers| headers.names),
            self.headers.map(|headers| headers.values),
            self.attributes,
        ];
        places.into_iter().flatten().map(|leaf| leaf.at)
    }
}

struct Search<'a> {
    schema: &'a SchemaDescriptor,
    /// Leaves that were found so far.
    used: Vec<usize>,
}

impl<'a> Search<'a> {
    /// The only field of this name at the top, and its number.
    fn field(&self, name: &str) -> io::Result<Option<(usize, &'a Type)>> {
        let fields = self.schema.root_schema().get_fields().iter().enumerate();
        let mut found = fields.filter(|(_, field)| field.name() == name);
        let first = found.next().map(|(at, field)| (at, field.as_ref()));
        if found.next().is_some() {
            return Err(malformed(&format!("column `{name}` is there twice")));
        }
        Ok(first)
    }

    fn leaves(&self, field: usize) -> Vec<usize> {
        let all = 0..self.schema.num_columns();
        all.filter(|leaf| self.schema.get_column_root_idx(*leaf) == field).collect()
    }

    /// A column of one value to a row, of a type that `read` takes.
    fn single<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&ColumnDescriptor) -> Option<T>,
    ) -> io::Result<Option<(Leaf, T)>> {
        let Some((at, field)) = self.field(name)? else {
            return Ok(None);
        };
        let leaf = self.leaves(at).first().copied().filter(|_| field.is_primitive());
        let column = leaf.map(|leaf| (leaf, self.schema.column(leaf)));
        let fitting = column.filter(|(_, column)| column.max_rep_level() == 0);
        let read = fitting.and_then(|(leaf, column)| Some((leaf, column.max_def_level(), read(&column)?)));
        let (at, full, kind) = read.ok_or_else(|| wrong_type(name, field, expected))?;
        self.used.push(at);
        Ok(Some((Leaf { at, full }, kind)))
    }

    fn number(&mut self, name: &str) -> io::Result<Option<(Leaf, Number)>> {
        self.single(name, "whole numbers (INT32 or INT64)", number)
    }

    fn moment(&mut self, name: &str) -> io::Result<Option<(Leaf, Moment)>> {
        self.single(name, "TIMESTAMP of milli-, micro- or nanoseconds", moment)
    }

    fn bytes(&mut self, name: &str) -> io::Result<Option<Leaf>> {
        let found =
            self.single(name, "BYTE_ARRAY (text or bytes)", |column| is_bytes(column).then_some(()))?;
        Ok(found.map(|(leaf, ())| leaf))
    }

    /// A list of groups of `name` and `value`, however its levels between are called.
    fn headers(&mut self, name: &str) -> io::Result<Option<HeaderLeaves>> {
        let Some((at, field)) = self.field(name)? else {
            return Ok(None);
        };
        let leaves = self.leaves(at);
        let part = |name: &str| {
            leaves.iter().copied().find_map(|at| {
                let column = self.schema.column(at);
                let fits = column.name() == name && column.max_rep_level() == 1 && is_bytes(&column);
                let (_, group) = column.path().parts().split_last()?;
                fits.then(|| (Leaf { at, full: column.max_def_level() }, group.to_vec()))
            })
        };
        match (part("name"), part("value")) {
            (Some((names, beside)), Some((values, group))) if beside == group => {
                self.used.extend([names.at, values.at]);
                Ok(Some(HeaderLeaves { names, values, element: element_level(field, &group) }))
            }
            _ => Err(wrong_type(name, field, "a LIST of groups of `name` and `value` (text or bytes)")),
        }
    }

    fn strange(&self) -> Vec<String> {
        let others = (0..self.schema.num_columns()).filter(|leaf| !self.used.contains(leaf));
        others.map(|leaf| format!("`{}`", self.schema.column(leaf).path().string())).collect()
    }
}

/// The level from which the list of a field has an element.
fn element_level(field: &Type, path: &[String]) -> i16 {
    let (mut node, mut level) = (field, 0);
    for name in path.iter().skip(1).map(Some).chain([None]) {
        level += i16::from(node.get_basic_info().repetition() != Repetition::REQUIRED);
        let next =
            name.filter(|_| node.is_group() && node.get_basic_info().repetition() != Repetition::REPEATED);
        match next.and_then(|name| node.get_fields().iter().find(|field| field.name() == name)) {
            Some(below) => node = below.as_ref(),
            None => break,
        }
    }
    level
}

fn wrong_type(name: &str, field: &Type, expected: &str) -> io::Error {
    let info = field.get_basic_info();
    let kind = match field {
        Type::PrimitiveType { physical_type, .. } => physical_type.to_string(),
        Type::GroupType { .. } => "a group".to_owned(),
    };
    let meaning = match info.logical_type_ref() {
        Some(LogicalType::Timestamp(stamp)) => format!(" (TIMESTAMP, {:?})", stamp.unit),
        _ if info.converted_type() == ConvertedType::NONE => String::new(),
        _ => format!(" ({})", info.converted_type()),
    };
    let is_repeated = info.has_repetition() && info.repetition() == Repetition::REPEATED;
    let repeated = if is_repeated { ", repeated" } else { "" };
    malformed(&format!(
        "column `{name}` is {kind}{meaning}{repeated}; expected is {expected}, as `docs/archive.md` says"
    ))
}

fn number(column: &ColumnDescriptor) -> Option<Number> {
    let converted = column.converted_type();
    let signed = match column.logical_type_ref() {
        Some(LogicalType::Integer(integer)) => integer.is_signed,
        None => match converted {
            ConvertedType::NONE
            | ConvertedType::INT_8
            | ConvertedType::INT_16
            | ConvertedType::INT_32
            | ConvertedType::INT_64 => true,
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64 => false,
            _ => return None,
        },
        Some(_) => return None,
    };
    match column.physical_type() {
        Physical::INT32 => Some(Number::Small { signed }),
        Physical::INT64 => Some(Number::Large { signed }),
        Physical::DOUBLE => Some(Number::Double),
        _ => None,
    }
}

fn moment(column: &ColumnDescriptor) -> Option<Moment> {
    match (column.physical_type(), column.logical_type_ref(), column.converted_type()) {
        (Physical::INT96, ..) => Some(Moment::Day),
        (Physical::INT64, Some(LogicalType::Timestamp(stamp)), _) => Some(match stamp.unit {
            TimeUnit::MILLIS => Moment::Milliseconds,
            TimeUnit::MICROS => Moment::Microseconds,
            TimeUnit::NANOS => Moment::Nanoseconds,
        }),
        (Physical::INT64, None, ConvertedType::TIMESTAMP_MILLIS) => Some(Moment::Milliseconds),
        (Physical::INT64, None, ConvertedType::TIMESTAMP_MICROS) => Some(Moment::Microseconds),
        _ => None,
    }
}

fn is_bytes(column: &ColumnDescriptor) -> bool {
    column.physical_type() == Physical::BYTE_ARRAY
        && column.converted_type() != ConvertedType::DECIMAL
        && !matches!(column.logical_type_ref(), Some(LogicalType::Decimal(_)))
}
