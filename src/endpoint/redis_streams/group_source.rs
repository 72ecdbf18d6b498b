//! Events out of streams as a member of a consumer group: what this consumer has not acknowledged comes first.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, Value, cmd};
use tokio::task::JoinSet;

use super::answer::{self, Entry};
use super::connection::{ask_all, connect};
use super::id::EntryId;
use super::settings::{Membership, Settings};
use super::source::{self, PATIENCE, Portion, WAIT};
use super::{entry, failure};
use crate::endpoint::{
    BoxFuture, EndpointError, EndpointErrorKind, Fate, Source, SourceOptions, Start, Stop,
};
use crate::event::Event;

/// An entry of the stream at this position.
type Delivered = (usize, EntryId);

/// What comes next of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// What was delivered to this consumer before and not acknowledged, after this entry.
    Pending(EntryId),
    /// What nobody has had yet.
    New,
}

/// One stream of the group.
#[derive(Debug)]
struct Share {
    name: String,
    phase: Phase,
    ended: bool,
}

/// A member of a group.
pub(super) struct GroupSource {
    settings: Arc<Settings>,
    membership: Membership,
    shares: Vec<Share>,
    stop: Stop,
    through: Option<EntryId>,
    portion: Portion,
    waiting: Vec<(Delivered, Event)>,
    /// What the reader has and may not have dealt with yet.
    handed_on: Vec<Delivered>,
    /// What the reader has and that is not known to have arrived, where that is waited for.
    given: Option<Given>,
    /// The reader tells the fate of each entry; coming back for more says nothing.
    takes: bool,
    /// Entries nobody has had, or nobody has acknowledged, as far as the server told at the beginning.
    left: Option<u64>,
    /// What the reader has dealt with, as far as the server is not known to know.
    dealt_with: Vec<Delivered>,
    reading: JoinSet<Result<Round, EndpointError>>,
    connection: Option<MultiplexedConnection>,
    up: Arc<AtomicBool>,
}

/// Entries that stay pending until they have arrived where they are carried to.
#[derive(Debug, Default)]
struct Given {
    entries: VecDeque<Delivered>,
    /// How many of all those given out have arrived.
    arrived: u64,
}

/// What one question brought.
struct Round {
    connection: MultiplexedConnection,
    acknowledged: usize,
    waited: bool,
    asked: Vec<usize>,
    found: Vec<(String, Vec<Entry>)>,
}

impl GroupSource {
    /// Finds the streams and the group.
    pub(super) async fn open(
        settings: Settings,
        membership: Membership,
        options: &SourceOptions,
    ) -> Result<Self, EndpointError> {
        if options.start != Start::Default || settings.after.is_some() {
            return Err(source::two_beginnings(&settings.address, "group"));
        }
        let mut connection = connect(&settings, WAIT + PATIENCE).await?;
        let names = source::named(&mut connection, &settings, false).await?;
        if options.takes.is_some() {
            make_groups(&mut connection, &names, &membership.group, &settings).await?;
        }
        let left = check_groups(&mut connection, &names, &membership.group, &settings).await?;
        let share = |name| Share { name, phase: Phase::Pending(EntryId::default()), ended: false };
        Ok(Self {
            shares: names.into_iter().map(share).collect(),
            settings: Arc::new(settings),
            membership,
            given: None,
            takes: options.takes.is_some(),
            left,
            stop: options.stop,
            through: source::through(options.stop),
            portion: Portion::new(),
            waiting: Vec::new(),
            handed_on: Vec::new(),
            dealt_with: Vec::new(),
            reading: JoinSet::new(),
            connection: Some(connection),
            up: Arc::new(AtomicBool::new(true)),
        })
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        self.let_go();
        loop {
            if !self.waiting.is_empty() {
                let count = self.waiting.len().min(max);
                let (delivered, events): (Vec<_>, Vec<_>) = self.waiting.drain(..count).unzip();
                self.handed_on = delivered;
                self.left = self.left.map(|left| left.saturating_sub(count as u64));
                return Ok(events);
            }
            if self.reading.is_empty() && !self.ask(max) {
                return Ok(Vec::new());
            }
            match self.reading.join_next().await {
                Some(Ok(Ok(round))) => self.take_in(round),
                Some(Ok(Err(error))) => {
                    // What was delivered on the way to us is ours, and pending.
                    for share in &mut self.shares {
                        share.phase = Phase::Pending(EntryId::default());
                    }
                    return Err(error);
                }
                Some(Err(_)) | None => return Err(failure::disconnected(&self.settings.address)),
            }
        }
    }

    /// The reader came back, or leaves: what it had is dealt with, unless it says so itself.
    fn let_go(&mut self) {
        if self.takes {
            self.handed_on.clear();
        } else if let Some(given) = &mut self.given {
            given.entries.extend(self.handed_on.drain(..));
        } else {
            self.dealt_with.append(&mut self.handed_on);
        }
    }

    /// So many of all that was given out have arrived.
    fn have_arrived(&mut self, events: u64) {
        self.let_go();
        let Some(given) = &mut self.given else { return };
        let more = usize::try_from(events.saturating_sub(given.arrived)).unwrap_or(usize::MAX);
        self.dealt_with.extend(given.entries.drain(..more.min(given.entries.len())));
        given.arrived = given.arrived.max(events);
    }

    /// What a reader that waits for word has in its hands: it must not get that once more from what is pending.
    fn in_hand(&self) -> HashSet<Delivered> {
        let any_pending = self.shares.iter().any(|share| matches!(share.phase, Phase::Pending(_)));
        let Some(given) = self.given.as_ref().filter(|_| any_pending) else { return HashSet::new() };
        given.entries.iter().chain(&self.handed_on).chain(&self.dealt_with).copied().collect()
    }

    /// Acknowledges what was dealt with and asks for more; false when nothing more is wanted.
    fn ask(&mut self, max: usize) -> bool {
        let pending = |share: &Share| matches!(share.phase, Phase::Pending(_));
        let open = |share: &&Share| !share.ended;
        let any_pending = self.shares.iter().filter(open).any(pending);
        let shares = self.shares.iter().enumerate();
        let chosen = shares.filter(|(_, share)| !share.ended && (!any_pending || pending(share)));
        let asked: Vec<usize> = chosen.map(|(at, _)| at).collect();
        let wait = if any_pending { Duration::ZERO } else { source::time_left(self.stop).min(WAIT) };
        let mut questions = self.acknowledgements(&self.dealt_with);
        if !asked.is_empty() {
            let count = self.portion.of_each(asked.len()).min(max.max(1));
            questions.add_command(self.question(&asked, count, wait));
        }
        if questions.is_empty() {
            return false;
        }
        let acknowledged = self.dealt_with.len();
        let (settings, connection, up) =
            (Arc::clone(&self.settings), self.connection.take(), Arc::clone(&self.up));
        let waited = !wait.is_zero();
        self.reading.spawn(async move {
            let answered = put(&questions, asked.is_empty(), &settings, connection, &up).await;
            up.store(answered.is_ok(), Ordering::Relaxed);
            let (connection, found) = answered?;
            Ok(Round { connection, acknowledged, waited, asked, found })
        });
        true
    }

    fn question(&self, asked: &[usize], count: usize, wait: Duration) -> Cmd {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(&self.membership.group).arg(&self.membership.consumer).arg("COUNT").arg(count);
        if !wait.is_zero() {
            read.arg("BLOCK").arg(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1));
        }
        read.arg("STREAMS");
        for &at in asked {
            read.arg(&self.shares[at].name);
        }
        for &at in asked {
            match self.shares[at].phase {
                Phase::Pending(after) => read.arg(after.to_string()),
                Phase::New => read.arg(">"),
            };
        }
        read
    }

    fn acknowledgements(&self, delivered: &[Delivered]) -> Pipeline {
        let mut pipeline = redis::pipe();
        for (at, share) in self.shares.iter().enumerate() {
            let mut ids = delivered.iter().filter(|(stream, _)| *stream == at).map(|(_, id)| id).peekable();
            if ids.peek().is_some() {
                pipeline.cmd("XACK").arg(&share.name).arg(&self.membership.group);
                for id in ids {
                    pipeline.arg(id.to_string());
                }
            }
        }
        pipeline
    }

    fn take_in(&mut self, round: Round) {
        self.connection = Some(round.connection);
        self.dealt_with.drain(..round.acknowledged);
        let in_hand = self.in_hand();
        let over = !round.waited && source::time_left(self.stop).is_zero();
        let mut found = round.found;
        for at in round.asked {
            let share = &mut self.shares[at];
            let position = found.iter().position(|(name, _)| *name == share.name);
            let entries = position.map(|position| found.swap_remove(position).1).unwrap_or_default();
            self.portion.learn(&entries);
            match (share.phase, entries.last()) {
                (Phase::Pending(_), Some(last)) => share.phase = Phase::Pending(last.id),
                (Phase::Pending(_), None) => share.phase = Phase::New,
                (Phase::New, None) if over => share.ended = true,
                (Phase::New, _) => {}
            }
            for read in entries {
                if self.through.is_some_and(|through| read.id > through) {
                    // Delivered to us, but not wanted: it stays pending.
                    share.ended = true;
                    break;
                }
                if in_hand.contains(&(at, read.id)) {
                    continue;
                }
                match read.fields {
                    Some(fields) => {
                        let field = self.settings.field.as_deref();
                        let event = entry::event(&share.name, read.id, fields, field);
                        self.waiting.push(((at, read.id), event));
                    }
                    // Deleted since: nothing is left to deal with.
                    None => self.dealt_with.push((at, read.id)),
                }
            }
        }
        self.waiting.sort_by_key(|((_, id), _)| id.milliseconds);
    }

    /// Tells the server what was dealt with. A question that waits holds its connection up, so that a new one is made.
    async fn leave(mut self) -> Result<(), EndpointError> {
        self.let_go();
        let acknowledgements = self.acknowledgements(&self.dealt_with);
        if acknowledgements.is_empty() {
            return Ok(());
        }
        let connection = self.connection.take();
        put(&acknowledgements, true, &self.settings, connection, &self.up).await.map(drop)
    }
}

async fn put(
    questions: &Pipeline,
    only_acknowledgements: bool,
    settings: &Settings,
    connection: Option<MultiplexedConnection>,
    up: &AtomicBool,
) -> Result<(MultiplexedConnection, Vec<(String, Vec<Entry>)>), EndpointError> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => connect(settings, WAIT + PATIENCE).await?,
    };
    up.store(true, Ordering::Relaxed);
    let mut answers = ask_all(&mut connection, questions, settings).await?;
    if let Some(Value::ServerError(error)) =
        answers.iter().find(|answer| matches!(answer, Value::ServerError(_)))
    {
        return Err(failure::refusal(error, &settings.address));
    }
    let found = match answers.pop().filter(|_| !only_acknowledgements) {
        Some(answer) => answer::streams(answer).ok_or_else(|| failure::odd_answer(&settings.address))?,
        None => Vec::new(),
    };
    Ok((connection, found))
}

/// Makes the group where a stream has none; it begins with the oldest entry.
async fn make_groups(
    connection: &mut MultiplexedConnection,
    names: &[String],
    group: &str,
    settings: &Settings,
) -> Result<(), EndpointError> {
    let mut questions = redis::pipe();
    for name in names {
        questions.cmd("XGROUP").arg("CREATE").arg(name).arg(group).arg("0");
    }
    for answer in ask_all(connection, &questions, settings).await? {
        match answer {
            Value::ServerError(error) if error.code() != "BUSYGROUP" => {
                return Err(failure::refusal(&error, &settings.address));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Every stream must have the group: making one would change what others see. Returns how many entries it has not dealt
/// with, where the server says that.
async fn check_groups(
    connection: &mut MultiplexedConnection,
    names: &[String],
    group: &str,
    settings: &Settings,
) -> Result<Option<u64>, EndpointError> {
    let mut questions = redis::pipe();
    for name in names {
        questions.cmd("XINFO").arg("GROUPS").arg(name);
    }
    let answers = ask_all(connection, &questions, settings).await?;
    let mut left = Some(0);
    for (name, answer) in names.iter().zip(answers) {
        // Where we may not ask, reading will tell.
        let Value::Array(groups) = answer else { continue };
        let described = |value: Value| {
            let values = answer::list(value)?;
            let name = answer::named(&values, "name").cloned().and_then(answer::text)?;
            let number = |field: &str| match answer::named(&values, field) {
                Some(Value::Int(number)) => u64::try_from(*number).ok(),
                _ => None,
            };
            Some((name, number("pending").zip(number("lag")).map(|(pending, lag)| pending + lag)))
        };
        let known: Vec<(String, Option<u64>)> = groups.into_iter().filter_map(described).collect();
        let Some((_, more)) = known.iter().find(|(each, _)| each == group) else {
            let known: Vec<String> = known.into_iter().map(|(name, _)| name).collect();
            return Err(no_group(name, group, &known, settings));
        };
        left = left.zip(*more).map(|(left, more)| left + more);
    }
    Ok(left)
}

fn no_group(stream: &str, group: &str, known: &[String], settings: &Settings) -> EndpointError {
    let message =
        format!("the stream `{stream}` at `{}` has no group `{group}`", settings.address.authority());
    let near = crate::diagnostic::nearest(group, known.iter().map(String::as_str));
    let help = near.map_or_else(
        || {
            format!(
                "`redis-cli XGROUP CREATE {stream} {group} 0` makes one that begins with the oldest entry"
            )
        },
        |near| format!("did you mean `{near}`?"),
    );
    EndpointError::new(EndpointErrorKind::NotFound, message).help(help)
}

impl Source for GroupSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn waits_for_word(&mut self) -> bool {
        self.given = (!self.takes).then(Given::default);
        !self.takes
    }

    fn dealt_with(&mut self, events: u64) {
        self.have_arrived(events);
    }

    fn goes_on_where_it_stopped(&self) -> bool {
        true
    }

    fn connected(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    fn left(&self) -> Option<u64> {
        self.left
    }

    fn settle<'a>(&'a mut self, fates: &'a [Fate]) -> BoxFuture<'a, Result<u64, EndpointError>> {
        // The server is told with the next question, or when we leave.
        let told = std::mem::take(&mut self.handed_on).into_iter().zip(fates);
        self.dealt_with.extend(told.filter(|(_, fate)| **fate == Fate::Done).map(|(delivered, _)| delivered));
        Box::pin(std::future::ready(Ok(0)))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
