//! Files as endpoints: archives and event lines to read, an archive or event lines to write.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

mod archived;

use archived::{Archived, Tape};

use super::capabilities::Capabilities;
use super::reading_thread::{ReadingThread, Wanted};
use super::{
    Address, BoxFuture, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions, Source,
    SourceOptions, Start, Stop,
};
use crate::archive::{self, ArchiveError, Header, PartWriter, Reader, Selection, Writer, WriterOptions};
use crate::atomic_file;
use crate::event::json_lines::{self, MAX_LINE};
use crate::event::{Event, Place};

/// What files can carry: everything, since they hold events as they are.
pub(super) const CAPABILITIES: Capabilities = Capabilities { name: "file", ..Capabilities::ALL };

/// Events out of an archive, a zstd file of event lines, or plain event lines.
///
/// Offsets are the numbers of events in the file (`n`), or their positions from 1 where lines have no number.
pub struct FileSource {
    thread: ReadingThread,
}

impl FileSource {
    /// Opens the file an address names.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or is no file of events.
    pub fn open(address: &Address, options: &SourceOptions) -> Result<Self, EndpointError> {
        let path = Path::new(&address.path);
        let mut reader = Reader::open(path)?;
        let mut wanted = Wanted { selection: selection(options), skip: 0 };
        match options.start {
            Start::Last(count) => wanted.skip = reader.select_last(path, count, wanted.selection)?,
            _ => reader.select(wanted.selection)?,
        }
        if options.start == Start::End {
            wanted.skip = u64::MAX;
        }
        Ok(Self { thread: ReadingThread::start(reader, wanted)? })
    }
}

/// What the options say about times and numbers.
pub(super) fn selection(options: &SourceOptions) -> Selection {
    let mut selection = Selection::default();
    match options.start {
        Start::Offset(number) => selection.first_number = Some(number),
        Start::Time(time) => selection.from = Some(time),
        Start::Default | Start::Beginning | Start::End | Start::Last(_) => {}
    }
    match options.stop {
        Stop::Offset(number) => selection.end_number = Some(number),
        Stop::Time(time) => selection.to = Some(time),
        Stop::Never | Stop::PresentEnd => {}
    }
    selection
}

impl Source for FileSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.thread.next_batch(max))
    }

    fn leaves_what_it_reads(&self) -> bool {
        true
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Events into a file: an archive when its name ends so, event lines otherwise.
///
/// Event lines are appended to a file that is there; an archive is not touched unless it may be overwritten.
pub struct FileSink {
    form: Form,
}

enum Form {
    Archive(Archived),
    Lines(LineFile),
}

struct LineFile {
    name: String,
    file: File,
    /// Where the last whole line ends, in a file that can be cut back to it; pipes and devices cannot.
    end: Option<u64>,
    next_number: u64,
    text: Vec<u8>,
    line: Vec<u8>,
}

impl FileSink {
    /// Opens the file an address names, for writing. An archive has no sources in its header then.
    ///
    /// Must be called within a tokio runtime, which closes frames that wait too long.
    ///
    /// # Errors
    /// When the file cannot be made, or is an archive that is there already.
    pub fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let path = Path::new(&address.path);
        if !archive::is_archive_name(path) {
            if archive::is_object(path) {
                return Err(lines_into_object(&address.path));
            }
            let lines = LineFile::open(path, options.overwrite)
                .map_err(|error| cannot_write(&address.path, &error))?;
            return Ok(Self { form: Form::Lines(lines) });
        }
        let writer_options = WriterOptions { overwrite: options.overwrite, ..WriterOptions::default() };
        let writer = Writer::create(path, &Header::new(Vec::new()), writer_options).map_err(|error| {
            let is_there = matches!(error, ArchiveError::Exists { .. });
            let error = EndpointError::from(error);
            if is_there { error.help("name another file, or remove that one first") } else { error }
        })?;
        Ok(Self::of_writer(writer))
    }

    /// A sink into an archive that has been begun, for callers that know what its header should say.
    ///
    /// Must be called within a tokio runtime, which closes frames that wait too long.
    #[must_use]
    pub fn of_writer(writer: Writer) -> Self {
        Self { form: Form::Archive(Archived::new(Tape::One(Box::new(writer)))) }
    }

    /// A sink into a recording in parts that has been begun.
    ///
    /// Must be called within a tokio runtime, which closes frames and parts that wait too long.
    #[must_use]
    pub fn of_parts(parts: PartWriter) -> Self {
        Self { form: Form::Archive(Archived::new(Tape::Parts(Box::new(parts)))) }
    }

    fn write(&mut self, batch: &[Event]) -> Receipts {
        match &mut self.form {
            Form::Archive(archived) => archived.write(batch),
            Form::Lines(lines) => Box::pin(std::future::ready(lines.write(batch))),
        }
    }
}

impl Sink for FileSink {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        let receipts = self.write(batch);
        Box::pin(std::future::ready(receipts))
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        if let Form::Archive(archived) = &self.form {
            archived.resume();
        }
        Box::pin(std::future::ready(()))
    }

    fn receipts_last(&self) -> bool {
        !matches!(&self.form, Form::Archive(archived) if archived.is_object())
    }

    fn flush(&mut self) -> BoxFuture<'_, ()> {
        if let Form::Archive(archived) = &self.form {
            archived.flush();
        }
        Box::pin(std::future::ready(()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        match self.form {
            Form::Archive(archived) => Box::pin(archived.close()),
            Form::Lines(lines) => Box::pin(std::future::ready(lines.close())),
        }
    }
}

impl LineFile {
    fn open(path: &Path, overwrite: bool) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).read(true);
        if overwrite {
            options.write(true).truncate(true)
        } else {
            options.append(true)
        };
        let mut file = options.open(path)?;
        // A pipe or a device has no lines of its own to count, and may never end.
        let can_be_cut = file.metadata()?.is_file();
        let (lines, whole) = if can_be_cut { count_lines(&mut file)? } else { (0, true) };
        if !whole {
            file.write_all(b"\n")?;
        }
        let end = if can_be_cut { Some(file.metadata()?.len()) } else { None };
        let name = path.display().to_string();
        Ok(Self { name, file, end, next_number: lines + 1, text: Vec::new(), line: Vec::new() })
    }

    fn write(&mut self, batch: &[Event]) -> Vec<Delivery> {
        let first = self.next_number;
        self.text.clear();
        let deliveries: Vec<Delivery> = batch.iter().map(|event| self.take_line(event)).collect();
        let Err(error) = self.file.write_all(&self.text) else {
            self.end = self.end.map(|end| end + self.text.len() as u64);
            return deliveries;
        };
        if let Some(end) = self.end {
            // Half a line would spoil the next one.
            let _ = self.file.set_len(end).and_then(|()| self.file.seek(SeekFrom::Start(end)));
        }
        self.next_number = first;
        let failed = |delivery: Delivery| match delivery.outcome {
            Ok(_) => Delivery::failed(cannot_write(&self.name, &error)),
            Err(_) => delivery,
        };
        deliveries.into_iter().map(failed).collect()
    }

    fn take_line(&mut self, event: &Event) -> Delivery {
        let number = self.next_number;
        match write_event_line(event, number, &mut self.line, &mut self.text) {
            Ok(()) => {
                self.next_number += 1;
                Delivery::acknowledged(Place { partition: None, offset: Some(number) })
            }
            Err(error) => Delivery::failed(cannot_write(&self.name, &error)),
        }
    }

    fn close(self) -> Result<(), EndpointError> {
        // A pipe or a device keeps nothing that could be synced.
        let synced = if self.end.is_some() { self.file.sync_all() } else { Ok(()) };
        synced.map_err(|error| cannot_write(&self.name, &error))
    }
}

/// Writes an event as a line; `line` is only room to work in.
///
/// # Errors
/// Those of the output, and [`io::ErrorKind::FileTooLarge`] for a line that no reader would take.
pub(super) fn write_event_line(
    event: &Event,
    number: u64,
    line: &mut Vec<u8>,
    out: &mut impl Write,
) -> io::Result<()> {
    line.clear();
    json_lines::encode(event, number, line);
    if line.len() > MAX_LINE {
        let message = format!("an event line of {} bytes is longer than {} MiB", line.len(), MAX_LINE >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    line.push(b'\n');
    out.write_all(line)
}

/// Lines in the file, and whether the last one has its newline; leaves the file at its end.
fn count_lines(file: &mut File) -> io::Result<(u64, bool)> {
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; 128 * 1024];
    let (mut lines, mut last) = (0, b'\n');
    loop {
        let count = file.read(&mut buffer)?;
        let Some(&byte) = buffer[..count].last() else {
            break;
        };
        lines += memchr::memchr_iter(b'\n', &buffer[..count]).count() as u64;
        last = byte;
    }
    let whole = last == b'\n';
    Ok((lines + u64::from(!whole), whole))
}

/// Nothing can be appended to an object.
fn lines_into_object(name: &str) -> EndpointError {
    EndpointError::new(
        EndpointErrorKind::Unsupported,
        format!("`{name}` cannot take event lines, only a recording"),
    )
    .help(format!("name it `NAME{}`", archive::EXTENSION))
}

/// The failure of writing, by kind.
pub(super) fn cannot_write(name: &str, error: &io::Error) -> EndpointError {
    let kind = match error.kind() {
        io::ErrorKind::BrokenPipe => EndpointErrorKind::ClosedPipe,
        io::ErrorKind::FileTooLarge => EndpointErrorKind::TooLarge,
        _ => EndpointErrorKind::File,
    };
    EndpointError::new(kind, format!("cannot write `{name}`: {}", atomic_file::reason(error)))
        .help(atomic_file::next_step(Path::new(name), error))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{FileSink, FileSource};
    use crate::endpoint::{
        Address, EndpointErrorKind, Sink, SinkOptions, Source, SourceOptions, Start, Stop,
    };
    use crate::event::{Event, Timestamp};

    fn events(range: std::ops::RangeInclusive<i64>) -> Vec<Event> {
        range
            .map(|second| Event { received: Timestamp(second), ..Event::new("orders", second.to_string()) })
            .collect()
    }

    async fn write(path: &str, batch: &[Event], options: &SinkOptions) {
        let address = Address::parse(path).expect("a path");
        let mut sink: Box<dyn Sink> = Box::new(FileSink::open(&address, options).expect("opened"));
        let receipts = sink.send(batch).await;
        sink.flush().await;
        let receipts = receipts.await;
        assert!(receipts.iter().all(|receipt| receipt.outcome.is_ok()) && receipts.len() == batch.len());
        sink.close().await.expect("closed");
    }

    async fn read(path: &str, start: Start, stop: Stop) -> Vec<Event> {
        let address = Address::parse(path).expect("a path");
        let options = SourceOptions { start, stop, ..SourceOptions::default() };
        let mut source = FileSource::open(&address, &options).expect("opened");
        let mut all = Vec::new();
        loop {
            let batch = source.next_batch(7).await.expect("a batch");
            assert!(batch.len() <= 7);
            if batch.is_empty() {
                return all;
            }
            all.extend(batch);
        }
    }

    #[tokio::test]
    async fn both_forms_carry_events_whole_and_by_part() {
        let directory = tempfile::tempdir().expect("directory");
        for name in ["a.eddy.ndjson.zst", "a.ndjson"] {
            let path = directory.path().join(name).display().to_string();
            let sent = events(1..=1000);
            write(&path, &sent, &SinkOptions::default()).await;
            assert_eq!(read(&path, Start::Default, Stop::Never).await, sent);
            assert_eq!(read(&path, Start::Last(10), Stop::Never).await, sent[990..]);
            assert_eq!(read(&path, Start::Last(5000), Stop::Never).await, sent);
            assert_eq!(read(&path, Start::Last(0), Stop::Never).await, []);
            assert_eq!(read(&path, Start::End, Stop::Never).await, []);
            assert_eq!(read(&path, Start::Offset(5), Stop::Offset(8)).await, sent[4..7]);
            let (from, to) = (Start::Time(Timestamp(20)), Stop::Time(Timestamp(30)));
            assert_eq!(read(&path, from, to).await, sent[19..30]);
        }
    }

    /// An archive of several frames, each of so many events.
    async fn frames(path: &str, each: i64, count: i64) {
        let address = Address::parse(path).expect("a path");
        let mut sink: Box<dyn Sink> =
            Box::new(FileSink::open(&address, &SinkOptions::default()).expect("opened"));
        for frame in 0..count {
            let receipts = sink.send(&events(frame * each + 1..=(frame + 1) * each)).await;
            sink.flush().await;
            assert!(receipts.await.iter().all(|receipt| receipt.outcome.is_ok()));
        }
        sink.close().await.expect("closed");
    }

    #[tokio::test]
    async fn what_lies_in_several_frames_comes_in_order_and_is_what_is_wanted() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("a.eddy.ndjson.zst").display().to_string();
        frames(&path, 1_500, 4).await;
        let sent = events(1..=6_000);
        assert_eq!(read(&path, Start::Default, Stop::Never).await, sent);
        for last in [5_u64, 1_499, 1_501, 5_999, 9_000] {
            let expected = &sent[6_000_usize.saturating_sub(usize::try_from(last).expect("few"))..];
            assert_eq!(read(&path, Start::Last(last), Stop::Never).await, expected, "{last}");
        }
        assert_eq!(read(&path, Start::Offset(1_400), Stop::Offset(3_100)).await, sent[1_399..3_099]);
        let (from, to) = (Start::Time(Timestamp(2_000)), Stop::Time(Timestamp(4_000)));
        assert_eq!(read(&path, from, to).await, sent[1_999..4_000]);
        // One behind the other: a header stands in the middle.
        let mut twice = std::fs::read(&path).expect("read");
        twice.extend(twice.clone());
        let both = directory.path().join("both.eddy.ndjson.zst");
        std::fs::write(&both, twice).expect("written");
        let both = read(&both.display().to_string(), Start::Default, Stop::Never).await;
        assert_eq!((both.len(), &both[..6_000], &both[6_000..]), (12_000, &sent[..], &sent[..]));
    }

    #[tokio::test]
    async fn a_line_that_is_no_event_is_named_by_its_number_in_the_file() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("a.eddy.ndjson.zst");
        frames(&path.display().to_string(), 3_000, 1).await;
        let text = zstd::decode_all(std::fs::File::open(&path).expect("open")).expect("unpacked");
        let text = String::from_utf8(text).expect("text");
        let mut lines: Vec<&str> = text.lines().collect();
        lines[2_000] = "nonsense";
        let packed = zstd::encode_all(lines.join("\n").as_bytes(), 1).expect("packed");
        std::fs::write(&path, packed).expect("written");
        let address = Address::parse(&path.display().to_string()).expect("a path");
        let mut source = FileSource::open(&address, &SourceOptions::default()).expect("opened");
        let mut count = 0;
        let error = loop {
            match source.next_batch(100).await {
                Ok(batch) => count += batch.len(),
                Err(error) => break error,
            }
        };
        assert_eq!(count, 1_999);
        assert!(error.message.starts_with("line 2001 of"), "{}", error.message);
    }

    #[tokio::test]
    async fn large_events_are_handed_over_a_few_at_a_time() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("a.eddy.ndjson.zst").display().to_string();
        let large = "x".repeat(300_000);
        let sent: Vec<Event> = (0..40).map(|_| Event::new("orders", large.clone())).collect();
        write(&path, &sent, &SinkOptions::default()).await;
        let address = Address::parse(&path).expect("a path");
        let mut source = FileSource::open(&address, &SourceOptions::default()).expect("opened");
        let mut count = 0;
        loop {
            let batch = source.next_batch(1_000).await.expect("a batch");
            if batch.is_empty() {
                break;
            }
            assert!(batch.len() <= 4, "{}", batch.len());
            count += batch.len();
        }
        assert_eq!(count, 40);
    }

    #[cfg(unix)]
    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_pipe_has_is_given_out_before_more_comes() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("a.eddy.ndjson.zst").display().to_string();
        frames(&path, 3, 2).await;
        let pipe = directory.path().join("pipe.eddy.ndjson.zst");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("a command");
        assert!(made.success());
        let bytes = std::fs::read(&path).expect("read");
        let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
        let end = pipe.clone();
        let writer = std::thread::spawn(move || {
            let mut file = std::fs::OpenOptions::new().write(true).open(end).expect("opened");
            // All but the last frame of events and what stands behind it.
            let frames: Vec<usize> = memchr::memmem::find_iter(&bytes, b"\x28\xb5\x2f\xfd").collect();
            std::io::Write::write_all(&mut file, &bytes[..frames[2]]).expect("written");
            goes_on.recv().expect("asked");
            std::io::Write::write_all(&mut file, &bytes[frames[2]..]).expect("written");
        });
        let address = Address::parse(&pipe.display().to_string()).expect("a path");
        let mut source = FileSource::open(&address, &SourceOptions::default()).expect("opened");
        let first = tokio::time::timeout(std::time::Duration::from_secs(20), source.next_batch(100)).await;
        assert_eq!(first.expect("before more comes").expect("a batch"), events(1..=3));
        go_on.send(()).expect("asked");
        assert_eq!(source.next_batch(100).await.expect("a batch"), events(4..=6));
        writer.join().expect("joined");
    }

    #[tokio::test]
    async fn an_event_of_an_archive_is_acknowledged_once_its_frame_is_in_the_file() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("a.eddy.ndjson.zst");
        let address = Address::parse(&path.display().to_string()).expect("a path");
        let mut sink: Box<dyn Sink> =
            Box::new(FileSink::open(&address, &SinkOptions::default()).expect("opened"));
        let mut first = sink.send(&events(1..=3)).await;
        assert!((&mut first).now_or_never().is_none(), "the frame is open");
        sink.flush().await;
        assert!(first.await.iter().all(|receipt| receipt.outcome.is_ok()));
        let second = sink.send(&events(4..=5)).await;
        sink.close().await.expect("closed");
        assert!(second.await.iter().all(|receipt| receipt.outcome.is_ok()));
    }

    #[tokio::test]
    async fn lines_are_appended_and_archives_are_kept() {
        let directory = tempfile::tempdir().expect("directory");
        let lines = directory.path().join("a.ndjson").display().to_string();
        let defaults = SinkOptions::default();
        write(&lines, &events(1..=3), &defaults).await;
        write(&lines, &events(4..=5), &defaults).await;
        assert_eq!(read(&lines, Start::Offset(4), Stop::Never).await, events(4..=5));
        let archive = directory.path().join("a.eddy.ndjson.zst").display().to_string();
        write(&archive, &events(1..=3), &defaults).await;
        let address = Address::parse(&archive).expect("a path");
        let refused = FileSink::open(&address, &defaults).err().expect("refused");
        assert_eq!(refused.kind, EndpointErrorKind::File);
        write(&archive, &events(1..=9), &SinkOptions { overwrite: true, ..defaults }).await;
        assert_eq!(read(&archive, Start::Default, Stop::Never).await.len(), 9);
    }

    #[tokio::test]
    async fn a_broken_line_comes_after_the_events_before_it() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("a.ndjson").display().to_string();
        std::fs::write(&path, "{\"src\":\"a\",\"v\":\"1\"}\n\nnonsense\n").expect("written");
        let address = Address::parse(&path).expect("a path");
        let mut source = FileSource::open(&address, &SourceOptions::default()).expect("opened");
        assert_eq!(source.next_batch(10).await.expect("a batch").len(), 1);
        let error = source.next_batch(10).await.expect_err("broken");
        assert_eq!(error.kind, EndpointErrorKind::Malformed);
        assert!(error.message.starts_with("line 3 of"), "{}", error.message);
    }
}
