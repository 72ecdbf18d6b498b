//! Parquet with the columns of the envelope, written and read in row groups that bound the memory.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;

use super::Encode;
use crate::archive::Header as Recording;
use crate::event::{Event, TimeKind};

mod blocks;
mod layout;
mod rows;
#[cfg(test)]
mod tests;

pub(in crate::archive) use rows::Groups;

/// The columns of every file; numbers and times as in the lines of archives.
const SCHEMA: &str = "message event {
    optional int64 number (INTEGER(64,false));
    required int64 received (TIMESTAMP(MICROS,true));
    required binary channel (STRING);
    optional int32 partition;
    optional int64 offset (INTEGER(64,false));
    optional int64 time (TIMESTAMP(MICROS,true));
    optional binary time_kind (STRING);
    optional binary key;
    optional binary payload;
    required group headers (LIST) {
        repeated group list {
            required group element {
                required binary name (STRING);
                optional binary value;
            }
        }
    }
    required binary attributes (STRING);
}";
/// Rows of a row group, and bytes of events in it, whichever is reached first.
const GROUP_ROWS: usize = 50_000;
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// The entry with the header of the recording.
const HEADER_ENTRY: &str = "eddy.header";

fn schema() -> io::Result<TypePtr> {
    Ok(Arc::new(parse_message_type(SCHEMA).map_err(failed)?))
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        // The system's own error says more than that of the format around it.
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}

/// Writes row groups.
pub(super) struct Encoder<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    rows: Rows,
}

/// Values of one column that may be missing, with what says where.
struct Optional<T> {
    values: Vec<T>,
    levels: Vec<i16>,
}

impl<T> Default for Optional<T> {
    fn default() -> Self {
        Self { values: Vec::new(), levels: Vec::new() }
    }
}

impl<T> Optional<T> {
    fn push(&mut self, value: Option<T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }
}

/// The rows of one group, column by column.
#[derive(Default)]
struct Rows {
    count: usize,
    bytes: usize,
    number: Optional<i64>,
    received: Vec<i64>,
    channel: Vec<ByteArray>,
    partition: Optional<i32>,
    offset: Optional<i64>,
    time: Optional<i64>,
    time_kind: Optional<ByteArray>,
    key: Optional<ByteArray>,
    payload: Optional<ByteArray>,
    header_names: Optional<ByteArray>,
    header_values: Optional<ByteArray>,
    /// 0 where a list of headers begins.
    header_places: Vec<i16>,
    attributes: Vec<ByteArray>,
}

impl Rows {
    fn push(&mut self, number: u64, event: &Event) -> io::Result<()> {
        self.count += 1;
        self.bytes += event.size() + event.channel.len() + 64;
        self.number.push(Some(number.cast_signed()));
        self.received.push(event.received.0);
        self.channel.push(event.channel.as_str().into());
        self.partition.push(event.place.partition);
        self.offset.push(event.place.offset.map(u64::cast_signed));
        self.time.push(event.broker_time.map(|stamp| stamp.time.0));
        self.time_kind.push(event.broker_time.map(|stamp| match stamp.kind {
            TimeKind::Create => "create".into(),
            TimeKind::Append => "append".into(),
        }));
        self.key.push(event.key.clone().map(ByteArray::from));
        self.payload.push(event.payload.clone().map(ByteArray::from));
        for (place, header) in event.headers.iter().enumerate() {
            self.header_places.push(i16::from(place > 0));
            self.header_names.push(Some(header.name.as_str().into()));
            self.header_values.levels.push(1 + i16::from(header.value.is_some()));
            self.header_values.values.extend(header.value.clone().map(ByteArray::from));
        }
        if event.headers.is_empty() {
            self.header_places.push(0);
            self.header_names.push(None);
            self.header_values.push(None);
        }
        self.attributes.push(serde_json::to_vec(&event.attributes)?.into());
        Ok(())
    }

    fn write<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        column::<Int64Type, W>(group, &self.number.values, Some(&self.number.levels), None)?;
        column::<Int64Type, W>(group, &self.received, None, None)?;
        column::<ByteArrayType, W>(group, &self.channel, None, None)?;
        column::<Int32Type, W>(group, &self.partition.values, Some(&self.partition.levels), None)?;
        column::<Int64Type, W>(group, &self.offset.values, Some(&self.offset.levels), None)?;
        column::<Int64Type, W>(group, &self.time.values, Some(&self.time.levels), None)?;
        column::<ByteArrayType, W>(group, &self.time_kind.values, Some(&self.time_kind.levels), None)?;
        column::<ByteArrayType, W>(group, &self.key.values, Some(&self.key.levels), None)?;
        column::<ByteArrayType, W>(group, &self.payload.values, Some(&self.payload.levels), None)?;
        let places = Some(&self.header_places[..]);
        column::<ByteArrayType, W>(
            group,
            &self.header_names.values,
            Some(&self.header_names.levels),
            places,
        )?;
        column::<ByteArrayType, W>(
            group,
            &self.header_values.values,
            Some(&self.header_values.levels),
            places,
        )?;
        column::<ByteArrayType, W>(group, &self.attributes, None, None)
    }
}

fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
    places: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let column = group.next_column()?;
    let mut column = column.ok_or_else(|| ParquetError::General("a column is missing".to_owned()))?;
    column.typed::<T>().write_batch(values, levels, places)?;
    column.close()
}

impl<W: Write + Send> Encoder<W> {
    pub(super) fn begin(header: Option<&Recording>, output: W) -> io::Result<Self> {
        let entry = header.map(|header| {
            let line = String::from_utf8_lossy(&header.to_line()).into_owned();
            vec![KeyValue::new(HEADER_ENTRY.to_owned(), line)]
        });
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(failed)?))
            .set_key_value_metadata(entry)
            .build();
        let writer = SerializedFileWriter::new(output, schema()?, Arc::new(properties)).map_err(failed)?;
        Ok(Self { writer, rows: Rows::default() })
    }

    fn flush_group(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.count == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(failed)?;
        rows.write(&mut group).map_err(failed)?;
        group.close().map_err(failed)?;
        Ok(())
    }
}

impl<W: Write + Send> Encode for Encoder<W> {
    fn event(&mut self, number: u64, event: &Event) -> io::Result<()> {
        self.rows.push(number, event)?;
        if self.rows.count >= GROUP_ROWS || self.rows.bytes >= GROUP_BYTES {
            self.flush_group()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush_group()?;
        self.writer.finish().map_err(failed)?;
        self.writer.inner_mut().flush()
    }
}

fn malformed(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}
