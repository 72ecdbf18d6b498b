//! The rows of Parquet files as events, whoever wrote them: row group by row group, some rows at a time.

use std::io;
use std::path::Path;

use bytes::Bytes;
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, Length, RowGroupReader, SerializedFileReader};

use super::blocks::Blocks;
use super::layout::{HeaderLeaves, Layout, Leaf, Moment, Number};
use super::{HEADER_ENTRY, failed, malformed};
use crate::archive::Header as Recording;
use crate::archive::convert::recorded_header;
use crate::archive::import::{Events, strange_columns};
use crate::event::json_lines::Line;
use crate::event::{Attributes, BrokerTime, Event, Header, Place, TimeKind, Timestamp};

/// Rows that are read at once.
const READ_ROWS: usize = 256;
/// What a file begins and ends with.
const MAGIC: &[u8] = b"PAR1";
/// Bytes of a file without a row: both ends, and the length of what stands before the last.
const LEAST: u64 = 12;
/// The day of 1970-01-01 in times of 96 bits.
const DAY_OF_1970: i64 = 2_440_588;

/// Reads files with the columns of events, row group by row group.
pub(in crate::archive) struct Groups {
    reader: SerializedFileReader<Blocks>,
    layout: Layout,
    header: Option<Recording>,
    /// The time of events in files that have none.
    arrival: Timestamp,
    next_group: usize,
    columns: Option<Columns>,
    ready: std::vec::IntoIter<Result<Line, String>>,
    events: u64,
}

impl Groups {
    pub(in crate::archive) fn open(path: &Path, arrival: Timestamp) -> io::Result<Self> {
        let blocks = Blocks::open(path)?;
        check_ends(&blocks)?;
        let reader = SerializedFileReader::new(blocks).map_err(failed)?;
        let metadata = reader.metadata().file_metadata();
        let layout = Layout::find(metadata.schema_descr())?;
        layout.check_groups(reader.metadata().row_groups())?;
        let entries = metadata.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.key == HEADER_ENTRY);
        let line = entry.map(|entry| entry.value.as_deref().unwrap_or_default());
        let header = line.map(|line| recorded_header(line.as_bytes())).transpose()?;
        let ready = Vec::new().into_iter();
        Ok(Self { reader, layout, header, arrival, next_group: 0, columns: None, ready, events: 0 })
    }

    /// Reads some more rows; false at the end.
    fn read_more(&mut self) -> io::Result<bool> {
        loop {
            if let Some(columns) = &mut self.columns {
                let rows = columns.read(self.arrival).map_err(failed)?;
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
            self.columns = Some(Columns::open(group.as_ref(), &self.layout).map_err(failed)?);
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

    fn lost(&self) -> Option<String> {
        strange_columns(&self.layout.strange)
    }
}

/// Refuses what does not begin and end as Parquet does.
fn check_ends(blocks: &Blocks) -> io::Result<()> {
    if blocks.len() == 0 {
        return Err(malformed("it is empty, and no Parquet file"));
    }
    let length = usize::try_from(blocks.len()).unwrap_or(MAGIC.len()).min(MAGIC.len());
    let begin = blocks.get_bytes(0, length).map_err(failed)?;
    let end = blocks.get_bytes(blocks.len() - length as u64, length).map_err(failed)?;
    let words = match (&begin[..] == MAGIC, &end[..] == MAGIC) {
        (true, true) if blocks.len() >= LEAST => return Ok(()),
        (true, _) => "it is cut off: a Parquet file ends with `PAR1`; write it again",
        (false, true) => "its beginning is missing: a Parquet file begins with `PAR1`; write it again",
        (false, false) => match begin.as_ref() {
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd] => {
                "it is packed, and Parquet is read from its end: unpack it first"
            }
            _ => "it is no Parquet file, which begins and ends with `PAR1`",
        },
    };
    Err(malformed(words))
}

/// One column of one row group.
struct Column<T: DataType> {
    reader: ColumnReaderImpl<T>,
    /// The level at which there is a value.
    full: i16,
    values: std::vec::IntoIter<T::T>,
    levels: std::vec::IntoIter<i16>,
    places: std::iter::Peekable<std::vec::IntoIter<i16>>,
}

impl<T: DataType> Column<T> {
    fn open(group: &dyn RowGroupReader, leaf: Leaf) -> Result<Self, ParquetError> {
        let reader = get_typed_column_reader::<T>(group.get_column_reader(leaf.at)?);
        let nothing = || Vec::new().into_iter();
        let (values, full) = (Vec::new().into_iter(), leaf.full);
        Ok(Self { reader, full, values, levels: nothing(), places: nothing().peekable() })
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

    /// The next value, if it is there.
    fn next(&mut self) -> Option<T::T> {
        let is_there = self.full == 0 || self.levels.next() == Some(self.full);
        if is_there { self.values.next() } else { None }
    }
}

/// Whole numbers of one row group.
enum Numbers {
    Small(Column<Int32Type>, bool),
    Large(Column<Int64Type>, bool),
    Double(Column<DoubleType>),
}

impl Numbers {
    fn open(group: &dyn RowGroupReader, (leaf, kind): (Leaf, Number)) -> Result<Self, ParquetError> {
        Ok(match kind {
            Number::Small { signed } => Self::Small(Column::open(group, leaf)?, signed),
            Number::Large { signed } => Self::Large(Column::open(group, leaf)?, signed),
            Number::Double => Self::Double(Column::open(group, leaf)?),
        })
    }

    fn read(&mut self) -> Result<usize, ParquetError> {
        match self {
            Self::Small(column, _) => column.read(),
            Self::Large(column, _) => column.read(),
            Self::Double(column) => column.read(),
        }
    }

    /// The next number, or its text if it is none that events can have.
    fn next<N: TryFrom<i128>>(&mut self) -> Option<Result<N, String>> {
        let number = match self {
            Self::Small(column, true) => i128::from(column.next()?),
            Self::Small(column, false) => i128::from(column.next()?.cast_unsigned()),
            Self::Large(column, true) => i128::from(column.next()?),
            Self::Large(column, false) => i128::from(column.next()?.cast_unsigned()),
            Self::Double(column) => match whole(column.next().filter(|number| !number.is_nan())?) {
                Ok(number) => number,
                Err(text) => return Some(Err(text)),
            },
        };
        Some(N::try_from(number).map_err(|_| number.to_string()))
    }
}

/// A number with nothing behind the point, in the range in which these are exact.
fn whole(number: f64) -> Result<i128, String> {
    let text = number.to_string();
    let is_exact = number.abs() < 9_007_199_254_740_992.0;
    let exact = text.parse().ok().filter(|_| is_exact);
    exact.ok_or_else(|| format!("the DOUBLE {text}, which is not whole or beyond 2^53"))
}

/// Times of one row group.
enum Moments {
    Plain(Column<Int64Type>, Moment),
    Days(Column<Int96Type>),
}

impl Moments {
    fn open(group: &dyn RowGroupReader, (leaf, kind): (Leaf, Moment)) -> Result<Self, ParquetError> {
        Ok(match kind {
            Moment::Day => Self::Days(Column::open(group, leaf)?),
            unit => Self::Plain(Column::open(group, leaf)?, unit),
        })
    }

    fn read(&mut self) -> Result<usize, ParquetError> {
        match self {
            Self::Plain(column, _) => column.read(),
            Self::Days(column) => column.read(),
        }
    }

    /// The next time, or an error if microseconds cannot hold it.
    fn next(&mut self) -> Option<Result<Timestamp, String>> {
        let moment = match self {
            Self::Plain(column, unit) => microseconds(column.next()?, *unit),
            Self::Days(column) => microseconds_of_day(&column.next()?),
        };
        Some(moment.map(Timestamp).ok_or_else(|| "a time too far from 1970".to_owned()))
    }
}

fn microseconds(value: i64, unit: Moment) -> Option<i64> {
    match unit {
        Moment::Milliseconds => value.checked_mul(1000),
        Moment::Microseconds => Some(value),
        Moment::Nanoseconds | Moment::Day => Some(value.div_euclid(1000)),
    }
}

fn microseconds_of_day(value: &Int96) -> Option<i64> {
    let [low, high, day] = *value.data() else {
        return None;
    };
    let nanoseconds = (u64::from(high) << 32 | u64::from(low)).cast_signed();
    let day = i64::from(day.cast_signed()) - DAY_OF_1970;
    day.checked_mul(86_400_000_000)?.checked_add(nanoseconds.div_euclid(1000))
}

/// Headers of one row group.
struct Headers {
    names: Column<ByteArrayType>,
    values: Column<ByteArrayType>,
    element: i16,
}

impl Headers {
    fn open(group: &dyn RowGroupReader, leaves: HeaderLeaves) -> Result<Self, ParquetError> {
        let (names, values) = (Column::open(group, leaves.names)?, Column::open(group, leaves.values)?);
        Ok(Self { names, values, element: leaves.element })
    }

    /// Headers of the next row.
    fn next(&mut self) -> Result<Vec<Header>, String> {
        let mut headers = Vec::new();
        let mut wrong = None;
        loop {
            let level = self.names.levels.as_slice().first().copied().unwrap_or_default();
            let (name, value) = (self.names.next(), self.values.next());
            self.names.places.next();
            self.values.places.next();
            match name.as_ref().map(|name| text(name, "headers")) {
                Some(Ok(name)) => {
                    headers.push(Header { name: name.into(), value: value.as_ref().map(content) });
                }
                Some(Err(error)) => wrong = Some(error),
                None if level >= self.element => wrong = Some("`headers`: one has no name".to_owned()),
                None => {}
            }
            if self.names.places.peek() != Some(&1) {
                return wrong.map_or(Ok(headers), Err);
            }
        }
    }
}

/// The columns of one row group.
struct Columns {
    number: Option<Numbers>,
    received: Option<Moments>,
    channel: Column<ByteArrayType>,
    partition: Option<Numbers>,
    offset: Option<Numbers>,
    time: Option<Moments>,
    time_kind: Option<Column<ByteArrayType>>,
    key: Option<Column<ByteArrayType>>,
    payload: Column<ByteArrayType>,
    headers: Option<Headers>,
    attributes: Option<Column<ByteArrayType>>,
    /// Rows that are still to come.
    left: i64,
}

impl Columns {
    fn open(group: &dyn RowGroupReader, layout: &Layout) -> Result<Self, ParquetError> {
        let numbers = |column: Option<_>| column.map(|column| Numbers::open(group, column)).transpose();
        let moments = |column: Option<_>| column.map(|column| Moments::open(group, column)).transpose();
        let bytes = |leaf: Option<Leaf>| leaf.map(|leaf| Column::open(group, leaf)).transpose();
        Ok(Self {
            number: numbers(layout.number)?,
            received: moments(layout.received)?,
            channel: Column::open(group, layout.channel)?,
            partition: numbers(layout.partition)?,
            offset: numbers(layout.offset)?,
            time: moments(layout.time)?,
            time_kind: bytes(layout.time_kind)?,
            key: bytes(layout.key)?,
            payload: Column::open(group, layout.payload)?,
            headers: layout.headers.map(|leaves| Headers::open(group, leaves)).transpose()?,
            attributes: bytes(layout.attributes)?,
            left: group.metadata().num_rows(),
        })
    }

    fn read(&mut self, arrival: Timestamp) -> Result<Vec<Result<Line, String>>, ParquetError> {
        let rows = self.channel.read()?;
        let numbers = [&mut self.number, &mut self.partition, &mut self.offset].into_iter().flatten();
        let moments = [&mut self.received, &mut self.time].into_iter().flatten();
        let bytes = [&mut self.time_kind, &mut self.key, &mut self.attributes].into_iter().flatten();
        let headers = self.headers.iter_mut().flat_map(|headers| [&mut headers.names, &mut headers.values]);
        let others = numbers.map(Numbers::read).chain(moments.map(Moments::read));
        let others = others.chain(bytes.chain(headers).chain([&mut self.payload]).map(Column::read));
        for other in others {
            if other? != rows {
                return Err(ParquetError::General("its columns are not of one length".to_owned()));
            }
        }
        self.left -= i64::try_from(rows).unwrap_or(i64::MAX);
        if self.left < 0 || rows == 0 && self.left > 0 {
            return Err(ParquetError::General("a row group has not the rows that it should have".to_owned()));
        }
        Ok((0..rows).map(|_| self.line(arrival)).collect())
    }

    fn line(&mut self, arrival: Timestamp) -> Result<Line, String> {
        // Every column is asked before anything can be wrong, so that all stay in the same row.
        let number = self.number.as_mut().and_then(Numbers::next);
        let received = self.received.as_mut().map(Moments::next);
        let channel = self.channel.next();
        let partition = self.partition.as_mut().and_then(Numbers::next);
        let offset = self.offset.as_mut().and_then(Numbers::next);
        let time = self.time.as_mut().and_then(Moments::next);
        let kind = self.time_kind.as_mut().and_then(Column::next);
        let key = self.key.as_mut().and_then(Column::next);
        let payload = self.payload.next();
        let headers = self.headers.as_mut().map_or(Ok(Vec::new()), Headers::next);
        let attributes = self.attributes.as_mut().and_then(Column::next);
        let kind = match kind.as_ref().map(ByteArray::data) {
            None | Some(b"create") => TimeKind::Create,
            Some(b"append") => TimeKind::Append,
            Some(other) => {
                let other = String::from_utf8_lossy(other);
                return Err(format!("`time_kind` is neither `create` nor `append`: `{other}`"));
            }
        };
        let event = Event {
            channel: text(&channel.ok_or("`channel` is null")?, "channel")?.into(),
            key: key.as_ref().map(content),
            payload: payload.as_ref().map(content),
            headers: headers?,
            received: match received {
                Some(received) => taken("received", received)?.ok_or("`received` is null")?,
                None => arrival,
            },
            broker_time: taken("time", time)?.map(|time| BrokerTime { time, kind }),
            place: Place { partition: taken("partition", partition)?, offset: taken("offset", offset)? },
            attributes: match attributes {
                Some(attributes) if !attributes.is_empty() => serde_json::from_slice(attributes.data())
                    .map_err(|error| format!("`attributes`: {error}"))?,
                _ => Attributes::default(),
            },
        };
        Ok(Line { number: taken("number", number)?, event })
    }
}

fn taken<T>(column: &str, value: Option<Result<T, String>>) -> Result<Option<T>, String> {
    value.transpose().map_err(|found| format!("`{column}` cannot be {found}"))
}

fn text(bytes: &ByteArray, column: &str) -> Result<String, String> {
    String::from_utf8(bytes.data().to_vec()).map_err(|_| format!("`{column}`: a text is no UTF-8"))
}

fn content(bytes: &ByteArray) -> Bytes {
    // A copy, so that an event does not hold the memory of its page.
    Bytes::copy_from_slice(bytes.data())
}
