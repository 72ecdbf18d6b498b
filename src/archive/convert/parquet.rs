//! Parquet with the columns of the envelope, written and read in row groups that bound the memory.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{SchemaDescriptor, TypePtr};

use self::blocks::Blocks;
use super::Encode;
use crate::archive::Header as Recording;
use crate::archive::import::Events;
use crate::event::json_lines::Line;
use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};

mod blocks;

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
const GROUP_ROWS: usize = 100_000;
const GROUP_BYTES: usize = 16 * 1024 * 1024;
/// Rows that are read at once.
const READ_ROWS: usize = 256;
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

/// Reads files with these columns, row group by row group.
pub(in crate::archive) struct Groups {
    reader: SerializedFileReader<Blocks>,
    header: Option<Recording>,
    next_group: usize,
    columns: Option<Columns>,
    ready: std::vec::IntoIter<Result<Line, String>>,
    events: u64,
}

impl Groups {
    pub(in crate::archive) fn open(path: &Path) -> io::Result<Self> {
        let reader = SerializedFileReader::new(Blocks::open(path)?).map_err(failed)?;
        let metadata = reader.metadata().file_metadata();
        if !is_ours(metadata.schema_descr())? {
            return Err(malformed("its columns are not those of events, which `docs/archive.md` has"));
        }
        let entries = metadata.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.key == HEADER_ENTRY);
        let header = entry.and_then(|entry| Recording::from_line(entry.value.as_deref()?.as_bytes())?.ok());
        let ready = Vec::new().into_iter();
        Ok(Self { reader, header, next_group: 0, columns: None, ready, events: 0 })
    }

    /// Reads some more rows; false at the end.
    fn read_more(&mut self) -> io::Result<bool> {
        loop {
            if let Some(columns) = &mut self.columns {
                let rows = columns.read().map_err(failed)?;
                if !rows.is_empty() {
                    self.ready = rows.into_iter();
                    return Ok(true);
                }
                self.columns = None;
            }
            if self.next_group >= self.reader.num_row_groups() {
                return Ok(false);
            }
            let group = self.reader.get_row_group(self.next_group).map_err(failed)?;
            self.next_group += 1;
            self.columns = Some(Columns::open(group.as_ref()).map_err(failed)?);
        }
    }
}

impl Events for Groups {
    fn next(&mut self) -> io::Result<Option<(u64, Result<Line, String>)>> {
        loop {
            if let Some(line) = self.ready.next() {
                self.events += 1;
                return Ok(Some((self.events, line)));
            }
            if !self.read_more()? {
                return Ok(None);
            }
        }
    }

    fn header(&self) -> Option<Recording> {
        self.header.clone()
    }
}

/// Whether a file has our columns, with their types and the ways in which values may be missing or repeat.
fn is_ours(found: &SchemaDescriptor) -> io::Result<bool> {
    let ours = SchemaDescriptor::new(schema()?);
    let same = ours.num_columns() == found.num_columns()
        && ours.columns().iter().zip(found.columns()).all(|(one, other)| {
            one.path() == other.path()
                && one.physical_type() == other.physical_type()
                && one.max_def_level() == other.max_def_level()
                && one.max_rep_level() == other.max_rep_level()
        });
    Ok(same)
}

/// One column of one row group.
struct Column<T: DataType> {
    reader: ColumnReaderImpl<T>,
    values: std::vec::IntoIter<T::T>,
    levels: std::vec::IntoIter<i16>,
    places: std::iter::Peekable<std::vec::IntoIter<i16>>,
}

impl<T: DataType> Column<T> {
    fn open(group: &dyn RowGroupReader, place: usize) -> Result<Self, ParquetError> {
        let reader = get_typed_column_reader::<T>(group.get_column_reader(place)?);
        let nothing = || Vec::new().into_iter();
        Ok(Self { reader, values: Vec::new().into_iter(), levels: nothing(), places: nothing().peekable() })
    }

    /// Reads up to [`READ_ROWS`] rows and returns how many they are.
    fn read(&mut self) -> Result<usize, ParquetError> {
        let (mut values, mut levels, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let (rows, _, _) =
            self.reader.read_records(READ_ROWS, Some(&mut levels), Some(&mut places), &mut values)?;
        self.values = values.into_iter();
        self.levels = levels.into_iter();
        self.places = places.into_iter().peekable();
        Ok(rows)
    }

    /// The value of the next row of a column in which none is missing.
    fn required(&mut self) -> Option<T::T> {
        self.values.next()
    }

    /// The value of the next row, if it has one.
    fn optional(&mut self) -> Option<T::T> {
        if self.levels.next() == Some(1) { self.values.next() } else { None }
    }
}

/// The columns of one row group.
struct Columns {
    number: Column<Int64Type>,
    received: Column<Int64Type>,
    channel: Column<ByteArrayType>,
    partition: Column<Int32Type>,
    offset: Column<Int64Type>,
    time: Column<Int64Type>,
    time_kind: Column<ByteArrayType>,
    key: Column<ByteArrayType>,
    payload: Column<ByteArrayType>,
    header_names: Column<ByteArrayType>,
    header_values: Column<ByteArrayType>,
    attributes: Column<ByteArrayType>,
}

impl Columns {
    fn open(group: &dyn RowGroupReader) -> Result<Self, ParquetError> {
        Ok(Self {
            number: Column::open(group, 0)?,
            received: Column::open(group, 1)?,
            channel: Column::open(group, 2)?,
            partition: Column::open(group, 3)?,
            offset: Column::open(group, 4)?,
            time: Column::open(group, 5)?,
            time_kind: Column::open(group, 6)?,
            key: Column::open(group, 7)?,
            payload: Column::open(group, 8)?,
            header_names: Column::open(group, 9)?,
            header_values: Column::open(group, 10)?,
            attributes: Column::open(group, 11)?,
        })
    }

    fn read(&mut self) -> Result<Vec<Result<Line, String>>, ParquetError> {
        let rows = self.received.read()?;
        let others = [
            self.number.read()?,
            self.channel.read()?,
            self.partition.read()?,
            self.offset.read()?,
            self.time.read()?,
            self.time_kind.read()?,
            self.key.read()?,
            self.payload.read()?,
            self.header_names.read()?,
            self.header_values.read()?,
            self.attributes.read()?,
        ];
        if others.iter().any(|other| *other != rows) {
            return Err(ParquetError::General("its columns are not of one length".to_owned()));
        }
        Ok((0..rows).map(|_| self.line()).collect())
    }

    fn line(&mut self) -> Result<Line, String> {
        // Every column is asked before anything can be wrong, so that all stay in the same row.
        let number = self.number.optional().map(i64::cast_unsigned);
        let received = Timestamp(self.received.required().unwrap_or_default());
        let channel = self.channel.required().unwrap_or_default();
        let place = Place {
            partition: self.partition.optional(),
            offset: self.offset.optional().map(i64::cast_unsigned),
        };
        let time = self.time.optional();
        let kind = self.time_kind.optional();
        let (key, payload) = (self.key.optional(), self.payload.optional());
        let headers = self.headers();
        let attributes = self.attributes.required().unwrap_or_default();
        let kind = match kind.as_ref().map(ByteArray::data) {
            Some(b"append") => TimeKind::Append,
            _ => TimeKind::Create,
        };
        let event = Event {
            channel: text(&channel)?.into(),
            key: key.as_ref().map(content),
            payload: payload.as_ref().map(content),
            headers: headers?,
            received,
            broker_time: time.map(|time| BrokerTime { time: Timestamp(time), kind }),
            place,
            attributes: serde_json::from_slice(attributes.data())
                .map_err(|error| format!("`attributes`: {error}"))?,
        };
        Ok(Line { number, event })
    }

    fn headers(&mut self) -> Result<Vec<Header>, String> {
        let mut headers = Vec::new();
        let mut wrong = None;
        loop {
            let has_header = self.header_names.levels.next() == Some(1);
            self.header_names.places.next();
            let has_value = self.header_values.levels.next() == Some(2);
            self.header_values.places.next();
            if has_header {
                let name = text(&self.header_names.values.next().unwrap_or_default());
                let value = has_value.then(|| self.header_values.values.next()).flatten();
                match name {
                    Ok(name) => {
                        headers.push(Header { name: name.into(), value: value.as_ref().map(content) });
                    }
                    Err(error) => wrong = Some(error),
                }
            }
            if self.header_names.places.peek() != Some(&1) {
                return wrong.map_or(Ok(headers), Err);
            }
        }
    }
}

fn text(bytes: &ByteArray) -> Result<String, String> {
    String::from_utf8(bytes.data().to_vec()).map_err(|_| "a text is no UTF-8".to_owned())
}

fn content(bytes: &ByteArray) -> Bytes {
    // A copy, so that an event does not hold the memory of its page.
    Bytes::copy_from_slice(bytes.data())
}

fn malformed(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}
