//! The story of the demo: contract, service, events, recording, replay, picture.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::proof::{self, Seen};
use super::shell::{Background, Shell};
use super::workspace::{self, SERVICES};
use super::{Args, Format};
use crate::atomic_file;
use crate::commands::{CommandError, Context, ErrorKind, Status, interruption};
use crate::endpoint::embedded::EmbeddedBroker;

/// The port of `eddy broker`; another one is used when it is taken.
const PORT: u16 = 18830;
/// Checkouts per second.
const RATE: u32 = 500;
/// How much faster the recording is replayed.
const SPEED: u32 = 10;
/// The recording, below the workspace.
const RECORDING: &str = "shop.eddy.ndjson.zst";

/// Runs the demo.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    context.runtime(2)?.block_on(tell(args, context))
}

struct Story<'a> {
    args: &'a Args,
    context: &'a Context,
    shell: Shell<'a>,
    directory: PathBuf,
    server: String,
    chapter: u32,
}

async fn tell(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let began = Instant::now();
    let directory = choose_directory(args)?;
    let broker = start_broker().await?;
    workspace::write(&directory, &broker.address().to_string())?;
    let show = args.format == Format::Human && !context.ui.quiet;
    let shell = Shell::new(context, directory.clone(), show)?;
    let server = format!("mqtt://{}", broker.address());
    let mut story = Story { args, context, shell, directory, server, chapter: 0 };
    let told = tokio::select! {
        told = story.tell() => told,
        () = interruption() => {
            context.ui.say("interrupted: services and broker stop");
            return Ok(Status::Interrupted);
        }
    };
    let mut summary = told?;
    summary["seconds"] = json!(began.elapsed().as_secs_f64());
    story.end(&summary)?;
    if args.keep {
        story.keep().await?;
    }
    broker.shutdown().await?;
    Ok(Status::Done)
}

fn choose_directory(args: &Args) -> Result<PathBuf, CommandError> {
    if let Some(directory) = &args.dir {
        return Ok(std::path::absolute(directory)?);
    }
    let made = tempfile::Builder::new().prefix("eddy-demo-").tempdir().map_err(|error| {
        CommandError::usage(format!("cannot make a temporary directory: {error}"))
            .hint("choose a place with `--dir`")
    })?;
    Ok(made.keep())
}

async fn start_broker() -> Result<EmbeddedBroker, CommandError> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match EmbeddedBroker::start(at(PORT), None).await {
        Ok(broker) => Ok(broker),
        Err(_) => Ok(EmbeddedBroker::start(at(0), None).await?),
    }
}

impl Story<'_> {
    async fn tell(&mut self) -> Result<Value, CommandError> {
        self.introduce();
        self.check_contracts().await?;
        let captured = self.live_run().await?;
        let recorded = proof::recorded(&self.directory.join(RECORDING))?;
        let live = self.compare("live", &recorded)?;
        let summary = self.replay_run(captured).await?;
        let replayed = self.compare("replay", &recorded)?;
        self.draw().await?;
        Ok(json!({
            "workspace": self.directory,
            "broker": self.server,
            "injected": self.args.count,
            "recorded": recorded.values().map(Vec::len).sum::<usize>(),
            "replayed": summary["acknowledged"],
            "speed": SPEED,
            "lag_us": summary["lag_us"],
            "duration_us": summary["duration_us"],
            "compared": {"live": live, "replay": replayed},
            "same": true,
            "files": {"recording": RECORDING, "svg": "topology.svg", "mermaid": "topology.mmd"},
        }))
    }

    fn heading(&mut self, title: &str) {
        self.chapter += 1;
        let ui = &self.context.ui;
        ui.say("");
        ui.say(ui.bold(&format!("{}. {title}", self.chapter)));
    }

    fn say(&self, line: &str) {
        self.context.ui.say(format!("  {line}"));
    }

    fn introduce(&mut self) {
        let ui = &self.context.ui;
        ui.say(ui.bold("eddy demo: contract, service, events, recording, replay, picture"));
        ui.say(format!("  a small shop of three services, in {}", self.directory.display()));
        ui.say("  lines with $ can be repeated there by hand");
    }

    async fn check_contracts(&mut self) -> Result<(), CommandError> {
        self.heading("The contracts say who sends what. One has a mistake.");
        self.shell.run(&["validate"], 1).await?;
        self.say("The mistake is found at its line. Mend it, and check again:");
        let (wrong, right) = workspace::MISTAKE;
        workspace::mend(&self.directory)?;
        self.shell.note(&format!("sed -i 's/{wrong}/{right}/' {}", workspace::FLAWED));
        self.shell.run(&["validate"], 0).await?;
        Ok(())
    }

    /// Runs the shop on generated checkouts and records everything; returns how many payments were captured.
    async fn live_run(&mut self) -> Result<u64, CommandError> {
        self.heading("Three services start, each a process of its own, on the embedded broker.");
        let listen = self.server.trim_start_matches("mqtt://").to_owned();
        self.shell.note(&format!("eddy broker --listen {listen} &"));
        let mut services = self.start_services("live").await?;
        self.heading("Everything on the wire is recorded while checkouts come in.");
        let everything = format!("{}/shop/#", self.server);
        let mut recorder = self.shell.start(&["record", &everything, "--output", RECORDING], &[])?;
        recorder.until_says("recording").await?;
        let (count, rate) = (self.args.count.to_string(), format!("{RATE}/s"));
        let inject = [
            "inject",
            "shop/checkout/submitted",
            "--generate",
            "--count",
            &count,
            "--rate",
            &rate,
            "--seed",
            "7",
        ];
        self.shell.run(&inject, 0).await?;
        let captured = self.wait_for_end(&mut services).await?;
        recorder.interrupt().await?;
        self.shell.note("kill -INT %eddy   # Ctrl-C ends the recording");
        for service in services {
            service.finish().await?;
        }
        self.say("Each checkout became an order; payments and shipping both handled it. The recording holds it all:");
        self.shell.run(&["archive", "stats", RECORDING], 0).await?;
        Ok(captured)
    }

    async fn start_services(&mut self, run: &str) -> Result<Vec<Background>, CommandError> {
        std::fs::create_dir_all(self.directory.join("journals"))?;
        let mut services = Vec::new();
        for name in SERVICES {
            let journal = journal_name(run, name);
            let server = self.server.clone();
            let arguments = ["demo", "service", name, "--broker", &server, "--journal", &journal];
            services.push(self.shell.start(&arguments, &["--stop-with-input"])?);
        }
        for service in &mut services {
            service.line().await?;
        }
        Ok(services)
    }

    /// Waits until every checkout has come to its end in each service; returns how many payments were captured.
    async fn wait_for_end(&self, services: &mut [Background]) -> Result<u64, CommandError> {
        let [orders, payments, shipping] = services else {
            return Err(CommandError::new(ErrorKind::Internal, "the demo has three services"));
        };
        let wanted = u64::from(self.args.count);
        let count = |line: &Value, channel: &str| line["received"][channel].as_u64().unwrap_or_default();
        let ended = until(orders, |line| {
            count(line, "shop/parcels/sent") + count(line, "shop/payments/declined") >= wanted
                && count(line, "shop/checkout/submitted") >= wanted
        });
        let captured = count(&ended.await?, "shop/parcels/sent");
        until(payments, |line| count(line, "shop/orders/placed") >= wanted).await?;
        until(shipping, |line| {
            count(line, "shop/orders/placed") >= wanted && count(line, "shop/payments/captured") >= captured
        })
        .await?;
        Ok(captured)
    }

    async fn replay_run(&mut self, captured: u64) -> Result<Value, CommandError> {
        self.heading("The day is played again, ten times as fast, into fresh services.");
        let mut services = self.start_services("replay").await?;
        let (server, speed) = (self.server.clone(), SPEED.to_string());
        let replay = [
            "replay",
            RECORDING,
            "--to",
            &server,
            "--channel",
            "shop/checkout/submitted",
            "--speed",
            &speed,
            "--in-place",
            "--format",
            "json",
        ];
        let shown = self.shell.output(&replay, 0).await?;
        let again = self.wait_for_end(&mut services).await?;
        for service in services {
            service.finish().await?;
        }
        if again != captured {
            let message = format!("the replay captured {again} payments, the live run {captured}");
            return Err(CommandError::new(ErrorKind::Delivery, message));
        }
        serde_json::from_slice(&shown).map_err(|error| {
            CommandError::new(ErrorKind::Internal, format!("the summary of the replay is not JSON: {error}"))
        })
    }

    /// Compares the journals of a run with the recording.
    fn compare(&mut self, run: &str, recorded: &Seen) -> Result<usize, CommandError> {
        let mut total = 0;
        for name in SERVICES {
            let journal = proof::journal(&self.directory.join(journal_name(run, name)))?;
            total += proof::same(recorded, name, &journal)
                .map_err(|difference| CommandError::new(ErrorKind::Delivery, difference))?;
        }
        self.say(&format!(
            "{run} run: {total} events reached the services, the same and in the same order as recorded"
        ));
        Ok(total)
    }

    async fn draw(&mut self) -> Result<(), CommandError> {
        self.heading("The picture comes from the same contracts.");
        self.shell.run(&["graph"], 0).await?;
        self.shell.run(&["graph", "--output", "topology.svg"], 0).await?;
        self.shell.run(&["graph", "--output", "topology.mmd"], 0).await?;
        Ok(())
    }

    fn end(&mut self, summary: &Value) -> Result<(), CommandError> {
        let lines = self.shell.history().join("\n");
        let script =
            format!("# What the demo did, in order. Run it line by line in this directory.\n{lines}\n");
        let path = self.directory.join("commands.sh");
        atomic_file::write(&path, script.as_bytes())
            .map_err(|error| CommandError::unwritable(&path, &error))?;
        if self.args.format == Format::Json {
            let mut data = self.context.ui.data();
            writeln!(data, "{summary}")?;
            data.flush()?;
            return Ok(());
        }
        self.heading("Done.");
        let seconds = summary["seconds"].as_f64().unwrap_or_default();
        self.say(&format!(
            "{} checkouts injected, {} events recorded, {} replayed at {SPEED}x in {:.1} s",
            self.args.count,
            summary["recorded"],
            summary["replayed"],
            summary["duration_us"].as_f64().unwrap_or_default() / 1e6,
        ));
        let lag = &summary["lag_us"];
        self.say(&format!(
            "behind schedule: half of the events by less than {} us, 99 of 100 by less than {} us",
            lag["p50"], lag["p99"]
        ));
        self.say(&format!("the whole round took {seconds:.1} s"));
        self.paths();
        Ok(())
    }

    fn paths(&self) {
        let path = |name: &str| self.directory.join(name).display().to_string();
        self.say(&format!("picture    {}", path("topology.svg")));
        self.say(&format!("mermaid    {}", path("topology.mmd")));
        self.say(&format!("recording  {}", path(RECORDING)));
        self.say(&format!("commands   {}", path("commands.sh")));
        self.say(&format!("next: cd {} && eddy tail {RECORDING} -n 3", self.directory.display()));
    }

    async fn keep(&mut self) -> Result<(), CommandError> {
        let services = self.start_services("kept").await?;
        self.say(&format!("broker and services go on at {}; Ctrl-C stops them", self.server));
        interruption().await;
        for service in services {
            service.finish().await?;
        }
        Ok(())
    }
}

fn journal_name(run: &str, service: &str) -> String {
    Path::new("journals").join(format!("{run}-{service}.ndjson")).display().to_string()
}

async fn until(service: &mut Background, reached: impl Fn(&Value) -> bool) -> Result<Value, CommandError> {
    loop {
        let line = service.line().await?;
        let report: Value = serde_json::from_str(&line).unwrap_or_default();
        if reached(&report) {
            return Ok(report);
        }
    }
}
